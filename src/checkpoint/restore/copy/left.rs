//! The groups of a copy whose keeper was killed: the copy ends with it, and nobody else removes them.

use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::groups::CreatedGroups;
use super::record::{LeftRecord, left};
use crate::model::CgroupId;

/// The groups that a killed keeper has left.
#[derive(Debug)]
pub struct LeftGroups {
    record: LeftRecord,
    groups: CreatedGroups,
}

/// How long the processes of a copy may take to get the SIGKILL that they are sent when their keeper has ended.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that killed keepers have left, but for groups in which somebody else's processes are. Records of groups that are
/// gone are removed.
///
/// # Errors
/// What the kernel says of the runtime folder.
pub fn left_groups() -> io::Result<Vec<LeftGroups>> {
    let mut found = Vec::new();
    for record in left()? {
        let groups = CreatedGroups::find(&record.groups);
        if groups.is_empty() {
            record.end()?;
            continue;
        }
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        while groups.hold_active_processes() && Instant::now() < deadline {
            sleep(Duration::from_millis(10));
        }
        if !groups.hold_active_processes() {
            found.push(LeftGroups { record, groups });
        }
    }
    Ok(found)
}

impl LeftGroups {
    /// The process that made them.
    pub fn keeper(&self) -> i32 {
        self.record.keeper
    }

    /// Their absolute paths.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.groups.paths()
    }

    /// By what they are known.
    pub fn ids(&self) -> Vec<CgroupId> {
        self.record.groups.iter().map(|(_, id)| *id).collect()
    }

    /// Removes the groups and all below them; a process that v1 holds and that was killed is thawed, and so ends.
    ///
    /// # Errors
    /// Where one of them is still there: a process has come in, or is slow to end.
    pub fn remove(self) -> io::Result<()> {
        if !self.groups.hold_active_processes() {
            self.groups.thaw_v1();
            self.groups.remove();
        }
        match CreatedGroups::find(&self.record.groups).is_empty() {
            true => self.record.end(),
            false => Err(io::Error::other("a process is in it")),
        }
    }
}
