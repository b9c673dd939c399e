//! The threads of processes: whether any lives, and whether any is held by a tracer.

use super::proc;
use super::processes::every_pid;
use super::status::Status;
use crate::model::ProcessId;

/// The threads of a process; none where it is gone. (`/proc/PID/task`, proc_pid_task(5))
fn threads(pid: i32) -> impl Iterator<Item = Status> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let tids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    tids.filter_map(|tid| Status::read(tid).ok().flatten())
}

fn is_alive(status: &Status) -> bool {
    status.state().is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether a process is there, and any thread of it has not ended. (The first thread may be a zombie before the others.)
pub fn lives(process: ProcessId) -> bool {
    proc::is_there(process) && threads(process.pid).any(|thread| is_alive(&thread))
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

/// How often a process has gone to sleep or was made to wait for a CPU, as long as it sleeps; `None` where it does not, or is
/// gone. While the number stays the same, it has not run (`voluntary_ctxt_switches`, proc_pid_status(5)).
pub fn sleeps(pid: i32) -> Option<i64> {
    let status = Status::read(pid).ok().flatten().filter(|status| status.state() == Some('S'))?;
    Some(status.number("voluntary_ctxt_switches")? + status.number("nonvoluntary_ctxt_switches")?)
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
        assert!(held_by(me.pid).is_empty());
        assert_eq!(sleeps(i32::MAX), None);
    }
}
