//! The groups that the processes come into: another one than before, and none of somebody else's made again.

use cryoscope::kernel::membership::group_of;
use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::{BOTH, Killed, assert_failed, assert_restored, restore, run_script};
use crate::real::rescue::said;
use crate::real::support::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::criu::adopt;
use crate::real::support::requirement::trial;
use crate::real::support::{Group, SOON, Workload, until};

pub(super) fn tests() -> Vec<Trial> {
    vec![
        trial("restore::groups::into_another_v2", BOTH, || into_another(Version::V2)),
        trial("restore::groups::into_another_v1", BOTH, || into_another(Version::V1)),
        trial("restore::groups::two_trees_into_another", BOTH, two_trees),
        trial("restore::groups::into_a_frozen_one", BOTH, into_frozen),
        trial("restore::groups::those_of_others_are_not_made_again", BOTH, others),
        trial("restore::groups::what_criu_makes_is_said", BOTH, said_where_made),
    ]
}

/// The old groups are gone, and not made again.
fn into_another(version: Version) {
    for by_script in [false, true] {
        let killed = Killed::new(1);
        let other = Group::new(version, "other");
        killed.groups.iter().for_each(Group::remove);
        let _restored = killed.adopt();
        let more = ["--into-group", other.path().to_str().unwrap()];
        let output = if by_script { run_script(&killed, &more) } else { restore(&killed.folder(), &more) };
        assert_restored(&output);
        assert_eq!(other.pids(), [killed.pid()]);
        let hosts = cryoscope::kernel::mounts::hierarchies().unwrap();
        let beside = hosts.get(version.other()).unwrap();
        let mine = |pid: i32| group_of(pid, beside).unwrap().group();
        assert_eq!(mine(killed.pid()), mine(std::process::id().cast_signed()));
        killed.assert_count_on();
        assert!(killed.groups.iter().all(|group| !group.path().exists()));
    }
}

fn two_trees() {
    let killed = Killed::new(2);
    let other = Group::v2("other");
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &["--into-group", other.path().to_str().unwrap()]));
    let mut pids: Vec<i32> = killed.workloads.iter().map(Workload::pid).collect();
    let mut there = other.pids();
    pids.sort_unstable();
    there.sort_unstable();
    assert_eq!(there, pids);
    killed.assert_count_on();
}

fn into_frozen() {
    let killed = Killed::new(1);
    let other = Group::v2("other");
    other.freeze();
    let path = other.path().to_str().unwrap();
    assert_failed(
        &restore(&killed.folder(), &["--into-group", path]),
        4,
        &[path, "frozen by its own request", "--thaw"],
    );
    killed.assert_nothing_runs();
    let both = ["--thaw", "--into-group", path, "--", "--manage-cgroups=soft"];
    assert_failed(&restore(&killed.folder(), &both), 4, &["omit one of them"]);
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &["--thaw", "--into-group", path]));
    assert!(other.requested() && other.pids() == [killed.pid()]);
    assert_eq!(killed.counts(), killed.counts, "not one step ran");
    other.thaw();
    killed.assert_count_on();
}

/// A workload in a v2 group and in a v1 group with another one below, which goes after the checkpoint.
fn beside_a_ghost() -> (Workload, Group, Group, Group, Images) {
    let (v2, v1, images) = (Group::v2("own"), Group::v1("own"), Images::new());
    let ghost = v1.child("ghost");
    let workload = Workload::in_groups(&[&v2, &v1]);
    assert_done(&checkpoint(&v2, &images.folder(), &["--after", "killed", "--yes"]), &images);
    workload.reap();
    ghost.remove();
    (workload, v2, v1, ghost, images)
}

fn others() {
    let (workload, v2, v1, ghost, images) = beside_a_ghost();
    let count = workload.count();
    let _restored = adopt(workload.pid());
    let output = restore(&images.folder(), &[]);
    assert_restored(&output);
    assert!(!ghost.path().exists(), "{}", said(&output));
    assert_eq!((v2.pids(), v1.pids()), (vec![workload.pid()], vec![workload.pid()]));
    until("it counts on", SOON, || workload.count() > count);
}

/// One of its own groups is gone as well, with its settings: criu makes all again.
fn said_where_made() {
    let (workload, v2, _v1, ghost, images) = beside_a_ghost();
    v2.remove();
    let _restored = adopt(workload.pid());
    let output = restore(&images.folder(), &[]);
    assert_restored(&output);
    let said = said(&output);
    assert!(said.contains("groups that contain none of the processes") && said.contains("rmdir"), "{said}");
    assert!(ghost.path().exists() && v2.pids() == [workload.pid()], "{said}");
}
