//! The criu that holds processes, whoever started it: known by its arguments.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::arg::Arg;
use crate::kernel::Status;
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::membership::group_of;
use crate::kernel::mounts::true_path;
use crate::kernel::processes::{Processes, arguments, every_pid, working_directory};
use crate::model::criu::{is_dump, root};
use crate::model::process::descendants;
use crate::model::{Process, printable};

/// The group behind `--freeze-cgroup`.
pub(super) fn told(words: &[Vec<u8>]) -> Option<Arg> {
    let at = words.iter().position(|word| word.starts_with(b"--freeze-cgroup"))?;
    let glued = words[at].strip_prefix(b"--freeze-cgroup=").map(<[u8]>::to_vec);
    let group = glued.or_else(|| words.get(at + 1).cloned())?;
    Some(Arg(OsString::from_vec(group)))
}

/// The folder of a criu's images, behind `-D`; else where it was started. `None` where that is not to be seen, or it is told
/// of its work in another way.
pub(super) fn images(criu: i32) -> Option<PathBuf> {
    let words = arguments(criu);
    root(&words)?;
    let named = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix(b"--images-dir=") {
        Some(glued) => Some(glued.to_vec()),
        None if matches!(&word[..], b"-D" | b"--images-dir") => words.get(at + 1).cloned(),
        None => None,
    });
    Some(working_directory(criu)?.join(OsString::from_vec(named.unwrap_or_default())))
}

/// A criu, and the processes that it dumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dumping {
    /// Its PID.
    pub criu: i32,
    /// What it dumps, in words.
    what: String,
}

impl fmt::Display for Dumping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "criu (process {}) is dumping {}", self.criu, self.what)
    }
}

/// Every criu that dumps any of these processes: it traces one, or was told of it or of one above it. `all`: every process.
pub(super) fn dumping(all: &[Process], wanted: &BTreeSet<i32>) -> Vec<Dumping> {
    let held = |criu: i32, root: Option<i32>| {
        let told: BTreeSet<i32> =
            root.into_iter().flat_map(|root| descendants(all, root)).map(|process| process.id.pid).collect();
        let is =
            |p: &&Process| wanted.contains(&p.id.pid) && (p.tracer == Some(criu) || told.contains(&p.id.pid));
        all.iter().filter(is).collect::<Vec<_>>()
    };
    let of = |process: &Process| {
        let words = Some(arguments(process.id.pid)).filter(|words| is_dump(words))?;
        // In another PID namespace its number is not one of these.
        let root = root(&words).filter(|_| is_of_this_namespace(process.id.pid));
        let held = held(process.id.pid, root);
        let first = held.first()?;
        let more = if held.len() > 1 { format!(" and {} more", held.len() - 1) } else { String::new() };
        let what = format!("process {} ({}){more}", first.id.pid, printable(&first.command));
        Some(Dumping { criu: process.id.pid, what })
    };
    // A criu may be dumped itself, by its own number.
    all.iter()
        .filter(|process| !process.is_zombie() && !wanted.contains(&process.id.pid))
        .filter_map(of)
        .collect()
}

/// Whether the PID namespace of a process is that of this program's `/proc`.
pub(super) fn is_of_this_namespace(pid: i32) -> bool {
    let status = Status::read(pid).ok().flatten();
    status.and_then(|status| status.numbers("NSpid")).is_some_and(|numbers| numbers.len() == 1)
}

/// Whether a process is a criu that takes hold of processes.
pub(super) fn is_criu(pid: i32) -> bool {
    is_dump(&arguments(pid))
}

/// The first criu that dumps a process of this group or of one below it.
pub fn of_group(fs: &Filesystem, group: &Group) -> Option<Dumping> {
    // Mostly there is none on the host, and nothing else has to be read.
    if !every_pid().any(is_criu) {
        return None;
    }
    let path = true_path(fs, group).ok()?;
    let all = Processes::default().all();
    let inside = |process: &&Process| {
        group_of(process.id.pid, fs.hierarchy()).is_ok_and(|found| found.is_within(&path))
    };
    let wanted = all.iter().filter(inside).map(|process| process.id.pid).collect();
    dumping(&all, &wanted).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_that_criu_was_told_of() {
        let words = |line: &str| line.split(' ').map(Into::into).collect::<Vec<_>>();
        let group = |line: &str| told(&words(line)).map(|arg| arg.0);
        assert_eq!(group("criu dump --freeze-cgroup /g -t 7"), Some("/g".into()));
        assert_eq!(group("criu dump --freeze-cgroup=/g"), Some("/g".into()));
        assert_eq!(group("criu dump"), None);
        assert_eq!(group("criu dump --freeze-cgroup"), None);
    }

    #[test]
    fn nothing_is_dumped_here() {
        let all = Processes::default().all();
        assert_eq!(dumping(&all, &BTreeSet::from([std::process::id().cast_signed()])), []);
    }
}
