//! The folder with the images, held by its descriptor: a symbolic link in it is never followed, and only regular files are read.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::ImagesError;
use crate::model::printable;

/// An open folder.
#[derive(Debug)]
pub(in crate::checkpoint) struct Folder {
    fd: OwnedFd,
    /// Printable.
    pub path: String,
    /// As it was named.
    pub place: PathBuf,
}

/// The link to the images that these are built on (criu/image.c: `CR_PARENT_LINK`).
const PARENT: &str = "parent";

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Without `NONBLOCK` the open of a named pipe would wait for a writer.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

impl Folder {
    /// Opens the folder that somebody named; the name itself may be a symbolic link.
    pub(in crate::checkpoint) fn open(path: &Path) -> Result<Self, ImagesError> {
        let shown = printable(path.as_os_str().as_encoded_bytes()).into_owned();
        match rustix::fs::openat(CWD, path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: shown, place: path.to_owned() }),
            Err(error) => Err(failed(shown, error)),
        }
    }

    /// Opens a folder in this one.
    pub(super) fn child(&self, name: &str) -> Result<Self, ImagesError> {
        let path = format!("{}/{name}", self.path);
        match rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path, place: self.place.join(name) }),
            Err(error) => Err(failed(path, error)),
        }
    }

    /// Opens the folder that the images in this one are built on; `None` where there is none. `parent` is a link by its nature.
    pub(super) fn parent(&self) -> Result<Option<Self>, ImagesError> {
        if !self.has(PARENT) {
            return Ok(None);
        }
        let path = format!("{}/{PARENT}", self.path);
        match rustix::fs::openat(&self.fd, PARENT, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path, place: self.place.join(PARENT) })),
            Err(error) => Err(failed(path, error)),
        }
    }

    /// What makes it this folder and no other: its device and inode.
    pub(super) fn identity(&self) -> Result<(u64, u64), ImagesError> {
        let stat = rustix::fs::fstat(&self.fd).map_err(|error| failed(self.path.clone(), error))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// Opens a regular file in it, with its size; `None` where there is none of this name.
    pub(super) fn file(&self, name: &str) -> Result<Option<(File, u64)>, ImagesError> {
        let shown = || self.shown(name);
        let fd = match rustix::fs::openat(&self.fd, name, FILE, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            // A symbolic link; a socket or a device without a driver.
            Err(Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Err(ImagesError::NotRegular(shown())),
            Err(error) => return Err(failed(shown(), error)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|error| failed(shown(), error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ImagesError::NotRegular(shown()));
        }
        Ok(Some((File::from(fd), u64::try_from(stat.st_size).unwrap_or(0))))
    }

    /// The contents of a file, up to a limit; `None` where there is none of this name.
    pub(in crate::checkpoint) fn text(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ImagesError> {
        let Some((file, size)) = self.file(name)? else { return Ok(None) };
        if size > limit {
            return Err(ImagesError::TooLarge { file: self.shown(name), limit });
        }
        let mut text = Vec::new();
        let read = file.take(limit).read_to_end(&mut text);
        read.map_err(|error| ImagesError::Io { file: self.shown(name), error })?;
        Ok(Some(text))
    }

    /// The size of a regular file in it, and when it was last written, in seconds since 1970; `None` for everything else.
    pub(super) fn look(&self, name: &str) -> Option<(u64, i64)> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        regular.then(|| (u64::try_from(stat.st_size).unwrap_or(0), stat.st_mtime))
    }

    /// True where something has this name, whatever it is.
    pub(super) fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// The names in it that are UTF-8, as all of criu's are.
    pub(super) fn names(&self) -> Result<Vec<String>, ImagesError> {
        let failed = |error| failed(self.path.clone(), error);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            if let Ok(name) = entry.map_err(failed)?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// The printable path of a file in it.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

fn failed(path: String, error: Errno) -> ImagesError {
    match error {
        Errno::NOENT => ImagesError::Gone(path),
        Errno::NOTDIR => ImagesError::NotFolder(path),
        Errno::ACCESS | Errno::PERM => ImagesError::NotPermitted(path),
        error => ImagesError::Io { file: path, error: io::Error::from(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_pipes_and_folders_are_not_read() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        std::fs::write(at("secret"), "x").unwrap();
        symlink(at("secret"), at("pstree.img")).unwrap();
        symlink(temp.path(), at("77")).unwrap();
        rustix::fs::mknodat(CWD, at("core-1.img"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        std::fs::create_dir(at("files.img")).unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        for name in ["pstree.img", "core-1.img", "files.img"] {
            assert!(matches!(folder.file(name), Err(ImagesError::NotRegular(_))), "{name}");
            assert_eq!(folder.look(name), None, "{name}");
        }
        assert!(folder.child("77").is_err());
        assert!(folder.file("none").unwrap().is_none());
        assert_eq!(folder.text("secret", 1).unwrap().unwrap(), b"x");
        assert!(matches!(folder.text("secret", 0), Err(ImagesError::TooLarge { .. })));
    }

    #[test]
    fn a_folder_that_is_none() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("file"), "").unwrap();
        assert!(matches!(Folder::open(&temp.path().join("file")), Err(ImagesError::NotFolder(_))));
        assert!(matches!(Folder::open(&temp.path().join("none")), Err(ImagesError::Gone(_))));
    }
}
