//! `--after frozen`, of processes that are held in other ways than by the group's own request, or not at all.

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::{BOTH, hold};
use crate::real::support::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::group::Group;
use crate::real::support::requirement::{trial, with_criu};
use crate::real::support::wait::{SOON, until};
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("handover::afterwards_frozen_named_by_v1", BOTH, || frozen_through_the_other(Version::V1)),
        trial("handover::afterwards_frozen_named_by_v2", BOTH, || frozen_through_the_other(Version::V2)),
        trial("handover::afterwards_frozen_of_a_stopped_one", BOTH, frozen_of_a_stopped_one),
    ];
    for version in [Version::V2, Version::V1] {
        let mut add = |name: &str, run: fn(Version)| {
            all.push(trial(&format!("handover::{name}::{version}"), with_criu(version), move || {
                run(version)
            }));
        };
        add("afterwards_frozen_with_a_frozen_child", frozen_with_a_frozen_child);
        add("afterwards_frozen_with_a_frozen_child_and_more", frozen_with_a_frozen_child_and_more);
        add("afterwards_frozen_under_an_ancestor", frozen_under_an_ancestor);
    }
    all
}

/// The child's request alone would hold them too; but the group is what was named.
fn frozen_with_a_frozen_child(version: Version) {
    let group = Group::new(version, "frozen");
    let child = group.child("child");
    let (workload, images) = (Workload::in_group(&child), Images::new());
    hold(&child, &[&workload]);
    let count = workload.count();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "frozen"]), &images);
    assert!(group.requested() && child.requested());
    until("it is frozen", SOON, || group.is_frozen());
    assert_eq!(workload.count(), count, "nothing ran in between");
    child.request(false);
    workload.assert_still();
    group.thaw();
    workload.assert_counting();
}

/// One tree is held by the child's request, the other one runs.
fn frozen_with_a_frozen_child_and_more(version: Version) {
    let group = Group::new(version, "frozen");
    let child = group.child("child");
    let (held, runs) = (Workload::in_group(&child), Workload::in_group(&group));
    hold(&child, &[&held]);
    let images = Images::new();
    let output = checkpoint(&group, &images.folder(), &["--after", "frozen"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(group.requested() && child.requested());
    until("it is frozen", SOON, || group.is_frozen());
    runs.assert_still();
    child.request(false);
    group.thaw();
    runs.assert_counting();
    held.assert_counting();
}

/// The ancestor's request is somebody else's, and may be taken back.
fn frozen_under_an_ancestor(version: Version) {
    let above = Group::new(version, "above");
    let group = above.child("inner");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    hold(&above, &[&workload]);
    let count = workload.count();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "frozen"]), &images);
    assert!(group.requested() && above.requested());
    above.request(false);
    until("it is frozen", SOON, || group.is_frozen());
    assert_eq!(workload.count(), count, "nothing ran in between");
    group.thaw();
    workload.assert_counting();
}

/// Frozen through one hierarchy, and named by its group in the other one.
fn frozen_through_the_other(named: Version) {
    let (v2, v1) = (Group::v2("frozen"), Group::v1("frozen"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    let (group, other) = if named == Version::V2 { (&v2, &v1) } else { (&v1, &v2) };
    hold(other, &[&workload]);
    let (images, count) = (Images::new(), workload.count());
    assert_done(&checkpoint(group, &images.folder(), &["--after", "frozen"]), &images);
    assert!(group.requested() && other.requested());
    until("v1 is frozen", SOON, || v1.is_frozen());
    other.request(false);
    until("it is frozen", SOON, || group.is_frozen());
    assert_eq!(workload.count(), count, "nothing ran in between");
    group.thaw();
    workload.assert_counting();
}

/// criu would hang on it through v1, so v2 holds meanwhile; afterwards the group holds that was named.
fn frozen_of_a_stopped_one() {
    let (v2, v1) = (Group::v2("stopped"), Group::v1("stopped"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    let images = Images::new();
    assert_done(&checkpoint(&v1, &images.folder(), &["--after", "frozen"]), &images);
    assert!(v1.requested() && !v2.requested());
    until("it is frozen", SOON, || v1.is_frozen());
    v1.thaw();
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();
}
