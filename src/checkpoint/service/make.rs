//! Makes the runtime files of a service again. Whoever the service runs as may have changed what is there: no link is followed,
//! and what is there stays as it is.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Gid, Mode, OFlags, Uid, fchmod, fchown, mkdirat, openat};
use rustix::io::Errno;

use super::read::DIRECTORY;
use super::{PLACE, RuntimeFile};

/// Why a file was not made.
#[derive(Debug, thiserror::Error)]
#[error("cannot create {path} again: {error}")]
pub struct MakeError {
    /// Its path.
    pub path: String,
    /// Why.
    pub error: io::Error,
}

/// Makes those that are missing, in this order. Each belongs to root alone until all are there.
///
/// # Errors
/// [`MakeError`], for the first that cannot be made; those before it stay.
pub fn make(files: &[RuntimeFile]) -> Result<(), MakeError> {
    make_below(PLACE, files)
}

fn make_below(place: &str, files: &[RuntimeFile]) -> Result<(), MakeError> {
    let failed = |file: &RuntimeFile, error| MakeError { path: file.path.clone(), error };
    let mut made = Vec::new();
    for file in files {
        let new = one(place, file).map_err(|error| failed(file, error))?;
        made.extend(new.map(|fd| (file, fd)));
    }
    // What is below first: the owner of a directory could put another file in its place.
    for (file, fd) in made.iter().rev() {
        give(fd, file).map_err(|error| failed(file, error))?;
    }
    Ok(())
}

/// The new file, or `None` where it was there.
fn one(place: &str, file: &RuntimeFile) -> io::Result<Option<OwnedFd>> {
    let parts = file.components().ok_or(io::ErrorKind::InvalidInput)?;
    let Some((name, above)) = parts.split_last() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut folder = openat(CWD, place, DIRECTORY, Mode::empty())?;
    for part in above {
        folder = openat(&folder, *part, DIRECTORY, Mode::empty())?;
    }
    let made = match file.pid {
        None => mkdirat(&folder, *name, Mode::RWXU)
            .and_then(|()| openat(&folder, *name, DIRECTORY, Mode::empty())),
        Some(_) => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(&folder, *name, flags, Mode::RUSR | Mode::WUSR)
        }
    };
    let fd = match made {
        Err(Errno::EXIST) => return Ok(None),
        made => made?,
    };
    if let Some(pid) = file.pid {
        rustix::io::write(&fd, format!("{pid}\n").as_bytes())?;
    }
    Ok(Some(fd))
}

/// The mode last: a new owner takes the set-group-ID bit away.
fn give(fd: &OwnedFd, file: &RuntimeFile) -> io::Result<()> {
    fchown(fd, Some(Uid::from_raw(file.uid)), Some(Gid::from_raw(file.gid)))?;
    Ok(fchmod(fd, Mode::from_raw_mode(file.mode))?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_is_missing_is_made() {
        let temp = tempfile::tempdir().unwrap();
        let place = temp.path().to_str().unwrap();
        let me = fs::metadata(place).unwrap();
        let file = |path: &str, mode, pid| RuntimeFile {
            path: path.to_owned(),
            mode,
            uid: me.uid(),
            gid: me.gid(),
            pid,
        };
        let files = [
            file("/run/r", 0o2750, None),
            file("/run/r/sub", 0o700, None),
            file("/run/r/sub/x.pid", 0o640, Some(71)),
        ];
        fs::create_dir(temp.path().join("r")).unwrap();
        make_below(place, &files).unwrap();
        let mode = |path: &str| fs::metadata(temp.path().join(path)).unwrap().permissions().mode() & 0o7777;
        assert_ne!(mode("r"), 0o2750, "what was there stays as it was");
        assert_eq!((mode("r/sub"), mode("r/sub/x.pid")), (0o700, 0o640));
        assert_eq!(fs::read(temp.path().join("r/sub/x.pid")).unwrap(), b"71\n");
        fs::remove_dir_all(temp.path().join("r")).unwrap();
        make_below(place, &files).unwrap();
        assert_eq!(mode("r"), 0o2750);
        make_below(place, &files).unwrap();
    }

    #[test]
    fn no_link_is_followed() {
        let temp = tempfile::tempdir().unwrap();
        let elsewhere = temp.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let place = temp.path().join("run");
        fs::create_dir(&place).unwrap();
        symlink(&elsewhere, place.join("r")).unwrap();
        let file = |path: &str| RuntimeFile { path: path.to_owned(), mode: 0o700, uid: 0, gid: 0, pid: None };
        let error = make_below(place.to_str().unwrap(), &[file("/run/r"), file("/run/r/sub")]).unwrap_err();
        assert_eq!(error.path, "/run/r/sub");
        assert!(fs::read_dir(&elsewhere).unwrap().next().is_none());
    }
}
