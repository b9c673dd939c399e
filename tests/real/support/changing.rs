//! A process that changes once, when it is told to: what is open, and some pages of its memory.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, setsid};

use super::Group;
use super::group::release_v1;
use super::wait::{SOON, reached, until};
use super::workload::{join, quiet};

/// How much memory it has that changes in nothing but what is said.
pub const MEMORY: usize = 1 << 20;
/// In which pages of it a byte changes.
pub const CHANGED_PAGES: [usize; 3] = [10, 11, 200];
/// A variable of its environment.
pub const VARIABLE: &str = "CRYOSCOPE_TEST_VARIABLE=only on request";

/// The process. It ends when this is dropped.
#[derive(Debug)]
pub struct Changing {
    child: Child,
    folder: tempfile::TempDir,
}

impl Changing {
    /// One that has this in its memory. Nothing else has it: neither its arguments nor its program. Returns when it waits.
    pub fn with_secret(group: &Group, secret: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["changing", folder.path().to_str().unwrap(), &backwards(secret)]).arg(group.path());
        let (name, value) = VARIABLE.split_once('=').unwrap();
        let child = quiet(&mut command).env(name, value).spawn().unwrap();
        let changing = Self { child, folder };
        until("the process waits", 3 * SOON, || changing.folder().join("ready").exists());
        changing
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What it has open is in this folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lets it change. Returns when it has.
    pub fn change(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGUSR1).unwrap();
        until("the process has changed", 3 * SOON, || self.folder().join("changed").exists());
    }

    /// Ends it. Its number is free afterwards.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        release_v1(self.pid());
        reached(SOON, || !matches!(self.child.try_wait(), Ok(None)));
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.end();
    }
}

fn backwards(text: &str) -> String {
    text.chars().rev().collect()
}

/// `changing FOLDER SECRET GROUP…`, the secret backwards.
pub fn main(arguments: &[OsString]) {
    let [folder, secret, groups @ ..] = arguments else { panic!("changing FOLDER SECRET GROUP…") };
    join(groups);
    setsid().unwrap();
    let folder = Path::new(folder);
    let signals = SigSet::from(Signal::SIGUSR1);
    signals.thread_block().unwrap();
    // Larger than what malloc keeps in the heap: a mapping of its own.
    let mut memory = vec![1_u8; MEMORY];
    let secret = backwards(secret.to_str().unwrap());
    memory[5000..5000 + secret.len()].copy_from_slice(secret.as_bytes());
    let closed_later = File::create(folder.join("closed-later")).unwrap();
    let _listens = UnixListener::bind(folder.join("socket")).unwrap();
    File::create(folder.join("ready")).unwrap();
    signals.wait().unwrap();
    drop(closed_later);
    let mut opened = File::create(folder.join("opened")).unwrap();
    std::io::Write::write_all(&mut opened, b"seven b").unwrap();
    for page in CHANGED_PAGES {
        memory[page * 4096] += 1;
    }
    fs::write(folder.join("changed"), "").unwrap();
    signals.wait().unwrap();
    std::hint::black_box(memory);
}
