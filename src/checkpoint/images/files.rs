//! Open files: `files.img` has what is open, `fdinfo-N.img` under which numbers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::ImagesError;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{Descriptor, FileEntry, RegularFile, Remap, Timer};
use super::socket::{BoundPort, Socket, is_connected_tcp, is_external};
use crate::model::printable;

/// What kind of file is open: criu's `fd_types` (`fdinfo.proto`), and of regular files those that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    fn of(entry: &FileEntry) -> Self {
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

/// An open file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// What it is.
    pub kind: Kind,
    /// Its path, or `pipe N` with a number that both ends have; empty for what has no name. Printable.
    pub name: String,
    /// The path was gone when the images were made: the contents are in them, or the path leads elsewhere now.
    pub deleted: bool,
    /// Where it is a socket of the internet or unix families.
    pub socket: Option<Socket>,
}

/// An open file under its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The file descriptor.
    pub fd: u32,
    /// The file.
    #[serde(flatten)]
    pub file: File,
}

/// The open files of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OpenFiles {
    /// How many of each kind.
    pub counts: BTreeMap<Kind, usize>,
    /// All of them, by number.
    pub list: Vec<Open>,
}

impl OpenFiles {
    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.list.iter().map(|open| size_of::<Open>() + open.file.name.len()).sum()
    }
}

/// A path that the images lead to: criu opens it again, and fails where it is not as it was (criu/files-reg.c: `open_path`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// The path, in the mount namespace of the processes.
    pub path: PathBuf,
    /// The size that it must have.
    pub size: Option<u64>,
    /// The `st_mode` of stat(2) that it must have.
    pub mode: Option<u32>,
}

/// Every file in `files.img`.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_id: HashMap<u32, File>,
    /// What is opened or mapped again by its path.
    pub on_disk: Vec<OnDisk>,
    /// The same by number, and the numbers of those that are names of terminals: criu opens these in another way.
    regular: Vec<(u32, OnDisk)>,
    names_of_terminals: HashSet<u32>,
    /// The open terminals: their numbers in `tty-info.img`, and those of the files.
    pub terminals: HashMap<u32, u32>,
    /// How many TCP sockets are connected.
    pub connected_tcp: usize,
    /// The ports that are bound again.
    pub ports: Vec<BoundPort>,
    /// How many unix sockets belong to processes that were not dumped.
    pub external_unix: usize,
    /// How many periodic timers (timerfd) do not fire again after a restore.
    pub lost_timers: usize,
    /// `files.img` was there.
    pub there: bool,
}

impl Files {
    pub(super) fn read(folder: &Folder) -> Result<Self, ImagesError> {
        let mut files = Self::default();
        let Some(mut image) = Image::open(folder, "files.img", Magic::Files)? else {
            return Ok(files);
        };
        files.there = true;
        let gone = gone(folder)?;
        let mut named_elsewhere = Vec::new();
        for (id, file, name_of) in image.each(|entry| files.enter(&entry, &gone))? {
            if let Some(regular) = name_of {
                named_elsewhere.push((id, regular));
            }
            files.by_id.insert(id, file);
        }
        for (id, regular) in named_elsewhere {
            let name = files.name(regular).unwrap_or_default();
            if let Some(file) = files.by_id.get_mut(&id) {
                file.name = name;
            }
        }
        let regular = std::mem::take(&mut files.regular).into_iter();
        files.on_disk =
            regular.filter(|(id, _)| !files.names_of_terminals.contains(id)).map(|(_, file)| file).collect();
        Ok(files)
    }

    /// What an entry says, and the regular file that has its name, where that is another.
    fn enter(&mut self, entry: &FileEntry, gone: &HashSet<u32>) -> (u32, File, Option<u32>) {
        self.connected_tcp += usize::from(entry.isk.as_ref().is_some_and(is_connected_tcp));
        self.ports.extend(entry.isk.as_ref().and_then(BoundPort::of));
        self.external_unix += usize::from(entry.usk.as_ref().is_some_and(is_external));
        self.lost_timers += usize::from(entry.tfd.is_some_and(Timer::is_lost));
        let socket = entry.isk.as_ref().map(Socket::from).or_else(|| entry.usk.as_ref().map(Socket::from));
        let name = match (&entry.reg, &entry.pipe) {
            (Some(regular), _) => printable(&regular.name).into_owned(),
            (None, Some(pipe)) => format!("pipe {}", pipe.pipe_id),
            (None, None) => String::new(),
        };
        if !gone.contains(&entry.id) {
            self.regular.extend(entry.reg.as_ref().and_then(on_disk).map(|file| (entry.id, file)));
        }
        self.names_of_terminals.extend(entry.tty.as_ref().and_then(|tty| tty.regf_id));
        self.terminals.extend(entry.tty.as_ref().map(|tty| (tty.tty_info_id, entry.id)));
        let elsewhere =
            entry.fifo.as_ref().and_then(|f| f.regf_id).or(entry.tty.as_ref().and_then(|t| t.regf_id));
        let file = File { kind: Kind::of(entry), name, deleted: gone.contains(&entry.id), socket };
        (entry.id, file, elsewhere.filter(|&id| id != 0))
    }

    /// The path of a file.
    pub(super) fn name(&self, id: u32) -> Option<String> {
        self.by_id.get(&id).map(|file| file.name.clone()).filter(|name| !name.is_empty())
    }

    /// The files that nothing but a table of open files can refer to: pipes, sockets, terminals and the like. A regular file
    /// may also be mapped, or be a program or a working directory.
    pub(super) fn only_in_tables(&self) -> impl Iterator<Item = u32> {
        let is_mapped = |kind| matches!(kind, Kind::Regular | Kind::Directory | Kind::Device | Kind::Memfd);
        self.by_id.iter().filter(move |(_, file)| !is_mapped(file.kind)).map(|(&id, _)| id)
    }

    /// The open files of a process that has the file table with this number; `None` where the image is not there. The numbers of
    /// the files are added to `referenced`.
    pub(super) fn of_table(
        &self,
        folder: &Folder,
        table: u32,
        referenced: &mut HashSet<u32>,
    ) -> Result<Option<OpenFiles>, ImagesError> {
        let name = format!("fdinfo-{table}.img");
        let Some(mut image) = Image::open(folder, &name, Magic::Fdinfo)? else {
            return Ok(None);
        };
        let mut open = OpenFiles::default();
        for descriptor in image.each(|descriptor: Descriptor| descriptor)? {
            referenced.insert(descriptor.id);
            let file = self.by_id.get(&descriptor.id);
            let Some(file) = file.cloned() else {
                // Without the image nothing can be said of any of them; that it is missing is said elsewhere.
                if !self.there {
                    continue;
                }
                let why = format!("file descriptor {} is of a file that files.img lacks", descriptor.fd);
                return Err(image.unfit(why));
            };
            *open.counts.entry(file.kind).or_insert(0) += 1;
            open.list.push(Open { fd: descriptor.fd, file });
        }
        open.list.sort_by_key(|open| open.fd);
        Ok(Some(open))
    }
}

fn on_disk(file: &RegularFile) -> Option<OnDisk> {
    let path = PathBuf::from(OsString::from_vec(file.name.clone()));
    let opened = file.ext != Some(true) && path.is_absolute();
    opened.then_some(OnDisk { path, size: file.size, mode: file.mode })
}

/// The files whose path was gone.
fn gone(folder: &Folder) -> Result<HashSet<u32>, ImagesError> {
    let image = Image::open(folder, "remap-fpath.img", Magic::RemapPath)?;
    let ids = image.map(|mut image| image.each(|remap: Remap| remap.orig_id)).transpose()?;
    Ok(ids.unwrap_or_default().into_iter().collect())
}
