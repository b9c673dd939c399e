//! TCP and UDP ports that are in use in this program's network namespace, and by whom.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::descriptors::ProcessDir;
use super::processes::every_pid;

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// tcp(7).
    Tcp,
    /// udp(7).
    Udp,
}

/// A socket that keeps others from its port: of TCP one that listens, of UDP one that is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Whose port it is.
    pub protocol: Protocol,
    /// The address and the port. An IPv4 address in IPv6 stands as IPv4.
    pub local: SocketAddr,
    /// The socket's inode.
    pub inode: u64,
}

/// All ports that are in use.
///
/// # Errors
/// What reading `/proc/self/net` says. A kernel without IPv6 has no tables of it.
pub fn in_use() -> io::Result<Vec<Port>> {
    let me = std::process::id().cast_signed();
    let me = ProcessDir::open(me)?.ok_or(io::ErrorKind::NotFound)?;
    let mut all = Vec::new();
    for (protocol, file, file6) in
        [(Protocol::Tcp, "net/tcp", "net/tcp6"), (Protocol::Udp, "net/udp", "net/udp6")]
    {
        all.extend(parse(protocol, &me.read(file)?));
        all.extend(me.read(file6).map(|text| parse(protocol, &text)).unwrap_or_default());
    }
    Ok(all)
}

/// The first process that has a socket open; `None` where none can be seen.
pub fn holder(inode: u64) -> Option<i32> {
    let link = format!("socket:[{inode}]");
    every_pid().find(|&pid| {
        let Ok(Some(process)) = ProcessDir::open(pid) else { return false };
        let numbers = process.numbers().unwrap_or_default();
        numbers.iter().any(|number| {
            process.link(&format!("fd/{number}")).is_ok_and(|target| *target == *link.as_bytes())
        })
    })
}

/// The lines of `/proc/net/tcp` or `udp` (kernel: networking/proc_net_tcp.rst).
fn parse(protocol: Protocol, text: &[u8]) -> Vec<Port> {
    text.split(|&b| b == b'\n').filter_map(|line| port(protocol, line)).collect()
}

fn port(protocol: Protocol, line: &[u8]) -> Option<Port> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (address, port) = words.nth(1)?.split_once(':')?;
    let local = SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?);
    let state = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let inode = words.nth(5)?.parse().ok()?;
    // TCP_LISTEN of linux/tcp_states.h.
    let is_kept = local.port() != 0 && (protocol == Protocol::Udp || state == 10);
    is_kept.then_some(Port { protocol, local, inode })
}

/// The kernel prints each four bytes, which are in network order, as a number of its own order.
fn ip(text: &str) -> Option<IpAddr> {
    let mut bytes = [0; 16];
    let words = text.as_bytes().chunks(8).map(|word| std::str::from_utf8(word).ok());
    let mut length = 0;
    for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&u32::from_str_radix(word?, 16).ok()?.to_ne_bytes());
        length += 4;
    }
    match length {
        4 => Some(IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))),
        16 => Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn own_sockets_are_found_with_their_process() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut wanted =
            vec![(Protocol::Tcp, tcp.local_addr().unwrap()), (Protocol::Udp, udp.local_addr().unwrap())];
        let v6 = TcpListener::bind("[::1]:0");
        wanted.extend(v6.iter().map(|v6| (Protocol::Tcp, v6.local_addr().unwrap())));
        let all = in_use().unwrap();
        for (protocol, local) in wanted {
            let port = all.iter().find(|port| port.protocol == protocol && port.local == local).unwrap();
            assert_eq!(holder(port.inode), Some(std::process::id().cast_signed()));
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6_is_ipv4() {
        let text = if cfg!(target_endian = "little") {
            "0000000000000000FFFF00000100007F"
        } else {
            "00000000000000000000FFFF7F000001"
        };
        assert_eq!(ip(text), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!((ip(""), ip("0100007F0")), (None, None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(Protocol::Tcp, &bytes);
        }
    }
}
