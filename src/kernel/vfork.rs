//! `vfork` children: their parent waits in the kernel until they run another program, or end (vfork(2)).

use procfs::process::Stat;

use super::status::Status;
use super::symbols::Symbols;
use super::{proc, threads};
use crate::model::{ProcessId, Thread};

/// A thread that waits for its `vfork` child, which a tracer has stopped: neither goes on before the tracer lets the child go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldPair {
    /// The PID of the process whose thread waits.
    pub parent: i32,
    /// The PID of the child.
    pub child: i32,
}

/// The child that a thread has made with `vfork`, and that has neither run another program nor ended: until then both have the same
/// memory, and its code and stack begin at the same addresses (`start_code`, `start_stack` of proc_pid_stat(5)).
pub fn child(tid: i32) -> Option<i32> {
    let memory = |stat: &Stat| (stat.startcode, stat.startstack, stat.vsize);
    let own = proc::stat(tid)?;
    let is_same = |stat: &Stat| !matches!(stat.state, 'Z' | 'X') && memory(stat) == memory(&own);
    children(tid).into_iter().rev().find(|&child| proc::stat(child).as_ref().is_some_and(is_same))
}

/// Such a pair among a process and its descendants, held by this tracer.
pub fn find_held(root: ProcessId, tracer: i32) -> Option<HeldPair> {
    let mut left = if proc::is_there(root) { vec![root.pid] } else { Vec::new() };
    while let Some(pid) = left.pop() {
        for tid in threads::of_process(pid) {
            let held = child(tid).filter(|&child| is_stopped_by(tracer, child));
            if let Some(child) =
                held.filter(|_| threads::read(tid).is_some_and(|thread| waits_for_child(&thread)))
            {
                return Some(HeldPair { parent: pid, child });
            }
            left.extend(children(tid));
        }
    }
    None
}

/// Whether a thread waits for its `vfork` child.
pub(super) fn waits_for_child(thread: &Thread) -> bool {
    thread.waits_in(&Symbols::of_this_kernel().vfork_wait)
}

/// The children that a thread has made, the oldest first (`children` of proc_tid_children(5)).
fn children(tid: i32) -> Vec<i32> {
    let text = proc::read(tid, &format!("task/{tid}/children")).unwrap_or_default();
    String::from_utf8_lossy(&text).split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn is_stopped_by(tracer: i32, pid: i32) -> bool {
    let status = Status::read(pid).ok().flatten();
    status.is_some_and(|status| status.state() == Some('t') && status.tracer() == Some(tracer))
}
