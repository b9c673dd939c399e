//! What plain `criu dump` and `criu restore` do with a freezer: what a checkpoint is planned on.
//!
//! "Hangs" means: no timeout of CRIU covers it. A test shows that criu waits, and then that it is released by a thaw of every
//! group that holds the target, after which criu succeeds and the target lives.

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::support::criu::{Ended, Restored, Running, dump, restore, thaw_origins};
use super::support::{Group, Need, SOON, Workload, trial, until};

const V2: &[Need] = &[Need::Root, Need::V2, Need::Criu];
const V1: &[Need] = &[Need::Root, Need::V1, Need::Criu];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("criu_facts::v2_thawed", V2, v2_thawed),
        trial("criu_facts::v2_frozen_without_the_option_hangs", V2, v2_frozen_without),
        trial("criu_facts::v2_frozen_with_the_option", V2, v2_frozen_with),
        trial("criu_facts::v2_ancestor_frozen_option_on_the_group_hangs", V2, v2_ancestor_group),
        trial("criu_facts::v2_ancestor_frozen_option_on_the_ancestor", V2, v2_ancestor_ancestor),
        trial("criu_facts::v2_both_frozen_option_on_the_ancestor_hangs", V2, v2_both),
        trial("criu_facts::v1_thawed", V1, v1_thawed),
        trial("criu_facts::v1_frozen_without_the_option_fails", V1, v1_frozen_without),
        trial("criu_facts::v1_frozen_with_the_option", V1, v1_frozen_with),
        trial("criu_facts::v1_frozen_option_on_the_v2_group_fails", BOTH, v1_frozen_v2_option),
        trial("criu_facts::v2_frozen_option_on_the_v1_group_hangs", BOTH, v2_frozen_v1_option),
        trial("criu_facts::v2_stopped_by_a_signal", V2, v2_stopped),
        trial("criu_facts::v1_stopped_by_a_signal_hangs", V1, v1_stopped),
        trial("criu_facts::a_relative_path_is_refused", V2, relative_path),
        trial("criu_facts::hand_over", V2, hand_over),
        trial("criu_facts::across_hierarchies", BOTH, across_hierarchies),
        trial("criu_facts::several_trees_at_one_instant", V2, several_trees),
        trial("criu_facts::restore_needs_the_dead_reaped", V2, restore_after_reaping),
        trial("criu_facts::restore_makes_groups_again", BOTH, restore_makes_groups),
        trial("criu_facts::restore_beside_the_living_fails", V2, restore_beside_the_living),
    ]
}

fn images() -> TempDir {
    tempfile::Builder::new().prefix("cryoscope-test-images-").tempdir().unwrap()
}

/// `criu dump -R` of a workload, with `--freeze-cgroup` where a group is given.
fn dump_running(workload: &Workload, images: &TempDir, option: Option<&Group>) -> Running {
    let dump = dump(workload.pid(), images.path()).leave_running();
    match option {
        Some(group) => dump.freeze_cgroup(group.path()),
        None => dump,
    }
    .start()
}

/// The same, to its end.
fn dumped(workload: &Workload, option: Option<&Group>) -> Ended {
    dump_running(workload, &images(), option).wait()
}

/// Shows that the dump hangs, that a thaw of all that holds the workload releases it, and that the workload lives.
fn assert_hangs_until_thawed(workload: &Workload, option: Option<&Group>) {
    let images = images();
    let mut criu = dump_running(workload, &images, option);
    criu.assert_hangs();
    thaw_origins(workload.pid());
    criu.wait().assert_success();
    // What criu found frozen with its option, it freezes again.
    thaw_origins(workload.pid());
    workload.assert_counting();
}

fn thawed(group: &Group) {
    let workload = Workload::in_group(group);
    for option in [None, Some(group)] {
        dumped(&workload, option).assert_success();
        assert!(!group.requested(), "criu leaves no freeze behind");
        workload.assert_counting();
    }
}

/// Frozen by hand, and the option names the group.
fn frozen_with(group: &Group) {
    let workload = Workload::in_group(group);
    group.freeze();
    let count = workload.count();
    dumped(&workload, Some(group)).assert_success();
    assert!(group.is_frozen() && group.requested(), "as it was before");
    assert_eq!(workload.count(), count, "it did not run in between");
    group.thaw();
    workload.assert_counting();
}

fn v2_thawed() {
    thawed(&Group::v2("dump"));
}

fn v2_frozen_without() {
    let group = Group::v2("dump");
    let workload = Workload::in_group(&group);
    group.freeze();
    assert_hangs_until_thawed(&workload, None);
}

fn v2_frozen_with() {
    frozen_with(&Group::v2("dump"));
}

/// criu sees the group's own request, 0: its thaw of that group has no effect.
fn v2_ancestor_group() {
    let ancestor = Group::v2("dump");
    let group = ancestor.child("inner");
    let workload = Workload::in_group(&group);
    ancestor.freeze();
    assert_hangs_until_thawed(&workload, Some(&group));
}

/// The other processes of the ancestor are paused, and not dumped.
fn v2_ancestor_ancestor() {
    let ancestor = Group::v2("dump");
    let workload = Workload::in_group(&ancestor.child("inner"));
    let other = Workload::in_group(&ancestor.child("other"));
    ancestor.freeze();
    let counts = (workload.count(), other.count());
    let ended = dumped(&workload, Some(&ancestor));
    ended.assert_success();
    assert!(ended.log.contains(&format!("Unexpected process {} in the freezer cgroup", other.pid())));
    assert!(ancestor.is_frozen() && ancestor.requested());
    assert_eq!((workload.count(), other.count()), counts);
    ancestor.thaw();
    workload.assert_counting();
    other.assert_counting();
}

/// criu thaws only the group that the option names.
fn v2_both() {
    let ancestor = Group::v2("dump");
    let group = ancestor.child("inner");
    let workload = Workload::in_group(&group);
    ancestor.freeze();
    group.freeze();
    let images = images();
    let mut criu = dump_running(&workload, &images, Some(&ancestor));
    criu.assert_hangs();
    assert!(!ancestor.requested() && group.requested(), "criu has thawed the ancestor only");
    group.request(false);
    criu.wait().assert_success();
    assert!(ancestor.requested(), "criu freezes again what it found frozen");
    ancestor.thaw();
    workload.assert_counting();
}

fn v1_thawed() {
    thawed(&Group::v1("dump"));
}

/// Unlike with v2, its timeout ends it: the process is in state D, where criu looks before it waits.
fn v1_frozen_without() {
    let group = Group::v1("dump");
    let workload = Workload::in_group(&group);
    group.freeze();
    let ended = dumped(&workload, None);
    ended.assert_failure("Timeout reached");
    ended.assert_failure("Unseizable non-zombie");
    assert!(group.is_frozen());
    group.thaw();
    workload.assert_counting();
}

fn v1_frozen_with() {
    frozen_with(&Group::v1("dump"));
}

fn v1_frozen_v2_option() {
    let (v1, v2) = (Group::v1("dump"), Group::v2("dump"));
    let workload = Workload::in_groups(&[&v1, &v2]);
    v1.freeze();
    dumped(&workload, Some(&v2)).assert_failure("Unable to freeze cgroup");
    assert!(v1.is_frozen());
    v1.thaw();
    v2.thaw();
    workload.assert_counting();
}

fn v2_frozen_v1_option() {
    let (v1, v2) = (Group::v1("dump"), Group::v2("dump"));
    let workload = Workload::in_groups(&[&v1, &v2]);
    v2.freeze();
    assert_hangs_until_thawed(&workload, Some(&v1));
}

fn v2_stopped() {
    for frozen in [false, true] {
        let group = Group::v2("dump");
        let workload = Workload::in_group(&group);
        workload.signal(Signal::SIGSTOP);
        workload.wait_for_state('T');
        group.request(frozen);
        until("the group is as requested", SOON, || group.is_frozen() == frozen);
        dumped(&workload, Some(&group)).assert_success();
        assert_eq!((group.requested(), group.is_frozen()), (frozen, frozen));
        group.thaw();
        workload.wait_for_state('T');
        workload.signal(Signal::SIGCONT);
        workload.assert_counting();
    }
}

/// In the kernel: ptrace waits for the stopped process to move, and the freezer keeps it from that. No timeout ends it.
fn v1_stopped() {
    let group = Group::v1("dump");
    let workload = Workload::in_group(&group);
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    let images = images();
    let mut criu = dump_running(&workload, &images, Some(&group));
    criu.assert_hangs_in_the_kernel();
    assert!(group.is_frozen());
    thaw_origins(workload.pid());
    criu.wait().assert_success();
    workload.wait_for_state('T');
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();
}

fn relative_path() {
    let group = Group::v2("dump");
    let workload = Workload::in_group(&group);
    let below = format!("/{}", group.name().to_str().unwrap());
    let ended = dump(workload.pid(), images().path()).leave_running().freeze_cgroup(below).run();
    ended
        .assert_failure("Neither a cgroupv1 (freezer.state) or cgroupv2 (cgroup.freeze) control file found.");
    workload.assert_counting();
}

/// Frozen above, by its own request and below: everything is held through the topmost, so the flags below can be cleared.
fn hand_over() {
    let top = Group::v2("dump");
    let group = top.child("middle");
    let inner = group.child("inner");
    let workload = Workload::in_group(&inner);
    for frozen in [&inner, &group, &top] {
        frozen.freeze();
    }
    let count = workload.count();
    group.request(false);
    inner.request(false);
    dumped(&workload, Some(&top)).assert_success();
    inner.request(true);
    group.request(true);
    assert!([&top, &group, &inner].iter().all(|group| group.requested() && group.is_frozen()));
    assert_eq!(workload.count(), count, "not one step of it ran");
    thaw_origins(workload.pid());
    workload.assert_counting();
}

/// Frozen through both hierarchies: v2 holds while v1 is thawed for the dump.
fn across_hierarchies() {
    for v1_first in [true, false] {
        let (v1, v2) = (Group::v1("dump"), Group::v2("dump"));
        let workload = Workload::in_groups(&[&v1, &v2]);
        if v1_first {
            v1.freeze();
            v2.request(true);
            assert!(!v2.is_frozen(), "while v1 holds the process, a freeze through v2 cannot complete");
        } else {
            v2.freeze();
            v1.freeze();
        }
        let count = workload.count();
        v1.thaw();
        until("v2 holds the process", SOON, || v2.is_frozen());
        dumped(&workload, Some(&v2)).assert_success();
        v1.freeze();
        assert_eq!(workload.count(), count, "not one step of it ran");
        v2.request(false);
        workload.assert_still();
        assert_eq!(workload.count(), count, "v1 still holds it");
        v1.thaw();
        workload.assert_counting();
    }
}

fn several_trees() {
    let parent = Group::v2("dump");
    let trees = ["one", "two"].map(|name| Workload::in_group(&parent.child(name)));
    parent.freeze();
    let counts = trees.each_ref().map(Workload::count);
    for tree in &trees {
        dumped(tree, Some(&parent)).assert_success();
        assert!(parent.is_frozen(), "criu puts the freeze back");
        assert_eq!(trees.each_ref().map(Workload::count), counts, "not one step of them ran");
    }
    parent.thaw();
    trees.iter().for_each(Workload::assert_counting);
}

/// A workload whose process was dumped, and ended by that.
struct Dumped {
    workload: Workload,
    images: TempDir,
    groups: Vec<Group>,
}

/// A group in every hierarchy that has a freezer. `criu restore` makes all groups again that were below those of the process:
/// with the process in a root group, those of the tests beside this one.
fn a_group_in_each() -> Vec<Group> {
    let host = hierarchies().unwrap();
    let present = [Version::V2, Version::V1].into_iter().filter(|&version| host.get(version).is_some());
    present.map(|version| Group::new(version, "dump")).collect()
}

impl Dumped {
    /// Dumped while frozen, as anybody would who wants to end it at that point.
    fn new() -> Self {
        let groups = a_group_in_each();
        let workload = Workload::in_groups(&groups.iter().collect::<Vec<_>>());
        let images = images();
        groups[0].freeze();
        dump(workload.pid(), images.path()).freeze_cgroup(groups[0].path()).run().assert_success();
        assert!(!workload.is_alive());
        assert!(!groups[0].requested(), "after a dump that ends the process the group is left thawed");
        Self { workload, images, groups }
    }

    fn restore(&self) -> (Ended, Option<Restored>) {
        restore(self.workload.pid(), self.images.path())
    }

    /// Restores it, and shows that it is back with its PID in its groups.
    fn assert_restores(&self) -> Restored {
        let (ended, restored) = self.restore();
        ended.assert_success();
        for group in &self.groups {
            assert_eq!(group.pids(), [self.workload.pid()], "{}", group.path().display());
        }
        restored.unwrap()
    }
}

/// A zombie that nobody has reaped keeps its PID.
fn restore_after_reaping() {
    let dumped = Dumped::new();
    dumped.restore().0.assert_failure("Can't fork for");
    dumped.workload.reap();
    let count = dumped.workload.count();
    let _restored = dumped.assert_restores();
    until("it goes on counting", SOON, || dumped.workload.count() > count);
    assert!(dumped.workload.count() < count + 100_000, "from where it was, not from an accident");
}

/// Groups that are gone are made again, and a v1 group gets the state that the group of `--freeze-cgroup` had before the dump:
/// FROZEN here, though that was the v2 group. A group that is there is left as it is.
fn restore_makes_groups() {
    let dumped = Dumped::new();
    dumped.workload.reap();
    let [v2, v1] = &dumped.groups[..] else { panic!("both hierarchies") };
    v2.remove();
    v1.remove();
    let _restored = dumped.assert_restores();
    assert!(!v2.requested());
    assert!(v1.requested());
    until("the restored process is frozen", SOON, || v1.is_frozen());
    dumped.workload.assert_still();
    v1.thaw();
    dumped.workload.assert_counting();
}

fn restore_beside_the_living() {
    let groups = a_group_in_each();
    let workload = Workload::in_groups(&groups.iter().collect::<Vec<_>>());
    let images = images();
    dump(workload.pid(), images.path()).leave_running().run().assert_success();
    let (ended, restored) = restore(workload.pid(), images.path());
    assert!(restored.is_none());
    ended.assert_failure("Can't fork for");
    workload.assert_counting();
}
