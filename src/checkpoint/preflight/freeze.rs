//! Who asks for a freeze, on which hierarchy, and which group criu is to be told of.

use std::collections::{BTreeMap, BTreeSet};

use super::requests;
use super::scene::Host;
use super::tree::{dumped, traced};
use super::{After, Finding, Request};
use crate::checkpoint::flag::Flag;
use crate::checkpoint::handover::{Choice, HandOver, Obstacle, Place, Wanted};
use crate::kernel::culprits;
use crate::model::{Process, State, Version, printable, span};
use crate::timer;

/// What was found out about freezes.
pub(super) struct Freeze {
    /// How the freeze is handed over; `None` where it cannot be.
    pub choice: Option<Choice>,
    /// Every flag that bears on the trees, and those that are written.
    pub flags: BTreeMap<Place, Flag>,
    /// Some request holds some process of the trees.
    pub held: bool,
    /// The requests that were found, and one of the named group, hold every process of the trees.
    pub kept: bool,
}

/// Reads every flag that bears on the trees, and decides.
pub(super) fn look(
    request: &Request<'_>,
    host: &mut Host,
    trees: &[Vec<Process>],
    findings: &mut Vec<Finding>,
) -> Freeze {
    // A zombie is in no freezer.
    let living = trees.iter().flatten().filter(|process| !process.is_zombie());
    let pids: BTreeSet<i32> = living.map(|process| process.id.pid).collect();
    let place = (request.group.version, request.group.path.clone());
    let wanted =
        Wanted { place, held: trees.len() > 1 || request.after == Some(After::Frozen), pids: pids.clone() };
    requests::read(host, &wanted, findings);
    let host = &*host;
    let held = host.scene.holds_any(&pids);
    let kept = host.scene.holds_all_with(&wanted.place, &pids);
    if pids.is_empty() {
        return Freeze { choice: None, flags: BTreeMap::new(), held, kept };
    }
    let mut choice = host.scene.decide(&wanted);
    if let (Some(After::Frozen), Some(obstacle)) = (request.after, host.scene.vital_in(&wanted.place)) {
        choice = Err(vec![obstacle]);
    }
    let flags = flags(host, &wanted, choice.as_ref().ok(), findings);
    match &choice {
        Ok(Choice::Plain) => findings.push(Finding::ok("freeze-state", "these processes are not frozen")),
        Ok(Choice::Through(hand_over)) => through(host, hand_over, &flags, findings),
        Err(obstacles) => {
            let lines = lines(host, &pids, &flags);
            findings.extend(obstacles.iter().map(|obstacle| blocked(obstacle, &lines)));
        }
    }
    Freeze { choice: choice.ok(), flags, held, kept }
}

fn flags(
    host: &Host,
    wanted: &Wanted,
    choice: Option<&Choice>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<Place, Flag> {
    let mut places = BTreeSet::from([wanted.place.clone()]);
    if let Some(Choice::Through(HandOver { top, aside, .. })) = choice {
        places.extend(aside.iter().cloned().chain([top.clone()]));
    }
    for side in &host.scene.sides {
        let groups = wanted.pids.iter().filter_map(|pid| side.members.get(pid));
        places.extend(groups.map(|group| (side.version, group.clone())));
    }
    let above: Vec<Place> =
        places.iter().flat_map(|(version, path)| path.ancestors().map(|above| (*version, above))).collect();
    places.extend(above);
    let mut flags = BTreeMap::new();
    for (version, path) in places {
        let Some(fs) = host.system(version) else { continue };
        match Flag::read(fs, &path) {
            Ok(flag) => {
                findings.extend(flag.as_ref().and_then(for_a_time));
                flags.extend(flag.map(|flag| ((version, path), flag)));
            }
            Err(error) => {
                let what = format!("the freeze flag of {path} ({version})");
                findings.push(Finding::unknown("freeze-state", what, error));
            }
        }
    }
    flags
}

/// It will be thawed by itself, but not while the checkpoint works.
fn for_a_time(flag: &Flag) -> Option<Finding> {
    let left = timer::of(flag.id).ok().filter(|_| flag.timed)?.first()?.left();
    let what = format!("{} is frozen for a set time, and thaws in {}", flag.shown(), span::short(left));
    let why =
        "its timer waits for the checkpoint, and thaws it right afterwards if its time has ended by then";
    Some(Finding::warning("frozen-for-a-time", what, why))
}

/// What the hand-over means, in words.
fn through(host: &Host, hand_over: &HandOver, flags: &BTreeMap<Place, Flag>, findings: &mut Vec<Finding>) {
    let name = |place: &Place| flags.get(place).map_or_else(|| place.1.to_string(), Flag::shown);
    let top = name(&hand_over.top);
    let aside: Vec<String> = hand_over.aside.iter().map(name).collect();
    findings.push(Finding::ok(
        "freeze-state",
        match (hand_over.asks, &aside[..]) {
            (false, []) => format!("nothing is frozen; criu freezes {top} meanwhile"),
            (true, []) => format!("frozen by {top}; criu is given that group (--freeze-cgroup)"),
            (asks, aside) => {
                let by = if asks { format!("{top} and by ") } else { String::new() };
                let (others, holds) = (aside.join(", "), if asks { "holds" } else { "is frozen" });
                format!("frozen by {by}{others}; {top} {holds} while criu works, the other requests are temporarily \
                         cleared and restored")
            }
        },
    ));
    let freezing = |flag: &&Flag| flag.requested && flag.state == State::Freezing;
    if let Some(flag) = flags.get(&hand_over.top).filter(freezing).filter(|_| hand_over.aside.is_empty()) {
        let what = format!("{} is freezing, but not frozen yet", flag.shown());
        let group = host.system(hand_over.top.0).and_then(|fs| fs.group(&hand_over.top.1).ok().flatten());
        let why = group.map_or_else(String::new, |group| culprits::find(&group).to_string());
        findings.push(
            Finding::warning("freezing", what, why)
                .remedy("the checkpoint waits ten seconds for it, then gives up"),
        );
    }
    paused(host, hand_over, findings);
}

/// Processes that are not dumped, and held meanwhile.
fn paused(host: &Host, hand_over: &HandOver, findings: &mut Vec<Finding>) {
    let all: Vec<&Process> = hand_over.paused.iter().filter_map(|&pid| host.process(pid)).collect();
    let name = |p: &Process| format!("{} ({})", p.id.pid, printable(&p.command));
    if let Some(first) = all.first() {
        let more = span::and_more(all.len());
        let what =
            format!("{}{more} of {} is not dumped, but pauses meanwhile", name(first), hand_over.top.1);
        findings.push(Finding::warning("paused", what, "criu traces every process in the group"));
    }
    findings.extend(dumped(&hand_over.paused.iter().copied().collect(), host));
    findings.extend(all.iter().filter_map(|process| traced(process, host)));
    if let Some(process) = all.iter().find(|process| process.kernel_thread) {
        let what = format!("{} in the group is a kernel thread", name(process));
        findings.push(Finding::warning("kernel-thread", what, "it cannot be frozen or dumped"));
    }
    let through_v1 = host.scene.side(hand_over.top.0).filter(|side| side.version == Version::V1);
    let inside =
        |pid| through_v1.is_some_and(|v1| v1.members.get(pid).is_some_and(|p| p.is_within(&hand_over.top.1)));
    if let Some(pid) = host.scene.perhaps_stopped.iter().find(|pid| inside(pid)) {
        let what = format!("whether process {pid} was stopped by a signal before it was frozen");
        let unknown = Finding::unknown("stopped-v1", what, "/proc/PID/wchan");
        findings.push(unknown.remedy(
            "if it was, criu hangs until the group is thawed: thaw it first, or freeze through cgroup v2",
        ));
    }
}

/// The lines that take back every request that holds one of the processes.
fn lines(host: &Host, pids: &BTreeSet<i32>, flags: &BTreeMap<Place, Flag>) -> String {
    let holders = host.scene.sides.iter().flat_map(|side| {
        pids.iter().flat_map(move |&pid| side.holders(pid).map(move |path| (side.version, path.clone())))
    });
    let all: BTreeSet<Place> = holders.collect();
    all.iter().filter_map(|place| Some(flags.get(place)?.line(false))).collect::<Vec<_>>().join("; ")
}

fn blocked(obstacle: &Obstacle, lines: &str) -> Finding {
    let code = match obstacle {
        Obstacle::Root(_) => "root-group",
        Obstacle::Unusable(..) => "freezer-unusable",
        Obstacle::Vital(..) => "self-inside",
        Obstacle::Stopped(_) => "stopped-v1",
        Obstacle::HoldsMore { .. } => "held-elsewhere",
    };
    let why = if lines.is_empty() {
        "all of them must be stopped at the same instant"
    } else {
        "one group must hold all the processes, or criu hangs"
    };
    let remedy = match obstacle {
        Obstacle::Stopped(pid) => format!("kill -CONT {pid}, or freeze through cgroup v2"),
        Obstacle::Vital(..) if lines.is_empty() => {
            "run cryoscope from a shell in another group, or choose one process with --pid".to_owned()
        }
        _ if lines.is_empty() => "choose one tree with --pid".to_owned(),
        _ => format!("thaw first: {lines}"),
    };
    Finding::blocker(code, obstacle.to_string(), why).remedy(remedy)
}
