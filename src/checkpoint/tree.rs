//! What is dumped: trees of processes.

use serde::Serialize;

use super::arg::Arg;
use crate::kernel::Status;
use crate::kernel::signals::is_stopped;
use crate::model::{Process, ProcessId, printable};

/// A process of a tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Its PID.
    pub pid: i32,
    /// Its start time in clock ticks since boot (proc_pid_stat(5)).
    pub start: u64,
    /// Its state letter when it was looked at.
    pub state: char,
    /// It was stopped by a signal, as far as could be seen.
    pub stopped: bool,
    /// Its command line, printable.
    pub command: String,
    /// Its PID in its own PID namespace: the one in the names of the images (`NSpid` of proc_pid_status(5)).
    pub inner: i32,
}

/// One process and all below it: what one `criu dump -t` takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tree {
    /// The root first.
    pub processes: Vec<Member>,
    /// Resident memory in bytes.
    pub rss: u64,
    /// The folder for its images.
    pub images: Arg,
}

impl Member {
    pub(super) fn of(process: &Process) -> Self {
        let pid = process.id.pid;
        let status = Status::read(pid).ok().flatten();
        let inner = status.and_then(|status| status.numbers("NSpid")?.last().copied());
        Self {
            pid,
            start: process.id.start,
            state: process.state,
            stopped: is_stopped(process) == Some(true),
            command: printable(&process.command).into_owned(),
            inner: inner.unwrap_or(pid),
        }
    }

    /// Its identity.
    pub fn id(&self) -> ProcessId {
        ProcessId { pid: self.pid, start: self.start }
    }

    /// It had ended already, and nobody had asked for its exit code.
    pub fn was_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

impl Tree {
    /// The PID that is given to `criu dump -t`; 0 for a tree without processes, which no preflight makes.
    pub fn root(&self) -> i32 {
        self.processes.first().map_or(0, |root| root.pid)
    }
}
