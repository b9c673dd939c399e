//! Messages about open files and terminals.

use prost::Message;

/// `fdinfo.proto`: `fdinfo_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct Descriptor {
    #[prost(uint32, required, tag = "1")]
    pub id: u32,
    #[prost(int32, required, tag = "3")]
    pub r#type: i32,
    #[prost(uint32, required, tag = "4")]
    pub fd: u32,
}

/// `fdinfo.proto`: `file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct FileEntry {
    #[prost(int32, required, tag = "1")]
    pub r#type: i32,
    #[prost(uint32, required, tag = "2")]
    pub id: u32,
    #[prost(message, optional, tag = "3")]
    pub reg: Option<RegularFile>,
    #[prost(message, optional, tag = "4")]
    pub isk: Option<InetSocket>,
    #[prost(message, optional, tag = "5")]
    pub nsf: Option<NamespaceFile>,
    #[prost(message, optional, tag = "7")]
    pub nlsk: Option<NetlinkSocket>,
    #[prost(message, optional, tag = "8")]
    pub efd: Option<EventFd>,
    #[prost(message, optional, tag = "9")]
    pub epfd: Option<EventPoll>,
    #[prost(message, optional, tag = "10")]
    pub sgfd: Option<SignalFd>,
    #[prost(message, optional, tag = "12")]
    pub tfd: Option<Timer>,
    #[prost(message, optional, tag = "13")]
    pub ify: Option<Inotify>,
    #[prost(message, optional, tag = "16")]
    pub usk: Option<UnixSocket>,
    #[prost(message, optional, tag = "17")]
    pub fifo: Option<Fifo>,
    #[prost(message, optional, tag = "18")]
    pub pipe: Option<Pipe>,
    #[prost(message, optional, tag = "19")]
    pub tty: Option<Tty>,
    #[prost(message, optional, tag = "20")]
    pub memfd: Option<MemoryFile>,
    #[prost(message, optional, tag = "22")]
    pub pidfd: Option<PidFd>,
}

/// `ns.proto`: `ns_file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct NamespaceFile {
    /// `CLONE_NEW…` of clone(2).
    #[prost(uint32, required, tag = "3")]
    pub ns_cflag: u32,
}

/// `sk-netlink.proto`: `netlink_sk_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct NetlinkSocket {
    /// `NETLINK_…` of netlink(7).
    #[prost(uint32, required, tag = "3")]
    pub protocol: u32,
}

/// `eventfd.proto`: `eventfd_file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct EventFd {
    #[prost(uint64, required, tag = "4")]
    pub counter: u64,
}

/// `eventpoll.proto`: `eventpoll_file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct EventPoll {
    #[prost(message, repeated, tag = "4")]
    pub tfd: Vec<PolledFile>,
}

/// `eventpoll.proto`: `eventpoll_tfd_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct PolledFile {
    /// The file descriptor that it was added with.
    #[prost(uint32, required, tag = "2")]
    pub tfd: u32,
}

/// `signalfd.proto`: `signalfd_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct SignalFd {
    /// A bit a signal; bit 0 is signal 1.
    #[prost(uint64, required, tag = "4")]
    pub sigmask: u64,
}

/// `fsnotify.proto`: `inotify_file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct Inotify {
    #[prost(message, repeated, tag = "5")]
    pub wd: Vec<InotifyWatch>,
}

/// `fsnotify.proto`: `inotify_wd_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct InotifyWatch {
    #[prost(uint64, required, tag = "2")]
    pub i_ino: u64,
    #[prost(message, required, tag = "7")]
    pub f_handle: FileHandle,
}

/// `fh.proto`: `fh_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct FileHandle {
    /// Where it was found, if it was.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub path: Option<Vec<u8>>,
}

/// `memfd.proto`: `memfd_file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct MemoryFile {
    #[prost(uint32, required, tag = "2")]
    pub flags: u32,
    #[prost(uint64, required, tag = "3")]
    pub pos: u64,
    /// Its number in `memfd.img`.
    #[prost(uint32, required, tag = "5")]
    pub inode_id: u32,
}

/// `memfd.proto`: `memfd_inode_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct MemoryInode {
    #[prost(bytes = "vec", required, tag = "1")]
    pub name: Vec<u8>,
    #[prost(uint64, required, tag = "4")]
    pub size: u64,
    /// The number in the name of the pagemap of its contents.
    #[prost(uint32, required, tag = "5")]
    pub shmid: u32,
    #[prost(uint64, required, tag = "7")]
    pub inode_id: u64,
}

/// `pidfd.proto`: `pidfd_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct PidFd {
    /// The process, in its own PID namespace; -1 where it has ended.
    #[prost(int32, required, tag = "4")]
    pub nspid: i32,
}

/// `timerfd.proto`: `timerfd_entry`. The time that is left and the interval, each in seconds and nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::checkpoint::images) struct Timer {
    #[prost(uint64, required, tag = "7")]
    pub vsec: u64,
    #[prost(uint64, required, tag = "8")]
    pub vnsec: u64,
    #[prost(uint64, required, tag = "9")]
    pub isec: u64,
    #[prost(uint64, required, tag = "10")]
    pub insec: u64,
}

impl Timer {
    /// It is periodic, and had expired: the kernel shows no time left until it is read, and a timer that is set so is off
    /// (timerfd_settime(2)).
    pub(in crate::checkpoint::images) fn is_lost(self) -> bool {
        (self.vsec, self.vnsec) == (0, 0) && (self.isec, self.insec) != (0, 0)
    }
}

/// `regfile.proto`: `reg_file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct RegularFile {
    /// The flags of open(2).
    #[prost(uint32, required, tag = "2")]
    pub flags: u32,
    /// The file offset.
    #[prost(uint64, required, tag = "3")]
    pub pos: u64,
    #[prost(bytes = "vec", required, tag = "6")]
    pub name: Vec<u8>,
    /// The size that the file must have again; criu leaves it out where the file only grows (`O_APPEND`).
    #[prost(uint64, optional, tag = "8")]
    pub size: Option<u64>,
    /// The file is not criu's to open: the restore hands it over (`--external file`).
    #[prost(bool, optional, tag = "9")]
    pub ext: Option<bool>,
    /// `st_mode` of stat(2).
    #[prost(uint32, optional, tag = "10")]
    pub mode: Option<u32>,
}

/// `sk-opts.proto`: `sk_opts_entry`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(in crate::checkpoint::images) struct SocketOptions {
    /// `SO_REUSEADDR` of socket(7).
    #[prost(bool, optional, tag = "7")]
    pub reuse_address: Option<bool>,
    /// `SO_REUSEPORT` of socket(7).
    #[prost(bool, optional, tag = "17")]
    pub reuse_port: Option<bool>,
}

/// `sk-inet.proto`: `inet_sk_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct InetSocket {
    #[prost(uint32, required, tag = "3")]
    pub family: u32,
    #[prost(uint32, required, tag = "5")]
    pub proto: u32,
    #[prost(uint32, required, tag = "6")]
    pub state: u32,
    #[prost(uint32, required, tag = "7")]
    pub src_port: u32,
    #[prost(uint32, required, tag = "8")]
    pub dst_port: u32,
    #[prost(uint32, repeated, packed = "false", tag = "11")]
    pub src_addr: Vec<u32>,
    #[prost(uint32, repeated, packed = "false", tag = "12")]
    pub dst_addr: Vec<u32>,
    #[prost(message, optional, tag = "14")]
    pub opts: Option<SocketOptions>,
    #[prost(bool, optional, tag = "15")]
    pub v6only: Option<bool>,
}

/// `sk-unix.proto`: `unix_sk_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct UnixSocket {
    #[prost(uint32, required, tag = "2")]
    pub ino: u32,
    #[prost(uint32, required, tag = "3")]
    pub r#type: u32,
    #[prost(uint32, required, tag = "4")]
    pub state: u32,
    #[prost(uint32, required, tag = "6")]
    pub uflags: u32,
    /// The inode of the other end, or zero.
    #[prost(uint32, required, tag = "8")]
    pub peer: u32,
    #[prost(bytes = "vec", required, tag = "11")]
    pub name: Vec<u8>,
}

/// `pipe.proto`: `pipe_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct Pipe {
    /// The same for both ends.
    #[prost(uint32, required, tag = "2")]
    pub pipe_id: u32,
    /// The flags of open(2): which end it is.
    #[prost(uint32, required, tag = "3")]
    pub flags: u32,
}

/// `fifo.proto`: `fifo_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct Fifo {
    #[prost(uint32, optional, tag = "3")]
    pub regf_id: Option<u32>,
}

/// `tty.proto`: `tty_file_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct Tty {
    /// Its number in `tty-info.img`.
    #[prost(uint32, required, tag = "2")]
    pub tty_info_id: u32,
    #[prost(uint32, optional, tag = "6")]
    pub regf_id: Option<u32>,
}

/// `tty.proto`: `tty_info_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct TtyInfo {
    /// Twice its index, and one more where it is the master of a pseudo-terminal (criu/tty.c: `tty_gen_id`).
    #[prost(uint32, required, tag = "1")]
    pub id: u32,
    #[prost(int32, required, tag = "2")]
    pub r#type: i32,
    /// The session that it is the controlling terminal of; zero for none.
    #[prost(uint32, required, tag = "6")]
    pub sid: u32,
    /// Its settings, not decoded; a terminal that was hung up has none.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub termios: Option<Vec<u8>>,
}

impl TtyInfo {
    /// The number of the other side of a pseudo-terminal.
    pub(in crate::checkpoint::images) fn other_side(id: u32) -> u32 {
        id ^ 1
    }
}

/// `remap-file-path.proto`: `remap_file_path_entry`: a file whose name was gone.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct Remap {
    #[prost(uint32, required, tag = "1")]
    pub orig_id: u32,
}

/// `file-lock.proto`: `file_lock_entry`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::checkpoint::images) struct FileLock {
    #[prost(int32, required, tag = "3")]
    pub pid: i32,
}
