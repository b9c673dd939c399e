//! What an observer has told, beside a fresh scan.

use std::collections::BTreeMap;

use cryoscope::kernel::members::pids;
use cryoscope::model::tree::{Below, Key};
use cryoscope::model::{CgroupId, CgroupPath, Freezer, State, Tree};
use cryoscope::watch::Focus;

use crate::real::live::{Watched, scan};
use crate::real::support::Group;

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    id: CgroupId,
    freezer: Freezer,
    inherited: bool,
    state: Option<State>,
    populated: Option<bool>,
    below: Below,
}

/// Every difference, in words; none where all is equal.
pub fn all(watched: &Watched, focus: Option<&Focus>) -> Vec<String> {
    let tree = watched.tree.as_ref().unwrap();
    let (mut seen, mut truth) = (facts(tree, &watched.top), facts(&scan(&watched.top), &watched.top));
    seen.retain(|path, facts| truth.get(path) != Some(facts) || truth.remove(path).is_none());
    let seen = seen.into_iter().map(|(path, facts)| format!("seen {path}: {facts:?}"));
    let truth = truth.into_iter().map(|(path, facts)| format!("there is {path}: {facts:?}"));
    let mut all: Vec<String> = seen.chain(truth).collect();
    if let Some(focus) = focus {
        all.extend(focus.visible.iter().filter_map(|&id| count(watched, id)));
        all.extend(focus.selected.and_then(|id| list(watched, id)));
    }
    all
}

fn facts(tree: &Tree, top: &Group) -> BTreeMap<CgroupPath, Facts> {
    let of = |key: Key| {
        let node = tree.get(key).unwrap();
        let facts = Facts {
            id: node.group.id,
            freezer: node.group.freezer,
            inherited: node.inherited,
            state: node.state(),
            populated: node.group.populated,
            below: node.below,
        };
        (tree.path(key), facts)
    };
    tree.at(&top.cgroup_path()).into_iter().flat_map(|from| tree.subtree(from)).map(of).collect()
}

/// Where the number of processes of a group on screen is another one than was told.
fn count(watched: &Watched, id: CgroupId) -> Option<String> {
    let (path, truth) = processes(watched, id)?;
    let tree = watched.tree.as_ref()?;
    let node = tree.get(tree.find(id)?)?;
    let (seen, state) = (node.processes, node.state());
    let equal = seen.map(|n| n as usize) == Some(truth.len());
    (!equal).then(|| format!("{path} ({state:?}): {seen:?} of {truth:?}"))
}

/// Where its processes are others.
fn list(watched: &Watched, id: CgroupId) -> Option<String> {
    let (path, truth) = processes(watched, id)?;
    let (of, seen) = watched.listed();
    (of != Some(id) || seen != truth).then(|| format!("{path}: listed {of:?} {seen:?}, there are {truth:?}"))
}

/// The processes of a group that was not removed; none is told of one above the top.
fn processes(watched: &Watched, id: CgroupId) -> Option<(CgroupPath, Vec<i32>)> {
    let tree = watched.tree.as_ref()?;
    let path = tree.path(tree.find(id)?);
    let group = watched.top.filesystem().same_group(&path, id).ok()??;
    let within = path.is_within(&watched.top.cgroup_path());
    within.then(|| pids(&group.dir).ok()).flatten().map(|pids| (path, pids))
}
