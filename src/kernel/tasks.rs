//! The threads of processes: whether any lives, and whether any is held by a tracer.

use std::io;

use super::dir::Dir;
use super::members::pids;
use super::proc;
use super::processes::{cpu, every_pid};
use super::status::Status;
use crate::model::ProcessId;

/// The threads of a process; none where it is gone. (`/proc/PID/task`, proc_pid_task(5))
fn threads(pid: i32) -> impl Iterator<Item = Status> {
    super::threads::of_process(pid).filter_map(|tid| Status::read(tid).ok().flatten())
}

fn is_alive(status: &Status) -> bool {
    status.state().is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether a process is there, and any thread of it has not ended. (The first thread may be a zombie before the others.)
pub fn lives(process: ProcessId) -> bool {
    proc::is_there(process) && threads(process.pid).any(|thread| is_alive(&thread))
}

/// The signal that nothing withstands (signal(7)).
const SIGKILL: u8 = 9;

/// `PF_EXITING` of linux/sched.h: the bit of a task that ends in field 9 of `/proc/PID/stat`.
const PF_EXITING: u32 = 4;

/// Whether a process is there, and will be: it has not ended, and no SIGKILL is on its way to it (`SigPnd`, `ShdPnd` of
/// proc_pid_status(5)).
pub fn is_active(process: ProcessId) -> bool {
    let Some(stat) = proc::stat(process.pid).filter(|stat| stat.starttime == process.start) else {
        return false;
    };
    let Ok(Some(status)) = Status::read(process.pid) else { return false };
    let killed = status.has_pending(SIGKILL);
    let ends = stat.flags & PF_EXITING != 0 || !is_alive(&status);
    // The first thread may have ended before the others.
    !killed && (!ends || (stat.num_threads > 1 && lives(process)))
}

/// Whether a process of a group, or of one below it, has a thread that is traced by this process.
///
/// # Errors
/// What reading the groups says.
pub fn holds_in(tracer: i32, group: &Dir) -> io::Result<bool> {
    let traced = |status: Status| status.number("TracerPid") == Some(tracer.into());
    if pids(group)?.into_iter().filter(|&pid| pid > 0).any(|pid| threads(pid).any(traced)) {
        return Ok(true);
    }
    for name in group.children()? {
        if let Some(child) = group.child(&name)?
            && holds_in(tracer, &child)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The processes of which a thread lives and is traced by this process (`TracerPid` of proc_pid_status(5)).
pub fn held_by(tracer: i32) -> Vec<i32> {
    let held = |status: &Status| is_alive(status) && status.number("TracerPid") == Some(tracer.into());
    every_pid().filter(|&pid| threads(pid).any(|thread| held(&thread))).collect()
}

/// Whether a process has a child that has not ended.
pub fn has_children(parent: i32) -> bool {
    let is_child = |status: Status| is_alive(&status) && status.number("PPid") == Some(parent.into());
    every_pid().any(|pid| Status::read(pid).ok().flatten().is_some_and(is_child))
}

/// How often a process has given up its CPU or lost it, and for how many clock ticks it has had one: while both stay the same,
/// it has not run. `None` where it is gone.
pub fn activity(pid: i32) -> Option<(i64, u64)> {
    Some((switches(&Status::read(pid).ok().flatten()?)?, cpu(pid)?))
}

fn switches(status: &Status) -> Option<i64> {
    Some(status.number("voluntary_ctxt_switches")? + status.number("nonvoluntary_ctxt_switches")?)
}

/// How often a process has gone to sleep or was made to wait for a CPU, as long as it sleeps; `None` where it does not, or is
/// gone. While the number stays the same, it has not run (`voluntary_ctxt_switches`, proc_pid_status(5)).
pub fn sleeps(pid: i32) -> Option<i64> {
    let status = Status::read(pid).ok().flatten().filter(|status| status.state() == Some('S'))?;
    switches(&status)
}

/// Whether a tracer sleeps, and holds a thread of this process: one that has ended is held, too, until the tracer waits for it.
pub fn sleeps_on(tracer: i32, pid: i32) -> bool {
    sleeps(tracer).is_some() && threads(pid).any(|thread| thread.tracer() == Some(tracer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::processes::Processes;

    #[test]
    fn this_process() {
        let me = Processes::default().read(std::process::id().cast_signed()).unwrap().id;
        assert!(lives(me));
        assert!(!lives(ProcessId { start: me.start + 1, ..me }));
        assert!(!lives(ProcessId { pid: i32::MAX, start: 1 }));
        assert!(is_active(me));
        assert!(!is_active(ProcessId { start: me.start + 1, ..me }));
        assert!(activity(me.pid).is_some() && activity(i32::MAX).is_none());
        assert!(held_by(me.pid).is_empty());
        assert_eq!(sleeps(i32::MAX), None);
    }
}
