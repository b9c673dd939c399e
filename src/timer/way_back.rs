//! The way back: a request is taken back, and once more where somebody sets it again who only had it for a while.
//!
//! A checkpoint, and every criu, takes the request of a group back while it works, and sets it again at its end. A thaw in
//! between would be undone; and one between the steps of a plan would let the processes run that it holds.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use super::plan::{Planned, planned};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer;
use crate::kernel::processes::{arguments, tracers};
use crate::model::State;
use crate::model::criu::is_dump;
use crate::runtime::{self, ThawError};

/// The group that is to be thawed.
pub(super) struct Target {
    pub fs: Filesystem,
    pub group: Group,
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// It stands, or something else holds the group.
    Stands,
    /// It is away, and whoever took it sets it again.
    Away,
    /// It was taken back, or the group is gone.
    TakenBack,
}

/// How long is waited at most until is looked again whether somebody still works on the group.
const LONGEST: Duration = Duration::from_millis(100);

impl Target {
    /// Looks where the request is. It counts as taken back once the group runs: it does not ask, no ancestor holds it, no
    /// tracer does, and no plan of a checkpoint is to set it again.
    pub(super) fn look(&self) -> io::Result<Request> {
        let Some(read) = self.group.read()? else { return Ok(Request::TakenBack) };
        if read.freezer.requested() || read.freezer.state(false) != Some(State::Thawed) {
            return Ok(Request::Stands);
        }
        let away = !tracers(&self.group.dir)?.is_empty() || planned(self.group.id)? != Planned::Not;
        Ok(if away { Request::Away } else { Request::TakenBack })
    }

    /// Whether it asks for a freeze; what cannot be read does not.
    pub(super) fn asks(&self) -> bool {
        self.group.read().is_ok_and(|read| read.is_some_and(|read| read.freezer.requested()))
    }

    /// Thaws it for good: not before a plan that runs is at its end, and again when a criu is that holds its processes. False
    /// where the request could not be taken back.
    pub(super) fn thaw_for_good(&self) -> bool {
        let (mut pause, mut thawed) = (Duration::from_millis(2), true);
        loop {
            // Looked at before the thaw: what ends afterwards is seen the next time.
            let runs = planned(self.group.id).is_ok_and(|planned| planned == Planned::Runs);
            let works = runs || self.is_in_the_hands_of_criu();
            // criu alone waits for a thaw, if for anything.
            if !runs {
                thawed = self.thaw_or_log();
            }
            if !works {
                return thawed;
            }
            sleep(pause);
            pause = (pause * 2).min(LONGEST);
        }
    }

    fn thaw_or_log(&self) -> bool {
        let thawed = self.thaw();
        if let Err(error) = &thawed {
            tracing::error!(group = %self.group.path, %error, "not thawed");
        }
        thawed.is_ok()
    }

    fn is_in_the_hands_of_criu(&self) -> bool {
        let tracers = tracers(&self.group.dir).unwrap_or_default();
        tracers.into_iter().any(|tracer| is_dump(&arguments(tracer)))
    }

    /// Through systemd where that froze the unit too; where systemd does not do it (it may be in the group), without.
    fn thaw(&self) -> Result<(), ThawError> {
        if !self.asks() {
            return Ok(());
        }
        match runtime::thaw(&self.group, &self.fs) {
            Err(ThawError::Systemd { .. }) => Ok(freezer::request(&self.group, false)?),
            done => done.map(drop),
        }
    }
}
