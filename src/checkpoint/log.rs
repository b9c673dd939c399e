//! criu's log, as it grows.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::Progress;
use super::criu::first_error;
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
