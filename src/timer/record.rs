//! The records of the timers in the runtime folder: who can be seen, and ended; and which freeze has lost its timer.
//!
//! A timer holds a lock on its record as long as it lives. So a record that nobody holds is of a timer that was killed before it
//! thawed, and no look removes it: it is all that says that the freeze was to end.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::state::state;
use crate::kernel::Group;
use crate::kernel::host::{boot_id, since_boot};
use crate::kernel::processes::Processes;
use crate::kernel::runtime_folder::{Bytes, Held, RuntimeFolder};
use crate::kernel::signals::{await_end, signal};
use crate::kernel::tasks::is_active;
use crate::model::{CgroupId, Hierarchies, ProcessId, TimeLeft, TimedFreeze, TimerState};

const KIND: &str = "timer";

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    boot: String,
    /// The absolute path when it was frozen.
    group: Bytes,
    dev: u64,
    ino: u64,
    /// `CLOCK_BOOTTIME`, in nanoseconds.
    deadline: u64,
    pid: i32,
    start: u64,
}

/// A timer of this user, or what one has left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Which group it thaws.
    pub group: CgroupId,
    /// The group's absolute path when it was frozen.
    pub absolute: PathBuf,
    /// When: since the boot, suspends counted.
    pub deadline: Duration,
    /// Its process.
    pub process: ProcessId,
    name: String,
}

/// Whether a timer is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Lives,
    /// It was killed, and is on its way out: it does nothing more but end the system call that it is in.
    Dying,
    /// It was killed, and has ended.
    Gone,
    /// Its record is held, and it is not seen: by a process that it has just started, by somebody who looks, or it is in another
    /// PID namespace.
    Unknown,
}

impl Timer {
    /// How long until it thaws; zero where it should have.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_sub(since_boot())
    }

    /// The same, and how long ago where it should have.
    pub fn time_left(&self) -> TimeLeft {
        TimeLeft::until(self.deadline, since_boot())
    }

    /// Whether nothing ends its freeze, where its process is in this state.
    pub(super) fn is_unattended(&self, state: TimerState) -> bool {
        match state {
            TimerState::Gone => true,
            TimerState::Stopped | TimerState::Frozen => self.left().is_zero(),
            TimerState::Runs => false,
        }
    }

    /// Ends it, without a thaw, and removes its record.
    ///
    /// # Errors
    /// What signalling it, and removing its file, say.
    pub fn end(self) -> io::Result<()> {
        signal(self.process, Signal::KILL)?;
        // One that is itself held by the v1 freezer ends later; it does nothing more.
        await_end(self.process, Duration::from_secs(2))?;
        folders()?.iter().try_for_each(|folder| folder.remove(&self.name))
    }
}

/// The timers of a group, the first to thaw it first.
///
/// # Errors
/// What the kernel says of the folder.
pub fn of(group: CgroupId) -> io::Result<Vec<Timer>> {
    with(Life::Lives, |timer| timer.group == group)
}

/// What is left of the timers that were killed, of one for each group: that which was to thaw it last. A group that has another
/// timer has none.
///
/// # Errors
/// What the kernel says of the folder.
pub fn gone() -> io::Result<HashMap<CgroupId, Timer>> {
    let all = all()?;
    let killed = all.iter().filter(|(_, life)| matches!(life, Life::Dying | Life::Gone));
    let mut found: HashMap<CgroupId, Timer> = killed.map(|(timer, _)| (timer.group, timer.clone())).collect();
    let living = all.iter().filter(|(_, life)| *life == Life::Lives);
    living.for_each(|(timer, _)| drop(found.remove(&timer.group)));
    Ok(found)
}

/// Every group that is or was frozen for a time by this user: when it is thawed, and whether its timer can do that.
///
/// # Errors
/// What the kernel says of the folder.
pub fn timed_freezes(hosts: &Hierarchies) -> io::Result<HashMap<CgroupId, TimedFreeze>> {
    let mut found = HashMap::new();
    for (timer, state) in with_states(hosts)? {
        // Of several timers of a group the first to thaw counts.
        found.entry(timer.group).or_insert(TimedFreeze { time: timer.time_left(), timer: state });
    }
    Ok(found)
}

/// What is left of killed timers, and the timers that are overdue and cannot run: nothing ends these freezes by itself.
pub(super) fn unattended(hosts: &Hierarchies) -> io::Result<Vec<(Timer, TimerState)>> {
    let mut all = with_states(hosts)?;
    all.retain(|(timer, state)| timer.is_unattended(*state));
    Ok(all)
}

/// Every timer that lives, the first to thaw first, and then what killed ones have left.
fn with_states(hosts: &Hierarchies) -> io::Result<Vec<(Timer, TimerState)>> {
    let lives = with(Life::Lives, |_| true)?.into_iter().map(|timer| {
        let state = state(timer.process, hosts);
        (timer, state)
    });
    let gone = gone()?.into_values().map(|timer| (timer, TimerState::Gone));
    Ok(lives.chain(gone).collect())
}

/// Everything that is written down about a group: its timers, and what killed ones have left.
pub(super) fn all_of(group: CgroupId) -> io::Result<Vec<Timer>> {
    Ok(all()?.into_iter().map(|(timer, _)| timer).filter(|timer| timer.group == group).collect())
}

/// The groups of which killed timers have left something, and of which none is on its way out, who could still write a request.
pub(super) fn left_behind() -> io::Result<HashMap<CgroupId, Timer>> {
    let mut found = gone()?;
    all()?
        .iter()
        .filter(|(_, life)| *life != Life::Gone)
        .for_each(|(timer, _)| drop(found.remove(&timer.group)));
    Ok(found)
}

/// Removes what killed timers have left of a group whose freeze is over.
///
/// # Errors
/// What the kernel says of the folder.
pub fn forget(group: CgroupId) -> io::Result<()> {
    with(Life::Gone, |timer| timer.group == group)?.into_iter().try_for_each(Timer::end)
}

/// Whether there are timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// None that lives.
    None,
    /// All of them live, as far as can be seen.
    Alive,
    /// One is on its way out, or cannot be told to be there or gone.
    Unsettled,
}

/// Looks whether there are timers.
pub(super) fn presence() -> io::Result<Presence> {
    let all = all()?;
    let has = |wanted: &[Life]| all.iter().any(|(_, life)| wanted.contains(life));
    Ok(if has(&[Life::Dying, Life::Unknown]) {
        Presence::Unsettled
    } else if has(&[Life::Lives]) {
        Presence::Alive
    } else {
        Presence::None
    })
}

/// The folders that may hold records of this user, that of this call first.
fn folders() -> io::Result<Vec<RuntimeFolder>> {
    // One that may not be used is an error, and not passed over as the others are.
    RuntimeFolder::open(false)?;
    Ok(RuntimeFolder::all())
}

fn with(life: Life, fits: impl Fn(&Timer) -> bool) -> io::Result<Vec<Timer>> {
    let all = all()?.into_iter().filter(|(timer, of)| *of == life && fits(timer));
    Ok(all.map(|(timer, _)| timer).collect())
}

/// Every record of this boot, the first to thaw first.
fn all() -> io::Result<Vec<(Timer, Life)>> {
    let mut found = Vec::new();
    for folder in folders()? {
        for name in folder.names(KIND)? {
            // Before it is read: one that ends meanwhile is gone the next time.
            let Some(held) = folder.is_held(&name)? else { continue };
            // What does not read so was not written by a timer.
            let Some(line) = folder.read(&name)?.and_then(|text| parse(&text)) else { continue };
            if boot_id()? != line.boot {
                continue;
            }
            let timer = Timer {
                group: CgroupId { dev: line.dev, ino: line.ino },
                absolute: PathBuf::from(std::ffi::OsString::from(line.group)),
                deadline: Duration::from_nanos(line.deadline),
                process: ProcessId { pid: line.pid, start: line.start },
                name,
            };
            let life = match held {
                false => Life::Gone,
                true if await_end(timer.process, Duration::ZERO)? => Life::Unknown,
                true if is_active(timer.process) => Life::Lives,
                true => Life::Dying,
            };
            found.push((timer, life));
        }
    }
    found.sort_by_key(|(timer, _)| timer.deadline);
    Ok(found)
}

fn parse(text: &[u8]) -> Option<Line> {
    serde_json::from_slice(text).ok()
}

/// Writes this process down as the timer of a group.
pub(super) fn write(group: &Group, deadline: Duration) -> io::Result<Held> {
    let me = std::process::id().cast_signed();
    let me =
        Processes::default().read(me).ok_or_else(|| io::Error::other("/proc does not show this process"))?;
    let line = Line {
        boot: boot_id()?,
        group: Bytes::of(group.absolute.as_os_str().as_encoded_bytes()),
        dev: group.id.dev,
        ino: group.id.ino,
        deadline: u64::try_from(deadline.as_nanos()).map_err(io::Error::other)?,
        pid: me.id.pid,
        start: me.id.start,
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    RuntimeFolder::make()?.create(KIND, &text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"{"boot":"b","group":"/a","dev":1,"ino":2,"deadline":3,"pid":4,"start":5}"#;

    #[test]
    fn a_whole_record_is_read() {
        let line = parse(WHOLE.as_bytes()).unwrap();
        assert_eq!((line.dev, line.ino, line.deadline, line.pid, line.start), (1, 2, 3, 4, 5));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>, length in 0..WHOLE.len()) {
            parse(&text);
            prop_assert!(parse(&WHOLE.as_bytes()[..length]).is_none(), "half a record is none");
        }
    }
}
