//! Checkpoints of processes that are held in more than one way, of several trees, and with every outcome.
//!
//! The workload counts ten thousand times a second, so a count that is the same means that it did not run.

mod left_frozen;
mod over_v1;
mod script;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::group::Group;
use super::support::requirement::{Need, trial, with_criu};
use super::support::wait::{SOON, until};
use super::support::workload::Workload;

const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("handover::v2_then_v1", BOTH, || both(&[Version::V2, Version::V1], Version::V2)),
        trial("handover::v1_then_v2", BOTH, || both(&[Version::V1, Version::V2], Version::V2)),
        trial("handover::v2_then_v1_named_by_v1", BOTH, || both(&[Version::V2, Version::V1], Version::V1)),
        trial("handover::v1_alone_named_by_v2", BOTH, || both(&[Version::V1], Version::V2)),
        trial("handover::v2_alone_named_by_v1", BOTH, || both(&[Version::V2], Version::V1)),
        trial("handover::stopped_on_v2", with_criu(Version::V2), stopped_on_v2),
        trial("handover::stopped_and_frozen_on_v2", with_criu(Version::V2), stopped_and_frozen_on_v2),
        trial("handover::stopped_on_v1", with_criu(Version::V1), stopped_on_v1),
        trial("handover::stopped_and_frozen_on_v1", BOTH, stopped_and_frozen_on_v1),
        trial(
            "handover::stopped_and_frozen_on_v1_alone",
            with_criu(Version::V1),
            stopped_and_frozen_on_v1_alone,
        ),
    ];
    for version in [Version::V2, Version::V1] {
        let mut add = |name: &str, run: fn(Version)| {
            all.push(trial(&format!("handover::{name}::{version}"), with_criu(version), move || {
                run(version)
            }));
        };
        add("a_frozen_child", a_frozen_child);
        add("own_and_ancestor", own_and_ancestor);
        add("ancestor_own_child_and_sibling", ancestor_own_child_and_sibling);
        add("two_trees_at_one_instant", two_trees_at_one_instant);
        add("two_frozen_trees_in_groups_below", two_frozen_trees_in_groups_below);
        add("frozen_by_somebody_else_meanwhile", frozen_by_somebody_else_meanwhile);
        add("afterwards_running", afterwards_running);
        add("afterwards_frozen", afterwards_frozen);
        add("afterwards_stopped", afterwards_stopped);
        add("afterwards_killed", afterwards_killed);
        add("removed_as_soon_as_its_processes_were_killed", removed_as_soon_as_its_processes_were_killed);
        add("the_script_does_the_same", the_script_does_the_same);
    }
    all.extend(left_frozen::tests());
    all.extend(over_v1::tests());
    all.extend(script::tests());
    all
}

/// Checkpoints a group whose processes are frozen: exit 0, not one count, every flag as found. Then thaws and sees them run.
fn assert_handed_over(named: &Group, workloads: &[&Workload], groups: &[&Group], more: &[&str]) {
    let images = Images::new();
    let flags = || groups.iter().map(|group| group.requested()).collect::<Vec<_>>();
    let counts = || workloads.iter().map(|workload| workload.count()).collect::<Vec<_>>();
    let (before, counted) = (flags(), counts());
    assert_done(&checkpoint(named, &images.folder(), more), &images);
    assert_eq!(flags(), before, "the flags are as they were found");
    assert_eq!(counts(), counted, "nothing ran in between");
    for group in groups {
        group.request(false);
    }
    for workload in workloads {
        workload.assert_counting();
    }
}

/// Asks for a freeze and waits until the process stands still, whoever holds it.
fn hold(group: &Group, workloads: &[&Workload]) {
    group.request(true);
    for workload in workloads {
        until("it stands still", SOON, || {
            let before = workload.count();
            std::thread::sleep(Duration::from_millis(5));
            workload.count() == before
        });
    }
}

fn a_frozen_child(version: Version) {
    let group = Group::new(version, "parent");
    let child = group.child("child");
    let workload = Workload::in_group(&child);
    hold(&child, &[&workload]);
    assert_handed_over(&group, &[&workload], &[&group, &child], &[]);
}

fn own_and_ancestor(version: Version) {
    let above = Group::new(version, "above");
    let group = above.child("inner");
    let workload = Workload::in_group(&group);
    hold(&group, &[&workload]);
    hold(&above, &[&workload]);
    assert_handed_over(&group, &[&workload], &[&above, &group], &[]);
}

fn ancestor_own_child_and_sibling(version: Version) {
    let above = Group::new(version, "above");
    let (group, sibling) = (above.child("inner"), above.child("sibling"));
    let child = group.child("child");
    let (workload, bystander) = (Workload::in_group(&child), Workload::in_group(&sibling));
    for held in [&child, &group, &sibling, &above] {
        hold(held, &[]);
    }
    hold(&above, &[&workload, &bystander]);
    assert_handed_over(&group, &[&workload, &bystander], &[&above, &group, &child, &sibling], &[]);
}

/// Frozen through these hierarchies in this order, and named by its group in one of the two.
fn both(frozen: &[Version], named: Version) {
    let (v2, v1) = (Group::v2("both"), Group::v1("both"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    let of = |version| if version == Version::V2 { &v2 } else { &v1 };
    for &version in frozen {
        hold(of(version), &[&workload]);
    }
    assert_handed_over(of(named), &[&workload], &[&v2, &v1], &[]);
}

fn stopped_and_frozen_on_v2() {
    let group = Group::v2("stopped");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    group.freeze();
    assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    assert!(group.requested());
    group.thaw();
    workload.wait_for_state('T');
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();
}

/// Frozen by somebody else while criu holds it: criu would hang. It is thawed until criu has ended, and frozen again.
fn frozen_by_somebody_else_meanwhile(version: Version) {
    let group = Group::new(version, "meanwhile");
    let (workload, images, ended) = (Workload::in_group(&group), Images::new(), AtomicBool::new(false));
    let froze = std::thread::scope(|scope| {
        let somebody = scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                // criu has seized it, and has taken its own freeze away.
                if workload.process().is_some_and(|process| process.tracer.is_some()) && !group.requested() {
                    group.request(true);
                    return true;
                }
            }
            false
        });
        let output = checkpoint(&group, &images.folder(), &["--yes"]);
        ended.store(true, Ordering::Relaxed);
        assert_done(&output, &images);
        somebody.join().unwrap()
    });
    assert!(froze && group.requested(), "somebody else's freeze is there again");
    group.thaw();
    workload.assert_counting();
}

fn stopped_on_v2() {
    let group = Group::v2("stopped");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    assert!(!group.requested());
    workload.wait_for_state('T');
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();
}

/// With `--freeze-cgroup` criu would hang in the kernel: nothing is frozen, so it goes without.
fn stopped_on_v1() {
    let group = Group::v1("stopped");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    workload.wait_for_state('T');
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();
}

/// Through v2 it is no matter; through v1 alone criu would hang in the kernel.
fn stopped_and_frozen_on_v1() {
    let (v2, v1) = (Group::v2("stopped"), Group::v1("stopped"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    v1.freeze();
    let images = Images::new();
    assert_done(&checkpoint(&v1, &images.folder(), &[]), &images);
    assert!(v1.requested() && !v2.requested());
    v1.thaw();
    workload.wait_for_state('T');
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();
}

fn stopped_and_frozen_on_v1_alone() {
    let v1 = Group::v1("stopped");
    let (workload, images) = (Workload::in_groups(&[&v1]), Images::new());
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    v1.freeze();
    let output = checkpoint(&v1, &images.folder(), &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(&format!("process {} was stopped by a signal", workload.pid())), "{said}");
    assert!(v1.requested() && !images.folder().exists());
    v1.thaw();
    workload.wait_for_state('T');
}

/// A folder of images for each tree, and a report above them.
fn assert_two_trees(images: &Images, workloads: [&Workload; 2]) {
    for workload in workloads {
        let folder = images.folder().join(workload.pid().to_string());
        for file in ["inventory.img", &format!("core-{}.img", workload.pid())] {
            assert!(folder.join(file).is_file(), "{}/{file}", folder.display());
        }
    }
    assert!(images.folder().join("cryoscope.json").is_file());
}

fn two_trees_at_one_instant(version: Version) {
    let group = Group::new(version, "two");
    let (one, two) = (Workload::in_group(&group), Workload::in_group(&group));
    let (images, ended) = (Images::new(), AtomicBool::new(false));
    let log = images.folder().join(one.pid().min(two.pid()).to_string()).join("dump.log");
    let last = images.folder().join(one.pid().max(two.pid()).to_string()).join("stats-dump");
    let counts = || [one.count(), two.count()];
    let seen = std::thread::scope(|scope| {
        // From the first line of the first dump to the end of the last one, both counts are the same all the time.
        let watch = scope.spawn(|| {
            let mut seen = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let begun = log.exists();
                let now = counts();
                if begun && !last.exists() {
                    seen.push(now);
                }
            }
            seen
        });
        let output = checkpoint(&group, &images.folder(), &[]);
        ended.store(true, Ordering::Relaxed);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        watch.join().unwrap()
    });
    assert!(seen.len() > 10 && seen.iter().all(|counts| *counts == seen[0]), "{seen:?}");
    assert_two_trees(&images, [&one, &two]);
    assert!(!group.requested());
    one.assert_counting();
    two.assert_counting();
}

fn two_frozen_trees_in_groups_below(version: Version) {
    let group = Group::new(version, "two");
    let (first, second) = (group.child("first"), group.child("second"));
    let (one, two) = (Workload::in_group(&first), Workload::in_group(&second));
    hold(&first, &[&one]);
    hold(&second, &[&two]);
    let (counts, images) = ([one.count(), two.count()], Images::new());
    let output = checkpoint(&group, &images.folder(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_two_trees(&images, [&one, &two]);
    assert_eq!([one.count(), two.count()], counts);
    assert!(first.requested() && second.requested() && !group.requested());
    first.thaw();
    second.thaw();
    one.assert_counting();
    two.assert_counting();
}

fn afterwards_running(version: Version) {
    let group = Group::new(version, "running");
    let child = group.child("child");
    let (workload, images) = (Workload::in_group(&child), Images::new());
    hold(&child, &[]);
    hold(&group, &[&workload]);
    let refused = checkpoint(&child, &images.folder(), &["--after", "running"]);
    assert_eq!(refused.status.code(), Some(4), "the group above is not the child's to thaw");
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "running"]), &images);
    assert!(!group.requested() && !child.requested());
    workload.assert_counting();
}

fn afterwards_frozen(version: Version) {
    let group = Group::new(version, "frozen");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "frozen"]), &images);
    assert!(group.requested());
    until("it is frozen", SOON, || group.is_frozen());
    workload.assert_still();
    group.thaw();
    workload.assert_counting();
}

fn afterwards_stopped(version: Version) {
    for frozen in [false, true] {
        let group = Group::new(version, "stopped");
        let (workload, images) = (Workload::in_group(&group), Images::new());
        if frozen {
            group.freeze();
        }
        assert_done(&checkpoint(&group, &images.folder(), &["--after", "stopped"]), &images);
        assert_eq!(group.requested(), frozen);
        if frozen {
            group.thaw();
        }
        workload.wait_for_state('T');
        workload.signal(Signal::SIGCONT);
        workload.assert_counting();
    }
}

fn afterwards_killed(version: Version) {
    for (frozen, trees) in [(false, 1), (true, 1), (false, 2)] {
        let group = Group::new(version, "killed");
        let workloads: Vec<Workload> = (0..trees).map(|_| Workload::in_group(&group)).collect();
        let images = Images::new();
        if frozen {
            group.freeze();
        }
        let refused = checkpoint(&group, &images.folder(), &["--after", "killed"]);
        assert_eq!(refused.status.code(), Some(4), "not without --yes");
        let output = checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(group.requested(), frozen);
        assert!(workloads.iter().all(|workload| !workload.is_alive()));
    }
}

/// As systemd removes the group of a unit that has ended.
fn removed_as_soon_as_its_processes_were_killed(version: Version) {
    let top = Group::new(version, "removed");
    let group = top.child("unit");
    let workload = Workload::in_group(&group);
    group.freeze();
    let remove = format!("while [ -d '{0}' ]; do rmdir '{0}' 2>/dev/null; done", group.path().display());
    let mut remover = Command::new("sh").args(["-c", &remove]).spawn().unwrap();
    let images = Images::new();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    remover.wait().unwrap();
    assert!(!workload.is_alive());
}

fn the_script_does_the_same(version: Version) {
    let above = Group::new(version, "script");
    let group = above.child("inner");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    hold(&group, &[]);
    hold(&above, &[&workload]);
    let count = workload.count();
    let output = checkpoint(&group, &images.folder(), &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0));
    let script = images.folder().with_file_name("script");
    fs::write(&script, &output.stdout).unwrap();
    assert!(run(&script).status.success());
    assert!(images.folder().join("inventory.img").is_file());
    assert!(above.requested() && group.requested());
    assert_eq!(workload.count(), count);
    // It fails, for the folder is there now: the flags stay as they were found.
    assert!(!run(&script).status.success());
    assert!(above.requested() && group.requested());
    assert_eq!(workload.count(), count);
    above.request(false);
    group.thaw();
    workload.assert_counting();
}

fn run(script: &Path) -> std::process::Output {
    Command::new("sh").arg(script).stdin(Stdio::null()).output().unwrap()
}
