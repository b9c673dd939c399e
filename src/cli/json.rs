//! The JSON that scripts rest on: fields are added, never renamed.

use std::time::Duration;

use serde::Serialize;

use super::stuck::Stuck;
use crate::model::owner::Role;
use crate::model::tree::Key;
use crate::model::{
    self, Culprit, Hierarchy, Process, State, TimeLeft, TimedFreeze, TimerState, Tree, printable,
};
use crate::runtime::Containers;

/// One group, as `list --json` and `show --json` print it.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    /// Absolute, on the cgroup file system; bytes that are not printable UTF-8 as `\xHH`.
    pub path: String,
    /// `v1` or `v2`.
    pub hierarchy: String,
    /// `thawed`, `freezing`, `frozen`; null for a root group.
    pub state: Option<String>,
    /// Its own request.
    pub requested: bool,
    /// The nearest ancestor that asks.
    pub inherited_from: Option<String>,
    /// A process is in it or below; where the kernel does not say, whether one is in the group itself.
    pub populated: bool,
    /// How many processes are in the group itself.
    pub processes: u32,
    /// In all, in microseconds; null where the kernel does not say.
    pub frozen_usec: Option<u64>,
    /// For how long it has been freezing, in microseconds, at most; null where it is not, or where nothing tells.
    pub freezing_usec: Option<u64>,
    /// What keeps it from freezing, in it and below; null where it is not freezing, or was not looked into.
    pub culprits: Option<Vec<CulpritRow>>,
    /// Who made the group; null where that is not known.
    pub owner: Option<Owner>,
    /// It was frozen for a time, and the timer that was to thaw it is gone; null where that is not so.
    pub timer_gone: Option<NoTimer>,
    /// It was frozen for a time, and the timer that is to thaw it is stopped or frozen itself; null where that is not so.
    pub timer_stopped: Option<NoTimer>,
}

/// How far the end of a freeze is that nothing ends by itself: one of the two is null.
#[derive(Debug, Serialize)]
pub(super) struct NoTimer {
    /// In microseconds, until then.
    pub left_usec: Option<u64>,
    /// In microseconds, since then.
    pub overdue_usec: Option<u64>,
}

impl From<TimeLeft> for NoTimer {
    fn from(time: TimeLeft) -> Self {
        let usec = |span: Duration| u64::try_from(span.as_micros()).ok();
        match time {
            TimeLeft::Left(left) => Self { left_usec: usec(left), overdue_usec: None },
            TimeLeft::Overdue(since) => Self { left_usec: None, overdue_usec: usec(since) },
        }
    }
}

/// Who made a group.
#[derive(Debug, Serialize)]
pub(super) struct Owner {
    /// `slice`, `service`, `scope`, `podman`, `docker`, …: [`Kind::name`](crate::model::owner::Kind::name).
    pub kind: &'static str,
    /// A unit's name, a container's ID, a machine's name, a pod's UID.
    pub id: String,
    /// The owner's own group: this one, or one above.
    pub path: String,
    /// `payload`, or `monitor` where the group holds the process that looks after the container.
    pub role: &'static str,
    /// The user whose own systemd holds it; null for the system's.
    pub user: Option<u32>,
    /// The UID of the Kubernetes pod that it is, or is in.
    pub pod: Option<String>,
    /// That pod's class.
    pub qos: Option<&'static str>,
}

impl Owner {
    fn new(owner: &model::Owner, hierarchy: &Hierarchy) -> Self {
        Self {
            kind: owner.kind.name(),
            id: owner.id().into_owned(),
            path: printable(hierarchy.absolute(&owner.group).as_os_str().as_encoded_bytes()).into_owned(),
            role: match owner.role {
                Role::Payload => "payload",
                Role::Monitor => "monitor",
            },
            user: owner.user,
            pod: owner.pod.as_ref().map(|pod| pod.uid.to_string()),
            qos: owner.pod.as_ref().map(|pod| pod.qos.name()),
        }
    }
}

impl Group {
    /// A group of a tree whose processes have been counted.
    pub(super) fn new(
        tree: &Tree,
        key: Key,
        hierarchy: &Hierarchy,
        frozen_usec: Option<u64>,
        stuck: Option<&Stuck>,
        containers: &Containers,
    ) -> Option<Self> {
        let node = tree.get(key)?;
        let processes = node.processes.unwrap_or(0);
        Some(Self {
            path: absolute(tree, key, hierarchy),
            hierarchy: hierarchy.version.to_string(),
            state: node.state().map(|state: State| state.to_string()),
            requested: node.group.freezer.requested(),
            inherited_from: tree.inherited_from(key).map(|key| absolute(tree, key, hierarchy)),
            populated: node.group.populated.unwrap_or(processes > 0),
            processes,
            frozen_usec,
            freezing_usec: stuck
                .and_then(|stuck| stuck.freezing)
                .and_then(|f| u64::try_from(f.span.as_micros()).ok()),
            culprits: stuck
                .and_then(|stuck| stuck.culprits.as_ref())
                .map(|culprits| culprits.list.iter().map(Into::into).collect()),
            owner: containers.owner(hierarchy, &tree.path(key)).map(|owner| Owner::new(&owner, hierarchy)),
            timer_gone: None,
            timer_stopped: None,
        })
    }

    /// The same, with how far its end is where its timer does not thaw it.
    pub(super) fn with_timer(self, freeze: Option<TimedFreeze>) -> Self {
        let time = |wanted: fn(TimerState) -> bool| {
            freeze.filter(|freeze| wanted(freeze.timer)).map(|freeze| freeze.time.into())
        };
        Self {
            timer_gone: time(|timer| timer == TimerState::Gone),
            timer_stopped: time(|timer| matches!(timer, TimerState::Stopped | TimerState::Frozen)),
            ..self
        }
    }
}

/// A group's path on the cgroup file system, as text.
pub(super) fn absolute(tree: &Tree, key: Key, hierarchy: &Hierarchy) -> String {
    printable(hierarchy.absolute(&tree.path(key)).as_os_str().as_encoded_bytes()).into_owned()
}

/// A thread that keeps a group from freezing.
#[derive(Debug, Serialize)]
pub(super) struct CulpritRow {
    pub pid: i32,
    pub tid: i32,
    /// Its state letter.
    pub state: String,
    /// For how long, at least, it has been in that state, in microseconds; null where it runs, or where that is not known.
    pub time_in_state_usec: Option<u64>,
    /// The kernel function it waits in; null where it runs.
    pub wchan: Option<String>,
    pub command: String,
    /// Why it does not stop, in words.
    pub cause: String,
    /// What to do about it, in words.
    pub remedy: String,
    /// The kernel functions that it is in, innermost first; empty where they may not be read.
    pub stack: Vec<String>,
}

impl From<&Culprit> for CulpritRow {
    fn from(culprit: &Culprit) -> Self {
        Self {
            pid: culprit.pid,
            tid: culprit.thread.tid,
            state: culprit.thread.state.to_string(),
            time_in_state_usec: culprit.time_in_state.and_then(|time| u64::try_from(time.as_micros()).ok()),
            wchan: culprit.thread.wchan.as_ref().map(|wchan| printable(wchan).into_owned()),
            command: printable(&culprit.command).into_owned(),
            cause: culprit.cause.to_string(),
            remedy: culprit.remedy(),
            stack: culprit.stack.iter().map(|function| printable(function.as_bytes()).into_owned()).collect(),
        }
    }
}

/// One process, as `show --json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct ProcessRow {
    pub pid: i32,
    pub ppid: i32,
    pub user: String,
    pub state: String,
    pub threads: u32,
    pub rss_bytes: u64,
    pub command: String,
}

impl From<&Process> for ProcessRow {
    fn from(process: &Process) -> Self {
        Self {
            pid: process.id.pid,
            ppid: process.parent,
            user: printable(process.user.as_bytes()).into_owned(),
            state: process.state.to_string(),
            threads: process.threads,
            rss_bytes: process.rss,
            command: printable(&process.command).into_owned(),
        }
    }
}
