//! `restore --thaw`: what holds the processes is thawed for as long as the restore takes, and frozen again, whatever happens.

use std::fs;
use std::process::Command;

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{BOTH, Killed, assert_failed, assert_restored, meddling, restore, run_script, state};
use crate::real::rescue::{rescue, said};
use crate::real::support::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::criu::adopt;
use crate::real::support::namespace::isolated;
use crate::real::support::requirement::{criu, trial};
use crate::real::support::workload::quiet;
use crate::real::support::{Group, SOON, Workload, program, until};

pub(super) fn tests() -> Vec<Trial> {
    vec![
        trial("restore::thaw::v2", BOTH, || thawed_for_the_restore(Version::V2, 1)),
        trial("restore::thaw::v1", BOTH, || thawed_for_the_restore(Version::V1, 1)),
        trial("restore::thaw::two_trees_v2", BOTH, || thawed_for_the_restore(Version::V2, 2)),
        trial("restore::thaw::two_trees_v1", BOTH, || thawed_for_the_restore(Version::V1, 2)),
        trial("restore::thaw::the_groups_above", BOTH, groups_above),
        trial("restore::thaw::the_script_does_the_same", BOTH, script),
        trial("restore::thaw::frozen_again_when_it_fails", BOTH, fails),
        isolated("restore::thaw::frozen_again_by_a_rescue", BOTH, cut_off),
    ]
}

/// The group of that hierarchy is frozen, before the checkpoint and since.
fn killed_frozen(version: Version, trees: usize) -> Killed {
    let killed = Killed::unreaped(trees, |groups| groups[usize::from(version == Version::V1)].freeze());
    killed.workloads.iter().for_each(Workload::reap);
    killed
}

impl Killed {
    fn group(&self, version: Version) -> &Group {
        &self.groups[usize::from(version == Version::V1)]
    }

    /// Restored, frozen as it was found, and not stopped: it counts on from what was saved as soon as the group is thawed.
    #[track_caller]
    fn assert_frozen_until_thawed(&self, group: &Group) {
        assert!(group.requested());
        until("all of it is frozen", SOON, || group.is_frozen());
        for (workload, &count) in self.workloads.iter().zip(&self.counts) {
            assert!(group.pids().contains(&workload.pid()));
            if group.version() == Version::V2 {
                assert_eq!(workload.count(), count, "not one step ran");
            }
        }
        group.thaw();
        self.assert_count_on();
    }
}

fn thawed_for_the_restore(version: Version, trees: usize) {
    let killed = killed_frozen(version, trees);
    let group = killed.group(version);
    let bystander = Workload::in_groups(&[]);
    group.add(bystander.pid());
    until("the bystander is frozen", SOON, || group.is_frozen());
    let _restored = killed.adopt();
    let output = restore(&killed.folder(), &["--thaw"]);
    assert_restored(&output);
    let said = said(&output);
    let again = format!("{} is frozen again, as it was found", group.path().display());
    assert!(said.contains("run meanwhile") && said.contains(&again), "{said}");
    bystander.assert_still();
    killed.assert_frozen_until_thawed(group);
}

/// Both the group and the one above it ask, and both hierarchies.
fn groups_above() {
    let (above, v1) = (Group::v2("above"), Group::v1("beside"));
    let inner = above.child("inner");
    let (workload, images) = (Workload::in_groups(&[&inner, &v1]), Images::new());
    assert_done(&checkpoint(&inner, &images.folder(), &["--after", "killed", "--yes"]), &images);
    workload.reap();
    let count = workload.count();
    let all = [&above, &inner, &v1];
    all.iter().for_each(|group| group.request(true));
    let _restored = adopt(workload.pid());
    assert_restored(&restore(&images.folder(), &["--thaw"]));
    assert!(all.iter().all(|group| group.requested()));
    workload.assert_still();
    [&v1, &inner, &above].iter().for_each(|group| group.request(false));
    until("it counts on", SOON, || workload.count() > count);
}

fn script() {
    for (version, trees) in [(Version::V2, 1), (Version::V1, 2)] {
        let killed = killed_frozen(version, trees);
        let _restored = killed.adopt();
        assert_restored(&run_script(&killed, &["--thaw"]));
        killed.assert_frozen_until_thawed(killed.group(version));
    }
}

/// By this program and by its script: nothing is restored, and the group is as it was found.
fn fails() {
    for version in [Version::V2, Version::V1] {
        let killed = killed_frozen(version, 2);
        let group = killed.group(version);
        let criu = meddling(&killed, "printf x >> COUNTER");
        let more = ["--thaw", "--criu", criu.to_str().unwrap()];
        assert!(!run_script(&killed, &more).status.success());
        assert!(group.requested(), "the script has frozen it again");
        for workload in &killed.workloads {
            until("it is ended", SOON, || matches!(state(workload.pid()), None | Some('Z')));
            let bytes = fs::read(workload.counter()).unwrap();
            fs::write(workload.counter(), &bytes[..8]).unwrap();
        }
        super::be_the_reaper();
        killed.workloads.iter().for_each(|workload| super::reap(workload.pid()));
        assert_failed(&restore(&killed.folder(), &more), 7, &["has bad size 9 (expect 8)"]);
        assert!(group.requested(), "it has frozen it again");
    }
}

/// The program is killed while criu restores: the groups are thawed, a rescue lets criu finish, and freezes them again.
fn cut_off() {
    let killed = killed_frozen(Version::V2, 1);
    let group = killed.group(Version::V2);
    let (path, begun, go) = (
        killed.folder().with_file_name("criu"),
        killed.folder().with_file_name("begun"),
        killed.folder().with_file_name("go"),
    );
    program::write(
        &path,
        format!(
            "#!/bin/sh\nif [ \"$1\" = restore ]; then : > {}; until [ -e {} ]; do sleep 0.02; done; fi\nexec {} \"$@\"\n",
            begun.display(),
            go.display(),
            criu().display()
        ),
    );
    let _restored = killed.adopt();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.args(["restore", "--thaw", "--criu"]).arg(&path).arg(killed.folder());
    let mut child = quiet(&mut command).spawn().unwrap();
    until("criu is started", SOON, || begun.exists());
    assert!(!group.requested());
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    // Another one of the same group has to wait.
    assert_failed(&restore(&killed.folder(), &["--thaw"]), 4, &["was interrupted", "cryoscope rescue"]);
    let told = said(&rescue("--dry-run"));
    let what = format!("the restore of {} was interrupted", killed.folder().display());
    assert!(told.contains(&what) && told.contains(&format!("echo 1 > {}", group.path().display())), "{told}");
    fs::write(&go, "").unwrap();
    let output = rescue("--yes");
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(group.requested(), "{told}");
    assert!(told.contains(&format!("kill -CONT {}", killed.pid())), "{told}");
    assert!(said(&rescue("--yes")).contains("nothing to rescue"));
    kill(Pid::from_raw(killed.pid()), Signal::SIGCONT).unwrap();
    killed.assert_frozen_until_thawed(group);
}
