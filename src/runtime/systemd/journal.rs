//! The sockets through which systemd takes what services print.

use std::io;

use rustix::fs::FileType;

use crate::kernel::descriptors::ProcessDir;
use crate::kernel::unix_sockets;

/// Whether this is the address of such a socket. With `LogNamespace=NAME` it is in the folder `journal.NAME`.
/// (systemd-journald.service(8))
pub fn is_journal_socket(address: &[u8]) -> bool {
    let name = address.strip_prefix(b"/run/systemd/journal").and_then(|rest| rest.strip_suffix(b"/stdout"));
    name.is_some_and(|name| (name.is_empty() || name[0] == b'.') && !name.contains(&b'/'))
}

/// Whether one of these processes holds a stream to the journal.
///
/// # Errors
/// Where it cannot be told: without the right to look at one of them.
pub fn logs_to_journal(pids: impl Iterator<Item = i32>) -> io::Result<bool> {
    for pid in pids {
        let Some(process) = ProcessDir::open(pid)? else { continue };
        let mut sockets = process.descriptors()?;
        sockets.retain(|open| open.facts.kind == FileType::Socket);
        if sockets.is_empty() {
            continue;
        }
        let all = unix_sockets::all(pid)?;
        let peer = |inode: u64| all.get(&all.get(&inode)?.peer?)?.name.as_deref();
        if sockets.iter().any(|open| peer(open.facts.id.2).is_some_and(is_journal_socket)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_the_journal() {
        assert!(is_journal_socket(b"/run/systemd/journal/stdout"));
        assert!(is_journal_socket(b"/run/systemd/journal.web/stdout"));
        assert!(!is_journal_socket(b"/run/systemd/journal/socket"));
        assert!(!is_journal_socket(b"/run/systemd/journal-x/stdout"));
    }
}
