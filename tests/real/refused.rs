//! What the kernel refuses when a limit is reached: descriptors, memory, threads and processes. Whatever it is, the program ends
//! with a sentence or does without; it never panics, and a group is frozen only where it says so.
//!
//! Address space (`ulimit -v`) may run out at any allocation. Rust's standard library ends the program there, and says so; where it
//! is the stack that cannot grow, the kernel does, with SIGSEGV (getrlimit(2), `RLIMIT_AS`).

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::support::requirement::{Need, criu, trial};
use super::support::terminal::Terminal;
use super::support::wait::{SOON, until};
use super::support::{Group, Workload};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const NEEDS: &[Need] = &[Need::Root, Need::V2, Need::Criu];
const WIDE: (u16, u16) = (120, 30);

pub fn tests() -> Vec<Trial> {
    vec![
        trial("refused::descriptors", NEEDS, || {
            refused((4..24).step_by(5).map(|n| format!("ulimit -n {n}")))
        }),
        // With less than that the program itself cannot be loaded.
        trial("refused::memory", NEEDS, || {
            refused((27..52).step_by(8).map(|mb| format!("ulimit -v {mb}000")))
        }),
        trial("refused::threads_and_processes", NEEDS, || {
            let pids = Pids::new();
            // The first is the program itself.
            refused([1, 2, 4, 8].into_iter().map(|most| pids.limit(most)));
        }),
    ]
}

/// Runs everything under each of these limits, which a shell sets for itself.
fn refused(limits: impl Iterator<Item = String>) {
    let group = Group::v2("refused");
    // So many directories are read by several threads.
    for n in 0..40 {
        fs::create_dir_all(group.path().join(format!("{n}/below"))).unwrap();
    }
    let _workload = Workload::in_group(&group);
    let path = group.path().to_str().unwrap();
    let criu = criu();
    let criu = criu.to_str().unwrap();
    let images = "/var/tmp/cryoscope-test-no-images";
    for limit in limits {
        for verb in [
            &["list", path][..],
            &["list", "--frozen"],
            &["show", path],
            &["doctor"],
            &["rescue", "--dry-run"],
            &["checkpoint", path, "--into", images, "--criu", criu, "--dry-run"],
        ] {
            runs(&limit, verb);
            assert!(!group.requested(), "{limit}: {verb:?} changed something");
        }
        let frozen = runs(&limit, &["freeze", path]);
        assert_eq!(group.requested(), frozen, "{limit}: what it says is so");
        group.thaw();
        watches(&limit, path);
        shows(&limit, path);
        assert!(!group.requested());
    }
}

fn limited(limit: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit}; exec \"$@\""), "sh", PROGRAM]).env_remove("RUST_BACKTRACE");
    command
}

/// Whether it did what it was told to.
fn runs(limit: &str, verb: &[&str]) -> bool {
    let output = limited(limit).args(verb).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_end(limit, output.status, &said);
    assert_no_fault(limit, &said);
    let silent = said.is_empty() && !lacks_stack(limit, output.status);
    assert!(output.status.success() || !silent, "{limit}: {verb:?} failed without a sentence");
    output.status.success()
}

/// Until it ends by itself, or has told of what happened.
fn watches(limit: &str, path: &str) {
    let said = tempfile::tempdir().unwrap();
    let file = |name: &str| said.path().join(name);
    let mut command = limited(limit);
    command.args(["watch", path]).stdin(Stdio::null());
    command.stdout(fs::File::create(file("out")).unwrap()).stderr(fs::File::create(file("err")).unwrap());
    let mut child = command.spawn().unwrap();
    let mut new = 0;
    until("it tells of a group, or has ended", SOON * 3, || {
        // Another one each time, for as long as it has not begun.
        fs::create_dir(PathBuf::from(path).join(format!("new-{new}"))).unwrap();
        new += 1;
        std::thread::sleep(Duration::from_millis(50));
        child.try_wait().unwrap().is_some() || !fs::read(file("out")).unwrap().is_empty() || {
            // It cannot look below, and has said so.
            fs::read_to_string(file("err")).unwrap().contains("left out")
        }
    });
    (0..new).for_each(|new| fs::remove_dir(PathBuf::from(path).join(format!("new-{new}"))).unwrap());
    let _ = child.kill();
    child.wait().unwrap();
    assert_no_fault(limit, &fs::read_to_string(file("err")).unwrap());
}

/// Until it ends by itself, or its groups are on the screen.
fn shows(limit: &str, path: &str) {
    let mut command = limited(limit);
    command.arg(path);
    let mut terminal = Terminal::start(command, WIDE);
    if terminal.follow(SOON * 3, |screen| screen.contents().contains("Groups")) {
        terminal.keys("q");
    }
    let status = terminal.end();
    let said = terminal.rows().join("\n");
    assert_end(limit, status, &said);
    assert_no_fault(limit, &said);
    if status.code().is_some() {
        assert!(
            status.success() || said.contains("cryoscope: "),
            "{limit}: it failed without a sentence: {said}"
        );
        terminal.assert_restored();
    }
}

/// By itself; or by the standard library or the kernel, where it gets no memory.
#[track_caller]
fn assert_end(limit: &str, status: ExitStatus, said: &str) {
    let no_memory = status.signal() == Some(Signal::SIGABRT as i32) && limit.starts_with("ulimit -v");
    let by_itself = matches!(status.code(), Some(0..=7));
    assert!(by_itself || no_memory || lacks_stack(limit, status), "{limit}: {status}: {said}");
}

fn lacks_stack(limit: &str, status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGSEGV as i32) && limit.starts_with("ulimit -v")
}

#[track_caller]
fn assert_no_fault(limit: &str, said: &str) {
    for fault in ["panicked", "internal error"] {
        assert!(!said.contains(fault), "{limit}: {said}");
    }
}

/// A group of the pids controller, wherever the host has that.
struct Pids(PathBuf);

impl Pids {
    fn new() -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let v1 = mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let pids = fields[2] == "cgroup" && fields[3].split(',').any(|option| option == "pids");
            pids.then(|| PathBuf::from(fields[1]))
        });
        let v2 = || {
            cryoscope::kernel::mounts::hierarchies().unwrap().get(Version::V2).unwrap().mount_point.clone()
        };
        let path = v1.unwrap_or_else(v2).join(format!("cryoscope-test-{}-pids", std::process::id()));
        fs::create_dir(&path).unwrap();
        assert!(path.join("pids.max").exists(), "the pids controller is nowhere enabled");
        Self(path)
    }

    fn limit(&self, most: u32) -> String {
        let path = self.0.display();
        format!("echo {most} > {path}/pids.max; echo $$ > {path}/cgroup.procs")
    }
}

impl Drop for Pids {
    fn drop(&mut self) {
        until("the group of the limits is empty", SOON, || fs::remove_dir(&self.0).is_ok());
    }
}
