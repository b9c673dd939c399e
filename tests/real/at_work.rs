//! A checkpoint of what another one has in hand, by criu alone or by another cryoscope; and a freeze in its middle.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::criu::dump;
use super::support::group::Group;
use super::support::namespace::isolated;
use super::support::program;
use super::support::requirement::{criu, trial, with_criu};
use super::support::wait::{SOON, until};
use super::support::workload::Workload;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for version in [Version::V2, Version::V1] {
        let mut add = |name: &str, run: fn(Version)| {
            all.push(trial(&format!("at_work::{name}::{version}"), with_criu(version), move || run(version)));
        };
        add("while_criu_dumps", while_criu_dumps);
        add("a_second_checkpoint", a_second_checkpoint);
        add("frozen_while_criu_dumps", frozen_while_criu_dumps);
        let name = format!("at_work::after_one_was_cut_off::{version}");
        all.push(isolated(&name, with_criu(version), move || after_one_was_cut_off(version)));
    }
    all
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// One blocker, and it is this.
#[track_caller]
fn assert_refused(output: &Output, words: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(words), "{said}");
    // Several would be numbered.
    assert!(!said.contains("(2) "), "{said}");
    assert!(!said.contains("debugger") && !said.contains("kill"), "{said}");
}

/// criu's code is in the process, with a socket to criu outside: nothing of that is said to be in the way.
fn while_criu_dumps(version: Version) {
    let (group, images, own) = (Group::new(version, "dumped"), tempfile::tempdir().unwrap(), Images::new());
    let workload = Workload::in_group(&group);
    let dump = dump(workload.pid(), images.path()).leave_running().freeze_cgroup(group.path());
    let criu = dump.start_until("page-xfer:");
    let words = format!("criu (process {}) is dumping process {}", criu.pid(), workload.pid());
    assert_refused(&checkpoint(&group, &own.folder(), &[]), &words);
    assert_refused(&checkpoint(&group, &own.folder(), &["--dry-run"]), "wait until it has finished");
    criu.go_on();
    assert!(!own.folder().exists());
    assert_done(&checkpoint(&group, &own.folder(), &[]), &own);
    workload.assert_counting();
}

/// A criu that waits before it dumps, until it is let.
pub struct Gate {
    criu: PathBuf,
    waits: PathBuf,
    open: PathBuf,
}

impl Gate {
    pub fn new(folder: &Path) -> Self {
        let [path, waits, open] = ["criu", "waits", "open"].map(|name| folder.join(name));
        let wait = format!(
            // Where the test has failed, and its folder is gone, nobody opens any more.
            "touch '{0}'; until [ -e '{1}' ] || [ ! -e '{0}' ]; do sleep 0.01; done",
            waits.display(),
            open.display()
        );
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = dump ]; then\n{wait}\nfi\nexec '{}' \"$@\"\n",
            criu().display()
        );
        program::write(&path, script);
        Self { criu: path, waits, open }
    }

    /// A checkpoint that has come to its dump.
    pub fn start(&self, group: &Group, into: &Path) -> Child {
        self.start_with(group, into, &[])
    }

    /// The same, with more options.
    pub fn start_with(&self, group: &Group, into: &Path, more: &[&str]) -> Child {
        let mut command = Command::new(PROGRAM);
        command.arg("checkpoint").arg(group.path()).arg("--into").arg(into).args(more);
        command.arg("--criu").arg(&self.criu);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        until("its dump begins", SOON, || self.waits.exists());
        child
    }

    pub fn open(&self) {
        fs::write(&self.open, "").unwrap();
    }
}

/// Of the same group, of one above and of one below: refused. Of one beside it: made.
fn a_second_checkpoint(version: Version) {
    let above = Group::new(version, "above");
    let (group, beside) = (above.child("inner"), Group::new(version, "beside"));
    let below = group.child("below");
    let [first, deep, other] = [&group, &below, &beside].map(Workload::in_group);
    let (images, second, third) = (Images::new(), Images::new(), Images::new());
    let gate = Gate::new(images.folder().parent().unwrap());
    let mut at_work = gate.start(&group, &images.folder());
    let words = format!("cryoscope (process {}) is running a checkpoint", at_work.id());
    for named in [&group, &above, &below] {
        assert_refused(&checkpoint(named, &second.folder(), &[]), &words);
        assert!(!second.folder().exists());
    }
    let output = checkpoint(&beside, &third.folder(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    gate.open();
    assert_eq!(at_work.wait().unwrap().code(), Some(0));
    assert!(!group.requested() && !above.requested() && !below.requested());
    [first, deep, other].iter().for_each(Workload::assert_counting);
}

/// It is frozen and thawed all the same, and it is said what that does.
fn frozen_while_criu_dumps(version: Version) {
    let (above, images) = (Group::new(version, "dumped"), tempfile::tempdir().unwrap());
    let group = above.child("inner");
    let workload = Workload::in_group(&group);
    let criu = dump(workload.pid(), images.path()).leave_running().start_until("page-xfer:");
    let words = format!("criu (process {}) is dumping process {}", criu.pid(), workload.pid());
    for verb in ["freeze", "thaw"] {
        let output = Command::new(PROGRAM).arg(verb).arg(above.path()).args(["--yes"]).output().unwrap();
        let text = said(&output);
        // A process that a tracer holds never comes to rest for the v1 freezer.
        assert!(output.status.success() || version == Version::V1, "{text}");
        assert!(text.contains(&words), "{text}");
    }
    assert!(!above.requested());
    criu.go_on();
    workload.assert_counting();
}

/// What was found would be the first one's freeze: it is put right first.
fn after_one_was_cut_off(version: Version) {
    let group = Group::new(version, "cut-off");
    let workloads = [&group, &group].map(Workload::in_group);
    let (images, second) = (Images::new(), Images::new());
    let gate = Gate::new(images.folder().parent().unwrap());
    let mut at_work = gate.start(&group, &images.folder());
    at_work.kill().unwrap();
    at_work.wait().unwrap();
    assert_refused(&checkpoint(&group, &second.folder(), &[]), "cryoscope rescue");
    gate.open();
    let rescued = Command::new(PROGRAM).args(["rescue", "--yes"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(rescued.status.code(), Some(0), "{}", said(&rescued));
    assert!(!group.requested(), "the freeze that was the first one's");
    assert_eq!(checkpoint(&group, &second.folder(), &[]).status.code(), Some(0));
    workloads.iter().for_each(Workload::assert_counting);
}
