//! The file itself. It gives keys a meaning, on a program that runs as root: so it must be from somebody who is trusted anyway.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};

use crate::kernel::trust::people;

/// No config is longer.
const LONGEST: u64 = 1 << 20;

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{0}; choose a file that you may read, or omit --config")]
    Io(#[from] io::Error),
    #[error("it is not a regular file; choose one with --config")]
    NotPlain,
    #[error(
        "it belongs to user {0}, who is neither you nor root; chown it, or choose another file with --config"
    )]
    Owner(u32),
    #[error("it is world-writable; chmod o-w it")]
    Writable,
    #[error("it is larger than 1 MiB; choose another file with --config")]
    TooLong,
    #[error("line {line}, column {column}: it is not valid UTF-8; save it as UTF-8")]
    NotText { line: usize, column: usize },
}

impl FileError {
    /// True where there is no such file.
    pub(super) fn is_absent(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound};
        matches!(self, Self::Io(error) if matches!(error.kind(), NotFound | NotADirectory))
    }
}

/// Reads the file, through links; a pipe or a device is not waited for.
pub(super) fn read(path: &Path) -> Result<String, FileError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
    trusted(&rustix::fs::fstat(&file).map_err(io::Error::from)?, &people())?;
    let mut bytes = Vec::new();
    File::from(file).take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(FileError::TooLong);
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let (line, column) = super::mistake::position(&before, before.len());
        FileError::NotText { line, column }
    })
}

fn trusted(stat: &Stat, people: &[u32]) -> Result<(), FileError> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FileError::NotPlain);
    }
    if !people.contains(&stat.st_uid) {
        return Err(FileError::Owner(stat.st_uid));
    }
    if Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) {
        return Err(FileError::Writable);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refused(result: Result<String, FileError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_somebody_else_or_of_everybody_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "theme = 'dark'\n").unwrap();
        assert_eq!(read(&path).unwrap(), "theme = 'dark'\n");
        let stat = rustix::fs::stat(&path).unwrap();
        assert!(
            matches!(trusted(&stat, &[stat.st_uid + 1]), Err(FileError::Owner(uid)) if uid == stat.st_uid)
        );
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(refused(read(&path)).contains("chmod o-w"));
    }

    #[test]
    fn what_is_no_text_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refused(read(folder.path())), "it is not a regular file; choose one with --config");
        assert!(read(&folder.path().join("none")).unwrap_err().is_absent());
        let path = folder.path().join("config.toml");
        fs::write(&path, b"# \xc3\xa4\n# \xff").unwrap();
        assert!(read(&path.join("below")).unwrap_err().is_absent(), "where a folder is a file");
        assert_eq!(refused(read(&path)), "line 2, column 3: it is not valid UTF-8; save it as UTF-8");
        fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
        assert!(refused(read(&path)).starts_with("it is larger than 1 MiB"));
    }
}
