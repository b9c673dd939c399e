//! A group's directory, held by a file descriptor.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat};
use rustix::io::Errno;

use crate::model::CgroupId;

/// An open directory of a cgroup file system. Everything below goes through its descriptor and never through a path twice.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
}

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
        Ok(self.stat()?.st_nlink != 2)
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
        let mut text = Vec::with_capacity(128);
        Ok(self.read_into(file, &mut text)?.then_some(text))
    }

    /// [`Self::read`] into a buffer that is used again; false where the file or the group is gone.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_into(&self, file: &str, text: &mut Vec<u8>) -> io::Result<bool> {
        text.clear();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let Some(fd) = present(rustix::fs::openat(&self.fd, file, flags, Mode::empty()))? else {
            return Ok(false);
        };
        loop {
            if text.capacity() == text.len() {
                text.reserve(text.len().max(4096));
            }
            match present(rustix::io::read(&fd, rustix::buffer::spare_capacity(text)))? {
                None => return Ok(false),
                // Control files fit into one read; a short read that leaves room is followed by the one that says end.
                Some(0) => return Ok(true),
                Some(_) => {}
            }
        }
    }

    /// The beginning of a file in this directory, of `most` bytes at most; `None` where the file or the group is gone.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_head(&self, file: &str, most: usize) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let Some(fd) = present(rustix::fs::openat(&self.fd, file, flags, Mode::empty()))? else {
            return Ok(None);
        };
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

    /// Writes to a control file in this directory, in one write(2).
    ///
    /// # Errors
    /// What openat(2) and write(2) say, ENOENT and ENODEV for a group that is gone among them.
    pub fn write(&self, file: &str, text: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = rustix::fs::openat(&self.fd, file, flags, Mode::empty())?;
        rustix::io::write(fd.as_fd(), text)?;
        Ok(())
    }

    /// Whether this program may write a file in this directory, without writing.
    pub fn may_write(&self, file: &str) -> bool {
        let access = rustix::fs::Access::WRITE_OK;
        rustix::fs::accessat(&self.fd, file, access, rustix::fs::AtFlags::EACCESS).is_ok()
    }
}

fn identity(stat: &Stat) -> CgroupId {
    CgroupId { dev: stat.st_dev, ino: stat.st_ino }
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
