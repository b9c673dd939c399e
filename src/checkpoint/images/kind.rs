//! What kind of file is open.

use serde::{Serialize, Serializer};

use super::message::{FileEntry, RegularFile};

/// What kind of file is open: criu's `fd_types` (`fdinfo.proto`), and of regular files those that are none.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Kind {
    Regular,
    Directory,
    Device,
    Pipe,
    Fifo,
    InetSocket,
    UnixSocket,
    Eventfd,
    Eventpoll,
    Inotify,
    Signalfd,
    PacketSocket,
    Tty,
    Fanotify,
    NetlinkSocket,
    Namespace,
    Tun,
    External,
    Timerfd,
    Memfd,
    BpfMap,
    Pidfd,
    #[default]
    Unknown,
}

impl Kind {
    /// Its name, as it stands in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Directory => "directory",
            Self::Device => "device",
            Self::Pipe => "pipe",
            Self::Fifo => "fifo",
            Self::InetSocket => "inet-socket",
            Self::UnixSocket => "unix-socket",
            Self::Eventfd => "eventfd",
            Self::Eventpoll => "eventpoll",
            Self::Inotify => "inotify",
            Self::Signalfd => "signalfd",
            Self::PacketSocket => "packet-socket",
            Self::Tty => "tty",
            Self::Fanotify => "fanotify",
            Self::NetlinkSocket => "netlink-socket",
            Self::Namespace => "namespace",
            Self::Tun => "tun",
            Self::External => "external",
            Self::Timerfd => "timerfd",
            Self::Memfd => "memfd",
            Self::BpfMap => "bpf-map",
            Self::Pidfd => "pidfd",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn of(entry: &FileEntry) -> Self {
        match entry.r#type {
            1 => Self::of_mode(entry.reg.as_ref()),
            2 => Self::Pipe,
            3 => Self::Fifo,
            4 => Self::InetSocket,
            5 => Self::UnixSocket,
            6 => Self::Eventfd,
            7 => Self::Eventpoll,
            8 => Self::Inotify,
            9 => Self::Signalfd,
            10 => Self::PacketSocket,
            11 => Self::Tty,
            12 => Self::Fanotify,
            13 => Self::NetlinkSocket,
            14 => Self::Namespace,
            15 => Self::Tun,
            16 => Self::External,
            17 => Self::Timerfd,
            18 => Self::Memfd,
            19 => Self::BpfMap,
            20 => Self::Pidfd,
            _ => Self::Unknown,
        }
    }

    /// The file type in `st_mode` (inode(7)).
    fn of_mode(file: Option<&RegularFile>) -> Self {
        match file.and_then(|file| file.mode).unwrap_or(0) & 0o170_000 {
            0o040_000 => Self::Directory,
            0o020_000 | 0o060_000 => Self::Device,
            _ => Self::Regular,
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
