//! criu's log, as it grows.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::criu::first_error;
use super::progress::Progress;
use crate::model::printable;

/// How much is read in one go.
const AT_ONCE: u64 = 1 << 20;
/// A line that is longer is told in pieces.
const LONGEST: usize = 64 << 10;

/// The log of one run of criu, and what it said before the log was open.
pub(super) struct Log {
    pub path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
    error: Option<String>,
    messages: File,
}

impl Log {
    /// For a run that keeps its log under this name in the folder of its images.
    ///
    /// # Errors
    /// Where no file for criu's first messages can be made.
    pub(super) fn new(images: &Path, name: &str) -> io::Result<Self> {
        let (path, messages) = (images.join(name), messages(images)?);
        Ok(Self { path, file: None, rest: Vec::new(), error: None, messages })
    }

    /// Where criu's standard error goes.
    pub(super) fn messages(&self) -> io::Result<File> {
        self.messages.try_clone()
    }

    /// Tells the new lines; true where there was anything new.
    pub(super) fn follow(&mut self, tell: &mut dyn FnMut(Progress)) -> bool {
        if self.file.is_none() {
            self.file = open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return false };
        let before = self.rest.len();
        // What cannot be read now is read the next time.
        let _ = file.take(AT_ONCE).read_to_end(&mut self.rest);
        let grown = self.rest.len() > before;
        let cut = if self.rest.len() < LONGEST { 0 } else { self.rest.len() };
        let end = self.rest.iter().rposition(|&b| b == b'\n').map_or(cut, |at| at + 1);
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        for line in whole.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let line = printable(line.trim_ascii_end()).into_owned();
            self.error = self.error.take().or_else(|| first_error(&line));
            tell(Progress::Log(line));
        }
        grown
    }

    /// How long the log is by now, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len())
    }

    /// The first error that means something: of the log, or of what was said before it was open.
    pub(super) fn error(&mut self) -> String {
        let mut bytes = Vec::new();
        let said = &mut self.messages;
        // What cannot be read is not said; the log is named anyway.
        let _ = said.rewind().and_then(|()| said.take(64 * 1024).read_to_end(&mut bytes));
        let lines: Vec<_> = bytes.split(|&b| b == b'\n').map(printable).collect();
        let other = || lines.iter().map(|l| l.trim()).find(|l| !l.is_empty()).map(ToOwned::to_owned);
        let error = self.error.clone().or_else(|| first_error(&lines.join("\n"))).or_else(other);
        error.unwrap_or_else(|| "it gave no reason".to_owned())
    }
}

/// Not through a link, and a pipe in its place is not waited for.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// A file without a name: a pipe would break, and end criu, if this program were gone.
fn messages(folder: &Path) -> io::Result<File> {
    let path = folder.join(".messages");
    let file = fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(bytes: &[u8]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new(folder.path(), "dump.log").unwrap();
        fs::write(&log.path, bytes).unwrap();
        let mut lines = Vec::new();
        let mut tell = |progress| {
            if let Progress::Log(line) = progress {
                lines.push(line);
            }
        };
        while log.follow(&mut tell) {}
        lines.push(log.error());
        lines
    }

    proptest! {
        #[test]
        fn no_control_byte_is_told(bytes: Vec<u8>) {
            prop_assert!(!told(&bytes).concat().chars().any(char::is_control));
        }
    }

    #[test]
    fn a_line_without_end_is_told_in_pieces() {
        let lines = told(&vec![b'x'; 3 << 20]);
        let (_, pieces) = lines.split_last().unwrap();
        assert_eq!(pieces.concat().len(), 3 << 20);
        assert!(pieces.iter().all(|piece| piece.len() <= LONGEST + (1 << 20)));
    }

    #[test]
    fn a_link_and_a_pipe_in_its_place_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "secret\n").unwrap();
        std::os::unix::fs::symlink("secret", folder.path().join("link")).unwrap();
        assert!(open(&folder.path().join("link")).is_err());
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(open(&pipe).unwrap().read(&mut [0]).unwrap(), 0, "it is not waited for");
    }
}
