//! Outcomes that need a signal, of processes that the v1 freezer holds before and afterwards.

use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::BOTH;
use crate::real::support::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::group::Group;
use crate::real::support::requirement::trial;
use crate::real::support::wait::throughout;
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    vec![
        trial("handover::afterwards_stopped_under_v1_named_by_v2", BOTH, || stopped_under_v1(Version::V2)),
        trial("handover::afterwards_stopped_under_v1_named_by_v1", BOTH, || stopped_under_v1(Version::V1)),
        trial("handover::afterwards_stopped_under_both", BOTH, stopped_under_both),
        trial("handover::afterwards_killed_under_v1", BOTH, killed_under_v1),
    ]
}

/// The signal waits for them under the freeze, and takes effect when that is over.
fn stopped_under_v1(named: Version) {
    for round in 0..12 {
        let (v2, v1) = (Group::v2("stopped"), Group::v1("stopped"));
        let workload = Workload::in_groups(&[&v2, &v1]);
        v1.freeze();
        let (images, count) = (Images::new(), workload.count());
        let group = if named == Version::V2 { &v2 } else { &v1 };
        assert_done(&checkpoint(group, &images.folder(), &["--after", "stopped"]), &images);
        assert!(v1.requested() && !v2.requested());
        throughout(&format!("v1 is FROZEN, round {round}"), Duration::from_millis(50), || v1.is_frozen());
        assert_eq!(workload.count(), count, "nothing ran in between");
        v1.thaw();
        workload.wait_for_state('T');
        workload.signal(Signal::SIGCONT);
        workload.assert_counting();
    }
}

fn stopped_under_both() {
    for round in 0..8 {
        let (v2, v1) = (Group::v2("stopped"), Group::v1("stopped"));
        let workload = Workload::in_groups(&[&v2, &v1]);
        v2.freeze();
        v1.freeze();
        let (images, count) = (Images::new(), workload.count());
        assert_done(&checkpoint(&v2, &images.folder(), &["--after", "stopped"]), &images);
        assert!(v1.requested() && v2.requested());
        throughout(&format!("both are, round {round}"), Duration::from_millis(50), || {
            v1.is_frozen() && v2.is_frozen()
        });
        assert_eq!(workload.count(), count, "nothing ran in between");
        v1.request(false);
        v2.thaw();
        workload.wait_for_state('T');
        workload.signal(Signal::SIGCONT);
        workload.assert_counting();
    }
}

/// What has been killed must be gone before v1 holds it again: it would stay until somebody thaws it.
fn killed_under_v1() {
    for (round, named) in [Version::V1, Version::V2].into_iter().cycle().take(12).enumerate() {
        let (v2, v1) = (Group::v2("killed"), Group::v1("killed"));
        // Several end by a signal, and v1 alone cannot do that.
        let trees = if round >= 6 && named == Version::V2 { 2 } else { 1 };
        let workloads: Vec<Workload> = (0..trees).map(|_| Workload::in_groups(&[&v2, &v1])).collect();
        v1.freeze();
        let images = Images::new();
        let group = if named == Version::V2 { &v2 } else { &v1 };
        let output = checkpoint(group, &images.folder(), &["--after", "killed", "--yes"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "round {round}: {said}");
        assert!(v1.requested() && !v2.requested());
        assert!(workloads.iter().all(|workload| !workload.is_alive()), "round {round}");
    }
}
