//! Pipes and FIFOs whose other end is held outside of the tree (`criu/pipes.c`, `criu/fifo.c`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::fs::FileType;

use super::{Finding, Holder, held, name, several};
use crate::kernel::descriptors::ProcessDir;
use crate::kernel::processes::{Processes, every_pid};

/// Device and inode of a pipe.
type PipeId = (u32, u32, u64);

/// So many open files of all other processes are looked at at most to find the other ends.
const MAX_DESCRIPTORS: usize = 200_000;

/// The ends of a pipe that are held somewhere.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    read: bool,
    written: bool,
}

impl Ends {
    fn add(&mut self, (read, written): (bool, bool)) {
        self.read |= read;
        self.written |= written;
    }

    /// Whether this program of the outside has an end that is missing here.
    fn completed_by(self, (read, written): (bool, bool)) -> bool {
        (self.written && !self.read && read) || (self.read && !self.written && written)
    }
}

/// A pipe of which the tree holds one end: what its link says, its ends, and who holds the one that is known, in words.
struct Half {
    link: Box<[u8]>,
    ends: Ends,
    held: String,
}

pub(super) fn look(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let halves = halves(holders);
    if halves.is_empty() {
        return;
    }
    let inside: BTreeSet<i32> = holders.iter().map(|holder| holder.process.id.pid).collect();
    let (found, complete) = outside(&halves, &inside);
    let (named, nameless): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(id, _)| is_named(&halves[id].link));
    let words = |found: Vec<(PipeId, i32)>| -> Vec<String> {
        found.into_iter().map(|(id, pid)| format!("{}, and {}", halves[&id].held, process(pid))).collect()
    };
    if !nameless.is_empty() {
        findings.push(lost(&words(nameless)));
    }
    if !named.is_empty() {
        findings.push(reopened(&words(named)));
    }
    if !complete {
        let what = "the processes at the other ends of the pipes";
        let error = io::Error::other(format!("more than {MAX_DESCRIPTORS} files are open"));
        findings.push(Finding::unknown("pipe-outside", what, error));
    }
}

fn is_named(link: &[u8]) -> bool {
    !link.starts_with(b"pipe:[")
}

fn halves(holders: &[Holder<'_>]) -> BTreeMap<PipeId, Half> {
    let mut all: BTreeMap<PipeId, Half> = BTreeMap::new();
    for holder in holders {
        for open in holder.open.iter().filter(|open| open.facts.kind == FileType::Fifo) {
            let half = all.entry(open.facts.id).or_insert_with(|| Half {
                link: open.link.clone(),
                ends: Ends::default(),
                held: held(holder, open),
            });
            half.ends.add(open.info.access());
        }
    }
    all.retain(|_, half| half.ends.read != half.ends.written);
    all
}

/// A process outside for each of these pipes that has a missing end; false where not every process was looked at.
fn outside(halves: &BTreeMap<PipeId, Half>, inside: &BTreeSet<i32>) -> (BTreeMap<PipeId, i32>, bool) {
    let by_link: BTreeMap<&[u8], (PipeId, Ends)> =
        halves.iter().map(|(id, half)| (&*half.link, (*id, half.ends))).collect();
    let (mut found, mut looked_at) = (BTreeMap::new(), 0);
    for pid in every_pid().filter(|pid| !inside.contains(pid)) {
        let Some(process) = ProcessDir::open(pid).ok().flatten() else { continue };
        for number in process.numbers().unwrap_or_default() {
            looked_at += 1;
            let link = process.link(&format!("fd/{number}")).unwrap_or_default();
            let Some((id, ends)) = by_link.get(&*link) else { continue };
            if process.info(number).is_ok_and(|info| ends.completed_by(info.access())) {
                found.entry(*id).or_insert(pid);
            }
        }
        if looked_at > MAX_DESCRIPTORS {
            return (found, false);
        }
    }
    (found, true)
}

fn process(pid: i32) -> String {
    Processes::default().read(pid).map_or_else(|| format!("process {pid}"), |process| name(&process))
}

fn lost(found: &[String]) -> Finding {
    Finding::warning(
        "pipe-outside",
        format!("a pipe leads to a process that is not dumped: {}", several(found)),
        "a restored process gets a new pipe without another end: it reads end of file, and gets SIGPIPE when it \
         writes",
    )
    .remedy("start it with a file instead of the pipe, or checkpoint a tree that contains both ends")
}

fn reopened(found: &[String]) -> Finding {
    Finding::warning(
        "fifo-outside",
        format!("a FIFO leads to a process that is not dumped: {}", several(found)),
        "if the process ends after the dump, the other one reads end of file, and may have closed the FIFO before \
         the restore",
    )
    .remedy("make the other process open it again before the restore, or checkpoint a tree that contains both ends")
}
