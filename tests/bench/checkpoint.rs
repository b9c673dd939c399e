//! A checkpoint beside a bare `criu dump` with the same options, by turns.

use std::time::{Duration, Instant};

use cryoscope::checkpoint::images;
use cryoscope::model::Version;

use super::figures::part;
use crate::real::support::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::criu::dump;
use crate::real::support::{Group, Workload};

/// How much memory the workload holds, in MiB, and how often it is dumped either way.
const SIZES: [(usize, usize); 2] = [(32, 12), (2048, 8)];

pub fn overhead() {
    for (size, rounds) in SIZES {
        let group = Group::new(Version::V2, "overhead");
        let workload = Workload::holding(&group, "memory", size.to_string());
        let (mut bare, mut ours) = (Figures::default(), Figures::default());
        for round in 0..rounds {
            let plain = |images: &Images| {
                std::fs::create_dir(images.folder()).unwrap();
                let dump = dump(workload.pid(), &images.folder()).leave_running().freeze_cgroup(group.path());
                dump.run().assert_success();
            };
            let guarded =
                |images: &Images| assert_done(&checkpoint(&group, &images.folder(), &["--yes"]), images);
            // Whoever is second finds the disk busy with what the first has written.
            if round % 2 == 0 {
                bare.time(plain);
                ours.time(guarded);
            } else {
                ours.time(guarded);
                bare.time(plain);
            }
        }
        for (what, figures) in [("criu dump", &bare), ("checkpoint", &ours)] {
            let [wall, frozen] = figures.medians();
            println!("{size} MiB: {what}: {wall:?} by the clock, {frozen:?} frozen");
        }
        println!("{size} MiB: checkpoint: {:?} of it after the preflight", median(&ours.run));
        for (what, of) in [("median", median as fn(&[Duration]) -> Duration), ("best", best)] {
            let ratio = |ours: &[Duration], bare: &[Duration]| of(ours).div_duration_f64(of(bare));
            let (wall, run) = (ratio(&ours.wall, &bare.wall), ratio(&ours.run, &bare.wall));
            let frozen = ratio(&ours.frozen, &bare.frozen);
            println!(
                "{size} MiB: {what} of bare: {wall:.3} by the clock, {run:.3} after the preflight, {frozen:.3} frozen"
            );
        }
    }
}

#[derive(Default)]
struct Figures {
    wall: Vec<Duration>,
    /// As `cryoscope.json` says.
    run: Vec<Duration>,
    frozen: Vec<Duration>,
}

impl Figures {
    fn time(&mut self, dump: impl FnOnce(&Images)) {
        // What was written before is on the disk, and does not hold this one up.
        rustix::fs::sync();
        let images = Images::new();
        let start = Instant::now();
        dump(&images);
        self.wall.push(start.elapsed());
        let report = std::fs::read(images.folder().join("cryoscope.json"));
        let report = report.ok().map(|text| serde_json::from_slice::<serde_json::Value>(&text).unwrap());
        let run = report.map(|report| report["elapsed_ms"].as_u64().unwrap());
        self.run.extend(run.map(Duration::from_millis));
        // What criu itself counted.
        let stats = images::read(&images.folder()).unwrap().stats.unwrap();
        self.frozen.push(Duration::from_micros(stats.freezing_usec + stats.frozen_usec));
    }

    fn medians(&self) -> [Duration; 2] {
        [median(&self.wall), median(&self.frozen)]
    }
}

/// Where the group is not frozen when criu looks first, criu sleeps for 100 ms (`criu/seize.c`), and so doubles a small dump.
fn best(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    part(&sorted, 500)
}
