//! Threads that no tracer can stop: what criu would wait for in vain.

use std::thread::sleep;
use std::time::Duration;

use super::cause::{Causes, waits_for_fuse};
use super::frozen::is_held;
use super::processes::Processes;
use super::symbols::Symbols;
use super::{threads, time_in_state};
use crate::model::culprit::Culprit;
use crate::model::{CgroupPath, Thread, Version};

/// A thread that waits for so long without running is no short wait for a disk.
const SECOND_LOOK: Duration = Duration::from_millis(100);

/// The threads of processes that wait where nothing but their end, or SIGKILL, wakes them, and those that will once a signal
/// reaches them: each with its cause. What the v1 freezer holds looks so too, and is none. `group` is where they are said to be.
pub fn find(pids: impl IntoIterator<Item = i32>, group: &CgroupPath) -> Vec<Culprit> {
    let threads = pids.into_iter().flat_map(|pid| threads::of_process(pid).map(move |tid| (pid, tid)));
    let mut found: Vec<(i32, Thread, Option<i64>)> = threads
        .filter_map(|(pid, tid)| {
            Some((pid, threads::read(tid).filter(is_unstoppable)?, threads::switches(tid)))
        })
        .collect();
    if found.is_empty() {
        return Vec::new();
    }
    sleep(SECOND_LOOK);
    found.retain(|(_, thread, switches)| {
        let again = threads::read(thread.tid);
        again.is_some_and(|now| now == *thread) && threads::switches(thread.tid) == *switches
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

fn is_unstoppable(thread: &Thread) -> bool {
    if thread.kernel_thread {
        return false;
    }
    match thread.state {
        // A vfork parent is frozen, but not stopped.
        'D' => thread.waits_in(&Symbols::of_this_kernel().vfork_wait) || !is_held(thread, Version::V1),
        'S' => waits_for_fuse(&threads::stack(thread.tid)),
        _ => false,
    }
}
