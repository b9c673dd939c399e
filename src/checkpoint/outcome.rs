//! What becomes of the processes, and how: criu's own option, a signal under the freeze, or a flag that is left otherwise.

use super::finding::Finding;
use super::handover::{Choice, HandOver};
use super::preflight::{After, Preflight};
use super::step::Signal;
use crate::model::{CgroupPath, Version};

/// How an outcome is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// criu's option; without one it ends the processes itself.
    pub criu: Option<&'static str>,
    /// A signal to all of them after the dumps, while they are frozen.
    pub signal: Option<Signal>,
    /// What happens to the requests.
    pub flags: Flags,
}

/// What happens to the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flags {
    /// All are as they were found.
    AsFound,
    /// The group that was named asks, whoever else does; and the one that held meanwhile goes on holding where the others
    /// do not hold all.
    NamedAsks {
        /// It goes on.
        top: bool,
    },
    /// Nothing that held the processes asks any more.
    NobodyAsks,
}

const RUNNING: Option<&str> = Some("--leave-running");

/// True where the top holds before criu starts, so that criu finds it frozen and leaves it frozen.
pub(super) fn holds_before(hand_over: &HandOver, found: &Preflight, after: Option<After>) -> bool {
    hand_over.asks
        || !hand_over.aside.is_empty()
        || found.trees.len() > 1
        || after == Some(After::Frozen)
        || after == Some(After::Stopped) && has_connections(found)
}

/// There are TCP connections. criu locks them for the dump, and with `--leave-stopped` it never unlocks them: they break when the
/// processes go on. So these are stopped by a signal under the freeze, after a dump that leaves them running. (Measured: 4.1.1;
/// criu/cr-dump.c, `cr_dump_finish`)
fn has_connections(found: &Preflight) -> bool {
    found.findings.iter().any(|finding| finding.code == "tcp-connected")
}

/// Decides how; or says why the outcome cannot be had.
pub(super) fn outcome(
    after: Option<After>,
    found: &Preflight,
    named: (Version, &CgroupPath),
) -> Result<Outcome, String> {
    let by_criu = |criu| Outcome { criu, signal: None, flags: Flags::AsFound };
    let Some(Choice::Through(hand_over)) = &found.choice else {
        if after == Some(After::Stopped) && has_connections(found) {
            return Err("nothing can hold them frozen while they are stopped, and criu leaves the TCP connections of \
                        stopped processes locked; omit --after, and stop them afterwards: kill -STOP".to_owned());
        }
        return Ok(by_criu(match after {
            None | Some(After::Running | After::Frozen) => RUNNING,
            Some(After::Stopped) => Some("--leave-stopped"),
            Some(After::Killed) => None,
        }));
    };
    let before = holds_before(hand_over, found, after);
    let signal = |signal| Outcome { criu: RUNNING, signal: Some(signal), flags: Flags::AsFound };
    match after {
        None => Ok(by_criu(RUNNING)),
        Some(After::Running) => running(found, hand_over, named),
        Some(After::Frozen) if !found.flags.contains_key(&(named.0, named.1.clone())) => Err(format!(
            "{} ({}) has no freezer, so it cannot leave anything frozen; use a group below it",
            named.1, named.0
        )),
        Some(After::Frozen) => {
            Ok(Outcome { flags: Flags::NamedAsks { top: !found.kept }, ..by_criu(RUNNING) })
        }
        Some(After::Stopped) if before => Ok(signal(Signal::Stop)),
        Some(After::Stopped) => Ok(by_criu(Some("--leave-stopped"))),
        Some(After::Killed) if !before => Ok(by_criu(None)),
        // Where others are paused in it, the hook freezes the group again, and criu ends them there: v2 lets frozen ones end.
        Some(After::Killed)
            if found.trees.len() == 1 && (hand_over.paused.is_empty() || hand_over.top.0 == Version::V2) =>
        {
            Ok(by_criu(None))
        }
        Some(After::Killed) if hand_over.top.0 == Version::V1 && hand_over.asks => Err(format!(
            "a process that the v1 freezer holds ends only when it is thawed, and {} also holds others; thaw it first",
            hand_over.top.1
        )),
        Some(After::Killed) => Ok(signal(Signal::Kill)),
    }
}

/// TCP connections that end with the processes. criu keeps those locked of what it ends itself; those of what it leaves running it
/// unlocks, so where a signal ends the processes after that, the kernel closes them as those of any process that ends. (Measured:
/// 4.2.1; after the restore the other end has the connection no more.)
pub(super) fn closed_connections(
    after: Option<After>,
    found: &Preflight,
    named: (Version, &CgroupPath),
) -> Option<Finding> {
    let by_signal = outcome(after, found, named).is_ok_and(|outcome| outcome.signal == Some(Signal::Kill));
    if !by_signal || !has_connections(found) {
        return None;
    }
    let what = "the TCP connections are closed when the processes end, and do not work after a restore";
    let why =
        "criu leaves the processes running, and unlocks their connections, before a signal ends them all";
    let warning = Finding::warning("tcp-closed", what, why);
    Some(match found.trees.len() {
        ..2 => warning,
        _ => warning.remedy(
            "checkpoint one tree after the other, each with --pid into its own directory: criu then ends it itself, \
             and keeps its connections",
        ),
    })
}

/// They are let run by taking back what the named group and those below it ask for; what is above it, or on the other
/// hierarchy, is not this group's to thaw.
fn running(
    found: &Preflight,
    hand_over: &HandOver,
    named: (Version, &CgroupPath),
) -> Result<Outcome, String> {
    let as_found = Outcome { criu: RUNNING, signal: None, flags: Flags::AsFound };
    if !found.held {
        return Ok(as_found);
    }
    let asking = hand_over.aside.iter().chain(hand_over.asks.then_some(&hand_over.top));
    let foreign = asking.into_iter().find(|(version, path)| *version != named.0 || !path.is_within(named.1));
    match foreign {
        None => Ok(Outcome { flags: Flags::NobodyAsks, ..as_found }),
        Some(place) => Err(format!(
            "they cannot be left running: {} ({}) is frozen; omit --after, and thaw it afterwards{}",
            place.1,
            place.0,
            found.flags.get(place).map(|flag| format!(": {}", flag.line(false))).unwrap_or_default(),
        )),
    }
}
