//! `cryoscope list`: the groups with their freeze state.

use std::collections::HashMap;
use std::io::Write;

use super::args::List;
use super::json;
use super::stuck::{Stuck, StuckGroups};
use super::{Context, Failure};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::{freezing, members, membership};
use crate::model::tree::{Key, Node};
use crate::model::{
    CgroupId, CgroupPath, Change, Culprits, Hierarchy, Owner, State, TimedFreeze, Tree, printable,
};
use crate::runtime::Containers;
use crate::timer;

/// Prints the groups from the target down, or every hierarchy's.
pub(super) fn run(context: &Context, options: &List, out: &mut impl Write) -> Result<(), Failure> {
    let containers = Containers::read();
    // What the folder of the timers does not tell is not known here.
    let timed = timer::timed_freezes(&context.hosts).unwrap_or_default();
    for (fs, from) in &context.tops(options.target.as_deref())? {
        let held = if options.json { HashMap::new() } else { held(context, fs.hierarchy())? };
        print(fs, from, options, (&containers, &held, &timed), out)?;
    }
    Ok(())
}

/// How many processes of each group the other hierarchy holds.
fn held(context: &Context, hierarchy: &Hierarchy) -> Result<HashMap<CgroupPath, usize>, Failure> {
    let mut counts = HashMap::new();
    let Some(other) = context.hosts.get(hierarchy.version.other()) else { return Ok(counts) };
    let fs = Filesystem::open(other.clone())?;
    let tree = scan(&fs, &CgroupPath::root())?;
    let asks = |key: &Key| tree.get(*key).is_some_and(|node| node.group.freezer.requested());
    // What is below one that asks is counted with it.
    let first = |key: &Key| tree.inherited_from(*key).is_none();
    for key in tree.subtree(tree.root()).filter(asks).filter(first) {
        if let Some(group) = fs.group(&tree.path(key))? {
            membership::below_elsewhere(&group.dir, hierarchy, &mut counts);
        }
    }
    Ok(counts)
}

fn print(
    fs: &Filesystem,
    from: &CgroupPath,
    options: &List,
    (containers, held, timed): (&Containers, &HashMap<CgroupPath, usize>, &HashMap<CgroupId, TimedFreeze>),
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut tree = scan(fs, from)?;
    let Some(top) = tree.at(from) else {
        return Err(Failure::new(5, format!("{from} is gone: it was removed meanwhile")));
    };
    if !options.json {
        writeln!(out, "{} {}", fs.hierarchy().version, json::absolute(&tree, top, fs.hierarchy()))?;
    }
    let stuck_groups = StuckGroups::find(fs, &tree, top);
    let keys: Vec<Key> = tree.subtree(top).collect();
    for key in keys {
        let above = tree.ancestors(key).take_while(|&above| above != top).count();
        let depth = if key == top { 0 } else { above + 1 };
        let wanted = !options.frozen
            || matches!(tree.get(key).and_then(|n| n.state()), Some(State::Frozen | State::Freezing));
        if !wanted || options.depth.is_some_and(|most| depth > most) {
            continue;
        }
        // What is not asked for anything more is not opened again.
        let silent = !options.json && tree.get(key).is_some_and(|node| node.group.populated == Some(false));
        let path = tree.path(key);
        let group = if silent { None } else { fs.group(&path)? };
        let is_freezing = tree.get(key).and_then(Node::state) == Some(State::Freezing);
        let culprits = stuck_groups.of(&path).filter(|_| is_freezing);
        count(&mut tree, key, group.as_ref());
        if options.json {
            let usec = group.as_ref().and_then(Group::frozen_usec);
            let stuck = is_freezing.then(|| Stuck {
                freezing: group.as_ref().and_then(|group| freezing::duration(fs, group)),
                culprits,
            });
            if let Some(row) = json::Group::new(&tree, key, fs.hierarchy(), usec, stuck.as_ref(), containers)
            {
                let row = row.with_timer(timed_freeze(&tree, key, timed));
                serde_json::to_writer(&mut *out, &row)?;
                writeln!(out)?;
            }
        } else if !path.is_root() {
            let indent = if options.frozen { 1 } else { depth };
            let owner = containers.owner(fs.hierarchy(), &path);
            let timer = timed_freeze(&tree, key, timed).filter(TimedFreeze::needs_attention);
            let timer = timer.map_or(String::new(), |freeze| freeze.to_string());
            let held = held_note(&tree, key, held.get(&path));
            let stuck = culprits.map_or(String::new(), stuck_note);
            let notes = [timer, note(owner.as_ref(), &path), held, stuck];
            let notes: Vec<String> = notes.into_iter().filter(|note| !note.is_empty()).collect();
            line(&tree, key, indent, options.frozen, &notes.join(", "), out)?;
        }
    }
    Ok(())
}

/// When a group is thawed, where it is frozen for a time.
fn timed_freeze(tree: &Tree, key: Key, timed: &HashMap<CgroupId, TimedFreeze>) -> Option<TimedFreeze> {
    let group = &tree.get(key)?.group;
    timed.get(&group.id).filter(|_| group.freezer.requested()).copied()
}

/// The groups above `from`, and it, and all below.
pub(super) fn scan(fs: &Filesystem, from: &CgroupPath) -> Result<Tree, Failure> {
    let mut tree = Tree::new(fs.read_root()?);
    let mut ignored = Vec::new();
    let mut path: Vec<CgroupPath> = from.ancestors().collect();
    path.insert(0, from.clone());
    path.reverse();
    for pair in path.windows(2) {
        let [above, path] = pair else { continue };
        let (Some(parent), Some(group)) = (fs.group(above)?, fs.group(path)?) else { break };
        let Some(read) = group.read()? else { break };
        tree.apply(Change::Found { parent: parent.id, groups: vec![read] }, &mut ignored);
    }
    fs.walk(from, &mut |change| {
        tree.apply(change, &mut ignored);
        ignored.clear();
    })?;
    Ok(tree)
}

/// Counts the processes of a group; an unpopulated one has none, and is not asked.
fn count(tree: &mut Tree, key: Key, group: Option<&Group>) {
    let Some(id) = tree.get(key).filter(|node| node.group.populated != Some(false)).map(|node| node.group.id)
    else {
        return;
    };
    if let Some(processes) = group.and_then(|group| members::count(&group.dir)) {
        tree.apply(Change::Counted { id, processes }, &mut Vec::new());
    }
}

fn line(
    tree: &Tree,
    key: Key,
    depth: usize,
    whole_path: bool,
    note: &str,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let Some(node) = tree.get(key) else { return Ok(()) };
    let name = if whole_path { tree.path(key).to_string() } else { printable(&node.group.name).into_owned() };
    let label = format!("{:indent$}{name}", "", indent = 2 * depth);
    let row = format!("{label:<48} {:<34} {:>5}  {note}", badge(tree, key), node.processes.unwrap_or(0));
    writeln!(out, "{}", row.trim_end())?;
    Ok(())
}

/// The container or pod whose own group this is. A unit's name is the group's and says it already; what is below a
/// container's group stands below its row.
fn note(owner: Option<&Owner>, path: &CgroupPath) -> String {
    let Some(owner) = owner.filter(|owner| !owner.kind.is_unit() && owner.group == *path) else {
        return String::new();
    };
    // As the runtimes' own lists show their long IDs.
    let id: String = owner.id().chars().take(if owner.kind.is_container() { 12 } else { 36 }).collect();
    format!("{} {id}", owner.kind)
}

/// That nothing of a thawed group runs, or not all of it.
fn held_note(tree: &Tree, key: Key, held: Option<&usize>) -> String {
    let thawed = |node: &Node| node.state() == Some(State::Thawed);
    match (tree.get(key).filter(|node| thawed(node)), held) {
        (Some(node), Some(&held)) => {
            let all = node.processes.and_then(|all| usize::try_from(all).ok()).is_some_and(|all| held >= all);
            let other = node.group.freezer.version().map_or(String::new(), |v| v.other().to_string());
            if all { format!("frozen on {other}") } else { format!("{held} of them frozen on {other}") }
        }
        _ => String::new(),
    }
}

/// What keeps a group from freezing.
fn stuck_note(culprits: Culprits) -> String {
    match culprits.held_by() {
        Some(holder) => format!("held frozen by {}", printable(holder.as_os_str().as_encoded_bytes())),
        None => culprits.short().map_or(String::new(), |culprits| format!("blocked by {culprits}")),
    }
}

/// A group's state in words: own, inherited, or below it.
pub(super) fn badge(tree: &Tree, key: Key) -> String {
    let Some(node) = tree.get(key) else { return String::new() };
    let by = tree.inherited_from(key).map(|above| printable(tree_name(tree, above)).into_owned());
    match (node.state(), node.group.freezer.requested(), by) {
        (Some(state @ (State::Frozen | State::Freezing)), false, Some(above)) => {
            format!("{state} by {above}")
        }
        (Some(state @ (State::Frozen | State::Freezing)), ..) => state.to_string(),
        _ if node.below.frozen > 0 => format!("{} frozen below", node.below.frozen),
        _ if node.below.freezing > 0 => format!("{} freezing below", node.below.freezing),
        _ => String::new(),
    }
}

fn tree_name(tree: &Tree, key: Key) -> &[u8] {
    tree.get(key).map_or(&[], |node| &node.group.name)
}
