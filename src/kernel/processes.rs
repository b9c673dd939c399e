//! The processes of a group, from `cgroup.procs` and `/proc`.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use nix::unistd::{Uid, User};
use procfs::process::Stat;

use super::command_line::command;
use super::dir::Dir;
use super::members::pids;
use super::proc::{self, PF_KTHREAD};
use super::running_criu::is_criu;
use super::status::Status;
use super::threads;
use crate::model::{NamespacePath, Process, ProcessId};

/// Reads processes, and remembers the names of users.
#[derive(Debug)]
pub struct Processes {
    page: u64,
    users: HashMap<u32, String>,
    /// Of each tracer that was met while a list is read, whether it is a criu: one holds thousands of processes.
    criu: HashMap<i32, bool>,
}

impl Default for Processes {
    fn default() -> Self {
        Self { page: procfs::page_size(), users: HashMap::new(), criu: HashMap::new() }
    }
}

impl Processes {
    /// The processes of a group itself. Those that end while they are read are left out.
    ///
    /// # Errors
    /// As [`pids`].
    pub fn of(&mut self, group: &Dir) -> io::Result<Vec<Process>> {
        Ok(self.read_all(pids(group)?))
    }

    /// One process; `None` where it is gone or is not to be seen.
    pub fn read(&mut self, pid: i32) -> Option<Process> {
        self.read_all([pid]).pop()
    }

    fn read_all(&mut self, pids: impl IntoIterator<Item = i32>) -> Vec<Process> {
        // Of the list before: the numbers may be those of other processes by now.
        self.criu.clear();
        pids.into_iter().filter_map(|pid| self.read_one(pid)).collect()
    }

    fn read_one(&mut self, pid: i32) -> Option<Process> {
        let main = proc::stat(pid)?;
        // A main thread that has ended has no memory, no files and no tracer any more; the others still have them.
        let living =
            (matches!(main.state, 'Z' | 'X') && main.num_threads > 1).then(|| first_living(pid)).flatten();
        let (tid, stat) = living.as_ref().map_or((pid, &main), |(tid, stat)| (*tid, stat));
        let status = Status::read(tid).ok()??;
        let uid = u32::try_from(status.number("Uid")?).ok()?;
        let tracer = status.tracer();
        Some(Process {
            id: ProcessId { pid, start: main.starttime },
            parent: main.ppid,
            uid,
            user: self.user(uid),
            state: stat.state,
            main_thread_ended: living.is_some(),
            tracer,
            held_by_criu: tracer.is_some_and(|pid| *self.criu.entry(pid).or_insert_with(|| is_criu(pid))),
            kernel_thread: stat.flags & PF_KTHREAD != 0,
            threads: u32::try_from(main.num_threads).unwrap_or(0),
            rss: stat.rss * self.page,
            command: command(tid),
        })
    }

    /// Every process of this PID namespace that can be seen.
    pub fn all(&mut self) -> Vec<Process> {
        self.read_all(every_pid())
    }

    /// This program, and those that it was started from, nearest first.
    pub fn lineage(&mut self) -> impl Iterator<Item = Process> {
        let me = self.read(std::process::id().cast_signed());
        std::iter::successors(me, |process| self.read(process.parent))
    }

    fn user(&mut self, uid: u32) -> String {
        self.users.entry(uid).or_insert_with(|| user_name(uid)).clone()
    }
}

/// The name of a user; the number where there is none.
pub fn user_name(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

/// A thread of a process that has not ended.
fn first_living(pid: i32) -> Option<(i32, Stat)> {
    let living = |tid| Some((tid, proc::stat(tid).filter(|stat| !matches!(stat.state, 'Z' | 'X'))?));
    threads::of_process(pid).find_map(living)
}

/// Where a process is (`/proc/PID/cwd`); `None` where it is gone, or that may not be seen.
pub fn working_directory(pid: i32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// How long a process has run on a CPU, in clock ticks (fields 14 and 15 of proc_pid_stat(5)); `None` where it is gone.
pub fn cpu(pid: i32) -> Option<u64> {
    let stat = proc::stat(pid)?;
    Some(stat.utime + stat.stime)
}

/// How many bytes a process has read and written, from files, pipes and devices (`rchar`, `wchar` and `read_bytes` of
/// proc_pid_io(5)); `None` where it is gone, or that may not be read.
pub fn io_bytes(pid: i32) -> Option<u64> {
    let text = proc::read(pid, "io").ok()?;
    let line = |line: &str| {
        let (name, bytes) = line.split_once(": ")?;
        matches!(name, "rchar" | "wchar" | "read_bytes").then(|| bytes.parse::<u64>().ok())?
    };
    Some(std::str::from_utf8(&text).ok()?.lines().filter_map(line).fold(0, u64::saturating_add))
}

/// The session leader of each controlling terminal, by the terminal's major and minor number (fields 6 and 7 of
/// proc_pid_stat(5)).
pub fn session_leaders() -> HashMap<(u32, u32), i32> {
    let of = |pid| {
        let stat = proc::stat(pid)?;
        let (major, minor) = stat.tty_nr();
        let device = (u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
        (device != (0, 0)).then_some((device, stat.session))
    };
    every_pid().filter_map(of).collect()
}

/// The PIDs in `/proc`: every process of this PID namespace that can be seen.
pub fn every_pid() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The hierarchies that are mounted, each by its v1 controllers; cgroup v2 has none (`/proc/PID/cgroup`, cgroups(7)).
///
/// # Errors
/// What reading the file says.
pub fn controllers() -> io::Result<Vec<Box<[u8]>>> {
    Ok(own_groups()?.into_iter().map(|(controllers, _)| controllers).collect())
}

/// This program's own group in each hierarchy that is mounted: the hierarchy's v1 controllers, as in [`controllers`], and the
/// path as the kernel writes it.
///
/// # Errors
/// What reading `/proc/self/cgroup` says.
pub fn own_groups() -> io::Result<Vec<(Box<[u8]>, NamespacePath)>> {
    let text = std::fs::read("/proc/self/cgroup")?;
    let group = |line: &[u8]| {
        let mut fields = line.splitn(3, |&b| b == b':').skip(1);
        Some((fields.next()?.into(), NamespacePath::new(fields.next()?)))
    };
    Ok(text.split(|&b| b == b'\n').filter_map(group).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_read() {
        let me = Processes::default().read(std::process::id().cast_signed()).unwrap();
        assert!(me.threads >= 1 && me.rss > 0 && !me.kernel_thread);
        assert!(!me.command.is_empty() && !me.command.contains(&0));
    }
}
