//! Waits that criu ends early, as any stop does: a system call then fails with EINTR (signal(7)).

use super::{Finding, Holder, names};

/// tail(1) of GNU waits for changes of its file through inotify, and ends on EINTR (measured with coreutils 9.7).
pub(super) fn look(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let found: Vec<&Holder<'_>> = holders.iter().filter(|holder| is_following_tail(holder)).collect();
    if !found.is_empty() {
        findings.push(
            Finding::warning(
                "interrupted-wait",
                format!("{} waits for changes of a file, and will exit", names(found)),
                "criu interrupts that wait, and tail treats this as an error, in the original and in the restored \
                 process",
            )
            .remedy("start it again afterwards, or run it as tail -f ---disable-inotify"),
        );
    }
}

fn is_following_tail(holder: &Holder<'_>) -> bool {
    let program = holder.process.command.split(|&b| b == b' ').next().unwrap_or_default();
    let name = program.rsplit(|&b| b == b'/').next();
    name == Some(b"tail") && holder.open.iter().any(|open| super::anonymous::is_inotify(&open.link))
}
