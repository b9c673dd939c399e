//! TCP, UDP and what else is not a unix socket (`criu/sk-inet.c`, `criu/sockets.c`).

use std::collections::HashMap;
use std::io;

use rustix::fs::FileType;
use rustix::net::{AddressFamily, SocketType};

use super::{Finding, Holder, Host, held, name, names, several};
use crate::checkpoint::criu::lacks_inet_sockets;
use crate::kernel::descriptors::Descriptor;
use crate::kernel::sockets::{self, Kind, Sockets, Tcp};

/// A socket that is not a unix socket.
struct Socket<'a> {
    holder: &'a Holder<'a>,
    open: &'a Descriptor,
    kind: Kind,
}

/// Whether there are TCP connections.
pub(super) fn look(holders: &[Holder<'_>], host: &Host<'_>, findings: &mut Vec<Finding>) -> bool {
    let mut all = Vec::new();
    for holder in holders {
        match of(holder) {
            Ok(found) => all.extend(found),
            Err(error) => {
                let what = format!("the open sockets of {}", name(holder.process));
                findings.push(Finding::unknown("sockets", what, error));
            }
        }
    }
    unsupported(&all, host, findings);
    options(&all, host, findings);
    connections(&all, host, findings)
}

fn of<'a>(holder: &'a Holder<'a>) -> io::Result<Vec<Socket<'a>>> {
    let mut open = holder.open.iter().filter(|open| open.facts.kind == FileType::Socket).peekable();
    if open.peek().is_none() {
        return Ok(Vec::new());
    }
    let sockets = Sockets::of(holder.process.id.pid)?;
    let mut all = Vec::new();
    for open in open {
        match sockets.kind(open.number) {
            Ok(kind) => all.push(Socket { holder, open, kind }),
            // Closed, or something else by now.
            Err(error) if is_closed(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn is_closed(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let closed = [Errno::BADF, Errno::NOTSOCK, Errno::SRCH];
    closed.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Families and protocols that criu has no code for.
fn unsupported(all: &[Socket<'_>], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let unknown: Vec<&Socket<'_>> = all.iter().filter(|socket| !is_dumped(&socket.kind, host.criu)).collect();
    let found: Vec<String> = unknown.iter().map(|socket| held(socket.holder, socket.open)).collect();
    let protocol = unknown.first().is_some_and(|socket| socket.kind.is_inet());
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "socket-kind",
                format!("a socket of a type that criu does not support: {}", several(&found)),
                "criu dumps TCP, UDP, raw IP, unix, netlink and packet sockets",
            )
            .remedy("start the program without it (MPTCP, SCTP, VSOCK, AF_ALG and others)")
            .criu_says(if protocol {
                "Unsupported proto N for socket"
            } else {
                "Unknown socket collected (family N)"
            }),
        );
    }
}

/// `can_dump_ipproto` and `dump_socket`: IP, TCP, UDP, UDP-Lite; from criu 4.2 on ICMP and ICMPv6 (datagram sockets, as of ping).
fn is_dumped(kind: &Kind, criu: Option<(u32, u32)>) -> bool {
    match kind.family {
        AddressFamily::UNIX | AddressFamily::NETLINK | AddressFamily::PACKET => true,
        AddressFamily::INET | AddressFamily::INET6 => {
            let knows_icmp = criu.is_some_and(|version| version >= (4, 2));
            kind.kind == SocketType::RAW
                || matches!(kind.protocol, 0 | 6 | 17 | 136)
                || knows_icmp && matches!(kind.protocol, 1 | 58)
        }
        _ => false,
    }
}

/// Inet and packet sockets, which an old criu cannot dump on a new kernel.
fn options(all: &[Socket<'_>], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let known = host.criu.is_some_and(|version| lacks_inet_sockets(version, host.kernel));
    let netlike = |kind: &Kind| kind.is_inet() || kind.family == AddressFamily::PACKET;
    let hit = |socket: &&Socket<'_>| is_dumped(&socket.kind, host.criu) && netlike(&socket.kind);
    let found: Vec<&Holder<'_>> = all.iter().filter(hit).map(|socket| socket.holder).collect();
    if known && !found.is_empty() {
        findings.push(
            Finding::blocker(
                "internet-socket",
                format!("an internet socket is open in {}", names(found)),
                "criu before 4.2 cannot dump one on Linux 6.16 or newer",
            )
            .remedy("use criu 4.2 or newer (--criu PATH), or close the sockets")
            .criu_says("Can't get 1:16 opt: Operation not supported"),
        );
    }
}

fn connections(all: &[Socket<'_>], host: &Host<'_>, findings: &mut Vec<Finding>) -> bool {
    // One table for each network namespace of the tree.
    let mut tables = HashMap::new();
    let (mut connected, mut waiting) = (Vec::new(), Vec::new());
    for socket in all.iter().filter(|socket| socket.kind.is_tcp()) {
        let holder = socket.holder;
        let table = tables.entry(holder.namespaces.get("net")).or_insert_with(|| sockets::tcp(&holder.dir));
        match table.as_ref().map(|table| table.get(&socket.open.facts.id.2)) {
            Ok(Some(Tcp::Connected)) => connected.push(holder),
            Ok(Some(Tcp::Listening { waiting: 1.. })) => waiting.push(holder),
            Ok(_) => {}
            Err(error) => {
                let what = format!("whether {} has TCP connections", name(holder.process));
                findings.push(Finding::unknown("tcp-connected", what, error));
                return false;
            }
        }
    }
    let has_connections = !connected.is_empty();
    if has_connections {
        findings.push(established(names(connected), host));
    }
    if !waiting.is_empty() {
        findings.push(
            Finding::warning(
                "tcp-waiting",
                format!("TCP connections wait to be accepted in {}", names(waiting)),
                "criu cannot save them",
            )
            .remedy(
                "adding --skip-in-flight: they are not in the images, and their clients get an error after a \
                     restore",
            )
            .options(["--skip-in-flight"])
            .criu_says("In-flight connections can be ignored with the --skip-in-flight option."),
        );
    }
    has_connections
}

fn established(who: String, host: &Host<'_>) -> Finding {
    let warning = Finding::warning(
        "tcp-connected",
        format!("TCP connections are open in {who}"),
        "the other end continues without it, and a restored connection works only at the same address and in time",
    )
    .criu_says("Connected TCP socket, consider using --tcp-established option.");
    if host.is_given("--tcp-close") {
        return warning.remedy("--tcp-close is set: they are closed after a restore");
    }
    warning
        .remedy("adding --tcp-established; restore with the same; or pass --tcp-close after -- to have them closed \
                 after a restore")
        .options(["--tcp-established"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let kind = |family, kind, protocol| Kind { family, kind, protocol };
        assert!(is_dumped(&kind(AddressFamily::INET, SocketType::STREAM, 6), Some((4, 2))));
        assert!(is_dumped(&kind(AddressFamily::INET6, SocketType::RAW, 58), Some((4, 2))));
        assert!(!is_dumped(&kind(AddressFamily::INET, SocketType::STREAM, 262), Some((4, 2))));
        let icmp = kind(AddressFamily::INET, SocketType::DGRAM, 1);
        assert!(is_dumped(&icmp, Some((4, 2))) && !is_dumped(&icmp, Some((4, 1))));
        assert!(!is_dumped(&kind(AddressFamily::VSOCK, SocketType::STREAM, 0), Some((4, 2))));
    }

    #[test]
    fn an_option_of_the_persons_own() {
        let rights = Err(std::io::ErrorKind::Other.into());
        let host =
            |extra| Host { criu: None, kernel: (6, 12), extra, program: None, rights: &rights, unit: None };
        assert_eq!(established("x".into(), &host(&[])).options, ["--tcp-established"]);
        assert!(established("x".into(), &host(&["--tcp-close".into()])).options.is_empty());
    }
}
