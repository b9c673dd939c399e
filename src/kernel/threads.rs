//! Threads: which are in a group, and what the kernel says of each.

use std::io;

use super::dir::Dir;
use super::proc::{self, PF_KTHREAD, numbers};
use super::status::Status;
use crate::model::{Thread, Version};

/// The TIDs in a group itself, in the kernel's order: a process may have threads in several groups of one hierarchy
/// (`cgroup.threads` of cgroup v2, `tasks` of v1; cgroups(7)). 0 is a thread outside this PID namespace.
///
/// # Errors
/// What reading the file says; a group that is gone has none.
pub fn in_group(group: &Dir, version: Version) -> io::Result<Vec<i32>> {
    let file = match version {
        Version::V2 => "cgroup.threads",
        Version::V1 => "tasks",
    };
    Ok(numbers(&group.read(file)?.unwrap_or_default()))
}

/// The TIDs of a process; none where it is gone (`/proc/PID/task`, proc_pid_task(5)).
pub fn of_process(pid: i32) -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// One thread; `None` where it is gone.
pub fn read(tid: i32) -> Option<Thread> {
    let stat = proc::stat(tid)?;
    let kernel_thread = stat.flags & PF_KTHREAD != 0;
    Some(Thread { tid, start: stat.starttime, state: stat.state, kernel_thread, wchan: wchan(tid) })
}

/// The kernel function that a thread waits in; `None` where it runs, or that may not be seen.
pub fn wchan(tid: i32) -> Option<Box<[u8]>> {
    let text = proc::read(tid, "wchan").ok()?;
    (!matches!(text.trim_ascii(), b"" | b"0")).then(|| text.trim_ascii().into())
}

/// The PID of the process that a thread is part of (`Tgid` of proc_pid_status(5)).
pub fn process_of(tid: i32) -> Option<i32> {
    i32::try_from(Status::read(tid).ok()??.number("Tgid")?).ok()
}

/// How often a thread has gone to sleep or was made to wait for a CPU; while the number stays the same, it has not run
/// (`voluntary_ctxt_switches`, proc_pid_status(5)). `None` where it is gone.
pub fn switches(tid: i32) -> Option<i64> {
    let status = Status::read(tid).ok().flatten()?;
    Some(status.number("voluntary_ctxt_switches")? + status.number("nonvoluntary_ctxt_switches")?)
}

/// The kernel functions that a thread is in, innermost first (`/proc/TID/stack`); none without CAP_SYS_ADMIN, or where it runs.
pub fn stack(tid: i32) -> Vec<String> {
    let text = proc::read(tid, "stack").unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(frame).collect()
}

/// `[<0>] fuse_lookup_name+0x9a/0x240`
fn frame(line: &str) -> Option<String> {
    let function = line.split_ascii_whitespace().nth(1)?.split('+').next()?;
    Some(function.to_owned())
}

/// A system call that a thread is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syscall {
    /// Its number on this machine.
    pub number: i64,
    /// Its arguments, as they are in the registers.
    pub arguments: [u64; 6],
}

/// The system call that a thread waits in (proc_pid_syscall(5)); `None` outside one, where it runs, and without the right to
/// trace it.
pub fn syscall(tid: i32) -> Option<Syscall> {
    parse_syscall(std::str::from_utf8(&proc::read(tid, "syscall").ok()?).ok()?)
}

/// `257 0xffffff9c 0x7ffd4f 0x0 0x0 0x0 0x0 0x7ffd4e 0x7f2b`
fn parse_syscall(text: &str) -> Option<Syscall> {
    let mut words = text.split_ascii_whitespace();
    let number = words.next()?.parse().ok().filter(|&number| number >= 0)?;
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some(Syscall { number, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_the_kernel_writes() {
        let openat = parse_syscall("257 0xffffff9c 0x7ffd4f 0x0 0x0 0x0 0x0 0x7ffd4e 0x7f2b\n").unwrap();
        assert_eq!((openat.number, openat.arguments[1]), (257, 0x7f_fd4f));
        assert_eq!(parse_syscall("running\n"), None);
        assert_eq!(parse_syscall("-1 0x7ffd4e 0x7f2b\n"), None);
        assert_eq!(frame("[<0>] fuse_lookup_name+0x9a/0x240 [fuse]").as_deref(), Some("fuse_lookup_name"));
    }

    #[test]
    fn this_thread() {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        let pid = std::process::id().cast_signed();
        let thread = read(tid).unwrap();
        assert!(!thread.has_ended() && !thread.kernel_thread);
        assert_eq!(process_of(tid), Some(pid));
        assert!(of_process(pid).any(|other| other == tid));
        assert!(read(i32::MAX).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: String) {
            parse_syscall(&text);
            frame(&text);
        }
    }
}
