//! The way back: a request is taken back, and once more where somebody sets it again who only had it for a while.
//!
//! A checkpoint, and every criu, takes the request of a group back while it works, and sets it again at its end. A thaw in
//! between would be undone; and one between the steps of a plan would let the processes run that it holds.
//!
//! Only a criu that is believed to be one counts ([`running_criu`](crate::kernel::running_criu)), and only one that holds
//! the group's processes at the deadline. What others trace, or what somebody freezes later, keeps no timer.

use std::collections::BTreeSet;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::plan::{Planned, planned};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer;
use crate::kernel::held_by_criu::held_by_criu;
use crate::kernel::processes::Processes;
use crate::kernel::signals::await_end;
use crate::model::{ProcessId, State};
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

/// How long is waited for the end of a criu at a time.
const SECOND: Duration = Duration::from_secs(1);

/// How long a timer waits at most for the plan and the criu that hold the group at the deadline: longer than the dump of any
/// memory takes, but not for ever. (The program that runs the plan may be stopped.)
const LONGEST_DUMP: Duration = Duration::from_secs(6 * 3600);

impl Target {
    /// Looks where the request is. It counts as taken back once the group runs: it does not ask, no ancestor holds it, no
    /// criu does, and no plan of a checkpoint is to set it again.
    pub(super) fn look(&self) -> io::Result<Request> {
        let Some(read) = self.group.read()? else { return Ok(Request::TakenBack) };
        if read.freezer.requested() || read.freezer.state(false) != Some(State::Thawed) {
            return Ok(Request::Stands);
        }
        Ok(if self.is_to_be_set_again()? { Request::Away } else { Request::TakenBack })
    }

    /// Whether the freeze is over: the group does not request it, and nobody is to set that again. What an ancestor requests does
    /// not matter.
    pub(super) fn is_over(&self) -> io::Result<bool> {
        let requested = self.group.read()?.is_some_and(|read| read.freezer.requested());
        Ok(!requested && !self.is_to_be_set_again()?)
    }

    /// Whether a criu holds the processes, or a plan of a checkpoint writes the request.
    fn is_to_be_set_again(&self) -> io::Result<bool> {
        Ok(!held_by_criu(&self.group.dir)?.is_empty() || planned(self.group.id)? != Planned::Not)
    }

    /// Whether it asks for a freeze; what cannot be read does not.
    pub(super) fn asks(&self) -> bool {
        self.group.read().is_ok_and(|read| read.is_some_and(|read| read.freezer.requested()))
    }

    /// Thaws it for good: not before a plan that runs is at its end; and once more when the criu has ended that holds its
    /// processes now, which may set the request again at its end. False where the request could not be taken back.
    pub(super) fn thaw_for_good(&self) -> bool {
        let mut pause = Duration::from_millis(2);
        let end = Instant::now() + LONGEST_DUMP;
        while planned(self.group.id).is_ok_and(|planned| planned == Planned::Runs) && Instant::now() < end {
            sleep(pause);
            pause = (pause * 2).min(LONGEST);
        }
        // Looked at before the thaw: one that ends meanwhile has set the request before it.
        let holders = self.holders();
        let thawed = self.thaw_or_log();
        // Whatever interrupts the waiting, a signal, is no end of criu.
        let runs = |criu: &ProcessId| !await_end(*criu, SECOND).unwrap_or(true);
        for criu in &holders {
            while Instant::now() < end && runs(criu) {}
        }
        if holders.is_empty() { thawed } else { self.thaw_or_log() }
    }

    /// Every criu that holds a process of the group.
    fn holders(&self) -> BTreeSet<ProcessId> {
        let held = held_by_criu(&self.group.dir).unwrap_or_default();
        let mut processes = Processes::default();
        let criu = held.into_iter().filter_map(|process| process.tracer);
        criu.filter_map(|pid| processes.read(pid)).map(|criu| criu.id).collect()
    }

    fn thaw_or_log(&self) -> bool {
        let thawed = self.thaw();
        if let Err(error) = &thawed {
            tracing::error!(group = %self.group.path, %error, "not thawed");
        }
        thawed.is_ok()
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
