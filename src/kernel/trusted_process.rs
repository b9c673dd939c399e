//! Who decides what a process does: the users that it runs as, and the file that it executes.
//!
//! Names and arguments are chosen by whoever starts a process, and every user may start one. So they describe a process, and
//! never say whether it can be believed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::descriptors::{Facts, ProcessDir};
use super::executable::is_controlled_by;
use super::mappings;
use super::status::Status;
use super::trust::people;

/// A process that nobody controls but root and the user of this program.
#[derive(Debug)]
pub struct TrustedProcess {
    process: ProcessDir,
    /// The file that it executes.
    executable: PathBuf,
}

impl TrustedProcess {
    /// Looks at a process. `None` where somebody else decides what it does, or where that is not known:
    ///
    /// - its real, effective or saved user is neither root nor the user of this program. All three count: a set-user-ID
    ///   program runs with root's rights for whoever started it, and keeps what that one traces (execve(2));
    /// - somebody else may change the file that it executes, or a folder above it;
    /// - that file was deleted, may not be looked at, or has another path here (the process is in another mount namespace).
    pub fn open(pid: i32) -> Option<Self> {
        // All is read from one directory: a PID that is used again does not answer for another process.
        let process = ProcessDir::open(pid).ok()??;
        // Looked at first: nothing of a stranger's is opened, which may be on a file system that never answers.
        if !Status::of(&process).ok()?.users().is_some_and(are_trusted) {
            return None;
        }
        let executable = path(&process.link("exe").ok()?);
        let trusted = is_trusted(&executable, &process.facts("exe").ok()?);
        trusted.then_some(Self { process, executable })
    }

    /// Whether it executes a file of such a name: itself, or as the program that a dynamic loader was given (ld.so(8)). Then
    /// that file is the loader's mapping, and must be trusted, too.
    pub fn executes(&self, is_name: impl Fn(&[u8]) -> bool) -> bool {
        let named = |path: &Path| path.file_name().is_some_and(|name| is_name(name.as_bytes()));
        if named(&self.executable) {
            return true;
        }
        if !self.executable.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld")) {
            return false;
        }
        mappings::files(&self.process).unwrap_or_default().iter().any(|mapping| {
            let path = path(&mapping.path);
            let facts = || mappings::facts(&self.process, mapping);
            named(&path) && facts().is_ok_and(|facts| is_trusted(&path, &facts))
        })
    }
}

fn are_trusted(users: [u32; 3]) -> bool {
    let me = rustix::process::geteuid().as_raw();
    users.iter().all(|&user| user == 0 || user == me)
}

fn is_trusted(path: &Path, file: &Facts) -> bool {
    is_controlled_by(&people(), path, file)
}

fn path(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users() {
        let me = rustix::process::geteuid().as_raw();
        assert!(are_trusted([0; 3]) && are_trusted([me, 0, me]));
        // A set-user-ID program that somebody else started; and one that has given root's rights away for a while.
        assert!(![[65534, 0, 0], [65534, 65534, 0], [0, 0, 65534]].into_iter().any(are_trusted));
    }

    #[test]
    fn processes_that_are_not_there() {
        assert!(TrustedProcess::open(i32::MAX).is_none());
    }
}
