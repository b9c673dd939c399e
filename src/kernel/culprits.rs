//! Finding the culprits: the threads that keep a group from freezing.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use super::cause::Causes;
use super::cgroupfs::{Group, read};
use super::dir::Dir;
use super::frozen::is_held;
use super::holders::Holders;
use super::membership::group_of;
use super::mounts;
use super::processes::Processes;
use super::{threads, time_in_state};
use crate::model::culprit::{Cause, Culprit, Culprits};
use crate::model::{CgroupPath, Hierarchy, State, Thread, Version};

/// So many culprits are looked into at most, after they were sorted.
const MAX_LISTED: usize = 50;
/// So many threads are looked at at most.
const MAX_THREADS: usize = 100_000;
/// A thread that is on its way to the freezer arrives in this time.
const SECOND_LOOK: Duration = Duration::from_millis(20);

/// A thread that is not in the freezer, and its group.
type Suspect = (Thread, CgroupPath);

/// The threads of a group and of all below that are not in the freezer, sorted by what holds up most: those that wait where no
/// signal wakes them, those that run, and then the rest. A group that is frozen has none, and is not looked into.
///
/// Each is looked at twice, so that one that is on its way is none.
pub fn find(group: &Group) -> Culprits {
    let mut look = Look { version: group.version, threads: 0, suspects: Vec::new() };
    if let Ok(dir) = group.dir.again() {
        look.below(dir, &group.path);
    }
    let Look { threads, mut suspects, .. } = look;
    if !suspects.is_empty() {
        sleep(SECOND_LOOK);
        suspects.retain_mut(|suspect| is_suspect_again(suspect, group.version));
    }
    let hosts = mounts::hierarchies().ok();
    let mut elsewhere = Holders::new(hosts.as_ref().and_then(|hosts| hosts.get(group.version.other())));
    let mut sorted: Vec<(u8, Option<PathBuf>, Suspect)> = suspects
        .into_iter()
        .map(|(thread, path)| {
            let holder = elsewhere.of(&thread);
            (rank(&thread, holder.is_some()), holder, (thread, path))
        })
        .collect();
    sorted.sort_by_key(|(rank, _, (thread, _))| (*rank, thread.tid));
    let more = sorted.len().saturating_sub(MAX_LISTED);
    sorted.truncate(MAX_LISTED);
    let (mut causes, mut processes) = (Causes::default(), Processes::default());
    let culprit = |(_, holder, suspect)| explain(suspect, holder, &mut causes, &mut processes);
    let mut list: Vec<Culprit> = sorted.into_iter().filter_map(culprit).collect();
    time_in_state::add_to(&mut list);
    if let Some(hierarchy) = hosts.as_ref().and_then(|hosts| hosts.get(group.version)) {
        mark_servers_inside(&mut list, group, hierarchy);
    }
    Culprits { list, more, is_cut: threads > MAX_THREADS }
}

struct Look {
    version: Version,
    threads: usize,
    suspects: Vec<Suspect>,
}

impl Look {
    fn below(&mut self, top: Dir, path: &CgroupPath) {
        let mut waiting = vec![(top, path.clone())];
        while let Some((dir, path)) = waiting.pop().filter(|_| self.threads <= MAX_THREADS) {
            if is_complete(&dir, self.version) {
                continue;
            }
            // A group that is gone, or may not be read, has none to show.
            for tid in threads::in_group(&dir, self.version).unwrap_or_default() {
                self.threads += 1;
                let thread = threads::read(tid).filter(|thread| !is_held(thread, self.version));
                self.suspects.extend(thread.map(|thread| (thread, path.clone())));
            }
            for name in dir.children().unwrap_or_default() {
                let child = dir.child(&name).ok().flatten();
                waiting.extend(child.map(|child| (child, path.join(&name))));
            }
        }
    }
}

fn is_complete(group: &Dir, version: Version) -> bool {
    let read = group.id().and_then(|id| read(group, id, version, b"", &mut Vec::new())).ok().flatten();
    read.and_then(|group| group.freezer.state(true)) == Some(State::Frozen)
}

/// Whether it is the same thread still, and not in the freezer by now; keeps what it does now.
fn is_suspect_again(suspect: &mut Suspect, version: Version) -> bool {
    let now =
        threads::read(suspect.0.tid).filter(|now| now.start == suspect.0.start && !is_held(now, version));
    now.is_some_and(|now| {
        suspect.0 = now;
        true
    })
}

/// Lower for what holds up most. What the other hierarchy holds frozen stops by itself once that lets it go.
fn rank(thread: &Thread, is_held_elsewhere: bool) -> u8 {
    match thread.state {
        _ if is_held_elsewhere => 3,
        'D' => 0,
        'R' => 1,
        _ => 2,
    }
}

fn explain(
    (thread, group): Suspect,
    holder: Option<PathBuf>,
    causes: &mut Causes,
    processes: &mut Processes,
) -> Option<Culprit> {
    let pid = threads::process_of(thread.tid)?;
    let (cause, stack) = match holder {
        Some(group) => (Cause::HeldElsewhere { group }, threads::stack(thread.tid)),
        None => causes.find(&thread),
    };
    let command = processes.read(pid)?.command;
    Some(Culprit { pid, thread, command, group, time_in_state: None, cause, stack })
}

/// Says of each FUSE server whether it is in the group that is to freeze.
fn mark_servers_inside(list: &mut [Culprit], group: &Group, hierarchy: &Hierarchy) {
    let is_inside = |pid| {
        // What cannot be known is taken to be outside.
        group_of(pid, hierarchy).is_ok_and(|at| at.is_within(&group.path))
    };
    for culprit in list {
        let Cause::FileSystem { servers, .. } = &mut culprit.cause else { continue };
        servers.iter_mut().for_each(|server| server.is_inside = is_inside(server.pid));
    }
}
