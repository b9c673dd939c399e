//! What is kept of a service beside the images: what ends with it, and is made again before its processes are restored.
//!
//! Measured with systemd 257: when the last process has ended, or the unit fails, systemd removes the runtime directories with
//! all that is in them, and the PID file. criu makes a unix socket again where its directory is there, with its owner and mode,
//! and no directory.

mod make;
mod read;

use serde::{Deserialize, Serialize};

pub use make::{MakeError, make};
pub(super) use read::runtime_files;

/// A service whose processes are in the images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// The unit's name.
    pub name: String,
    /// Which run of it it was.
    #[serde(default)]
    pub invocation: String,
    /// What systemd removes at its end, and a restore makes again: each directory before what is in it.
    #[serde(default)]
    pub runtime_files: Vec<RuntimeFile>,
    /// What systemd removes at its end, and nobody makes again.
    #[serde(default)]
    pub other_files: Vec<String>,
}

/// A directory below `/run`, or a file with the number of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeFile {
    /// Its absolute path.
    pub path: String,
    /// Its mode, without the type.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The number in a PID file; `None` for a directory.
    #[serde(default)]
    pub pid: Option<i32>,
}

/// Where systemd has the runtime directories of the system's services. (systemd.exec(5))
pub const PLACE: &str = "/run";

/// The longest path, in bytes (`PATH_MAX` of linux/limits.h).
const MAX_PATH_BYTES: usize = 4096;

/// The most files that are kept, or made.
pub const MAX_FILES: usize = 256;

impl ServiceRecord {
    /// True where all files are below `/run`, and are named plainly: what a record says is made by root.
    pub fn is_sound(&self) -> bool {
        let plain = |text: &str| text.len() <= MAX_PATH_BYTES && !text.chars().any(char::is_control);
        let texts = [&self.name, &self.invocation].into_iter().chain(&self.other_files);
        let few = self.runtime_files.len().max(self.other_files.len()) <= MAX_FILES;
        few && texts.into_iter().all(|text| plain(text))
            && self.runtime_files.iter().all(RuntimeFile::is_sound)
    }
}

impl RuntimeFile {
    /// The components below `/run`; `None` for every other path.
    pub fn components(&self) -> Option<Vec<&str>> {
        let below = self.path.strip_prefix(PLACE)?.strip_prefix('/')?;
        let parts: Vec<&str> = below.split('/').collect();
        let is_name = |part: &&str| {
            !matches!(*part, "" | "." | "..") && part.len() <= 255 && !part.chars().any(char::is_control)
        };
        parts.iter().all(is_name).then_some(parts)
    }

    fn is_sound(&self) -> bool {
        self.components().is_some() && self.path.len() <= MAX_PATH_BYTES && self.mode & !0o7777 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_run() {
        let is_sound = |path: &str| {
            let file = RuntimeFile { path: path.to_owned(), mode: 0o755, uid: 0, gid: 0, pid: None };
            ServiceRecord {
                name: String::new(),
                invocation: String::new(),
                runtime_files: vec![file],
                other_files: Vec::new(),
            }
            .is_sound()
        };
        assert!(is_sound("/run/redis") && is_sound("/run/a/b.pid"));
        for bad in
            ["/run", "/run/", "/etc/x", "/run/../etc", "/run//x", "/run/./x", "/runx/y", "/run/a\nb", "run/x"]
        {
            assert!(!is_sound(bad), "{bad}");
        }
    }
}
