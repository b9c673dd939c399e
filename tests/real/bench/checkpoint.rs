//! A checkpoint beside a bare `criu dump` with the right options, by turns.

use std::time::{Duration, Instant};

use cryoscope::checkpoint::images;
use cryoscope::model::Version;

use super::part;
use crate::real::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::criu::dump;
use crate::real::support::{Group, Workload};

/// How much memory the workload holds, in MiB, and how often it is dumped either way.
const SIZES: [(usize, usize); 2] = [(32, 11), (1024, 3)];

pub fn overhead() {
    for (size, rounds) in SIZES {
        let group = Group::new(Version::V2, "overhead");
        let workload = Workload::holding(&group, "memory", size.to_string());
        let (mut bare, mut ours) = (Figures::default(), Figures::default());
        for _ in 0..rounds {
            bare.time(|images| {
                std::fs::create_dir(images.folder()).unwrap();
                dump(workload.pid(), &images.folder()).leave_running().run().assert_success();
            });
            ours.time(|images| assert_done(&checkpoint(&group, &images.folder(), &["--yes"]), images));
        }
        for (what, (wall, frozen)) in [("criu dump", bare.medians()), ("checkpoint", ours.medians())] {
            println!("{size} MiB: {what}: {wall:?} by the clock, {frozen:?} frozen");
        }
        let ((wall, frozen), (ours_wall, ours_frozen)) = (bare.medians(), ours.medians());
        let (wall, frozen) = (ours_wall.div_duration_f64(wall), ours_frozen.div_duration_f64(frozen));
        println!("{size} MiB: checkpoint of bare: {wall:.3} by the clock, {frozen:.3} frozen");
    }
}

#[derive(Default)]
struct Figures {
    wall: Vec<Duration>,
    frozen: Vec<Duration>,
}

impl Figures {
    fn time(&mut self, dump: impl FnOnce(&Images)) {
        let images = Images::new();
        let start = Instant::now();
        dump(&images);
        self.wall.push(start.elapsed());
        // What criu itself counted.
        let stats = images::read(&images.folder()).unwrap().stats.unwrap();
        self.frozen.push(Duration::from_micros(stats.freezing_usec + stats.frozen_usec));
    }

    fn medians(&self) -> (Duration, Duration) {
        (median(&self.wall), median(&self.frozen))
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    part(&sorted, 500)
}
