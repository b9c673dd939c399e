//! Another checkpoint, or restore, of the same processes or groups: each would take the other's freeze for what it found.

use std::fmt;
use std::io;

use super::plan::Plan;
use super::{Finding, journal};
use crate::model::{CgroupId, ProcessId};

/// What a checkpoint needs for itself.
#[derive(Debug)]
pub(super) struct Claim {
    /// What is dumped.
    pub processes: Vec<ProcessId>,
    /// The groups that it freezes and thaws.
    pub written: Vec<CgroupId>,
    /// Every group whose freeze bears on the processes.
    pub bearing: Vec<CgroupId>,
}

impl Claim {
    pub(super) fn of(plan: &Plan) -> Self {
        let members = plan.trees.iter().flat_map(|tree| &tree.processes);
        let members = members.filter(|member| !member.was_zombie());
        Self {
            processes: members.map(|member| ProcessId { pid: member.pid, start: member.start }).collect(),
            written: plan.written().iter().map(|flag| flag.id).collect(),
            bearing: plan.flags.iter().map(|flag| flag.id).collect(),
        }
    }

    /// Whether the two cannot be at work at a time.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let meet = |ours: &[CgroupId], theirs: &[CgroupId]| ours.iter().any(|id| theirs.contains(id));
        self.processes.iter().any(|id| other.processes.contains(id))
            || meet(&self.written, &other.bearing)
            || meet(&self.bearing, &other.written)
    }
}

/// What is made of a group and images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Images of the group's processes.
    Checkpoint,
    /// The processes of the images, in the group.
    Restore,
}

/// A checkpoint or restore that is at work on them, or was cut off in the middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtWork {
    /// Which of the two it is.
    pub work: Work,
    /// The group, printable.
    pub group: String,
    /// The folder with the images, printable.
    pub folder: String,
    /// Whose it is.
    pub by: By,
}

/// Who has a plan in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The process that does it.
    Program(i32),
    /// That process is gone, and a rescue puts it right.
    Rescue,
    /// That process is gone, and nobody has put it right.
    Nobody,
    /// That process is gone, and another one, if it can be seen, still has its journal open.
    Unknown(Option<i32>),
}

impl fmt::Display for AtWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, folder, .. } = self;
        let what = match self.work {
            Work::Checkpoint => format!("checkpoint of {group} into {folder}"),
            Work::Restore => format!("restore of {folder} into {group}"),
        };
        match &self.by {
            By::Program(pid) => write!(f, "cryoscope (process {pid}) is running a {what}"),
            By::Rescue => write!(f, "cryoscope rescue is working on the {what}"),
            By::Nobody => write!(f, "a {what} was interrupted"),
            By::Unknown(opener) => {
                let opener = opener.map_or_else(
                    || "a process that is not visible here".to_owned(),
                    |pid| format!("process {pid}"),
                );
                write!(f, "a {what} may still be running: {opener} has locked its journal")
            }
        }
    }
}

impl AtWork {
    /// What to do first.
    pub fn remedy(&self) -> &'static str {
        match self.by {
            By::Program(_) | By::Rescue => "wait until it has finished",
            By::Nobody => "run cryoscope rescue, and try again",
            By::Unknown(_) => "wait until that process has ended, or end it; then run cryoscope rescue",
        }
    }

    pub(super) fn finding(&self) -> Finding {
        let why = "it covers the same processes or groups, and each would mistake the other's freeze for somebody else's";
        Finding::blocker("at-work", self.to_string(), why).remedy(self.remedy())
    }
}

/// The first checkpoint that meets this claim.
///
/// # Errors
/// What reading the runtime folder says.
pub(super) fn look(claim: &Claim) -> io::Result<Option<AtWork>> {
    Ok(journal::others()?.into_iter().find(|(_, other)| claim.meets(other)).map(|(at_work, _)| at_work))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(pid: i32, written: &[u64], bearing: &[u64]) -> Claim {
        let ids = |list: &[u64]| list.iter().map(|&ino| CgroupId { dev: 1, ino }).collect();
        Claim { processes: vec![ProcessId { pid, start: 1 }], written: ids(written), bearing: ids(bearing) }
    }

    #[test]
    fn who_meets() {
        let one = claim(1, &[5], &[4, 5]);
        assert!(one.meets(&claim(1, &[], &[])), "the same process");
        assert!(one.meets(&claim(2, &[], &[5, 6])), "it is held by a group that the first one writes");
        assert!(one.meets(&claim(2, &[4], &[4])), "it writes a group that holds the first one");
        assert!(!one.meets(&claim(2, &[6], &[4, 6])), "siblings");
    }

    #[test]
    fn who_and_what_to_do() {
        let at_work = |by| AtWork { work: Work::Checkpoint, group: "/g".into(), folder: "/i".into(), by };
        assert!(at_work(By::Program(7)).to_string().starts_with("cryoscope (process 7) is running"));
        assert!(at_work(By::Nobody).remedy().contains("cryoscope rescue"));
        let restore = AtWork { work: Work::Restore, ..at_work(By::Nobody) };
        assert_eq!(restore.to_string(), "a restore of /i into /g was interrupted");
    }
}
