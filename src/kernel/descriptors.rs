//! The open files of a process, looked at from outside and never opened: opening a FIFO or a device has effects.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Statx, StatxFlags};

use super::dir::absent_is_none;

/// What a file is (statx(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Regular file, socket, device, …; `Unknown` for what anonymous inodes are made of.
    pub kind: FileType,
    /// Device and inode.
    pub id: (u32, u32, u64),
    /// How many names it has.
    pub links: u32,
    /// How many bytes it takes on its file system: holes are not counted.
    pub bytes: u64,
    /// The device that a device file stands for: major, minor.
    pub device: (u32, u32),
    /// The mount that it was opened on, as in `/proc/PID/mountinfo`; `None` before Linux 5.8.
    pub mount: Option<u64>,
}

/// What `/proc/PID/fdinfo/N` says (proc_pid_fdinfo(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// Locks and leases that hold through this descriptor.
    pub locks: usize,
    /// The process that a pidfd stands for, as this program's PID namespace numbers it; -1 where it has ended.
    pub pid: Option<i32>,
    /// The number of the terminal that a `/dev/ptmx` is the master of.
    pub terminal: Option<u32>,
    /// The connection of the FUSE file system that a `/dev/fuse` serves; `None` where the kernel does not say it.
    pub fuse: Option<u32>,
    /// The mount that it was opened on, as in `/proc/PID/mountinfo`.
    pub mount: Option<u64>,
    /// How it was opened: the flags of open(2).
    pub flags: Option<u32>,
}

impl Info {
    /// Whether it was opened for reading, and whether for writing; neither where that is not known, or for `O_PATH`.
    pub fn access(&self) -> (bool, bool) {
        let flags = OFlags::from_bits_retain(self.flags.unwrap_or(OFlags::PATH.bits()));
        let mode = flags & OFlags::ACCMODE;
        let any = !flags.contains(OFlags::PATH);
        (
            any && (mode == OFlags::RDONLY || mode == OFlags::RDWR),
            any && (mode == OFlags::WRONLY || mode == OFlags::RDWR),
        )
    }
}

/// One open file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What the link in `/proc/PID/fd` says: a path, `socket:[…]`, `anon_inode:[…]`.
    pub link: Box<[u8]>,
    /// What it is.
    pub facts: Facts,
    /// Its locks and the like.
    pub info: Info,
}

/// A process's directory in `/proc`, held open: a PID that is used again is not mistaken for it.
#[derive(Debug)]
pub struct ProcessDir(OwnedFd);

impl ProcessDir {
    /// `None` where the process is gone.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn open(pid: i32) -> io::Result<Option<Self>> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(CWD, format!("/proc/{pid}"), flags, Mode::empty());
        absent_is_none(opened.map(Self).map_err(io::Error::from))
    }

    /// The numbers of all open files.
    ///
    /// # Errors
    /// EACCES without the right to look at the process.
    pub fn numbers(&self) -> io::Result<Vec<i32>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Some(folder) =
            absent_is_none(rustix::fs::openat(&self.0, "fd", flags, Mode::empty()).map_err(Into::into))?
        else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            all.extend(entry?.file_name().to_string_lossy().parse::<i32>());
        }
        Ok(all)
    }

    /// Every open file. Those that are closed while this looks are left out.
    ///
    /// # Errors
    /// EACCES without the right to look at the process.
    pub fn descriptors(&self) -> io::Result<Vec<Descriptor>> {
        let mut all = Vec::new();
        for number in self.numbers()? {
            all.extend(absent_is_none(self.descriptor(number))?);
        }
        Ok(all)
    }

    fn descriptor(&self, number: i32) -> io::Result<Descriptor> {
        let place = format!("fd/{number}");
        let link = self.link(&place)?;
        let facts = self.facts(&place)?;
        Ok(Descriptor { number, link, facts, info: self.info(number)? })
    }

    /// What the kernel says of an open file beside what it is.
    ///
    /// # Errors
    /// What openat(2) and read(2) say.
    pub fn info(&self, number: i32) -> io::Result<Info> {
        Ok(info(&self.read(&format!("fdinfo/{number}"))?))
    }

    /// Where a link of `/proc/PID` points to, in words.
    ///
    /// # Errors
    /// What readlinkat(2) says.
    pub fn link(&self, place: &str) -> io::Result<Box<[u8]>> {
        Ok(rustix::fs::readlinkat(&self.0, place, Vec::new())?.into_bytes().into())
    }

    /// What a link of `/proc/PID` leads to. Nothing is opened, and a network file system is not asked.
    ///
    /// # Errors
    /// What statx(2) says.
    pub fn facts(&self, place: &str) -> io::Result<Facts> {
        let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let found = rustix::fs::statx(&self.0, place, AtFlags::STATX_DONT_SYNC, mask)?;
        Ok(facts(&found))
    }

    /// The type of the file system that a link of `/proc/PID` leads to, a number of linux/magic.h. A network file system is
    /// asked for it, and may not answer.
    ///
    /// # Errors
    /// What openat(2) and fstatfs(2) say.
    pub fn file_system(&self, place: &str) -> io::Result<rustix::fs::FsWord> {
        let file = rustix::fs::openat(&self.0, place, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok(rustix::fs::fstatfs(&file)?.f_type)
    }

    /// A text of `/proc/PID`.
    ///
    /// # Errors
    /// What openat(2) and read(2) say.
    pub fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&self.0, Path::new(OsStr::from_bytes(file.as_bytes())), flags, Mode::empty())?;
        let mut text = Vec::with_capacity(4096);
        while rustix::io::read(fd.as_fd(), rustix::buffer::spare_capacity(&mut text))? > 0 {
            text.reserve(4096);
        }
        Ok(text)
    }
}

fn facts(found: &Statx) -> Facts {
    let mount = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID);
    Facts {
        kind: FileType::from_raw_mode(found.stx_mode.into()),
        id: (found.stx_dev_major, found.stx_dev_minor, found.stx_ino),
        links: found.stx_nlink,
        // stx_blocks counts 512 bytes each, whatever the file system's own block is.
        bytes: found.stx_blocks.saturating_mul(512),
        device: (found.stx_rdev_major, found.stx_rdev_minor),
        mount: mount.then_some(found.stx_mnt_id),
    }
}

impl Info {
    /// The text of `/proc/PID/fdinfo/N`.
    pub fn parse(text: &[u8]) -> Self {
        info(text)
    }
}

fn info(text: &[u8]) -> Info {
    let mut info = Info::default();
    for line in text.split(|&b| b == b'\n') {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let value = || std::str::from_utf8(&line[colon + 1..]).ok().map(str::trim);
        match &line[..colon] {
            b"lock" => info.locks += 1,
            b"Pid" => info.pid = value().and_then(|text| text.parse().ok()),
            b"fuse_connection" => info.fuse = value().and_then(|text| text.parse().ok()),
            b"tty-index" => info.terminal = value().and_then(|text| text.parse().ok()),
            b"flags" => info.flags = value().and_then(|text| u32::from_str_radix(text, 8).ok()),
            b"mnt_id" => info.mount = value().and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::fd::AsRawFd;

    fn own() -> ProcessDir {
        ProcessDir::open(std::process::id().cast_signed()).unwrap().unwrap()
    }

    #[test]
    fn lines_of_fdinfo() {
        let text = b"pos:\t0\nflags:\t0100001\nmnt_id:\t27\nlock:\t1: FLOCK  ADVISORY  WRITE 9 00:13:5 0 EOF\nlock:\t2: x\n";
        assert_eq!((info(text).locks, info(text).mount, info(text).access()), (2, Some(27), (false, true)));
        assert_eq!(info(b"flags:\t0100002\n").access(), (true, true));
        assert_eq!(info(b"flags:\t010000000\n").access(), (false, false), "O_PATH");
        assert_eq!(info(b"").access(), (false, false));
        assert_eq!(info(b"fuse_connection:\t40\n").fuse, Some(40));
        assert_eq!(info(b"Pid:\t-1\nNSpid:\t4\n").pid, Some(-1));
        assert_eq!(info(b"tty-index:\t7\n").terminal, Some(7));
        assert_eq!(info(b"Pid:\t\xff\n"), Info::default());
    }

    #[test]
    fn an_open_file_is_found() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a");
        std::fs::write(&path, vec![1; 9000]).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let all = own().descriptors().unwrap();
        let one = all.iter().find(|d| d.number == file.as_raw_fd()).unwrap();
        assert!(one.link.ends_with(b"/a (deleted)"));
        assert_eq!((one.facts.kind, one.facts.links), (FileType::RegularFile, 0));
        assert!(one.facts.bytes >= 9000);
    }

    #[test]
    fn a_process_that_is_gone() {
        assert!(ProcessDir::open(i32::MAX).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            info(&bytes);
        }
    }
}
