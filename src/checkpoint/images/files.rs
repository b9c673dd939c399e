//! Open files: `files.img` has what is open, `fdinfo-N.img` under which numbers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use serde::Serialize;

use super::about::about;
use super::ends::{End, Holders};
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{Descriptor, FileEntry, MemoryInode, RegularFile, Remap, Timer};
use super::socket::{BoundPort, Socket, is_connected_tcp, is_external};
use super::{ImagesError, Kind};
use crate::model::printable;

/// An open file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct File {
    /// What it is.
    pub kind: Kind,
    /// Its path, or `pipe N` with a number that both ends have; empty for what has no name. Printable.
    pub name: String,
    /// The path was gone when the images were made: the contents are in them, or the path leads elsewhere now.
    pub deleted: bool,
    /// Where it is a socket of the internet or unix families.
    pub socket: Option<Socket>,
    /// What it may be used for: `r`, `w` or `rw`. Only of what has an offset, and of pipes.
    pub access: Option<&'static str>,
    /// The offset at which it is read or written next, in bytes.
    pub position: Option<u64>,
    /// The size of the file, in bytes, where criu kept it.
    pub size: Option<u64>,
    /// What an epoll, a timer and the like watches or waits for, in words; printable.
    pub about: Option<String>,
    /// The processes that have its other end open, where it has two ends and they are in the images.
    pub peers: Option<Holders>,
    /// Its number in `files.img`: the same wherever it is shared.
    #[serde(skip)]
    pub id: u32,
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
        let bytes = |open: &Open| {
            let file = &open.file;
            size_of::<Open>() + file.name.len() + file.about.as_ref().map_or(0, String::len)
        };
        self.list.iter().map(bytes).sum()
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
    /// It is open for writing.
    pub is_written: bool,
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
    /// Of what has two ends this one and the other one, by the number of the file.
    pub ends: HashMap<u32, (End, End)>,
    /// The memory files (memfd_create(2)) by their number.
    memory_inodes: HashMap<u64, MemoryInode>,
    /// By the number of the file, that of the segment of shared memory that has its contents.
    segments: HashMap<u64, u64>,
}

impl Files {
    pub(super) fn read(folder: &Folder) -> Result<Self, ImagesError> {
        let mut files = Self::default();
        let Some(mut image) = Image::open(folder, "files.img", Magic::Files)? else {
            return Ok(files);
        };
        files.there = true;
        let gone = gone(folder)?;
        files.memory_inodes = memory_inodes(folder)?;
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
        let memory = entry.memfd.as_ref().and_then(|file| self.memory_inodes.get(&u64::from(file.inode_id)));
        self.segments.extend(memory.map(|inode| (u64::from(entry.id), u64::from(inode.shmid))));
        let name = match (&entry.reg, &entry.pipe) {
            (Some(regular), _) => printable(&regular.name).into_owned(),
            (None, Some(pipe)) => format!("pipe {}", pipe.pipe_id),
            (None, None) => memory.map_or_else(String::new, |inode| printable(&inode.name).into_owned()),
        };
        let size = entry.reg.as_ref().and_then(|file| file.size).or(memory.map(|inode| inode.size));
        let at = entry.reg.as_ref().map(|file| (file.flags, file.pos));
        let at = at.or(entry.memfd.as_ref().map(|file| (file.flags, file.pos)));
        let flags = at.map(|(flags, _)| flags).or(entry.pipe.as_ref().map(|pipe| pipe.flags));
        if !gone.contains(&entry.id) {
            self.regular.extend(entry.reg.as_ref().and_then(on_disk).map(|file| (entry.id, file)));
        }
        self.names_of_terminals.extend(entry.tty.as_ref().and_then(|tty| tty.regf_id));
        self.terminals.extend(entry.tty.as_ref().map(|tty| (tty.tty_info_id, entry.id)));
        let elsewhere =
            entry.fifo.as_ref().and_then(|f| f.regf_id).or(entry.tty.as_ref().and_then(|t| t.regf_id));
        self.ends.extend(End::both(entry).map(|ends| (entry.id, ends)));
        let file = File {
            kind: Kind::of(entry),
            name,
            deleted: gone.contains(&entry.id),
            socket,
            access: flags.map(access),
            position: at.map(|(_, position)| position),
            size,
            about: about(entry),
            peers: None,
            id: entry.id,
        };
        (entry.id, file, elsewhere.filter(|&id| id != 0))
    }

    /// The path of a file.
    pub(super) fn name(&self, id: u32) -> Option<String> {
        self.by_id.get(&id).map(|file| file.name.clone()).filter(|name| !name.is_empty())
    }

    /// The segment of shared memory that has the contents of a memory file.
    pub(super) fn segment(&self, id: u64) -> Option<u64> {
        self.segments.get(&id).copied()
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
                let why = format!(
                    "file descriptor {} refers to a file that is missing in files.img",
                    descriptor.fd
                );
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
    let is_written = access(file.flags) != "r";
    opened.then_some(OnDisk { path, size: file.size, mode: file.mode, is_written })
}

/// What the flags of open(2) allow.
fn access(flags: u32) -> &'static str {
    match flags & 3 {
        0 => "r",
        1 => "w",
        _ => "rw",
    }
}

fn memory_inodes(folder: &Folder) -> Result<HashMap<u64, MemoryInode>, ImagesError> {
    let image = Image::open(folder, "memfd.img", Magic::Memfd)?;
    let all = image.map(|mut image| image.each(|inode: MemoryInode| (inode.inode_id, inode))).transpose()?;
    Ok(all.unwrap_or_default().into_iter().collect())
}

/// The files whose path was gone.
fn gone(folder: &Folder) -> Result<HashSet<u32>, ImagesError> {
    let image = Image::open(folder, "remap-fpath.img", Magic::RemapPath)?;
    let ids = image.map(|mut image| image.each(|remap: Remap| remap.orig_id)).transpose()?;
    Ok(ids.unwrap_or_default().into_iter().collect())
}
