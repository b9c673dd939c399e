//! What the kernel's freezers do, in raw files, without the program: what it builds on. A kernel that changes one of these
//! shows up here first.

use std::fs::{self, File};
use std::io::Read as _;
use std::process::Command;
use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use rustix::fs::inotify;

use super::support::requirement::criu;
use super::support::wait::throughout;
use super::support::workload::quiet;
use super::support::{Group, Need, SOON, Workload, trial, until};

const V2: &[Need] = &[Need::Root, Need::V2];
const V1: &[Need] = &[Need::Root, Need::V1];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1];
const CRIU: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("facts::v2_an_ancestor_freezes_without_the_own_flag", V2, v2_inherited),
        trial("facts::v1_an_ancestor_freezes_without_the_own_flag", V1, v1_inherited),
        trial("facts::state_letters_while_frozen", BOTH, state_letters),
        trial("facts::v2_kill_while_frozen", V2, v2_kill),
        trial("facts::v1_kill_while_frozen", V1, v1_kill),
        trial("facts::an_empty_group_freezes_at_once", BOTH, empty),
        trial("facts::moved_into_a_frozen_group_and_out", BOTH, moved),
        trial("facts::the_root_has_no_freezer_files", BOTH, root),
        trial("facts::each_hierarchy_knows_its_own_freeze_only", BOTH, hybrid),
        trial("facts::v1_holds_back_the_v2_freeze", BOTH, v1_holds_back_v2),
        trial("facts::stopped_is_not_frozen", BOTH, stopped),
        trial("facts::v2_announces_every_freeze", V2, v2_announces),
        trial("facts::v1_announces_writes_only", V1, v1_announces),
        trial("facts::criu_dumps_thawed_and_frozen_groups", CRIU, criu_dumps),
    ]
}

fn v2_inherited() {
    let above = Group::v2("ancestor");
    let inner = above.child("inner");
    let workload = Workload::in_group(&inner);
    above.freeze();
    until("frozen from above", SOON, || inner.is_frozen());
    assert_eq!(inner.read("cgroup.freeze").trim(), "0");
    workload.assert_still();
    inner.request(false);
    throughout("the own flag does not matter", Duration::from_millis(50), || inner.is_frozen());
    workload.assert_still();
    inner.request(true);
    above.request(false);
    until("the ancestor runs", SOON, || !above.is_frozen());
    assert!(inner.is_frozen(), "now it is its own flag that holds it");
    workload.assert_still();
    inner.thaw();
    workload.assert_counting();
}

fn v1_inherited() {
    let above = Group::v1("ancestor");
    let inner = above.child("inner");
    let workload = Workload::in_group(&inner);
    above.freeze();
    until("frozen from above", SOON, || inner.is_frozen());
    let flags = |group: &Group| {
        ["self", "parent"].map(|whose| group.read(&format!("freezer.{whose}_freezing")).trim() == "1")
    };
    assert_eq!((flags(&above), flags(&inner)), ([true, false], [false, true]));
    inner.request(false);
    assert!(inner.is_frozen());
    workload.assert_still();
    inner.request(true);
    assert_eq!(flags(&inner), [true, true]);
    above.request(false);
    assert_eq!(flags(&inner), [true, false]);
    workload.assert_still();
    inner.thaw();
    workload.assert_counting();
}

fn state_letters() {
    for (group, letter) in [(Group::v2("letter"), 'S'), (Group::v1("letter"), 'D')] {
        let workload = Workload::in_group(&group);
        group.freeze();
        assert_eq!(workload.process().unwrap().state, letter);
        workload.assert_still();
    }
}

fn v2_kill() {
    let group = Group::v2("kill");
    let workload = Workload::in_group(&group);
    group.freeze();
    workload.signal(Signal::SIGKILL);
    until("it dies frozen", SOON, || !workload.is_alive());
    assert!(group.requested());
}

fn v1_kill() {
    let group = Group::v1("kill");
    let workload = Workload::in_group(&group);
    group.freeze();
    workload.signal(Signal::SIGKILL);
    throughout("it stays", Duration::from_millis(100), || workload.is_alive());
    group.request(false);
    until("it dies thawed", SOON, || !workload.is_alive());
}

fn empty() {
    for group in [Group::v2("empty"), Group::v1("empty")] {
        group.request(true);
        assert!(group.is_frozen());
        group.request(false);
        assert!(!group.is_frozen());
    }
}

fn moved() {
    for version in [Version::V2, Version::V1] {
        let (runs, frozen) = (Group::new(version, "runs"), Group::new(version, "frozen"));
        let workload = Workload::in_group(&runs);
        frozen.freeze();
        frozen.add(workload.pid());
        until("it is frozen there", SOON, || frozen.is_frozen());
        workload.assert_still();
        runs.add(workload.pid());
        workload.assert_counting();
    }
}

fn root() {
    for group in [Group::v2("top"), Group::v1("top")] {
        let root = group.path().parent().unwrap();
        for file in ["cgroup.freeze", "cgroup.events", "freezer.state", "freezer.self_freezing"] {
            assert!(!root.join(file).exists(), "{file}");
        }
    }
}

fn hybrid() {
    let (v2, v1) = (Group::v2("one"), Group::v1("one"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    v1.freeze();
    assert!(!v2.is_frozen());
    workload.assert_still();
    v1.thaw();
    v2.freeze();
    assert_eq!(v1.read("freezer.state").trim(), "THAWED");
    workload.assert_still();
    // Frozen through both, each thaw alone lets nothing run.
    v1.freeze();
    v2.thaw();
    workload.assert_still();
    v2.request(true);
    v1.thaw();
    until("v2 has it again", SOON, || v2.is_frozen());
    workload.assert_still();
    v2.thaw();
    workload.assert_counting();
}

fn v1_holds_back_v2() {
    let (v2, v1) = (Group::v2("back"), Group::v1("back"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    v1.freeze();
    v2.request(true);
    throughout("v2 is not complete", Duration::from_millis(100), || v2.requested() && !v2.is_frozen());
    v1.thaw();
    until("v2 completes", SOON, || v2.is_frozen());
    workload.assert_still();
}

fn stopped() {
    for group in [Group::v2("stop"), Group::v1("stop")] {
        let workload = Workload::in_group(&group);
        workload.signal(Signal::SIGSTOP);
        workload.wait_for_state('T');
        assert!(!group.is_frozen());
        group.freeze();
        // Continued while it is frozen, it runs only when it is thawed.
        workload.signal(Signal::SIGCONT);
        workload.assert_still();
        group.thaw();
        workload.assert_counting();
    }
}

/// Whether a watch on a file has announced a change since it was asked last.
struct Watch(File);

impl Watch {
    fn on(group: &Group, file: &str) -> Self {
        let fd = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&fd, group.path().join(file), inotify::WatchFlags::MODIFY).unwrap();
        Self(fd.into())
    }

    fn announced(&mut self) -> bool {
        self.0.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0)
    }
}

fn v2_announces() {
    let above = Group::v2("watch");
    let inner = above.child("inner");
    let _workload = Workload::in_group(&inner);
    let mut watches = [Watch::on(&above, "cgroup.events"), Watch::on(&inner, "cgroup.events")];
    for freeze in [true, false] {
        above.request(freeze);
        for watch in &mut watches {
            until("the change is announced", SOON, || watch.announced());
        }
        until("the state is reached", SOON, || above.is_frozen() == freeze && inner.is_frozen() == freeze);
        // Each of the two groups announces once; whatever came between is read off before the next change.
        watches.iter_mut().for_each(|watch| while watch.announced() {});
    }
}

fn v1_announces() {
    let above = Group::v1("watch");
    let inner = above.child("inner");
    let _workload = Workload::in_group(&inner);
    let [mut written, mut silent] = [Watch::on(&above, "freezer.state"), Watch::on(&inner, "freezer.state")];
    above.freeze();
    assert!(written.announced(), "a write is announced");
    until("the child is frozen", SOON, || inner.is_frozen());
    throughout("nothing more is announced", Duration::from_millis(50), || {
        !written.announced() && !silent.announced()
    });
}

fn criu_dumps() {
    for version in [Version::V2, Version::V1] {
        let group = Group::new(version, "dump");
        let workload = Workload::in_group(&group);
        dump(&workload, "thawed", &group);
        workload.assert_counting();
        group.freeze();
        let before = workload.count();
        dump(&workload, "frozen", &group);
        assert!(group.is_frozen(), "criu leaves it as it was");
        assert_eq!(workload.count(), before, "nothing ran in between");
        workload.assert_still();
        group.thaw();
        workload.assert_counting();
    }
}

/// `criu dump` of a workload that is to go on, freezing through its group.
fn dump(workload: &Workload, name: &str, group: &Group) {
    let images = workload.folder().join(name);
    fs::create_dir(&images).unwrap();
    let mut command = Command::new(criu());
    command.args(["dump", "--leave-running", "-v4", "-o", "log", "-t", &workload.pid().to_string()]);
    command.arg("--freeze-cgroup").arg(group.path()).arg("--images-dir").arg(&images);
    let mut child = quiet(&mut command).spawn().unwrap();
    // One that hangs is not killed: it ends when the group's drop thaws its target.
    until("criu ends", Duration::from_secs(30), || child.try_wait().unwrap().is_some());
    let log = || fs::read_to_string(images.join("log")).unwrap_or_default();
    assert!(child.wait().unwrap().success(), "{}", log());
    assert!(images.join("inventory.img").exists());
}
