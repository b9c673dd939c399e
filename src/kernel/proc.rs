//! The files of a process in `/proc`, in few system calls: thousands of them are read for one list.

use std::io;

use procfs::FromRead;
use procfs::process::Stat;
use rustix::fs::{Mode, OFlags};

use super::dir::one_piece;
use crate::model::ProcessId;

/// Room for most of these files.
const USUAL: usize = 4096;

/// The text of a file of a process or thread: `status`, `cgroup`, `comm`, … (proc(5))
///
/// # Errors
/// What openat(2) and read(2) say; ENOENT or ESRCH for a process that is gone.
pub(super) fn read(pid: i32, file: &str) -> io::Result<Vec<u8>> {
    read_head(pid, file, usize::MAX)
}

/// The beginning of such a file, of `most` bytes at most.
///
/// # Errors
/// As [`read`].
pub(super) fn read_head(pid: i32, file: &str, most: usize) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(format!("/proc/{pid}/{file}"), flags, Mode::empty())?;
    let mut text = Vec::with_capacity(USUAL);
    one_piece(&fd, &mut text, most)?;
    text.truncate(most);
    Ok(text)
}

/// `/proc/PID/stat` (proc_pid_stat(5)); `None` where the process is gone.
pub(super) fn stat(pid: i32) -> Option<Stat> {
    Stat::from_read(&read(pid, "stat").ok()?[..]).ok()
}

/// `PF_KTHREAD` of linux/sched.h: the bit of a kernel thread in field 9 of `/proc/PID/stat`.
pub(super) const PF_KTHREAD: u32 = 0x0020_0000;

/// The numbers of a file that has one in each line.
pub(super) fn numbers(text: &[u8]) -> Vec<i32> {
    let number = |line| std::str::from_utf8(line).ok()?.trim().parse().ok();
    text.split(|&b| b == b'\n').filter_map(number).collect()
}

/// Whether a process is there, a zombie too: the one that is meant, and no other that has its PID by now.
pub(super) fn is_there(process: ProcessId) -> bool {
    stat(process.pid).is_some_and(|stat| stat.starttime == process.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            numbers(&text);
        }
    }
}
