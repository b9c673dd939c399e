//! The folder for what must be known after this program has died, and must be forgotten with the boot: `/run/cryoscope` as
//! root, else one of this user's own (`runtime_folder/place.rs`).
//!
//! Each file in it belongs to the program that holds a lock on it (flock(2)), which the kernel lets go when that program dies:
//! so a file that can be locked was left behind. A file has its name only once it is complete and locked.

mod place;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::descriptors::ProcessDir;
use super::dir::{Dir, absent_is_none};
use super::host;
use super::processes::every_pid;
use crate::model::CgroupId;
use place::{Place, all_places, places};

/// The folder, open.
#[derive(Debug)]
pub struct RuntimeFolder(Dir);

/// A file of the folder that this program holds.
#[derive(Debug)]
pub struct Held {
    folder: Dir,
    name: String,
    file: File,
}

/// The lock on the folder itself (flock(2)).
#[derive(Debug)]
pub struct Alone {
    _folder: OwnedFd,
}

/// How long somebody may have the folder to themselves.
const MOMENT: Duration = Duration::from_secs(5);

/// What the name of a file begins with that is not complete yet.
const INCOMPLETE: &str = "new-";

/// Longer than anything that this program writes there: what is longer, somebody else wrote.
const LONGEST: u64 = 64 << 20;

impl RuntimeFolder {
    /// Opens the folder; `None` where it is not there and is not to be made.
    ///
    /// # Errors
    /// What the kernel says; and where there is no such place, or others may write there.
    pub fn open(make: bool) -> io::Result<Option<Self>> {
        let places = places();
        for place in &places {
            if let Some(folder) = Self::at(place)? {
                return Ok(Some(folder));
            }
        }
        if !make {
            return Ok(None);
        }
        let mut refused = None;
        for place in &places {
            match create(place) {
                Ok(Some(folder)) => return Ok(Some(folder)),
                Ok(None) => {}
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(no_place))
    }

    /// Every folder in which an earlier call of this user may have left something, that call with another environment. One that
    /// belongs to somebody else is left out.
    pub fn all() -> Vec<Self> {
        let mut found: Vec<(CgroupId, Self)> = Vec::new();
        for folder in all_places().iter().filter_map(|place| Self::at(place).ok().flatten()) {
            let Ok(id) = folder.0.id() else { continue };
            if found.iter().all(|(other, _)| *other != id) {
                found.push((id, folder));
            }
        }
        found.into_iter().map(|(_, folder)| folder).collect()
    }

    /// The folder at a place; `None` where there is none. Where everybody may make one, somebody else's is none.
    fn at(place: &Place) -> io::Result<Option<Self>> {
        let opened = absent_is_none(Dir::open(&place.path));
        let opened = if place.shared { opened.or(Ok(None)) } else { opened };
        let Some(folder) = opened? else { return Ok(None) };
        if folder.is_private()? {
            return Ok(Some(Self(folder)));
        }
        if place.shared {
            return Ok(None);
        }
        let why = format!("{} belongs to another user, or is writable by others", place.path.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }

    /// The folder, made where it is missing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn make() -> io::Result<Self> {
        Self::open(true)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// Nobody else passes here, as long as what comes back lives. It is held for a moment only.
    ///
    /// # Errors
    /// What the kernel says; `TimedOut` where somebody holds it for longer than a moment.
    pub fn alone(&self) -> io::Result<Alone> {
        // Opened anew: a lock belongs to what was opened, and a copy of the descriptor would keep it.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(self.0.fd(), ".", flags, Mode::empty())?;
        let deadline = Instant::now() + MOMENT;
        loop {
            match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Alone { _folder: folder }),
                Err(Errno::WOULDBLOCK) if Instant::now() < deadline => sleep(Duration::from_millis(1)),
                Err(Errno::WOULDBLOCK) => {
                    let why = "another cryoscope process keeps the runtime directory locked";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes a file of a kind, with this text in it, and holds it. Nothing is left of one that cannot be completed.
    ///
    /// # Errors
    /// What the kernel says; `TimedOut` as [`Self::alone`].
    pub fn create(&self, kind: &str, text: &[u8]) -> io::Result<Held> {
        self.create_while(&self.alone()?, kind, text)
    }

    /// [`Self::create`] for who has the folder alone: so an incomplete file that is found there is one that was left behind,
    /// and is removed.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn create_while(&self, alone: &Alone, kind: &str, text: &[u8]) -> io::Result<Held> {
        self.remove_incomplete_while(alone)?;
        // A PID is used again, and what its last owner left may still be wanted: the time makes the name new.
        let now = host::since_boot();
        let name = format!("{kind}-{}-{}.{:09}", std::process::id(), now.as_secs(), now.subsec_nanos());
        let unnamed = format!("{INCOMPLETE}{name}");
        self.complete(&unnamed, &name, text).inspect_err(|_| drop(remove(&self.0, unnamed.as_ref())))
    }

    /// Removes the files that were not completed, where there are any: whoever made them was killed.
    ///
    /// # Errors
    /// What the kernel says; `TimedOut` as [`Self::alone`].
    pub fn remove_incomplete(&self) -> io::Result<()> {
        if self.incomplete()?.is_empty() {
            return Ok(());
        }
        self.remove_incomplete_while(&self.alone()?)
    }

    fn remove_incomplete_while(&self, _: &Alone) -> io::Result<()> {
        self.incomplete()?.iter().try_for_each(|left| remove(&self.0, OsStr::from_bytes(left)))
    }

    fn incomplete(&self) -> io::Result<Vec<Box<[u8]>>> {
        let mut files = self.0.files()?;
        files.retain(|name| name.starts_with(INCOMPLETE.as_bytes()));
        Ok(files)
    }

    fn complete(&self, unnamed: &str, name: &str, text: &[u8]) -> io::Result<Held> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(self.0.fd(), unnamed, flags, Mode::from_raw_mode(0o600))?);
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(text)?;
        renameat(self.0.fd(), unnamed, self.0.fd(), name)?;
        Ok(Held { folder: self.0.again()?, name: name.to_owned(), file })
    }

    /// The names of the files of a kind.
    ///
    /// # Errors
    /// What reading the folder says.
    pub fn names(&self, kind: &str) -> io::Result<Vec<String>> {
        let names = self.0.files()?.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned());
        Ok(names.filter(|name| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-'))).collect())
    }

    /// Holds a file that was left behind; `None` where somebody holds it, or it is gone.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn hold(&self, name: &str) -> io::Result<Option<Held>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(self.0.fd(), name, flags, Mode::empty()).map_err(io::Error::from);
        let Some(fd) = absent_is_none(opened)? else { return Ok(None) };
        match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            // Whoever had it until now may have removed it.
            Ok(()) if fstat(&fd)?.st_nlink == 0 => Ok(None),
            Ok(()) => Ok(Some(Held { folder: self.0.again()?, name: name.into(), file: File::from(fd) })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether somebody holds a file, without holding it for a moment oneself as [`Self::hold`] does: any number of looks may go
    /// on at a time. `None` where it is gone.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn is_held(&self, name: &str) -> io::Result<Option<bool>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(self.0.fd(), name, flags, Mode::empty()).map_err(io::Error::from);
        let Some(fd) = absent_is_none(opened)? else { return Ok(None) };
        match flock(&fd, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(Some(false)),
            Err(Errno::WOULDBLOCK) => Ok(Some(true)),
            Err(error) => Err(error.into()),
        }
    }

    /// The text of a file, whoever holds it; `None` where it is gone.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(self.0.fd(), name, flags, Mode::empty()).map_err(io::Error::from);
        let Some(fd) = absent_is_none(opened)? else { return Ok(None) };
        let mut text = Vec::new();
        File::from(fd).take(LONGEST).read_to_end(&mut text)?;
        Ok(Some(text))
    }

    /// The processes that have a file open, as far as they can be seen: one of them has the lock on it.
    pub fn openers(&self, name: &str) -> Vec<i32> {
        let Ok(file) = statat(self.0.fd(), name, AtFlags::SYMLINK_NOFOLLOW) else { return Vec::new() };
        let id = (rustix::fs::major(file.st_dev), rustix::fs::minor(file.st_dev), file.st_ino);
        let has_it = |pid: &i32| {
            let descriptors = ProcessDir::open(*pid).ok().flatten().and_then(|dir| dir.descriptors().ok());
            descriptors.is_some_and(|all| all.iter().any(|open| open.facts.id == id))
        };
        every_pid().filter(has_it).collect()
    }

    /// Removes a file; one that is gone is no error.
    ///
    /// # Errors
    /// What unlinkat(2) says.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        remove(&self.0, name.as_ref())
    }
}

impl Held {
    /// Adds to the file: all of the text, or nothing of it.
    ///
    /// # Errors
    /// What write(2) says.
    pub fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let length = self.file.seek(SeekFrom::End(0))?;
        // What cannot be taken away is no whole line, and so is not read.
        self.file.write_all(text).inspect_err(|_| drop(self.file.set_len(length)))
    }

    /// The text of a file that was left behind.
    ///
    /// # Errors
    /// What read(2) says.
    pub fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        self.file.rewind()?;
        (&mut self.file).take(LONGEST).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Removes it.
    ///
    /// # Errors
    /// What unlinkat(2) says, but for a file that is gone.
    pub fn remove(self) -> io::Result<()> {
        remove(&self.folder, self.name.as_ref())
    }
}

fn remove(folder: &Dir, name: &OsStr) -> io::Result<()> {
    absent_is_none(unlinkat(folder.fd(), name, AtFlags::empty()).map_err(io::Error::from)).map(drop)
}

/// Makes the folder at a place. `None` where everybody may make one, and somebody else did.
fn create(place: &Place) -> io::Result<Option<RuntimeFolder>> {
    match mkdirat(rustix::fs::CWD, &place.path, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => RuntimeFolder::at(place),
        Err(error) => {
            let error = io::Error::from(error);
            let why = format!("cannot create {}: {error}", place.path.display());
            Err(io::Error::new(error.kind(), why))
        }
    }
}

/// Not an absence but a missing right: root has a place of its own.
fn no_place() -> io::Error {
    let user = nix::unistd::geteuid();
    let why = format!(
        "this user has no runtime directory, and none can be created: /dev/shm/cryoscope-{user} and \
         /tmp/cryoscope-{user} belong to another user, or cannot exist; set XDG_RUNTIME_DIR to a directory that only \
         this user can write to"
    );
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// Bytes of a path in such a file: text where they are UTF-8, else numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bytes {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Raw(Vec<u8>),
}

impl Bytes {
    /// These bytes.
    pub fn of(bytes: &[u8]) -> Self {
        std::str::from_utf8(bytes).map_or_else(|_| Self::Raw(bytes.into()), |text| Self::Text(text.into()))
    }

    /// The bytes.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }
}

impl From<Bytes> for OsString {
    fn from(bytes: Bytes) -> Self {
        Self::from_vec(bytes.into_vec())
    }
}
