//! A freeze whose timer is gone: finding it, and ending it.

use std::io;
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::plan::{Planned, planned};
use super::record::{self, Timer, forget, gone, of};
use super::{ForATimeError, Log, freeze, requests_freeze, thaw};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::dir::Dir;
use crate::kernel::find::find;
use crate::kernel::freezer::unwatched;
use crate::kernel::host::since_boot;
use crate::model::{CgroupPath, Hierarchies, TimeLeft, printable, span};
use crate::runtime::ThawError;

/// A freeze whose timer is gone.
#[derive(Debug)]
pub struct Orphan {
    timer: Timer,
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
    Timer(#[from] ForATimeError),
    /// What is written down was not removed.
    #[error("the record of the timer was not removed: {0}")]
    Record(#[from] io::Error),
}

/// How long a timer may take to end that was just killed, or to start what it needs for a thaw.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
/// A new timer is for a second at least.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long a freeze that stands already may take to be complete.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(10);

/// Every freeze of this user whose timer is gone. A group that a checkpoint is at work on, or that does not request a freeze, is
/// left out.
///
/// # Errors
/// What the kernel says of the runtime folder.
pub fn orphans(hosts: &Hierarchies) -> io::Result<Vec<Orphan>> {
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    while record::is_any_unknown()? && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    let mut found = Vec::new();
    for timer in gone()?.into_values() {
        // One that cannot be found keeps its record.
        let Ok(Some((fs, group))) = locate(hosts, &timer) else { continue };
        if requests_freeze(&group) && planned(group.id)? != Planned::Runs {
            found.push(Orphan { timer, fs, group });
        }
    }
    found.sort_by_key(|orphan| orphan.timer.deadline);
    Ok(found)
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

    /// The PID that its timer had.
    pub fn pid(&self) -> i32 {
        self.timer.process.pid
    }

    /// Thaws the group where its time is over, else gives it a new timer for what is left of it; says what was done.
    ///
    /// # Errors
    /// [`OrphanError`].
    pub fn end(self, log: Option<&Log>) -> Result<String, OrphanError> {
        let Self { timer, fs, group } = self;
        let name = printable(group.absolute.as_os_str().as_encoded_bytes()).into_owned();
        if !requests_freeze(&group) {
            forget(group.id)?;
            return Ok(format!("{name} is not frozen any more"));
        }
        if !of(group.id)?.is_empty() {
            return Ok(format!("{name} has a timer again"));
        }
        let left = timer.deadline.saturating_sub(since_boot());
        if left >= SHORTEST {
            let until = freeze(&fs, &group, FREEZE_TIMEOUT, left, log, &mut unwatched)?;
            return Ok(format!("{name} has a new timer, and thaws in {}", span::left(until.left)));
        }
        sleep(left);
        thaw(&group, &fs)?;
        Ok(format!("{name} is thawed"))
    }
}
