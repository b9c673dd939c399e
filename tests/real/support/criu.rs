//! CRIU as anybody would run it by hand: without the program under test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cryoscope::kernel::membership::group_of;
use cryoscope::kernel::mounts::hierarchies;
use cryoscope::kernel::processes::Processes;
use cryoscope::kernel::tasks::held_by;
use cryoscope::model::{CgroupPath, Version};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use process_wrap::std::{ChildWrapper, CommandWrap, ProcessSession};

use super::group::PREFIX;
use super::halted::Halted;
use super::requirement::criu;
use super::wait::{reached, until};
use super::workload::quiet;

/// Longer than anything that CRIU's own timeout of 10 s ends.
const DEADLINE: Duration = Duration::from_secs(30);

/// A `criu dump` to be.
#[derive(Debug)]
pub struct Dump {
    target: i32,
    images: PathBuf,
    command: Command,
}

/// `criu dump` of the process and what is below it; the images and the log go to a folder.
pub fn dump(target: i32, images: &Path) -> Dump {
    let mut command = Command::new(criu());
    quiet(&mut command).arg("dump").args(["-v4", "-o", "dump.log", "-t"]).arg(target.to_string());
    command.arg("-D").arg(images);
    Dump { target, images: images.to_owned(), command }
}

impl Dump {
    /// `-R`: the processes run on afterwards.
    pub fn leave_running(mut self) -> Self {
        self.command.arg("-R");
        self
    }

    pub fn freeze_cgroup(mut self, group: impl AsRef<OsStr>) -> Self {
        self.command.arg("--freeze-cgroup").arg(group);
        self
    }

    /// Where it looks for the programs that it runs.
    pub fn path(mut self, path: &Path) -> Self {
        self.command.env("PATH", path);
        self
    }

    /// Any other option.
    pub fn option(mut self, words: &[&str]) -> Self {
        self.command.args(words);
        self
    }

    /// Starts it in a session of its own.
    pub fn start(self) -> Running {
        let child = CommandWrap::from(self.command).wrap(ProcessSession).spawn().unwrap();
        Running { child, target: self.target, log: self.images.join("dump.log") }
    }

    /// Starts it, and halts it in its middle: where it has logged this.
    #[track_caller]
    pub fn start_until(self, line: &str) -> Halted {
        Halted::new(self.images.clone(), line, |log| {
            let mut running = self.start();
            running.log = log;
            running
        })
    }

    /// Starts it and waits for its end.
    #[track_caller]
    pub fn run(self) -> Ended {
        self.start().wait()
    }
}

/// A `criu dump` that was started.
///
/// CRIU is never killed: its code is in the target already. Dropped before its end (a test failed), it is released by a thaw
/// of every group that holds the target.
#[derive(Debug)]
pub struct Running {
    child: Box<dyn ChildWrapper>,
    target: i32,
    log: PathBuf,
}

impl Running {
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// It has seized the target, and sleeps until that runs the code which criu put into it.
    pub fn is_waiting_on_frozen(&self) -> bool {
        self.holds_in_state('S')
    }

    /// Shows that it hangs: it waits for the seized target, for twenty times as long as a dump takes.
    #[track_caller]
    pub fn assert_hangs(&mut self) {
        self.assert_stuck(Duration::from_secs(2), 'S');
    }

    /// Shows that it hangs in the system call that seizes the target, for longer than its own timeout.
    #[track_caller]
    pub fn assert_hangs_in_the_kernel(&mut self) {
        self.assert_stuck(Duration::from_secs(11), 'D');
    }

    /// Shows that it comes to a standstill: for that long it is in one state, and its log does not grow.
    #[track_caller]
    fn assert_stuck(&mut self, window: Duration, state: char) {
        let (mut log, mut since) = (self.log(), Instant::now());
        until("criu stands still", DEADLINE, || {
            assert!(self.is_running(), "criu does not hang, it has ended:\n{}", self.log());
            let now = self.log();
            if now != log || !self.holds_in_state(state) {
                (log, since) = (now, Instant::now());
            }
            since.elapsed() >= window
        });
    }

    /// It is the target's tracer, and itself in this state.
    fn holds_in_state(&self, state: char) -> bool {
        let criu = Processes::default().read(self.pid());
        criu.is_some_and(|criu| criu.state == state) && tracer(self.target) == Some(self.pid())
    }

    /// Takes away what a test holds its target with.
    pub fn release(&self) {
        thaw_origins(self.target);
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Ended {
        until("criu has ended", DEADLINE, || !self.is_running());
        Ended { success: self.child.wait().unwrap().success(), log: self.log() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        let released = reached(DEADLINE, || {
            thaw_origins(self.target);
            // It waits for ever for what is gone, and holds nothing else.
            let gone = Processes::default().read(self.target).is_none_or(|target| target.is_zombie());
            if gone && held_by(self.pid()).is_empty() {
                let _ = self.child.kill();
            }
            !self.is_running()
        });
        if !released {
            eprintln!("criu (PID {}) is left behind:\n{}", self.pid(), self.log());
        }
    }
}

/// How a criu ended, and what it wrote to its log.
#[derive(Debug)]
pub struct Ended {
    pub success: bool,
    pub log: String,
}

impl Ended {
    #[track_caller]
    pub fn assert_success(&self) {
        assert!(self.success, "criu failed:\n{}", self.errors());
    }

    /// It failed, and said so.
    #[track_caller]
    pub fn assert_failure(&self, message: &str) {
        assert!(!self.success, "criu did not fail");
        assert!(self.log.contains(message), "criu failed, but not with {message:?}:\n{}", self.errors());
    }

    fn errors(&self) -> String {
        self.log
            .lines()
            .filter(|line| line.contains("Error") || line.contains("Warn"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// A process that `criu restore` brought back. It ends when this is dropped.
#[derive(Debug)]
pub struct Restored(i32);

/// `criu restore -d` of images: what it said, and the process if it succeeded.
///
/// CRIU leaves the process to the nearest reaper; this program is it from here on.
pub fn restore(root: i32, images: &Path) -> (Ended, Option<Restored>) {
    set_child_subreaper(true).unwrap();
    let mut command = Command::new(criu());
    quiet(&mut command).args(["restore", "-d", "-v4", "-o", "restore.log", "-D"]).arg(images);
    let success = command.status().unwrap().success();
    let log = String::from_utf8_lossy(&fs::read(images.join("restore.log")).unwrap()).into_owned();
    (Ended { success, log }, success.then(|| Restored(root)))
}

/// A process that something else restores, and whose reaper this program becomes.
pub fn adopt(root: i32) -> Restored {
    be_the_reaper();
    Restored(root)
}

/// What loses its parent becomes a child of this program from here on.
pub fn be_the_reaper() {
    set_child_subreaper(true).unwrap();
}

impl Drop for Restored {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.0);
        let _ = kill(pid, Signal::SIGKILL);
        let reaped = reached(DEADLINE, || {
            thaw_origins(self.0);
            !matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(status) if status.pid().is_none())
        });
        if !reaped {
            eprintln!("the restored process {pid} is left behind");
        }
    }
}

/// The rescue: thaws every group of a test that holds the process, in both hierarchies.
pub fn thaw_origins(pid: i32) {
    let host = hierarchies().unwrap();
    for version in [Version::V2, Version::V1] {
        let Some(hierarchy) = host.get(version) else { continue };
        let Some(path) = group_of(pid, hierarchy).ok().and_then(|found| found.group()) else { continue };
        let ours = |path: &CgroupPath| {
            path.components().next().is_some_and(|top| top.starts_with(PREFIX.as_bytes()))
        };
        for path in std::iter::once(path.clone()).chain(path.ancestors()).filter(ours) {
            let file = hierarchy.absolute(&path).join(version.control_file());
            let _ = fs::write(file, version.request(false));
        }
    }
}

/// The tracer of a process.
fn tracer(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    line.trim().parse().ok().filter(|&pid| pid != 0)
}
