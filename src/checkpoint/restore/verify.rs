//! Looks afterwards whether every process is as the images have it.

use std::time::{Duration, Instant};

use super::pid_mapping::host_pids;
use super::scope::Scope;
use super::tree::{Group, Member, Tree};
use super::{Plan, Ran};
use crate::checkpoint::flag::Flag;
use crate::checkpoint::images::State;
use crate::checkpoint::{Finding, Level};
use crate::kernel::command_line::comm;
use crate::kernel::membership::path_of;
use crate::kernel::processes::Processes;
use crate::kernel::signals::is_stopped;
use crate::kernel::{Filesystem, Status};
use crate::model::{Hierarchies, Process, State as Freeze, Version, printable, span};

/// Looks at the processes and their groups.
pub fn verify(plan: &Plan, ran: &Ran, hierarchies: &Hierarchies) -> Vec<Finding> {
    let copy = CopyContext { init: ran.copy.as_ref().map(|copy| copy.init), frozen: plan.frozen_copy() };
    let mut checks: Vec<Finding> = plan.trees.iter().flat_map(|tree| processes(tree, copy)).collect();
    checks.extend(plan.scope.as_ref().map(Scope::check));
    checks.extend(plan.lent().iter().filter_map(again));
    checks.extend(copy.frozen.map(frozen_copy));
    checks.extend(frozen(plan, hierarchies));
    checks
}

/// What the checks have to know of a copy.
#[derive(Clone, Copy)]
struct CopyContext<'a> {
    /// PID 1 of its namespace.
    init: Option<i32>,
    /// The flag that holds it.
    frozen: Option<&'a Flag>,
}

impl CopyContext<'_> {
    /// What v1 holds cannot be told from what is stopped: where it goes on, it does so when it is thawed.
    fn hides_stopped(self) -> bool {
        self.frozen.is_some_and(|flag| flag.hierarchy == Version::V1)
    }
}

/// Nothing of the copy has run.
fn frozen_copy(flag: &Flag) -> Finding {
    let shown = flag.shown();
    let is_frozen = flag.clone().now_there().ok().flatten().and_then(|flag| flag.is_frozen_now());
    match is_frozen {
        Some(true) => Finding::ok("frozen", format!("{shown} is frozen, and the copy has not run")),
        _ => Finding::blocker("frozen", format!("{shown} is no longer frozen"), "somebody has thawed it"),
    }
}

/// What was thawed for the restore is frozen again; `None` where the group is gone, or was frozen for a time that is over.
fn again(flag: &Flag) -> Option<Finding> {
    let shown = flag.shown();
    if flag.is_gone() || flag.is_over() {
        return None;
    }
    Some(match flag.asks_now() {
        Some(true) => Finding::ok("frozen-again", format!("{shown} is frozen again, as it was found")),
        _ => Finding::blocker(
            "frozen-again",
            format!("{shown} is not frozen again"),
            "it was frozen before the restore",
        )
        .remedy(format!("freeze it: {}", flag.line(true))),
    })
}

fn processes(tree: &Tree, copy: CopyContext<'_>) -> Vec<Finding> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let numbers = host_pids(tree, copy.init);
        let check = |member: &Member| {
            process(member, numbers.get(&member.pid).copied(), member.pid == tree.root(), copy)
        };
        let checks: Vec<Finding> = tree.processes.iter().map(check).collect();
        // A process that was just let go needs a moment to arrive in its state.
        if !checks.iter().any(Finding::blocks) || Instant::now() > deadline {
            return checks;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// criu says that it has restored every process. So one that is not there any more has run, and ended: what a process does that
/// is not the root is its own business.
fn process(member: &Member, here: Option<i32>, is_root: bool, copy: CopyContext<'_>) -> Finding {
    let shown = match here {
        Some(here) if here != member.pid => format!("process {} ({}, here {here})", member.pid, member.name),
        _ => format!("process {} ({})", member.pid, member.name),
    };
    let now = here.and_then(|pid| Processes::default().read(pid));
    let has_ended = now.as_ref().is_none_or(|now| now.is_zombie() && member.state != State::Zombie);
    match now {
        _ if has_ended && is_root => Finding::blocker(
            "process",
            format!("{shown} does not exist"),
            "it was restored, but exited at once or was ended",
        ),
        None if member.state != State::Zombie => ended(&shown),
        Some(_) if has_ended => ended(&shown),
        None => Finding::ok("process", format!("{shown} was a zombie, and its parent has reaped it")),
        Some(now) => match differs(member, &now, copy) {
            None => Finding::ok("process", format!("{shown} matches the images")),
            Some((Level::Blocker, how)) => {
                Finding::blocker("process", format!("{shown} {how}"), "this differs from the images")
            }
            Some((_, how)) => {
                let why = "this differs from the images; the running process may have changed it since";
                Finding::warning("process", format!("{shown} {how}"), why)
            }
        },
    }
}

fn ended(shown: &str) -> Finding {
    Finding::warning("process", format!("{shown} has ended since"), "it was restored, and ran to its end")
}

/// In what a process is not as the images have it: a blocker where it cannot have changed that itself so soon.
fn differs(member: &Member, now: &Process, copy: CopyContext<'_>) -> Option<(Level, String)> {
    if now.is_zombie() != (member.state == State::Zombie) {
        return Some((Level::Blocker, "has not ended".to_owned()));
    }
    if now.is_zombie() {
        return None;
    }
    let unlike = unlike(member, now, copy).map(|how| (Level::Blocker, how));
    unlike.or_else(|| changed(member, now).map(|how| (Level::Warning, how)))
}

/// What a program changes by itself: its name by an exec, its threads.
fn changed(member: &Member, now: &Process) -> Option<String> {
    if comm(now.id.pid).is_some_and(|name| printable(&name) != member.name) {
        return Some("has another name".to_owned());
    }
    let threads = usize::try_from(now.threads).unwrap_or(0);
    let same = threads == member.threads.len();
    (!same)
        .then(|| format!("has {}, not {}", span::count(threads, "thread", "threads"), member.threads.len()))
}

/// What criu decided: whether it is stopped, its session, its groups.
fn unlike(member: &Member, now: &Process, copy: CopyContext<'_>) -> Option<String> {
    let pid = now.id.pid;
    let stopped = member.state == State::Stopped;
    if !copy.hides_stopped() && is_stopped(now).is_some_and(|now| now != stopped) {
        return Some(if stopped { "runs" } else { "is stopped" }.to_owned());
    }
    let sid = Status::read(pid).ok().flatten().and_then(|status| status.numbers("NSsid")?.last().copied());
    if let (Some(sid), Some(wanted)) = (sid, member.sid)
        && sid != wanted
    {
        return Some(format!("is in session {sid}, not {wanted}"));
    }
    member.groups.iter().find_map(|group| elsewhere(pid, group))
}

fn elsewhere(pid: i32, group: &Group) -> Option<String> {
    let now = path_of(pid, group.version)?;
    (now != group.member).then(|| format!("is in the group {now} ({}), not {}", group.version, group.member))
}

/// criu makes a v1 group that is gone again as it was when it was dumped: frozen, where it was frozen.
fn frozen(plan: &Plan, hierarchies: &Hierarchies) -> Vec<Finding> {
    let mut groups: Vec<&Group> = plan.processes().flat_map(|member| &member.groups).collect();
    groups.sort_by_key(|group| &group.path.0);
    groups.dedup_by_key(|group| &group.path.0);
    let flag = |group: &&Group| {
        let fs = Filesystem::open(hierarchies.get(group.version)?.clone()).ok()?;
        let held_as_found = plan
            .lent()
            .iter()
            .chain(plan.frozen_copy())
            .any(|lent| lent.hierarchy == group.version && group.below.is_within(&lent.path));
        let flag = Flag::read(&fs, &group.below).ok()?;
        flag.filter(|flag| flag.state != Freeze::Thawed && !held_as_found)
    };
    groups.iter().filter_map(flag).map(|flag| still(&flag)).collect()
}

fn still(flag: &Flag) -> Finding {
    let what = format!("the processes in {} are restored, and frozen", flag.shown());
    let why = "criu created the group again as it was at the checkpoint, or somebody froze it";
    let warning = Finding::warning("frozen", what, why);
    match flag.requested {
        true => warning.remedy(format!("to resume them: {}", flag.line(false))),
        false => warning.remedy("an ancestor is frozen: thaw that"),
    }
}
