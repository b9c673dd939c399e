//! Threads that no tracer can stop: what criu would wait for in vain.

use std::thread::sleep;
use std::time::Duration;

use super::cause::{Causes, waits_for_fuse};
use super::holders::Holders;
use super::processes::Processes;
use super::vfork::{self, waits_for_child};
use super::{mounts, threads, time_in_state};
use crate::model::culprit::Culprit;
use crate::model::{CgroupPath, Thread, Version};

/// A thread that waits for so long without running is no short wait for a disk.
const SECOND_LOOK: Duration = Duration::from_millis(100);

/// The threads of processes that wait where nothing but their end, or SIGKILL, wakes them, and those that will once a signal
/// reaches them: each with its cause. What the v1 freezer holds looks so too, and is none. `group` is where they are said to be.
pub fn find(pids: impl IntoIterator<Item = i32>, group: &CgroupPath) -> Vec<Culprit> {
    let threads = pids.into_iter().flat_map(|pid| threads::of_process(pid).map(move |tid| (pid, tid)));
    let hosts = mounts::hierarchies().ok();
    let mut v1 = Holders::new(hosts.as_ref().and_then(|hosts| hosts.get(Version::V1)));
    let mut found: Vec<(i32, Thread, Rest)> = threads
        .filter_map(|(pid, tid)| {
            let thread = threads::read(tid).filter(|thread| is_unstoppable(thread, &mut v1))?;
            let rest = Rest::of(&thread);
            Some((pid, thread, rest))
        })
        .collect();
    if found.is_empty() {
        return Vec::new();
    }
    sleep(SECOND_LOOK);
    found.retain(|(_, thread, rest)| {
        threads::read(thread.tid).is_some_and(|now| now == *thread) && rest.lasts(thread)
    });
    let (mut causes, mut processes) = (Causes::default(), Processes::default());
    let culprit = |(pid, thread, _): (i32, Thread, _)| {
        let (cause, stack) = causes.find(&thread);
        let command = processes.read(pid)?.command;
        Some(Culprit { pid, thread, command, group: group.clone(), time_in_state: None, cause, stack })
    };
    let mut list: Vec<Culprit> = found.into_iter().filter_map(culprit).collect();
    time_in_state::add_to(&mut list);
    list
}

/// That a thread does not run; and where it waits for its `vfork` child, that this does not, either: one that is only waiting for
/// a CPU runs a program of its own soon.
#[derive(PartialEq)]
struct Rest {
    switches: Option<i64>,
    child: Option<(i32, Option<i64>)>,
}

impl Rest {
    fn of(thread: &Thread) -> Self {
        let child = if waits_for_child(thread) { vfork::child(thread.tid) } else { None };
        let child = child.map(|child| (child, threads::switches(child)));
        Self { switches: threads::switches(thread.tid), child }
    }

    fn lasts(&self, thread: &Thread) -> bool {
        let runs = |(child, _): (i32, _)| threads::read(child).is_none_or(|child| child.state == 'R');
        Self::of(thread) == *self && !self.child.is_some_and(runs)
    }
}

fn is_unstoppable(thread: &Thread, v1: &mut Holders<'_>) -> bool {
    if thread.kernel_thread {
        return false;
    }
    match thread.state {
        // A vfork parent is frozen, but not stopped. One whose child runs a program of its own by now goes on at the thaw.
        'D' if waits_for_child(thread) => vfork::child(thread.tid).is_some(),
        // What the v1 freezer holds shows D too; on some kernels it waits where it waited before.
        'D' => v1.of(thread).is_none(),
        'S' => waits_for_fuse(&threads::stack(thread.tid)),
        _ => false,
    }
}
