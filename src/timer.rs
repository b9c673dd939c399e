//! A freeze with an end: a process of its own freezes the group and thaws it at the deadline, whatever becomes of the program
//! that wanted the freeze.
//!
//! # Why no freeze is left without an end
//! The timer is this program, started again in a session of its own. It opens the group's directory, leaves the group and the
//! session that it was started from (into the root group where it may, and never into the target or below), writes itself down
//! in the [runtime folder](crate::kernel::runtime_folder), and says that it is ready. Then it is told to freeze, and **writes
//! the request itself**. So the write comes before the timer's end, however late either is: on a loaded host, after a suspend,
//! after Ctrl-Z or SIGSTOP of either process. Were the request written by the program that started it, that program could be
//! held up between its last look at the timer and its write for longer than the timer lives; no look after the write helps where
//! it is killed between the two. The time counts from the timer's own write.
//!
//! # The deadline
//! The clock is `CLOCK_BOOTTIME`: a suspend counts, and setting the host's clock changes nothing. The host is not woken for it:
//! where it sleeps at the deadline the group is thawed when it wakes.
//!
//! At the deadline the timer takes the group's own request back, and nothing else; what an ancestor asks for stays. **A freeze
//! counts as taken back**, and its timer ends without a thaw, once the group was seen to run: it does not ask, it is thawed, no
//! tracer holds its processes (criu clears the flag during a dump and sets it again), and no plan of a checkpoint is to set it
//! again. What somebody freezes after that is theirs and stays. A request that was away for too short a time to be seen, or that
//! was written a second time, is taken for the same freeze: the way back is what was promised.
//!
//! Where the deadline falls into a checkpoint, the timer waits until that is over, and thaws then: a thaw meanwhile would be
//! undone, or would let run what the checkpoint holds between its steps. The other way round, a checkpoint, and what puts one
//! right that was cut off, sets the request of such a group again only as long as the deadline is to come and the timer is
//! there.
//!
//! Ended by SIGTERM, a timer thaws first.
//!
//! # A timer that is gone
//! One that was killed (SIGKILL, out of memory) leaves its record, and the freeze has nobody who ends it. **The freeze counts as
//! still the same** as long as the record is there, of this boot, and the same group (device and inode) requests a freeze. A thaw
//! and a new freeze of the group through this program remove the record; so does a rescue that finds the group running. A
//! thaw by somebody else that nobody saw, and a new freeze after it, cannot be told from the old one. So this is shown, and
//! nothing but [`Orphan::end`], which `rescue` calls, acts on it.
//!
//! A timer that is overdue and stopped (SIGSTOP, a tracer) or frozen itself is shown and ended likewise. One that is merely late
//! runs as soon as it gets a CPU, and is left to thaw: what tells them apart is the state of its process, not a time.

mod arm;
mod keep;
mod message;
mod orphan;
mod place;
mod plan;
mod protection;
mod record;
mod state;
mod way_back;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{self, FreezeWatch, FreezerError, Outcome, Requester, Undone};
use crate::kernel::host::since_boot;
use crate::kernel::membership::group_of;
use crate::kernel::runtime_folder::RuntimeFolder;
use crate::model::{CgroupPath, span};
use crate::runtime::{self, ThawError, Thawed, Way};

pub use arm::VERB;
pub use keep::{Order, keep};
pub use orphan::{Orphan, OrphanError, forget_finished, orphans};
pub use plan::PLAN;
pub use record::{Timer, forget, gone, of, timed_freezes};

use arm::Armed;
use message::Answer;

/// Where a timer logs: what this program was told with `--log` and `-v`.
#[derive(Debug, Clone)]
pub struct Log {
    /// Absolute.
    pub file: PathBuf,
    /// How often `-v` was given.
    pub verbose: u8,
}

/// Why there is no timer, and so no freeze.
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// The files of other timers, or its own.
    #[error("cannot keep a timer for the freeze: {0}; omit the time to freeze without a time limit")]
    Folder(#[from] io::Error),
    /// The process was not to be had.
    #[error("cannot start the timer for the freeze: {0}; nothing was frozen")]
    Start(io::Error),
    /// It said why it can't do it, or nothing.
    #[error("the timer for the freeze is not ready: {0}; nothing was frozen")]
    NotReady(String),
    /// It was told to freeze, and did not say that it did.
    #[error("the timer for the freeze was lost: {why}; {}", after_loss(*.ended))]
    NoAnswer {
        /// What came in place of an answer.
        why: String,
        /// It has ended, and writes nothing any more.
        ended: bool,
    },
}

fn after_loss(ended: bool) -> &'static str {
    match ended {
        true => "a freeze it may have made was rolled back",
        false => {
            "it is still running and may still freeze the group: cryoscope list --frozen shows that, and cryoscope \
             rescue ends it"
        }
    }
}

/// Why a group was not frozen for a time.
#[derive(Debug, thiserror::Error)]
pub enum ForATimeError {
    /// Its freeze is somebody else's.
    #[error(
        "{0} is already frozen without a time limit: cryoscope does not end somebody else's freeze; thaw it first"
    )]
    NotOurs(CgroupPath),
    /// This program was held up, and the group is thawed again.
    #[error(
        "{0} was frozen, but its time ended before cryoscope saw the freeze complete; its timer thaws it"
    )]
    Late(CgroupPath),
    /// There is no way back, so nothing was frozen.
    #[error(transparent)]
    Timer(#[from] TimerError),
    /// As without a time.
    #[error(transparent)]
    Freezer(#[from] FreezerError),
}

/// A group that is frozen, and has a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until {
    /// How long until it is thawed; zero where that is over.
    pub left: Duration,
    /// It was frozen for a time before: nothing but its end was changed.
    pub already: bool,
    /// This program is in the group itself, and was frozen with it.
    pub inside: bool,
}

impl Until {
    /// What became of the group of this name, in a sentence.
    pub fn sentence(&self, name: &str) -> String {
        match (self.left.is_zero(), self.inside) {
            (false, _) => format!("{name} is frozen, and thaws in {}", span::left(self.left)),
            // It runs.
            (true, true) => format!("{name} was frozen, together with cryoscope, and has been thawed"),
            (true, false) => format!("{name} was frozen, and its time has ended"),
        }
    }
}

/// Freezes a group, and returns when that is complete; it is thawed when the time is over, counted from the request. Where it
/// is frozen for a time already, the new time counts. `watch` is that of [`freezer::freeze_watched`].
///
/// # Errors
/// [`ForATimeError`]. After a freeze that was not complete in time, or was cancelled, the timer takes the request back, and ends;
/// where it could not be taken back the timer goes on.
pub fn freeze(
    fs: &Filesystem,
    group: &Group,
    timeout: Duration,
    span: Duration,
    log: Option<&Log>,
    watch: FreezeWatch<'_>,
) -> Result<Until, ForATimeError> {
    // Where the timer could not write itself down, that is known before it is started.
    RuntimeFolder::make().map_err(TimerError::Folder)?;
    let before = record::all_of(group.id).map_err(TimerError::Folder)?;
    let requested = requests_freeze(group);
    if requested && before.is_empty() {
        return Err(ForATimeError::NotOurs(group.path.clone()));
    }
    let armed = arm::arm(fs, group, span, requested, log)?;
    before.into_iter().try_for_each(Timer::end).map_err(TimerError::Folder)?;
    let mut by = ByTimer { group, requested, armed, deadline: Duration::ZERO };
    // Over before the deadline, so that what keeps the group from freezing can be seen.
    let frozen = freezer::freeze_by(&mut by, group, timeout.min(span * 9 / 10), watch);
    let left = by.deadline.saturating_sub(since_boot());
    let until = Until { left, already: requested, inside: holds_this_program(fs, group) };
    by.armed.leave();
    match frozen {
        Ok(_) => {}
        // It was frozen itself, and waits for nothing since it runs again.
        Err(ForATimeError::Freezer(FreezerError::TimedOut { .. })) if left.is_zero() && until.inside => {}
        Err(ForATimeError::Freezer(FreezerError::TimedOut { .. })) if left.is_zero() => {
            return Err(ForATimeError::Late(group.path.clone()));
        }
        Err(error) => return Err(error),
    }
    Ok(until)
}

/// Gives a group that is frozen for a time another timer, for as long as `span`. The group itself is not written to: whoever has
/// thawed it meanwhile is not overruled, and the new timer ends.
fn renew(fs: &Filesystem, group: &Group, span: Duration, log: Option<&Log>) -> Result<(), TimerError> {
    let before = record::all_of(group.id)?;
    let armed = arm::arm(fs, group, span, true, log)?;
    before.into_iter().try_for_each(Timer::end)?;
    armed.leave();
    Ok(())
}

fn requests_freeze(group: &Group) -> bool {
    group.read().ok().flatten().is_some_and(|read| read.freezer.requested())
}

/// Has the timer write the request, and take it back: what stands when the timer is gone is somebody else's.
struct ByTimer<'a> {
    group: &'a Group,
    /// It requested a freeze before.
    requested: bool,
    armed: Armed,
    /// Since the boot, suspends counted; from the request on.
    deadline: Duration,
}

impl Requester for ByTimer<'_> {
    type Error = ForATimeError;

    fn request(&mut self) -> Result<(), ForATimeError> {
        match self.armed.freeze() {
            Ok(Answer::Frozen(deadline)) => {
                self.deadline = deadline;
                Ok(())
            }
            Ok(Answer::Taken) => Err(ForATimeError::NotOurs(self.group.path.clone())),
            Ok(Answer::Failed(error)) => Err(freezer::not_written(self.group, error).into()),
            Err(error @ TimerError::NoAnswer { ended: true, .. }) => {
                self.undo()?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn take_back(&mut self) -> Undone {
        self.armed.thaw();
        if requests_freeze(self.group) { Undone::Stuck } else { Undone::RolledBack }
    }
}

impl ByTimer<'_> {
    /// Undoes what a timer may have done that was killed before it answered.
    fn undo(&self) -> Result<(), ForATimeError> {
        if !self.requested && requests_freeze(self.group) {
            freezer::request(self.group, false)?;
        }
        if !self.requested {
            record::forget(self.group.id).map_err(TimerError::Folder)?;
        }
        Ok(())
    }
}

/// Thaws a group through whoever froze it, and then ends the timers that would have.
///
/// # Errors
/// [`ThawError`].
pub fn thaw(group: &Group, fs: &Filesystem) -> Result<Thawed, ThawError> {
    let thawed = runtime::thaw(group, fs)?;
    // A timer that can't be ended finds nothing to thaw.
    let timers = record::all_of(group.id).unwrap_or_default();
    if let Some(error) = timers.into_iter().filter_map(|timer| timer.end().err()).next() {
        tracing::error!(group = %group.path, %error, "could not end a timer");
    }
    Ok(thawed)
}

/// Freezes a group without an end, as [`runtime::freeze`] does. What a timer that is gone has left of an earlier freeze of it is
/// removed: this one is another.
///
/// # Errors
/// [`FreezerError`].
pub fn freeze_without_end(
    group: &Group,
    way: &Way,
    timeout: Duration,
    watch: FreezeWatch<'_>,
) -> Result<Outcome, FreezerError> {
    if !requests_freeze(group)
        && let Err(error) = forget(group.id)
    {
        // Looks go on showing it, that is all.
        tracing::error!(group = %group.path, %error, "could not remove the record of an earlier freeze");
    }
    runtime::freeze(group, way, timeout, watch)
}

fn holds_this_program(fs: &Filesystem, group: &Group) -> bool {
    group_of(std::process::id().cast_signed(), fs.hierarchy()).is_ok_and(|at| at.is_within(&group.path))
}
