//! What comes in: every reason the screen may change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::ZonedDateTime;

use super::checkpoint::Look;
use super::theme::Ground;
use crate::checkpoint::{Progress, Report};
use crate::model::tree::Occurrence;
use crate::model::{
    Cgroup, CgroupId, CgroupPath, Change, ControlFile, Culprits, Process, TimedFreeze, Version,
};

/// Which of the two a command asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreezeAction {
    /// A request to freeze.
    Freeze,
    /// The request taken back.
    Thaw,
}

/// What a running checkpoint tells.
#[derive(Debug, Clone)]
pub enum CheckpointTold {
    /// It goes on.
    Progress(Progress),
    /// It is over: the report, or a sentence that says why there is none.
    Ended(Result<Arc<Report>, String>),
}

/// Something that happened outside.
#[derive(Debug, Clone)]
pub enum Event {
    /// A key, the mouse, a new terminal size.
    Input(ratatui::crossterm::event::Event),
    /// The tree of a hierarchy starts, or starts anew: the first event for a hierarchy.
    Root {
        /// Which hierarchy.
        version: Version,
        /// Its root group.
        root: Cgroup,
    },
    /// Facts for the tree of a hierarchy.
    Changes {
        /// Which hierarchy.
        version: Version,
        /// What was read, in order.
        changes: Vec<Change>,
    },
    /// The first scan of a hierarchy is complete.
    Scanned {
        /// Which hierarchy.
        version: Version,
    },
    /// The processes of a group were read; `Err` is a sentence that says why not.
    Processes {
        /// Whose.
        id: CgroupId,
        /// The whole list, or why there is none.
        list: Result<Vec<Process>, String>,
        /// In which groups of the other hierarchy they are, and how many in each.
        elsewhere: Vec<(CgroupPath, usize)>,
        /// For how long the group has been frozen in all, in microseconds, where the kernel counts that.
        frozen_usec: Option<u64>,
    },
    /// The answer to [`super::Command::Locate`].
    Located {
        /// The process.
        pid: i32,
        /// The group that it is in; `None` where it is gone, or in none that can be seen.
        path: Option<CgroupPath>,
    },
    /// The answer to [`super::Command::FindHeld`].
    Held {
        /// The holder's hierarchy.
        version: Version,
        /// The holder.
        id: CgroupId,
        /// The groups of the other hierarchy, with how many of the processes are in each.
        groups: HashMap<CgroupPath, usize>,
    },
    /// The control files of a group were read; `Err` is a sentence that says why not.
    Files {
        /// Whose.
        id: CgroupId,
        /// The files that are read unasked, or why there are none.
        list: Result<Vec<ControlFile>, String>,
    },
    /// What was seen to happen to groups, after the first scan.
    Happened {
        /// In which hierarchy.
        version: Version,
        /// When, on the wall's clock.
        at: ZonedDateTime,
        /// What, in order.
        occurred: Vec<Occurrence>,
    },
    /// Whose groups are: what stands beside a container's or pod's own group, and `None` for all others.
    Owners(Vec<(CgroupId, Option<String>)>),
    /// What systemd says of a unit: the answer to [`super::Command::AskSystemd`].
    Systemd {
        /// The unit's group.
        id: CgroupId,
        /// Where it does not say what the kernel says, and what to do; each line a paragraph.
        disagreement: Option<String>,
    },
    /// When each of these groups is thawed; `None` where it is not frozen for a time. The answer to
    /// [`super::Command::FindTimers`].
    Timers(Vec<(CgroupId, Option<TimedFreeze>)>),
    /// What keeps a group from freezing, in it and below: the answer to [`super::Command::FindCulprits`].
    Culprits {
        /// Which group.
        id: CgroupId,
        /// Threads that are not in its freezer, and why.
        culprits: Culprits,
    },
    /// How the groups of a hierarchy are watched.
    Watching {
        /// Which hierarchy.
        version: Version,
        /// How many groups have a watch.
        groups_watched: usize,
        /// How many groups there are.
        groups: usize,
        /// Why the others are polled instead, if there are any.
        polling: Option<String>,
        /// The groups that cannot be read, with the reason.
        unreadable: Vec<String>,
    },
    /// A hierarchy is not observed any more: what is shown of it gets old.
    Unobserved {
        /// Which hierarchy.
        version: Version,
        /// Why.
        why: String,
    },
    /// What systemd does to the processes of a group while they are frozen: told before [`Event::Guard`].
    Forecast {
        /// Which group was looked at.
        id: CgroupId,
        /// The command that runs before the write to its control file, where there is one.
        command: Option<String>,
        /// What is to be known before the freeze, a sentence each.
        warnings: Vec<String>,
    },
    /// The answer to [`super::Command::Inspect`] where this user may not freeze or thaw the group.
    NotPermitted {
        /// Which group was looked at.
        id: CgroupId,
        /// What a write to it would say, and who may.
        why: String,
    },
    /// The answer to [`super::Command::Inspect`].
    Guard {
        /// Which group was looked at.
        id: CgroupId,
        /// Why freezing it would be refused without force.
        refusal: Option<String>,
        /// Who owns the group: a systemd unit, a container.
        owner: Option<String>,
        /// The criu that dumps a process in it or below, in words.
        dump: Option<String>,
    },
    /// A freeze or a thaw ended. The changes to the tree that it made have been told before.
    Done {
        /// Which of the two.
        action: FreezeAction,
        /// In which hierarchy.
        version: Version,
        /// The group's identity.
        id: CgroupId,
        /// The path it had.
        path: CgroupPath,
        /// A sentence either way.
        outcome: Result<String, String>,
    },
    /// A signal was sent, or not: a sentence either way.
    Signalled(Result<String, String>),
    /// The events were written, or not: a sentence either way.
    Exported(Result<String, String>),
    /// The answer to [`super::Command::Look`].
    Looked(Look),
    /// The checkpoint that runs.
    Checkpoint(CheckpointTold),
    /// What is to be rescued on this host.
    Stranded {
        /// Each thing, in a sentence.
        cases: Vec<String>,
        /// The person asked.
        asked: bool,
    },
    /// One thing was rescued, or could not be: a sentence either way.
    Rescued(Result<String, String>),
    /// No further thread could be started: what was asked for is done as soon as another one is free. With the kernel's reason.
    NoThread(String),
    /// SIGTSTP, SIGTTIN or SIGTTOU came.
    Stop,
    /// SIGCONT came: the program was stopped, and the terminal was somebody else's meanwhile.
    Continued,
    /// The terminal said what its ground is.
    Ground(Ground),
    /// Time since the start; while something on screen counts seconds, once a second.
    Tick(Duration),
    /// SIGTERM or SIGHUP came: leave without asking.
    Terminated,
}
