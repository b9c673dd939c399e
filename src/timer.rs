//! A freeze with an end: a process of its own thaws the group at the deadline, whatever becomes of the program that froze it.
//!
//! The timer is this program, started again in a session of its own. It holds the group's directory, says that it is ready,
//! and only then is the freeze written: so a freeze that is to end never stands without its way back. It goes out of the
//! reach of the freeze, and of whatever ends the session that it was started from: into the root group where it may, and
//! never into the target or below.
//!
//! At the deadline (`CLOCK_BOOTTIME`: a suspend counts) it takes the group's own request back, and nothing else; what an
//! ancestor asks for stays. **A freeze counts as taken back**, and its timer ends without a thaw, once the group was seen to
//! run: it does not ask, it is thawed, no tracer holds its processes (criu clears the flag during a dump and sets it
//! again), and no plan of a checkpoint is to set it again. What somebody freezes after that is theirs and stays. A request
//! that was away for too short a time to be seen, or that was written a second time, is taken for the same freeze: the way
//! back is what was promised.
//!
//! Where the deadline falls into a checkpoint, the timer waits until that is over, and thaws then: a thaw meanwhile would be
//! undone, or would let run what the checkpoint holds between its steps. The other way round, a checkpoint, and what puts one
//! right that was cut off, sets the request of such a group again only as long as the deadline is to come and the timer is
//! there.
//!
//! Ended by SIGTERM, a timer thaws first. It is listed in the [runtime folder](crate::kernel::runtime_folder).

mod arm;
mod keep;
mod place;
mod plan;
mod record;
mod way_back;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{self, FreezerError, Outcome};
use crate::kernel::host::since_boot;
use crate::kernel::membership::group_of;
use crate::kernel::runtime_folder::RuntimeFolder;
use crate::model::CgroupPath;
use crate::runtime::{self, ThawError};

pub use arm::VERB;
pub use keep::{Order, keep};
pub use plan::PLAN;
pub use record::{Timer, of};

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
    #[error("no timer can be kept for the freeze: {0}; leave the time out to freeze without an end")]
    Folder(#[from] io::Error),
    /// The process was not to be had.
    #[error("the timer for the freeze cannot be started: {0}; nothing was frozen")]
    Start(io::Error),
    /// It said why it can't do it, or nothing.
    #[error("the timer for the freeze is not ready: {0}; nothing was frozen")]
    NotReady(String),
}

/// Why a group was not frozen for a time.
#[derive(Debug, thiserror::Error)]
pub enum ForATimeError {
    /// Its freeze is somebody else's.
    #[error(
        "{0} asks for a freeze already, and not for a time: somebody else's freeze is not ended unasked; thaw it first"
    )]
    NotOurs(CgroupPath),
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
    /// How long until it is thawed: zero where this program is in the group itself, and was frozen with it until then.
    pub left: Duration,
    /// It was frozen for a time before: nothing but its end was changed.
    pub already: bool,
}

/// Freezes a group, and returns when that is complete; it is thawed when the time is over, counted from the request. Where it
/// is frozen for a time already, the new time counts.
///
/// # Errors
/// [`ForATimeError`]. After a freeze that was not complete in time the request is taken back, and the timer ends; where it
/// could not be taken back the timer goes on.
pub fn freeze(
    fs: &Filesystem,
    group: &Group,
    timeout: Duration,
    span: Duration,
    log: Option<&Log>,
) -> Result<Until, ForATimeError> {
    // Where the timer could not write itself down, that is known before it is started.
    RuntimeFolder::make().map_err(TimerError::Folder)?;
    let before = of(group.id).map_err(TimerError::Folder)?;
    let asks = group.read().ok().flatten().is_some_and(|read| read.freezer.requested());
    if asks && before.is_empty() {
        return Err(ForATimeError::NotOurs(group.path.clone()));
    }
    // It sees that this function is over when this is dropped, and looks then whether there is anything to thaw.
    let armed = arm::arm(fs, group, span, log)?;
    before.into_iter().try_for_each(Timer::end).map_err(TimerError::Folder)?;
    let frozen = freezer::freeze(group, timeout.min(span));
    let until = Until { left: armed.deadline.saturating_sub(since_boot()), already: asks };
    match frozen {
        // Somebody was quicker.
        Ok(Outcome::Already) if !asks => {
            let ours = of(group.id).map_err(TimerError::Folder)?;
            let mut ours = ours.into_iter().filter(|timer| timer.deadline == armed.deadline);
            ours.try_for_each(Timer::end).map_err(TimerError::Folder)?;
            Err(ForATimeError::NotOurs(group.path.clone()))
        }
        Ok(_) => Ok(until),
        // It was frozen itself, and waits for nothing since it runs again.
        Err(FreezerError::TimedOut { .. }) if until.left.is_zero() && holds_this_program(fs, group) => {
            Ok(until)
        }
        Err(error) => Err(error.into()),
    }
}

/// Thaws a group through whoever froze it, and then ends the timers that would have.
///
/// # Errors
/// [`ThawError`].
pub fn thaw(group: &Group, fs: &Filesystem) -> Result<Outcome, ThawError> {
    let outcome = runtime::thaw(group, fs)?;
    // A timer that can't be ended finds nothing to thaw.
    let timers = of(group.id).unwrap_or_default();
    if let Some(error) = timers.into_iter().filter_map(|timer| timer.end().err()).next() {
        tracing::error!(group = %group.path, %error, "a timer was not ended");
    }
    Ok(outcome)
}

fn holds_this_program(fs: &Filesystem, group: &Group) -> bool {
    group_of(std::process::id().cast_signed(), fs.hierarchy()).is_ok_and(|at| at.is_within(&group.path))
}
