//! Which one group holds the freeze while criu works, and which other requests are set aside meanwhile.
//!
//! criu thaws the group that it is told of, and no other: a process that anything else holds as well makes it wait for
//! ever. So one group (the top) has to hold everything, and every other request that bears on what is below it is taken
//! back while the top holds, and set again before the top is let go. Nothing runs in between: a process stays frozen as
//! long as any one request holds it, on the same hierarchy or on the other. (Measured on Linux 6.18 and 6.12.)
//!
//! Everything here is a function of what was read ([`Scene`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::model::{CgroupPath, Version};

/// A group of one of the hierarchies.
pub(super) type Place = (Version, CgroupPath);

/// One hierarchy, as it was read.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub version: Version,
    /// Why nothing can be frozen through it for criu, if so.
    pub unusable: Option<String>,
    /// The groups that request a freeze themselves, as far as that matters to what is to be dumped.
    pub asking: BTreeSet<CgroupPath>,
    /// In which group each process of the host is.
    pub members: BTreeMap<i32, CgroupPath>,
}

/// All that decides.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub sides: Vec<Side>,
    /// Processes that were stopped by a signal.
    pub stopped: BTreeSet<i32>,
    /// Processes of which that cannot be seen.
    pub perhaps_stopped: BTreeSet<i32>,
    /// Processes that must keep running, with a sentence that says why.
    pub vital: BTreeMap<i32, String>,
}

/// What is to be dumped.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The group that was named.
    pub place: Place,
    /// All processes of all trees.
    pub pids: BTreeSet<i32>,
    /// More than one tree, or an outcome that needs them all to stand still before and after the dump.
    pub held: bool,
}

/// How the freeze is handed over to one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HandOver {
    /// The group for `--freeze-cgroup`.
    pub top: Place,
    /// It asks for a freeze already.
    pub asks: bool,
    /// The requests to set aside, in this order.
    pub aside: Vec<Place>,
    /// Processes that are not dumped, and paused meanwhile.
    pub paused: Vec<i32>,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// Without `--freeze-cgroup`: nothing is frozen, and nothing has to be.
    Plain,
    /// With it.
    Through(HandOver),
}

/// Why a hierarchy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The processes have no group in common but the root group, which has no freezer.
    Root(Version),
    /// It is read-only, or criu does not know it.
    Unusable(Version, String),
    /// The freeze would hold what must keep running.
    Vital(Place, String),
    /// criu hangs in the kernel when it seizes a stopped process that the v1 freezer holds.
    Stopped(i32),
    /// A request that would have to be set aside holds a process outside the top, which would run then.
    HoldsMore { request: Place, pid: i32, top: Place },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(version) => {
                write!(f, "on {version} the processes share only the root group, which has no freezer")
            }
            Self::Unusable(version, why) => write!(f, "{version} cannot be used: {why}"),
            Self::Vital((version, top), why) => {
                write!(f, "{top} ({version}) would have to be frozen, but {why}")
            }
            Self::Stopped(pid) => {
                write!(f, "process {pid} was stopped by a signal: criu hangs on it under the v1 freezer")
            }
            Self::HoldsMore { request: (version, group), pid, top: (_, top) } => {
                write!(
                    f,
                    "{group} ({version}) is frozen and also holds process {pid}, which is outside {top} and would \
                     run meanwhile"
                )
            }
        }
    }
}

impl Side {
    /// The group that all of these processes have in common, nearest first; `None` where one of them is not seen here.
    fn common(&self, pids: &BTreeSet<i32>, with: Option<&CgroupPath>) -> Option<CgroupPath> {
        let mut groups = pids.iter().map(|pid| self.members.get(pid)).collect::<Option<Vec<_>>>()?;
        groups.extend(with);
        let first = *groups.first()?;
        let holds_all = |path: &CgroupPath| groups.iter().all(|group| group.is_within(path));
        std::iter::once(first.clone()).chain(first.ancestors()).find(holds_all)
    }

    /// The requests that hold a process.
    pub(super) fn holders(&self, pid: i32) -> impl Iterator<Item = &CgroupPath> {
        let group = self.members.get(&pid);
        self.asking.iter().filter(move |asking| group.is_some_and(|group| group.is_within(asking)))
    }

    /// The group that would hold the freeze of these processes: the topmost that requests one, or else the nearest that they all
    /// have in common. `None` where that is the root group, which has no freezer.
    pub(super) fn holder(&self, wanted: &Wanted) -> Option<CgroupPath> {
        let named = (self.version == wanted.place.0).then_some(&wanted.place.1);
        let common = self.common(&wanted.pids, named).filter(|path| !path.is_root())?;
        let above = common.ancestors().filter(|path| self.asking.contains(path)).last();
        Some(above.unwrap_or(common))
    }

    /// The processes of a group and of all below it.
    pub(super) fn inside<'a>(&'a self, group: &'a CgroupPath) -> impl Iterator<Item = i32> + 'a {
        self.members.iter().filter(|(_, path)| path.is_within(group)).map(|(&pid, _)| pid)
    }
}

impl Scene {
    pub(super) fn side(&self, version: Version) -> Option<&Side> {
        self.sides.iter().find(|side| side.version == version)
    }

    /// True where any request holds any of the processes.
    pub(super) fn holds_any(&self, pids: &BTreeSet<i32>) -> bool {
        self.sides.iter().any(|side| pids.iter().any(|&pid| side.holders(pid).next().is_some()))
    }

    /// True where every one of the processes is held by the requests that there are and by one of this group.
    pub(super) fn holds_all_with(&self, (version, group): &Place, pids: &BTreeSet<i32>) -> bool {
        let within = |side: &Side, pid: &i32| {
            side.version == *version && side.members.get(pid).is_some_and(|path| path.is_within(group))
        };
        let held = |pid: &i32| self.sides.iter().any(|s| within(s, pid) || s.holders(*pid).next().is_some());
        pids.iter().all(held)
    }

    /// What must keep running, and is in this group.
    pub(super) fn vital_in(&self, place: &Place) -> Option<Obstacle> {
        let inside: BTreeSet<i32> = self.side(place.0)?.inside(&place.1).collect();
        let (_, why) = self.vital.iter().find(|(pid, _)| inside.contains(pid))?;
        Some(Obstacle::Vital(place.clone(), why.clone()))
    }

    /// Decides; or says why no hierarchy will do, in the order in which they were tried.
    pub(super) fn decide(&self, wanted: &Wanted) -> Result<Choice, Vec<Obstacle>> {
        let mut obstacles = Vec::new();
        for side in self.preferred(wanted) {
            match self.through(side, wanted) {
                Ok(hand_over) => return Ok(Choice::Through(hand_over)),
                Err(obstacle) => obstacles.push(obstacle),
            }
        }
        if wanted.held || self.holds_any(&wanted.pids) { Err(obstacles) } else { Ok(Choice::Plain) }
    }

    /// The hierarchy of the request comes first; v2 where v1 would hang or where it holds something already, for a v1
    /// request can be set again over it, and a v2 request over v1 cannot complete.
    fn preferred(&self, wanted: &Wanted) -> Vec<&Side> {
        let holds = |side: &Side| wanted.pids.iter().any(|&pid| side.holders(pid).next().is_some());
        let stopped =
            wanted.pids.iter().any(|pid| self.stopped.contains(pid) || self.perhaps_stopped.contains(pid));
        let mut sides: Vec<&Side> = self.sides.iter().collect();
        sides.sort_by_key(|side| match side.version {
            version if version == wanted.place.0 && version == Version::V2 => 0,
            Version::V2 if holds(side) || stopped => 0,
            version if version == wanted.place.0 => 1,
            _ => 2,
        });
        // Another hierarchy than the one that was named is used only where something holds the processes, or stops them.
        let needed =
            |side: &&Side| side.version == wanted.place.0 || self.holds_any(&wanted.pids) || wanted.held;
        sides.into_iter().filter(needed).collect()
    }

    fn through(&self, side: &Side, wanted: &Wanted) -> Result<HandOver, Obstacle> {
        let version = side.version;
        if let Some(why) = &side.unusable {
            return Err(Obstacle::Unusable(version, why.clone()));
        }
        let top = side.holder(wanted).ok_or(Obstacle::Root(version))?;
        let place = (version, top.clone());
        let inside: BTreeSet<i32> = side.inside(&top).collect();
        if let Some(vital) = self.vital_in(&place) {
            return Err(vital);
        }
        if let Some(&pid) = self.stopped.iter().find(|&pid| version == Version::V1 && inside.contains(pid)) {
            return Err(Obstacle::Stopped(pid));
        }
        Ok(HandOver {
            asks: side.asking.contains(&top),
            aside: self.aside(side, &top, &inside)?,
            paused: inside.difference(&wanted.pids).copied().collect(),
            top: place,
        })
    }

    /// The other hierarchy's requests first: while v1 holds a process, a freeze through v2 cannot complete.
    fn aside(&self, side: &Side, top: &CgroupPath, inside: &BTreeSet<i32>) -> Result<Vec<Place>, Obstacle> {
        let mut aside = Vec::new();
        for other in self.sides.iter().filter(|other| other.version != side.version) {
            let bears = |asking: &&CgroupPath| other.inside(asking).any(|pid| inside.contains(&pid));
            for request in other.asking.iter().filter(bears) {
                let place = (other.version, request.clone());
                if let Some(pid) = other.inside(request).find(|pid| !inside.contains(pid)) {
                    return Err(Obstacle::HoldsMore {
                        request: place,
                        pid,
                        top: (side.version, top.clone()),
                    });
                }
                aside.push(place);
            }
        }
        let below = side.asking.iter().filter(|path| *path != top && path.is_within(top));
        aside.extend(below.map(|path| (side.version, path.clone())));
        Ok(aside)
    }
}

#[cfg(test)]
mod tests;
