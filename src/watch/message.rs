//! What an observer says, and what it is told of the screen.

use crate::model::tree::Occurrence;
use crate::model::{Cgroup, CgroupId, CgroupPath, Change, ControlFile, Process};

/// What an observer says.
#[derive(Debug)]
pub enum Message {
    /// The tree begins, or begins anew: this is its root.
    Root(Cgroup),
    /// Facts, in the order in which they were read.
    Changes(Vec<Change>),
    /// What these facts mean; nothing before the first scan is complete.
    Happened(Vec<Occurrence>),
    /// The first scan is complete.
    Scanned,
    /// The processes of the selected group, or why they cannot be read.
    Processes {
        /// Which group.
        id: CgroupId,
        /// What was read.
        list: Result<Vec<Process>, String>,
        /// For how long the group has been frozen in all, in microseconds, where the kernel counts that.
        frozen_usec: Option<u64>,
    },
    /// The control files of the selected group, or why they cannot be read. Sent only while they are shown.
    Files {
        /// Which group.
        id: CgroupId,
        /// What was read; empty where the group is gone.
        list: Result<Vec<ControlFile>, String>,
    },
    /// How the changes are learnt. Sent when everything that was known to have changed is read and watched.
    Watching(Watching),
    /// The hierarchy is no longer observed, and why. This is the last message.
    Failed(String),
}

/// How the changes are learnt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watching {
    /// How many groups the kernel announces changes of; 0 where everything is polled.
    pub groups: usize,
    /// How many groups there are.
    pub of: usize,
    /// Why the others are polled instead; `None` where the kernel announces changes of all.
    pub polling: Option<String>,
    /// The groups that cannot be read, and why: what is in them is missing from the tree.
    pub unreadable: Vec<(CgroupPath, String)>,
}

/// What is on screen: only that is polled where the kernel announces nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Focus {
    /// The groups whose rows are shown.
    pub visible: Vec<CgroupId>,
    /// The group whose processes are shown.
    pub selected: Option<CgroupId>,
    /// Its control files are shown, too.
    pub files: bool,
}
