//! The script of `--dry-run`, run by the shells that there are, and interrupted.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{BOTH, hold};
use crate::real::support::checkpoint::{Images, checkpoint};
use crate::real::support::group::Group;
use crate::real::support::pause::Pause;
use crate::real::support::program;
use crate::real::support::requirement::{trial, with_criu};
use crate::real::support::wait::{SOON, throughout, until};
use crate::real::support::workload::{Workload, quiet};

pub fn tests() -> Vec<Trial> {
    let mut all = vec![trial("handover::a_script_that_waits_for_a_freeze", BOTH, waits_for_a_freeze)];
    all.push(trial("handover::scripts_of_hostile_names", BOTH, hostile_names));
    for version in [Version::V2, Version::V1] {
        let name = format!("handover::a_signal_while_criu_works::{version}");
        all.push(trial(&name, with_criu(version), move || while_criu_works(version)));
    }
    all
}

const SHELLS: [&str; 2] = ["dash", "bash"];
const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

fn script(group: &Group, images: &Images, more: &[&str]) -> PathBuf {
    let more: Vec<&str> = std::iter::once("--dry-run").chain(more.iter().copied()).collect();
    let output = checkpoint(group, &images.folder(), &more);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let script = images.folder().with_file_name("script");
    program::write(&script, &output.stdout);
    script
}

/// In a process group of its own, as an interactive shell starts it.
fn start(shell: &str, script: &Path) -> Child {
    quiet(Command::new(shell).arg(script)).process_group(0).spawn().unwrap()
}

/// As a terminal does: to the whole group.
fn signal(child: &Child, signal: Signal) {
    killpg(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

#[track_caller]
fn assert_interrupted(status: ExitStatus, signal: Signal, shell: &str) {
    assert_eq!(status.code(), Some(128 + signal as i32), "{shell}, {signal}: {status}");
}

/// Started as a program: its first line names the shell that reads it as it is meant. A process beside the one that is dumped
/// makes a finding, which is a comment in it.
fn hostile_names() {
    for name in [&b"tab\tend"[..], b"\xff\x1b[31m", b"it's $x `y` \"z\"", b"$'x'"] {
        let name = OsStr::from_bytes(name);
        for version in [Version::V2, Version::V1] {
            let above = Group::new(version, "hostile");
            let group = above.child(name);
            let (workload, beside) = (Workload::in_group(&group), Workload::in_group(&group));
            let images = Images::new();
            hold(&group, &[&workload]);
            hold(&above, &[&workload]);
            let pid = workload.pid().to_string();
            let script = script(&group, &images, &["--pid", &pid]);
            let text = fs::read_to_string(&script).unwrap();
            assert!(text.starts_with("#!/bin/") && text.contains("# warning"), "{text}");
            let output = Command::new(&script).stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
            assert!(images.folder().join("inventory.img").is_file());
            assert!(above.requested() && group.requested());
            // It fails, for the folder is there now: its way back names the same groups.
            group.request(false);
            let failed = Command::new(&script).stdin(Stdio::null()).output().unwrap();
            assert!(!failed.status.success() && group.requested());
            above.request(false);
            group.thaw();
            beside.assert_counting();
        }
    }
}

/// criu is out of reach, and is waited for; then all is put back.
fn while_criu_works(version: Version) {
    for (shell, which) in SHELLS.into_iter().flat_map(|shell| SIGNALS.map(|signal| (shell, signal))) {
        let above = Group::new(version, "script");
        let group = above.child("inner");
        let (workload, images, pause) = (Workload::in_group(&group), Images::new(), Pause::new());
        hold(&group, &[]);
        hold(&above, &[&workload]);
        let count = workload.count();
        let [option, path] = pause.option();
        let mut child = start(shell, &script(&group, &images, &["--", &option, &path]));
        pause.until_reached();
        assert!(!group.requested(), "its request is set aside");
        signal(&child, which);
        throughout("criu works on", Duration::from_millis(100), || {
            workload.process().is_some_and(|process| process.tracer.is_some())
        });
        assert!(child.try_wait().unwrap().is_none(), "{shell} waits for criu");
        pause.end();
        assert_interrupted(child.wait().unwrap(), which, shell);
        assert!(above.requested() && group.requested(), "{shell}, {which}: the flags are as they were found");
        assert!(images.folder().join("inventory.img").is_file());
        assert_eq!(workload.count(), count);
        above.request(false);
        group.thaw();
        workload.assert_counting();
    }
}

/// Before criu: a freeze through v2 does not complete while v1 holds the process, which the script does not know of.
fn waits_for_a_freeze() {
    for (shell, which) in SHELLS.into_iter().flat_map(|shell| SIGNALS.map(|signal| (shell, signal))) {
        let (v2, v1) = (Group::v2("script"), Group::v1("script"));
        let workload = Workload::in_groups(&[&v2, &v1]);
        let images = Images::new();
        let script = script(&v2, &images, &["--after", "frozen"]);
        v1.freeze();
        let mut child = start(shell, &script);
        until("it asks for a freeze", SOON, || v2.requested());
        signal(&child, which);
        assert_interrupted(child.wait().unwrap(), which, shell);
        assert!(!v2.requested() && v1.requested(), "{shell}, {which}: the flags are as they were found");
        v1.thaw();
        workload.assert_counting();
    }
}
