//! A group's directory, held by a file descriptor.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, StatxFlags};
use rustix::io::Errno;

use crate::model::{CgroupId, CgroupPath};

/// An open directory of a cgroup file system. Everything below goes through its descriptor and never through a path twice.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
}

/// No way leads out of the directory, and no symbolic link is followed on the way. (openat2(2))
const BELOW: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Dir {
    /// Opens a directory by its path. A symbolic link as the last component is not followed.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fd: rustix::fs::openat(CWD, path, FLAGS, Mode::empty())? })
    }

    /// Opens the directory with a name in this one; `None` where it is gone.
    ///
    /// # Errors
    /// What openat(2) says, but for what [`vanished`] covers.
    pub fn child(&self, name: &[u8]) -> io::Result<Option<Self>> {
        present(
            rustix::fs::openat(&self.fd, OsStr::from_bytes(name), FLAGS, Mode::empty()).map(|fd| Self { fd }),
        )
    }

    /// Makes a directory in this one: of a cgroup file system, a group. EEXIST where there is one of that name.
    ///
    /// # Errors
    /// What mkdirat(2) says.
    pub fn make(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.fd, OsStr::from_bytes(name), Mode::from_raw_mode(0o755))?)
    }

    /// Removes an empty directory in this one; one that is gone is no error. A group is empty when it has no process and no
    /// group in it (EBUSY otherwise).
    ///
    /// # Errors
    /// What unlinkat(2) says.
    pub fn unmake(&self, name: &[u8]) -> io::Result<()> {
        present(rustix::fs::unlinkat(&self.fd, OsStr::from_bytes(name), AtFlags::REMOVEDIR)).map(drop)
    }

    /// Opens a directory below this one, or this one again; `None` where it is gone.
    ///
    /// # Errors
    /// As [`Self::child`].
    pub fn descendant(&self, path: &CgroupPath) -> io::Result<Option<Self>> {
        if path.is_root() {
            return self.child(b".");
        }
        let below = OsStr::from_bytes(&path.as_bytes()[1..]);
        match rustix::fs::openat2(&self.fd, below, FLAGS, Mode::empty(), BELOW) {
            Ok(fd) => Ok(Some(Self { fd })),
            Err(Errno::NOENT) => Ok(None),
            // A path that is too long for one system call, or a sandbox without this one.
            Err(_) => self.step_by_step(path),
        }
    }

    fn step_by_step(&self, path: &CgroupPath) -> io::Result<Option<Self>> {
        let mut dir = self.child(b".")?;
        for name in path.components() {
            let Some(parent) = dir else { return Ok(None) };
            dir = parent.child(name)?;
        }
        Ok(dir)
    }

    /// Device and inode: who this group is.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn id(&self) -> io::Result<CgroupId> {
        Ok(identity(&self.stat()?))
    }

    /// Who the group with a name in this one is, even where it may not be opened; `None` where it is gone.
    ///
    /// # Errors
    /// What fstatat(2) says.
    pub fn id_of(&self, name: &[u8]) -> io::Result<Option<CgroupId>> {
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let stat = present(rustix::fs::statat(&self.fd, OsStr::from_bytes(name), flags))?;
        Ok(stat.as_ref().map(identity))
    }

    /// Whether there are groups in this one. A directory's link count is two and one for each directory in it, so a leaf is
    /// known without reading the directory.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn has_children(&self) -> io::Result<bool> {
        Ok(has_children(&self.stat()?))
    }

    /// Who this group is, and whether there are groups in it: [`Self::id`] and [`Self::has_children`] in one look.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn id_and_children(&self) -> io::Result<(CgroupId, bool)> {
        let stat = self.stat()?;
        Ok((identity(&stat), has_children(&stat)))
    }

    /// The mount that it was opened on, as in `/proc/self/mountinfo`; `None` before Linux 5.8.
    ///
    /// # Errors
    /// What statx(2) says.
    pub fn mount_id(&self) -> io::Result<Option<u64>> {
        let found = rustix::fs::statx(&self.fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
        Ok((found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id))
    }

    /// Whether this directory belongs to this program's user, and nobody else may write to it.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn is_private(&self) -> io::Result<bool> {
        let stat = self.stat()?;
        Ok(stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0)
    }

    /// Another descriptor of the same directory.
    ///
    /// # Errors
    /// What dup(2) says.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()? })
    }

    /// The descriptor.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(&self.fd)?)
    }

    /// The names of the directories in this one, in the kernel's order; empty where this one is gone.
    ///
    /// # Errors
    /// What getdents64(2) says.
    pub fn children(&self) -> io::Result<Vec<Box<[u8]>>> {
        if self.has_children()? { self.names(|kind| kind.is_dir()) } else { Ok(Vec::new()) }
    }

    /// The names of the plain files in this directory.
    ///
    /// # Errors
    /// What getdents64(2) says.
    pub fn files(&self) -> io::Result<Vec<Box<[u8]>>> {
        self.names(|kind| kind.is_file())
    }

    fn names(&self, wanted: impl Fn(FileType) -> bool) -> io::Result<Vec<Box<[u8]>>> {
        let mut names = Vec::new();
        // A descriptor of its own: reading a directory moves the descriptor's position.
        let Some(fd) = present(rustix::fs::openat(&self.fd, ".", FLAGS, Mode::empty()))? else {
            return Ok(names);
        };
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let Some(entry) = present(entry)? else { break };
            let name = entry.file_name().to_bytes();
            if wanted(entry.file_type()) && !matches!(name, b"." | b"..") {
                names.push(name.into());
            }
        }
        Ok(names)
    }

    /// The contents of a file in this directory; `None` where the file or the group is gone.
    ///
    /// # Errors
    /// What openat(2) and read(2) say, but for what [`vanished`] covers.
    pub fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(fd) = self.file(file)? else { return Ok(None) };
        let mut text = Vec::with_capacity(128);
        loop {
            if text.capacity() == text.len() {
                text.reserve(text.len().max(4096));
            }
            match present(rustix::io::read(&fd, rustix::buffer::spare_capacity(&mut text)))? {
                None => return Ok(None),
                Some(0) => return Ok(Some(text)),
                Some(_) => {}
            }
        }
    }

    /// [`Self::read`] of a file that is no list (`cgroup.freeze`, `cgroup.events`, `freezer.state`), into a buffer that is used
    /// again; false where the file or the group is gone.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_into(&self, file: &str, text: &mut Vec<u8>) -> io::Result<bool> {
        text.clear();
        let Some(fd) = self.file(file)? else { return Ok(false) };
        Ok(present(one_piece(&fd, text, usize::MAX))?.is_some())
    }

    /// Opens a file in this directory for reading; `None` where it or the group is gone.
    fn file(&self, name: &str) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        present(rustix::fs::openat(&self.fd, name, flags, Mode::empty()))
    }

    /// The beginning of a file in this directory, of `most` bytes at most; `None` where the file or the group is gone.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_head(&self, file: &str, most: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(fd) = self.file(file)? else { return Ok(None) };
        let (mut text, mut read) = (vec![0; most], 0);
        while read < most {
            match present(rustix::io::read(&fd, &mut text[read..]))? {
                None => return Ok(None),
                Some(0) => break,
                Some(n) => read += n,
            }
        }
        text.truncate(read);
        Ok(Some(text))
    }

    /// Whether anybody is allowed to read a file in this directory, by its mode; `None` where the file or the group is gone.
    ///
    /// # Errors
    /// What fstatat(2) says.
    pub fn is_for_reading(&self, file: &str) -> io::Result<Option<bool>> {
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let stat = present(rustix::fs::statat(&self.fd, file, flags))?;
        Ok(stat.map(|stat| stat.st_mode & 0o444 != 0))
    }

    /// Writes to a control file in this directory, in one write(2), and truncates it as a shell's `>` does: so the kernel keeps
    /// the time ([`Self::truncated_at`]).
    ///
    /// # Errors
    /// What openat(2) and write(2) say, ENOENT and ENODEV for a group that is gone among them.
    pub fn write(&self, file: &str, text: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = rustix::fs::openat(&self.fd, file, flags, Mode::empty())?;
        rustix::io::write(fd.as_fd(), text)?;
        Ok(())
    }

    /// When a control file in this directory was truncated last, and so written to; `None` where it never was, or the file or
    /// the group is gone.
    ///
    /// # Errors
    /// What fstatat(2) says.
    pub fn truncated_at(&self, file: &str) -> io::Result<Option<SystemTime>> {
        let stat = present(rustix::fs::statat(&self.fd, file, AtFlags::SYMLINK_NOFOLLOW))?;
        // The times of a file that was never truncated are those at which it was looked at first, all the same.
        let truncated =
            |stat: &Stat| (stat.st_mtime, stat.st_mtime_nsec) != (stat.st_atime, stat.st_atime_nsec);
        let time = |stat: Stat| {
            let since_1970 =
                Duration::new(u64::try_from(stat.st_mtime).ok()?, u32::try_from(stat.st_mtime_nsec).ok()?);
            UNIX_EPOCH.checked_add(since_1970)
        };
        Ok(stat.filter(truncated).and_then(time))
    }

    /// The user that a file in this directory belongs to; `None` where the file or the group is gone.
    ///
    /// # Errors
    /// What fstatat(2) says.
    pub fn owner_of(&self, file: &str) -> io::Result<Option<u32>> {
        let stat = present(rustix::fs::statat(&self.fd, file, AtFlags::SYMLINK_NOFOLLOW))?;
        Ok(stat.map(|stat| stat.st_uid))
    }

    /// Whether this program may write a file in this directory, without writing.
    pub fn may_write(&self, file: &str) -> bool {
        self.try_access(file).is_ok()
    }

    /// What a write to a file in this directory would say of this program's rights, without writing.
    ///
    /// # Errors
    /// What faccessat(2) says.
    pub fn try_access(&self, file: &str) -> io::Result<()> {
        Ok(rustix::fs::accessat(&self.fd, file, Access::WRITE_OK, AtFlags::EACCESS)?)
    }
}

/// Reads a file that the kernel gives in one piece, up to `most` bytes or some more: a read that leaves room has come to its
/// end, and no second one is needed to say so. (fs/seq_file.c, `seq_read_iter`; fs/proc/base.c, `proc_pid_cmdline_read`)
pub(super) fn one_piece(fd: &OwnedFd, text: &mut Vec<u8>, most: usize) -> rustix::io::Result<()> {
    loop {
        if text.capacity() == text.len() {
            text.reserve(text.len().max(128));
        }
        rustix::io::read(fd, rustix::buffer::spare_capacity(text))?;
        if text.len() < text.capacity() || text.len() >= most {
            return Ok(());
        }
    }
}

fn identity(stat: &Stat) -> CgroupId {
    CgroupId { dev: stat.st_dev, ino: stat.st_ino }
}

fn has_children(stat: &Stat) -> bool {
    stat.st_nlink != 2
}

/// True for the errors that say that a group, a file of it or a process is not there any more.
pub fn vanished(error: &io::Error) -> bool {
    let gone = [Errno::NOENT, Errno::NODEV, Errno::SRCH];
    // By number: the standard library's ErrorKind of ENODEV and ESRCH is "Uncategorized".
    error.raw_os_error().is_some_and(|code| gone.iter().any(|errno| errno.raw_os_error() == code))
}

/// `None` for what has [`vanished`].
fn present<T>(result: Result<T, Errno>) -> io::Result<Option<T>> {
    absent_is_none(result.map_err(io::Error::from))
}

/// `None` in place of an error that says that the thing has [`vanished`].
///
/// # Errors
/// Every other error.
pub fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if vanished(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
