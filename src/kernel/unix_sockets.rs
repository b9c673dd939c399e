//! Unix sockets and who they are connected to, from the kernel's socket monitoring (sock_diag(7)). `/proc/net/unix` does not
//! say the peer.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A unix socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its inode, as in the link of `/proc/PID/fd`.
    pub inode: u64,
    /// Messages without a connection (`SOCK_DGRAM`), not a stream or a sequence of packets.
    pub datagram: bool,
    /// The inode of the socket at the other end.
    pub peer: Option<u64>,
    /// Of a socket that listens, the inodes of those that have called it and were not accepted; 0 for one that was closed again.
    pub callers: Vec<u64>,
    /// How many bytes it has sent that nobody has read. Of a socket that listens, how many may call it.
    pub unread: u32,
    /// Its address: a path, or a NUL and an abstract name (unix(7)).
    pub name: Option<Box<[u8]>>,
}

/// The unix sockets of a process's network namespace, by inode. They are asked for from a thread of its own, which goes into
/// that namespace and ends.
///
/// # Errors
/// EPERM without the right to go there; what the netlink socket says.
pub fn all(pid: i32) -> io::Result<HashMap<u64, UnixSocket>> {
    let place = format!("/proc/{pid}/ns/net");
    let theirs = rustix::fs::openat(CWD, place, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let own = rustix::fs::stat("/proc/thread-self/ns/net")?;
    if rustix::fs::fstat(&theirs)?.st_ino == own.st_ino {
        return ask();
    }
    let asked = std::thread::Builder::new().spawn(move || enter(theirs).and_then(|()| ask()))?;
    asked.join().unwrap_or_else(|_| Err(io::Error::other("the thread that queried them has panicked")))
}

fn enter(namespace: OwnedFd) -> io::Result<()> {
    Ok(move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::Network))?)
}

/// `SOCK_DIAG_BY_FAMILY` and the flags `NLM_F_REQUEST | NLM_F_DUMP` of linux/sock_diag.h and linux/netlink.h.
const BY_FAMILY: u16 = 20;
const REQUEST: u16 = 0x301;
const HEADER: usize = 16;

/// One dump of all of them: `struct nlmsghdr` and `struct unix_diag_req` (linux/unix_diag.h), with `UDIAG_SHOW_NAME`,
/// `UDIAG_SHOW_PEER`, `UDIAG_SHOW_ICONS` and `UDIAG_SHOW_RQLEN`, in whatever state.
fn request() -> Vec<u8> {
    let mut bytes = 40_u32.to_ne_bytes().to_vec();
    bytes.extend([BY_FAMILY, REQUEST].map(u16::to_ne_bytes).concat());
    bytes.extend([0_u32; 2].map(u32::to_ne_bytes).concat());
    bytes.extend([1, 0, 0, 0]);
    bytes.extend([u32::MAX, 0, 1 | 4 | 8 | 16, 0, 0].map(u32::to_ne_bytes).concat());
    bytes
}

fn ask() -> io::Result<HashMap<u64, UnixSocket>> {
    let kind = (AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC);
    let socket = socket_with(kind.0, kind.1, kind.2, Some(netlink::SOCK_DIAG))?;
    send(&socket, &request(), SendFlags::empty())?;
    let mut found = HashMap::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let (read, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        if read == 0 || !messages(&buffer[..read], &mut found)? {
            return Ok(found);
        }
    }
}

/// The messages of one packet; false after the last one of the dump.
fn messages(mut bytes: &[u8], found: &mut HashMap<u64, UnixSocket>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (number(bytes, 0), bytes.get(4..6)) {
        let length = length as usize;
        let Some(payload) = bytes.get(HEADER..length) else { break };
        match u16::from_ne_bytes([kind[0], kind[1]]) {
            // NLMSG_ERROR and NLMSG_DONE: a negative errno or 0.
            2 | 3 => return ended(payload),
            BY_FAMILY => found.extend(socket(payload).map(|socket| (socket.inode, socket))),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

fn ended(payload: &[u8]) -> io::Result<bool> {
    match number(payload, 0).map_or(0, |code| code.cast_signed().saturating_neg()) {
        code if code > 0 => Err(Errno::from_raw_os_error(code).into()),
        _ => Ok(false),
    }
}

/// `struct unix_diag_msg`, and the attributes behind it.
fn socket(payload: &[u8]) -> Option<UnixSocket> {
    let inode = number(payload, 4)?.into();
    let datagram = u32::from(*payload.get(1)?) == SocketType::DGRAM.as_raw();
    let mut socket = UnixSocket { inode, datagram, ..UnixSocket::default() };
    let mut rest = payload.get(16..)?;
    while let Some(&[l0, l1, k0, k1]) = rest.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(value) = rest.get(4..length) else { break };
        match u16::from_ne_bytes([k0, k1]) {
            // UNIX_DIAG_NAME: a path comes with the NUL at its end.
            0 if value.first() == Some(&0) => socket.name = Some(value.into()),
            0 => socket.name = value.split(|&b| b == 0).next().map(Into::into),
            // UNIX_DIAG_PEER: 0 is a connection that nobody has accepted.
            2 => socket.peer = number(value, 0).filter(|&inode| inode != 0).map(Into::into),
            // UNIX_DIAG_ICONS
            3 => {
                socket.callers =
                    value.chunks_exact(4).filter_map(|icon| number(icon, 0)).map(Into::into).collect()
            }
            // UNIX_DIAG_RQLEN: what was received, then what was sent.
            4 => socket.unread = number(value, 4).unwrap_or_default(),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(socket)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    fn inode(fd: &impl AsRawFd) -> u64 {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
        link.to_str().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
    }

    #[test]
    fn peers_and_names() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("listener");
        let listener = UnixListener::bind(&path).unwrap();
        let near = UnixStream::connect(&path).unwrap();
        let pending = all(std::process::id().cast_signed()).unwrap();
        assert_eq!(pending[&inode(&near)].peer, None);
        assert_eq!(pending[&inode(&listener)].callers, [inode(&near)]);
        let (far, _) = listener.accept().unwrap();
        let (one, other) = UnixDatagram::pair().unwrap();
        let found = all(std::process::id().cast_signed()).unwrap();
        assert_eq!(found[&inode(&near)].peer, Some(inode(&far)));
        assert_eq!(found[&inode(&far)].name.as_deref(), Some(path.as_os_str().as_encoded_bytes()));
        assert!(!found[&inode(&near)].datagram && found[&inode(&one)].datagram);
        assert_eq!(found[&inode(&one)].peer, Some(inode(&other)));
        assert_eq!(found[&inode(&listener)].peer, None);
        assert!(found[&inode(&listener)].callers.is_empty());
    }

    #[test]
    fn an_error_ends_the_dump() {
        let packet = |kind: u16, code: i32| {
            [&20_u32.to_ne_bytes()[..], &kind.to_ne_bytes(), &[0; 10], &code.to_ne_bytes()].concat()
        };
        let error = messages(&packet(2, -2), &mut HashMap::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!messages(&packet(3, 0), &mut HashMap::new()).unwrap());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), length in 0..200_u32) {
            let _ = messages(&bytes, &mut HashMap::new());
            let message = [&length.to_ne_bytes()[..], &BY_FAMILY.to_ne_bytes(), &bytes].concat();
            let _ = messages(&message, &mut HashMap::new());
        }
    }
}
