//! Whose journal it is, and that no rescue waits for another, or for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cryoscope::kernel::runtime_folder::{Held, RuntimeFolder};
use cryoscope::model::Version;
use cryoscope::timer::PLAN;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{PROGRAM, rescue, said};
use crate::real::at_work::Gate;
use crate::real::support::checkpoint::Images;
use crate::real::support::criu::be_the_reaper;
use crate::real::support::group::Group;
use crate::real::support::namespace::isolated;
use crate::real::support::program;
use crate::real::support::requirement::{Need, criu, with_criu};
use crate::real::support::wait::until;
use crate::real::support::workload::Workload;

const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];
/// Longer than a rescue waits for anything here.
const LONG: Duration = Duration::from_secs(90);

pub fn tests() -> Vec<Trial> {
    let (v2, v2_only) = (with_criu(Version::V2), &[Need::Root, Need::V2]);
    vec![
        isolated("rescue::journal::a_lock_that_outlives_its_owner", BOTH, a_lock_that_outlives_its_owner),
        isolated("rescue::journal::a_lock_that_is_not_let_go", BOTH, a_lock_that_is_not_let_go),
        isolated("rescue::journal::a_checkpoint_that_is_at_work", v2, a_checkpoint_that_is_at_work),
        isolated("rescue::journal::one_that_waits_holds_up_no_other", BOTH, one_that_waits_holds_up_no_other),
        isolated("rescue::journal::a_criu_that_does_not_end", BOTH, a_criu_that_does_not_end),
        isolated("rescue::journal::criu_is_known_by_its_process", BOTH, criu_is_known_by_its_process),
        isolated(
            "rescue::journal::what_was_not_completed_is_removed",
            v2_only,
            what_was_not_completed_is_removed,
        ),
    ]
}

/// Held by v1 and v2, and a checkpoint in its middle: the request on v1 is set aside.
struct Scene {
    workload: Workload,
    v2: Group,
    v1: Group,
    images: Images,
}

impl Scene {
    fn new() -> Self {
        be_the_reaper();
        let (v2, v1) = (Group::v2("journal"), Group::v1("journal"));
        let workload = Workload::in_groups(&[&v2, &v1]);
        v1.freeze();
        v2.request(true);
        Self { workload, v2, v1, images: Images::new() }
    }

    fn gate(&self) -> Gate {
        Gate::new(self.images.folder().parent().unwrap())
    }

    /// A checkpoint that was killed before its dump; its PID.
    fn cut_off(&self, gate: &Gate) -> u32 {
        let mut checkpoint = gate.start(&self.v2, &self.images.folder());
        checkpoint.kill().unwrap();
        checkpoint.wait().unwrap();
        assert!(!self.v1.requested(), "set aside");
        checkpoint.id()
    }

    fn is_as_found(&self) -> bool {
        self.v1.requested() && self.v2.requested()
    }
}

/// As a process does that the program has forked, and that has not become another program yet. It is made in the test.
fn hold(checkpoint: u32) -> (Held, String) {
    let folder = RuntimeFolder::open(false).unwrap().unwrap();
    let prefix = format!("{PLAN}-{checkpoint}-");
    let name = folder.names(PLAN).unwrap().into_iter().find(|name| name.starts_with(&prefix)).unwrap();
    (folder.hold(&name).unwrap().unwrap(), name)
}

fn start_rescue() -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(["rescue", "--yes"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// What a program leaves that is killed in the moment in which it makes its journal, or its timer's record.
fn what_was_not_completed_is_removed() {
    // One that has the right rights is there afterwards.
    RuntimeFolder::make().unwrap();
    let left = [format!("new-{PLAN}-1-2.3"), "new-timer-1-2.3".to_owned()].map(|name| {
        let path = Path::new("/run/cryoscope").join(name);
        fs::write(&path, "").unwrap();
        path
    });
    let output = rescue("--yes");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!left.iter().any(|path| path.exists()), "{}", said(&output));
}

fn a_lock_that_outlives_its_owner() {
    let scene = Scene::new();
    let gate = scene.gate();
    let checkpoint = scene.cut_off(&gate);
    gate.open();
    let (held, _) = hold(checkpoint);
    let rescue = start_rescue();
    std::thread::sleep(Duration::from_millis(300));
    drop(held);
    let output = rescue.wait_with_output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(scene.is_as_found() && !text.contains("nothing to rescue"), "{text}");
}

fn a_lock_that_is_not_let_go() {
    let scene = Scene::new();
    let gate = scene.gate();
    let checkpoint = scene.cut_off(&gate);
    gate.open();
    let (held, _) = hold(checkpoint);
    let output = rescue("--yes");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("still locked: waiting for up to 5 s"), "{text}");
    assert!(text.contains(&format!("process {} has locked its journal", std::process::id())), "{text}");
    assert!(!text.contains("nothing to rescue"), "{text}");
    drop(held);
    let output = rescue("--yes");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(scene.is_as_found(), "{}", said(&output));
}

fn a_checkpoint_that_is_at_work() {
    let (group, images) = (Group::v2("journal"), Images::new());
    let workload = Workload::in_group(&group);
    let gate = Gate::new(images.folder().parent().unwrap());
    let mut checkpoint = gate.start(&group, &images.folder());
    let output = rescue("--yes");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let words = format!("cryoscope (process {}) is running a checkpoint of ", checkpoint.id());
    assert!(text.contains(&words) && text.contains("left alone"), "{text}");
    gate.open();
    assert_eq!(checkpoint.wait().unwrap().code(), Some(0));
    workload.assert_counting();
}

fn one_that_waits_holds_up_no_other() {
    let (waits, other) = (Scene::new(), Scene::new());
    let (closed, open) = (waits.gate(), other.gate());
    waits.cut_off(&closed);
    other.cut_off(&open);
    open.open();
    let mut rescue = start_rescue();
    until("the other one is put right", LONG, || other.is_as_found());
    assert!(rescue.try_wait().unwrap().is_none() && !waits.v1.requested(), "the first one still waits");
    closed.open();
    let output = rescue.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(waits.is_as_found(), "{}", said(&output));
}

/// A criu that sleeps in place of its dump, and says when it does.
fn sleeps(folder: &Path) -> (PathBuf, PathBuf) {
    let (path, begun) = (folder.join("criu"), folder.join("begun"));
    let sleep = format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec sleep 1000", begun.display());
    let text =
        format!("#!/bin/sh\nif [ \"$1\" = dump ]; then {sleep}; fi\nexec '{}' \"$@\"\n", criu().display());
    program::write(&path, text);
    (path, begun)
}

/// A criu that does nothing is not waited for longer than for a while, and the plan is kept for another rescue.
fn a_criu_that_does_not_end() {
    let scene = Scene::new();
    let folder = scene.images.folder();
    let (criu, begun) = sleeps(folder.parent().unwrap());
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(scene.v2.path()).arg("--into").arg(&folder).arg("--criu").arg(criu);
    let mut checkpoint = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    until("its dump begins", LONG, || begun.exists());
    checkpoint.kill().unwrap();
    checkpoint.wait().unwrap();
    let output = rescue("--yes");
    let text = said(&output);
    let pid: i32 = fs::read_to_string(begun).unwrap().trim().parse().unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("criu (process {pid}) is still running after")), "{text}");
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let output = rescue("--yes");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(scene.is_as_found(), "{}", said(&output));
    assert!(scene.workload.is_alive());
}

/// A process with criu's arguments, those of the plan, is none of its criu: it is not waited for, and ends nothing.
fn criu_is_known_by_its_process() {
    let scene = Scene::new();
    let gate = scene.gate();
    let (root, folder) = (scene.workload.pid().to_string(), scene.images.folder());
    let script = "exec -a criu sh -c 'read x' dump -t \"$1\" -D \"$2\"";
    let mut imitator = Command::new("bash");
    imitator.args(["-c", script, "bash", &root]).arg(&folder).stdin(Stdio::piped());
    scene.cut_off(&gate);
    let mut imitator = imitator.spawn().unwrap();
    gate.open();
    let output = rescue("--yes");
    let text = said(&output);
    let ends = imitator.try_wait().unwrap();
    imitator.kill().unwrap();
    imitator.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(scene.is_as_found() && ends.is_none(), "{text}");
    assert!(!text.contains(&format!("criu (process {})", imitator.id())), "{text}");
}
