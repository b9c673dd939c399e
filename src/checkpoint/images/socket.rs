//! Sockets as they are written in images.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;

use super::message::{InetSocket, UnixSocket};
use crate::kernel::ports::Protocol;
use crate::model::printable;

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Socket {
    /// `tcp`, `udp`, `unix-stream`, …
    pub protocol: String,
    /// Its own address; of a unix socket its path, `@` before the name of an abstract one, empty where it has none.
    pub local: String,
    /// The address at the other end; of a unix socket `inode N`. `None` where it is not connected.
    pub remote: Option<String>,
    /// The state in the kernel's words (include/net/tcp_states.h).
    pub state: &'static str,
}

/// The numbers of include/net/tcp_states.h, which the kernel uses for every kind of socket.
const STATES: [&str; 13] = [
    "unknown",
    "established",
    "syn-sent",
    "syn-recv",
    "fin-wait1",
    "fin-wait2",
    "time-wait",
    "close",
    "close-wait",
    "last-ack",
    "listen",
    "closing",
    "new-syn-recv",
];

fn state(number: u32) -> &'static str {
    STATES.get(number as usize).copied().unwrap_or("unknown")
}

/// `AF_INET6` of socket(7).
const INET6: u32 = 10;
/// `IPPROTO_TCP` of ip(7).
const TCP: u32 = 6;
/// `IPPROTO_UDP` of ip(7).
const UDP: u32 = 17;
/// Of a socket that was left to the other side's care (criu/include/sk-unix.h: `USK_EXTERN`).
const EXTERN: u32 = 1;

impl From<&InetSocket> for Socket {
    fn from(socket: &InetSocket) -> Self {
        let protocol = match socket.proto {
            TCP => "tcp".to_owned(),
            UDP => "udp".to_owned(),
            136 => "udplite".to_owned(),
            1 | 58 => "icmp".to_owned(),
            other => format!("ip-{other}"),
        };
        let remote = address(socket.family, &socket.dst_addr, socket.dst_port);
        let connected = socket.dst_port != 0;
        Self {
            protocol,
            local: address(socket.family, &socket.src_addr, socket.src_port),
            remote: connected.then_some(remote),
            state: state(socket.state),
        }
    }
}

/// A port that a socket is bound to again: of TCP one that listened, of UDP one that was bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundPort {
    /// Whose port it is.
    pub protocol: Protocol,
    /// The address and the port. An IPv4 address in IPv6 stands as IPv4.
    pub local: SocketAddr,
    /// It may be had together with others that allow it too (`SO_REUSEPORT`, for UDP also `SO_REUSEADDR`).
    pub is_shared: bool,
    /// It is of IPv6 alone (`IPV6_V6ONLY`).
    pub v6only: bool,
}

impl BoundPort {
    pub(super) fn of(socket: &InetSocket) -> Option<Self> {
        let protocol = match socket.proto {
            TCP if state(socket.state) == "listen" => Protocol::Tcp,
            UDP if socket.src_port != 0 => Protocol::Udp,
            _ => return None,
        };
        let local = socket_address(socket.family, &socket.src_addr, socket.src_port);
        let options = socket.opts.unwrap_or_default();
        let address_is_shared = protocol == Protocol::Udp && options.reuse_address == Some(true);
        Some(Self {
            protocol,
            local: SocketAddr::new(local.ip().to_canonical(), local.port()),
            is_shared: options.reuse_port == Some(true) || address_is_shared,
            v6only: socket.v6only == Some(true),
        })
    }
}

/// The two addresses of a TCP socket that is connected.
pub(super) fn connection(socket: &InetSocket) -> Option<(SocketAddr, SocketAddr)> {
    let end = |words: &[u32], port| {
        let address = socket_address(socket.family, words, port);
        SocketAddr::new(address.ip().to_canonical(), address.port())
    };
    let connected = socket.proto == TCP && socket.dst_port != 0;
    connected.then(|| (end(&socket.src_addr, socket.src_port), end(&socket.dst_addr, socket.dst_port)))
}

fn address(family: u32, words: &[u32], port: u32) -> String {
    socket_address(family, words, port).to_string()
}

/// criu keeps an address as the words that the kernel has it in, in network order; a little-endian machine wrote them.
fn socket_address(family: u32, words: &[u32], port: u32) -> SocketAddr {
    let mut bytes = [0; 16];
    for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    let ip = if family == INET6 {
        IpAddr::V6(Ipv6Addr::from(bytes))
    } else {
        IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))
    };
    SocketAddr::new(ip, u16::try_from(port).unwrap_or(0))
}

/// True for a TCP socket that has another side, or had one until both closed the connection, whatever its state: criu restores it
/// only with `--tcp-established`, or closed (criu/sk-inet.c: `tcp_connection`).
pub(super) fn is_connected_tcp(socket: &InetSocket) -> bool {
    socket.proto == TCP && socket.dst_port != 0
}

/// True for a socket whose process was not dumped.
pub(super) fn is_external(socket: &UnixSocket) -> bool {
    socket.uflags & EXTERN != 0
}

impl From<&UnixSocket> for Socket {
    fn from(socket: &UnixSocket) -> Self {
        let kind = match socket.r#type {
            1 => "stream",
            2 => "dgram",
            5 => "seqpacket",
            _ => "unknown",
        };
        Self {
            protocol: format!("unix-{kind}"),
            local: name(&socket.name),
            remote: (socket.peer != 0).then(|| format!("inode {}", socket.peer)),
            state: state(socket.state),
        }
    }
}

/// A name that starts with NUL is abstract; a path ends with one (unix(7)).
fn name(bytes: &[u8]) -> String {
    match bytes {
        [0, rest @ ..] => format!("@{}", printable(rest)),
        path => printable(path.strip_suffix(&[0]).unwrap_or(path)).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::images::message::SocketOptions;

    fn inet(family: u32, state: u32, src: &[u32], dst_port: u32) -> InetSocket {
        InetSocket {
            family,
            proto: TCP,
            state,
            src_port: 80,
            dst_port,
            src_addr: src.to_vec(),
            dst_addr: vec![0x0200_000a],
            opts: None,
            v6only: None,
        }
    }

    #[test]
    fn addresses_are_in_network_order() {
        let socket = Socket::from(&inet(2, 1, &[0x0100_007f], 1234));
        assert_eq!((socket.local.as_str(), socket.state), ("127.0.0.1:80", "established"));
        assert_eq!(socket.remote.as_deref(), Some("10.0.0.2:1234"));
        let socket = Socket::from(&inet(INET6, 10, &[0, 0, 0, 0x0100_0000], 0));
        assert_eq!((socket.local.as_str(), socket.remote), ("[::1]:80", None));
    }

    #[test]
    fn ports_that_are_bound_again() {
        let port =
            |socket: InetSocket| BoundPort::of(&socket).map(|port| (port.local.to_string(), port.is_shared));
        assert_eq!(port(inet(2, 10, &[0x0100_007f], 0)), Some(("127.0.0.1:80".into(), false)));
        assert_eq!(port(inet(2, 1, &[0x0100_007f], 9)), None);
        let udp = InetSocket { proto: UDP, ..inet(INET6, 7, &[0, 0, 0xffff_0000, 0x0100_007f], 0) };
        assert_eq!(port(udp.clone()), Some(("127.0.0.1:80".into(), false)));
        let opts = Some(SocketOptions { reuse_address: Some(true), reuse_port: None });
        assert_eq!(port(InetSocket { opts, ..udp }), Some(("127.0.0.1:80".into(), true)));
        assert_eq!(port(InetSocket { opts, ..inet(2, 10, &[0], 0) }), Some(("0.0.0.0:80".into(), false)));
    }

    #[test]
    fn connected_is_what_has_another_side() {
        let (established, closed, listening) = (1, 7, 10);
        for state in [established, closed] {
            assert!(is_connected_tcp(&inet(2, state, &[], 1)));
        }
        for state in [closed, listening] {
            assert!(!is_connected_tcp(&inet(2, state, &[], 0)));
        }
        assert!(!is_connected_tcp(&InetSocket { proto: 17, ..inet(2, established, &[], 1) }));
    }

    #[test]
    fn names_of_unix_sockets() {
        assert_eq!(name(b"/run/x.sock\0"), "/run/x.sock");
        assert_eq!(name(b"\0abstract\0\x1b"), "@abstract\\x00\\x1b");
        assert_eq!(name(b""), "");
    }
}
