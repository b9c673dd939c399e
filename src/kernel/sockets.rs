//! Sockets of other processes: their kind, and the state of TCP connections.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use rustix::net::sockopt::{socket_domain, socket_protocol, socket_type};
use rustix::net::{AddressFamily, SocketType, ipproto};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::descriptors::ProcessDir;

/// What a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// `AF_INET`, `AF_UNIX`, … (address_families(7)).
    pub family: AddressFamily,
    /// `SOCK_STREAM`, `SOCK_DGRAM`, … (socket(2)).
    pub kind: SocketType,
    /// The protocol's number (protocols(5)); 0 where the family has only one.
    pub protocol: u32,
}

impl Kind {
    /// An IPv4 or IPv6 socket.
    pub fn is_inet(&self) -> bool {
        matches!(self.family, AddressFamily::INET | AddressFamily::INET6)
    }

    /// A TCP socket.
    pub fn is_tcp(&self) -> bool {
        self.is_inet() && self.protocol == ipproto::TCP.as_raw().get()
    }
}

/// A process whose sockets are asked what they are.
#[derive(Debug)]
pub struct Sockets(OwnedFd);

impl Sockets {
    /// # Errors
    /// What pidfd_open(2) says; ESRCH where the process is gone.
    pub fn of(pid: i32) -> io::Result<Self> {
        let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// What the socket with a descriptor number is: asked through a duplicate, which shares the socket and changes nothing
    /// of it (pidfd_getfd(2)). A socket that is neither bound nor connected is in no table of `/proc/net`.
    ///
    /// # Errors
    /// EPERM without the right to trace the process, ENOSYS before Linux 5.6, ENOTSOCK.
    pub fn kind(&self, number: i32) -> io::Result<Kind> {
        let socket = pidfd_getfd(&self.0, number, PidfdGetfdFlags::empty())?;
        Ok(Kind {
            family: socket_domain(&socket)?,
            kind: socket_type(&socket)?,
            protocol: socket_protocol(&socket)?.map_or(0, |protocol| protocol.as_raw().get()),
        })
    }
}

/// The state of a TCP socket that is bound or connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tcp {
    /// It listens; so many connections wait to be accepted.
    Listening {
        /// How many.
        waiting: u32,
    },
    /// It is closed: bound at most.
    Closed,
    /// It has a connection, in whatever state.
    Connected,
}

/// The TCP sockets of a process's network namespace, by inode.
///
/// # Errors
/// What reading `/proc/PID/net/tcp` says. A kernel without IPv6 has no `tcp6`.
pub fn tcp(process: &ProcessDir) -> io::Result<HashMap<u64, Tcp>> {
    let mut all = parse(&process.read("net/tcp")?);
    all.extend(process.read("net/tcp6").map(|text| parse(&text)).unwrap_or_default());
    Ok(all)
}

/// The lines of `/proc/net/tcp` (kernel: networking/proc_net_tcp.rst).
fn parse(text: &[u8]) -> HashMap<u64, Tcp> {
    text.split(|&b| b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<(u64, Tcp)> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let state = u8::from_str_radix(words.nth(3)?, 16).ok()?;
    let waiting = u32::from_str_radix(words.next()?.split_once(':')?.1, 16).ok()?;
    let inode = words.nth(4)?.parse().ok()?;
    let state = match state {
        // TCP_LISTEN and TCP_CLOSE of linux/tcp_states.h. A listening socket's receive queue is its accept queue.
        10 => Tcp::Listening { waiting },
        7 => Tcp::Closed,
        _ => Tcp::Connected,
    };
    Some((inode, state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn lines_of_proc_net_tcp() {
        let text = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 101 1 ffff 100 0 0 10 0
   1: 0100007F:1F90 0100007F:A0A0 01 00000000:00000000 00:00000000 00000000     0        0 102 1 ffff 100 0 0 10 0
   2: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 103 1 ffff 100 0 0 10 0\n";
        let found = parse(text);
        assert_eq!(found[&101], Tcp::Listening { waiting: 2 });
        assert_eq!((found[&102], found[&103], found.len()), (Tcp::Connected, Tcp::Closed, 3));
    }

    #[test]
    fn own_sockets() {
        let me = std::process::id().cast_signed();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let kind = Sockets::of(me).unwrap().kind(socket.as_raw_fd()).unwrap();
        assert!(kind.is_tcp() && kind.kind == SocketType::STREAM);
        let states = tcp(&ProcessDir::open(me).unwrap().unwrap()).unwrap();
        assert!(states.values().any(|state| *state == Tcp::Listening { waiting: 0 }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
        }
    }
}
