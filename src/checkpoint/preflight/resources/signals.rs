//! Signals that criu cannot work beside (`compel/src/lib/infect.c`).

use super::{Finding, Holder, names};
use crate::kernel::{Status, threads};

/// `SIGTRAP` (signal(7)): criu stops its own code in the process with it.
const SIGTRAP: u8 = 5;

pub(super) fn look(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let found: Vec<&Holder<'_>> = holders.iter().filter(|holder| has_pending_trap(holder)).collect();
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "pending-trap",
                format!("a SIGTRAP is pending in {}", names(found)),
                "criu runs its own code in every thread, and stops it with SIGTRAP",
            )
            .remedy("try again after the process has handled or unblocked it")
            .criu_says("Can't dump the N thread with a pending SIGTRAP."),
        );
    }
}

fn has_pending_trap(holder: &Holder<'_>) -> bool {
    let pid = holder.process.id.pid;
    let others = || threads::of_process(pid).filter(|tid| *tid != pid);
    holder.status.has_pending(SIGTRAP)
        || (holder.process.threads > 1
            && others().any(|tid| Status::read(tid).ok().flatten().is_some_and(|s| s.has_pending(SIGTRAP))))
}
