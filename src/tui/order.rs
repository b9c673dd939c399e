//! The order of a group's processes.

use crate::model::Process;
use crate::model::process::{self, Branch};

/// By what the processes are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Each below its parent.
    #[default]
    Tree,
    Pid,
    User,
    /// Those that keep a group from freezing first: D, then R.
    State,
    Threads,
    Memory,
    Newest,
}

impl Order {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Tree => Self::Memory,
            Self::Memory => Self::Threads,
            Self::Threads => Self::State,
            Self::State => Self::User,
            Self::User => Self::Newest,
            Self::Newest => Self::Pid,
            Self::Pid => Self::Tree,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Tree => "as a tree",
            Self::Pid => "by PID",
            Self::User => "by user",
            Self::State => "by state: D, R, S, T",
            Self::Threads => "by threads, most first",
            Self::Memory => "by memory, most first",
            Self::Newest => "newest first",
        }
    }

    /// The processes in this order.
    pub(crate) fn arrange(self, list: &[Process]) -> Vec<Branch> {
        if self == Self::Tree {
            return process::tree(list);
        }
        let mut indices: Vec<usize> = (0..list.len()).collect();
        indices.sort_by_key(|&index| list[index].id.pid);
        match self {
            Self::User => indices.sort_by(|&a, &b| list[a].user.cmp(&list[b].user)),
            _ => indices.sort_by_key(|&index| self.rank(&list[index])),
        }
        indices.into_iter().map(|index| Branch { index, depth: 0 }).collect()
    }

    fn rank(self, process: &Process) -> u64 {
        match self {
            Self::Tree | Self::Pid | Self::User => 0,
            Self::State => "DRSTtIZX".find(process.state).map_or(9, |at| at as u64),
            Self::Threads => u64::MAX - u64::from(process.threads),
            Self::Memory => u64::MAX - process.rss,
            Self::Newest => u64::MAX - process.id.start,
        }
    }
}
