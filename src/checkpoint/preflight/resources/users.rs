//! Processes whose limits criu may not read: those of other users (prlimit(2), `dump_task_rlimits` in `criu/cr-dump.c`).

use std::io;

use super::{Finding, Holder, Host, name, several};
use crate::checkpoint::rights::{Rights, limits_unread};
use crate::kernel::Status;
use crate::kernel::namespaces::Namespaces;
use crate::model::printable;

pub(super) fn look(holders: &[Holder<'_>], host: &Host<'_>, own: &Namespaces, findings: &mut Vec<Finding>) {
    if host.rights.as_ref().is_ok_and(|rights: &Rights| rights.reads_limits_of_others()) {
        return;
    }
    let me = match Status::read(std::process::id().cast_signed()) {
        Ok(Some(status)) => status,
        missing => {
            let error = missing.err().unwrap_or_else(|| io::ErrorKind::NotFound.into());
            return findings.push(Finding::unknown("other-user", "the user that criu will run as", error));
        }
    };
    // In a user namespace below this one the capability may be had all the same.
    let here = holders.iter().filter(|holder| holder.namespaces.get("user") == own.get("user"));
    let others = here.filter(|holder| !is_readable(&holder.status, &me)).map(|holder| holder.process);
    let others: Vec<String> = others
        .map(|process| format!("{} of {}", name(process), printable(process.user.as_bytes())))
        .collect();
    if !others.is_empty() {
        findings.push(limits_unread(&several(&others)));
    }
}

/// All six of the process's IDs are the real ones of this program (`check_prlimit_permission` in the kernel's `kernel/sys.c`).
fn is_readable(theirs: &Status, me: &Status) -> bool {
    let (Some([user, ..]), Some([group, ..])) = (me.users(), me.groups()) else { return false };
    theirs.users() == Some([user; 3]) && theirs.groups() == Some([group; 3])
}
