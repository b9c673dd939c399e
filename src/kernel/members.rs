//! The processes that are in a group itself, by their numbers.

use std::io;

use rustix::io::Errno;

use super::dir::Dir;
use super::proc::numbers;
use super::status::Status;

/// The PIDs in a group itself, in ascending order, each once. A PID of 0 is a process outside this PID namespace.
///
/// # Errors
/// What reading `cgroup.procs` says (EACCES without the right to read); a group that is gone has none.
pub fn pids(group: &Dir) -> io::Result<Vec<i32>> {
    let text = match group.read("cgroup.procs") {
        // A threaded group lists threads only. (kernel: cgroup-v2.rst, "Threads")
        Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => threads(group)?,
        other => other?.unwrap_or_default(),
    };
    let mut pids = numbers(&text);
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

/// The threads of a threaded group: each is shown as the process that it is part of.
fn threads(group: &Dir) -> io::Result<Vec<u8>> {
    let text = group.read("cgroup.threads")?.unwrap_or_default();
    let leader = |tid| Status::read(tid).ok()??.number("Tgid");
    let leaders: Vec<String> =
        numbers(&text).into_iter().filter_map(leader).map(|n: i64| n.to_string()).collect();
    Ok(leaders.join("\n").into_bytes())
}

/// How many processes are in the group itself; `None` where that may not be read.
pub fn count(group: &Dir) -> Option<u32> {
    u32::try_from(pids(group).ok()?.len()).ok()
}
