//! Who holds the other end: pipes, unix sockets, connections and terminals have two, and each may be open in several processes.

use std::net::SocketAddr;

use serde::Serialize;

use super::message::{FileEntry, TtyInfo};
use super::socket::connection;

/// One end of something that has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum End {
    /// Of the pipe with this number, and whether it is the end that is written to.
    Pipe(u32, bool),
    /// The unix socket with this inode.
    Unix(u32),
    /// A TCP connection, from here to there.
    Tcp(SocketAddr, SocketAddr),
    /// Of a pseudo-terminal: the master's number is the slave's and one more.
    Terminal(u32),
}

/// `O_WRONLY` of open(2).
const WRITE_ONLY: u32 = 1;

impl End {
    /// This end, and the other one.
    pub(super) fn both(entry: &FileEntry) -> Option<(Self, Self)> {
        if let Some(pipe) = &entry.pipe {
            let writes = pipe.flags & 3 == WRITE_ONLY;
            return Some((Self::Pipe(pipe.pipe_id, writes), Self::Pipe(pipe.pipe_id, !writes)));
        }
        if let Some(socket) = &entry.usk {
            return (socket.peer != 0).then_some((Self::Unix(socket.ino), Self::Unix(socket.peer)));
        }
        if let Some((local, remote)) = entry.isk.as_ref().and_then(connection) {
            return Some((Self::Tcp(local, remote), Self::Tcp(remote, local)));
        }
        let id = entry.tty.as_ref()?.tty_info_id;
        Some((Self::Terminal(id), Self::Terminal(TtyInfo::other_side(id))))
    }
}

/// A process that has a file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The process.
    pub pid: i32,
    /// Its file descriptor.
    pub fd: u32,
}

/// Those who have a file open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Holders {
    /// The first of them.
    pub first: Vec<Holder>,
    /// How many there are.
    pub count: usize,
}

/// So many holders of one file are named.
const MAX_NAMED: usize = 4;

impl Holders {
    pub(super) fn add(&mut self, pid: i32, fd: u32) {
        self.count += 1;
        if self.first.len() < MAX_NAMED {
            self.first.push(Holder { pid, fd });
        }
    }
}
