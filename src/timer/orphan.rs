//! A freeze whose timer does not end it, because it is gone, or overdue and stopped or frozen: finding it, and ending it.

use std::io;
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::plan::{Planned, planned};
use super::record::{self, Presence, Timer, forget, left_behind, of};
use super::state::state;
use super::way_back::Target;
use super::{Log, TimerError, renew, requests_freeze, thaw};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::dir::Dir;
use crate::kernel::find::find;
use crate::model::{CgroupPath, Hierarchies, TimeLeft, TimerState, printable, span};
use crate::runtime::ThawError;

/// A freeze whose timer does not end it.
#[derive(Debug)]
pub struct Orphan {
    timer: Timer,
    state: TimerState,
    fs: Filesystem,
    group: Group,
}

/// Why such a freeze did not get its end.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    /// The time is over, and the group was not thawed.
    #[error(transparent)]
    Thaw(#[from] ThawError),
    /// The time is to come, and there is no new timer.
    #[error(transparent)]
    Timer(#[from] TimerError),
    /// What is written down was not removed.
    #[error("could not remove the record of the timer: {0}")]
    Record(#[from] io::Error),
}

/// How long a timer may take to end that was just killed, or to start what it needs for a thaw.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the timers must be seen to live until none of them counts as just killed: one that has taken its SIGKILL has no mark
/// of that for a moment.
const ALIVE: Duration = Duration::from_millis(200);
/// A new timer is for a second at least.
const SHORTEST: Duration = Duration::from_secs(1);

/// Every freeze of this user whose timer is gone, or overdue and unable to run. A group that a checkpoint is at work on is left
/// out; of one that does not request a freeze any more the record is removed.
///
/// # Errors
/// What the kernel says of the runtime folder.
pub fn orphans(hosts: &Hierarchies) -> io::Result<Vec<Orphan>> {
    settle()?;
    forget_finished(hosts)?;
    let mut found = Vec::new();
    for (timer, state) in record::unattended(hosts)? {
        // One that cannot be found keeps its record.
        let Ok(Some((fs, group))) = locate(hosts, &timer) else { continue };
        if requests_freeze(&group) && planned(group.id)? != Planned::Runs {
            found.push(Orphan { timer, state, fs, group });
        }
    }
    found.sort_by_key(|orphan| orphan.timer.deadline);
    Ok(found)
}

/// Waits until each timer has ended or was seen to live for a while. On a busy host one that was killed goes on to live for a
/// moment, and may even end a write that it was in.
fn settle() -> io::Result<()> {
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    let mut alive_since = Instant::now();
    while Instant::now() < deadline {
        match record::presence()? {
            Presence::None => break,
            Presence::Alive if alive_since.elapsed() >= ALIVE => break,
            Presence::Alive => {}
            Presence::Unsettled => alive_since = Instant::now(),
        }
        sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Removes what killed timers have left of freezes that are over: nobody requests them, and no checkpoint or criu has taken the
/// request away for a while.
///
/// # Errors
/// What the kernel says of the runtime folder.
pub fn forget_finished(hosts: &Hierarchies) -> io::Result<()> {
    for timer in left_behind()?.into_values() {
        let Ok(Some((fs, group))) = locate(hosts, &timer) else { continue };
        // What cannot be looked at keeps its record.
        if matches!((Target { fs, group }).is_over(), Ok(true)) {
            forget(timer.group)?;
        }
    }
    Ok(())
}

/// The group, wherever it is by now.
fn locate(hosts: &Hierarchies, timer: &Timer) -> io::Result<Option<(Filesystem, Group)>> {
    for hierarchy in hosts.iter() {
        let root = Dir::open(&hierarchy.mount_point)?;
        if root.id()?.dev != timer.group.dev {
            continue;
        }
        let fs = Filesystem::open(hierarchy.clone())?;
        let at = |path: &CgroupPath| fs.same_group(path, timer.group);
        let group = hierarchy.relative(&timer.absolute).and_then(|path| at(&path).transpose()).transpose()?;
        if let Some(group) = group {
            return Ok(Some((fs, group)));
        }
        let Some(dir) = find(&root, hierarchy.version, timer.group)? else { continue };
        let path = std::fs::read_link(format!("/proc/self/fd/{}", dir.fd().as_raw_fd()))?;
        let group = hierarchy.relative(&path).and_then(|path| at(&path).transpose()).transpose()?;
        return Ok(group.map(|group| (fs, group)));
    }
    Ok(None)
}

impl Orphan {
    /// The group, below its hierarchy's root.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// How far its end is.
    pub fn time_left(&self) -> TimeLeft {
        self.timer.time_left()
    }

    /// The PID that its timer has or had.
    pub fn pid(&self) -> i32 {
        self.timer.process.pid
    }

    /// What keeps its timer from ending it.
    pub fn state(&self) -> TimerState {
        self.state
    }

    /// Thaws the group where its time is over, else gives it a new timer for what is left of it; says what was done. A timer
    /// that can run again is left to thaw.
    ///
    /// # Errors
    /// [`OrphanError`].
    pub fn end(self, hosts: &Hierarchies, log: Option<&Log>) -> Result<String, OrphanError> {
        let Self { timer, fs, group, .. } = self;
        let name = printable(group.absolute.as_os_str().as_encoded_bytes()).into_owned();
        let is_unattended = |timer: &Timer| timer.is_unattended(state(timer.process, hosts));
        if !of(group.id)?.iter().all(is_unattended) {
            return Ok(format!("{name} has a running timer"));
        }
        // Looked at last: a timer that went on may have thawed it, and be gone.
        if !requests_freeze(&group) {
            forget(group.id)?;
            return Ok(format!("{name} is no longer frozen"));
        }
        let left = timer.left();
        if left >= SHORTEST {
            renew(&fs, &group, left, log)?;
            return Ok(format!("{name} has a new timer, and thaws in {}", span::left(left)));
        }
        sleep(left);
        thaw(&group, &fs)?;
        Ok(format!("{name} is thawed"))
    }
}
