//! The criu that dumps processes, whoever started it: which processes it holds, and what its arguments say of its work.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::arg::Arg;
use crate::kernel::cgroupfs::Group;
use crate::kernel::command_line::arguments;
use crate::kernel::held_by_criu::held_by_criu;
use crate::kernel::processes::working_directory;
use crate::model::criu::root;
use crate::model::span::and_more;
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

/// The processes that each criu holds, by its PID.
pub(super) fn held(all: &[Process]) -> BTreeMap<i32, Vec<&Process>> {
    let mut held: BTreeMap<i32, Vec<&Process>> = BTreeMap::new();
    for process in all.iter().filter(|process| process.held_by_criu) {
        held.entry(process.tracer.unwrap_or_default()).or_default().push(process);
    }
    held
}

/// Every criu that dumps any of these processes.
pub(super) fn dumping(all: &[Process], wanted: &BTreeSet<i32>) -> Vec<Dumping> {
    let of = |(criu, mut held): (i32, Vec<&Process>)| {
        held.retain(|process| wanted.contains(&process.id.pid));
        let first = held.first()?;
        let more = and_more(held.len());
        Some(Dumping {
            criu,
            what: format!("process {} ({}){more}", first.id.pid, printable(&first.command)),
        })
    };
    held(all).into_iter().filter_map(of).collect()
}

/// The first criu that dumps a process of this group or of one below it. What cannot be read is not known to be dumped.
pub fn of_group(group: &Group) -> Option<Dumping> {
    let held = held_by_criu(&group.dir).unwrap_or_default();
    let all = held.iter().map(|process| process.id.pid).collect();
    dumping(&held, &all).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::process::tests::process;

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
    fn only_what_a_criu_holds_is_dumped() {
        let process = |pid, tracer, held_by_criu| Process { tracer, held_by_criu, ..process(pid, 1) };
        let all = [process(5, Some(9), true), process(6, Some(9), true), process(7, Some(8), false)];
        let words = |pids: &[i32]| {
            let found = dumping(&all, &pids.iter().copied().collect());
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(words(&[5, 6, 7]), ["criu (process 9) is dumping process 5 (sleep 9) and 1 more"]);
        assert_eq!(words(&[6]), ["criu (process 9) is dumping process 6 (sleep 9)"]);
        assert!(words(&[7]).is_empty() && words(&[]).is_empty());
    }
}
