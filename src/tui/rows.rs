//! One hierarchy on the screen: its tree, which groups are unfolded, the rows that makes, and which one is selected.

mod folding;
mod kept;
mod marks;
mod recent;

use std::collections::HashSet;
use std::time::Duration;

use slotmap::SecondaryMap;

use self::kept::Kept;
use self::recent::Recent;
use super::sort::Sort;
use crate::model::tree::{Key, Node};
use crate::model::{Cgroup, CgroupId, CgroupPath, Change, State, Tree, Version};

/// A line of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Leads nowhere for a group that has just gone.
    pub(crate) key: Key,
    /// How deep below the root.
    pub(crate) depth: usize,
    /// The number of a group that has just gone.
    pub(crate) gone: Option<usize>,
}

/// When a group was seen to come into the state that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    state: State,
    /// Time since the start of the program.
    pub(crate) at: Duration,
    /// It was in that state when it was first seen: it is so for this long at least.
    pub(crate) at_least: bool,
}

impl Since {
    /// Whether that is the state.
    pub(crate) fn is(&self, state: State) -> bool {
        self.state == state
    }
}

/// How the groups of a hierarchy are watched.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    pub(crate) groups: usize,
    /// Of so many.
    pub(crate) of: usize,
    /// Why the others are polled, if there are any.
    pub(crate) polling: Option<String>,
    /// The groups that cannot be read, with the reason.
    pub(crate) unreadable: Vec<String>,
    /// Why nothing is watched any more.
    pub(crate) ended: Option<String>,
}

impl Watching {
    /// What makes the groups less than live or less than complete, in a sentence.
    pub(crate) fn trouble(&self) -> Option<String> {
        if let Some(why) = &self.ended {
            return Some(format!("no longer live: {why}"));
        }
        let first = self.unreadable.first();
        let unreadable =
            first.map(|first| format!("{} groups cannot be read: {first}", self.unreadable.len()));
        let polling = self.polling.as_ref().map(|why| match self.groups {
            0 => format!("polling: {why}"),
            watched => format!("{watched} of {} groups are watched, the rest are polled: {why}", self.of),
        });
        polling.or(unreadable)
    }
}

/// The groups of one hierarchy, as they are shown.
#[derive(Debug)]
pub(crate) struct Grove {
    pub(crate) version: Version,
    pub(crate) tree: Option<Tree>,
    pub(crate) scanned: bool,
    pub(crate) rows: Vec<Row>,
    /// Something has changed that decides about the rows: they are to be made again.
    stale: bool,
    pub(crate) selected: Option<Key>,
    /// The first row on the screen.
    pub(crate) offset: usize,
    /// Of each group that is not thawed.
    pub(crate) since: SecondaryMap<Key, Since>,
    pub(crate) watching: Watching,
    sort: Sort,
    pub(crate) recent: Recent,
    marked: HashSet<Key>,
    /// The hits of the filter and the groups above them, where there is a filter.
    kept: Option<Kept>,
    unfolded: HashSet<Key>,
    /// What was unfolded last, until it was scrolled into view.
    revealed: Option<Key>,
    /// Where the selection was, so that a group that is gone still has a name.
    place: CgroupPath,
    /// A group to select as soon as it is found.
    wanted: Option<CgroupPath>,
}

impl Grove {
    pub(crate) fn new(version: Version, wanted: Option<CgroupPath>) -> Self {
        Self {
            version,
            tree: None,
            scanned: false,
            rows: Vec::new(),
            stale: true,
            selected: None,
            offset: 0,
            since: SecondaryMap::new(),
            watching: Watching::default(),
            sort: Sort::default(),
            recent: Recent::default(),
            marked: HashSet::new(),
            kept: None,
            unfolded: HashSet::new(),
            revealed: None,
            place: CgroupPath::root(),
            wanted,
        }
    }

    /// The tree starts, or starts anew: then the same path is selected again once it is found.
    pub(crate) fn plant(&mut self, root: Cgroup, now: Duration) {
        let tree = Tree::new(root);
        if self.tree.is_some() && !self.place.is_root() {
            self.wanted.get_or_insert(self.place.clone());
        }
        self.unfolded = HashSet::from([tree.root()]);
        self.marked.clear();
        self.recent = Recent::default();
        self.selected = Some(tree.root());
        self.scanned = false;
        self.tree = Some(tree);
        self.since.clear();
        self.stale = true;
        self.arrange(now);
    }

    /// Takes facts in.
    pub(crate) fn apply(&mut self, changes: Vec<Change>, now: Duration) {
        let Some(tree) = &mut self.tree else { return };
        let mut occurrences = Vec::new();
        for change in changes {
            tree.apply(change, &mut occurrences);
        }
        if self.scanned {
            self.recent.take(tree, occurrences, now);
        }
        let tree = &*tree;
        self.stale = true;
        self.unfolded.retain(|&key| tree.get(key).is_some());
        self.marked.retain(|&key| tree.get(key).is_some());
        self.time(now);
    }

    /// Keeps the time of each group that is not thawed; looks only where there is one.
    fn time(&mut self, now: Duration) {
        let Some(tree) = &self.tree else { return };
        let (mut since, mut stack) = (SecondaryMap::new(), vec![tree.root()]);
        while let Some((key, node)) = stack.pop().and_then(|key| Some((key, tree.get(key)?))) {
            if let Some(state) = node.state().filter(|&state| state != State::Thawed) {
                let held = self.since.get(key).filter(|held| held.state == state);
                let fresh = Since { state, at: now, at_least: !self.scanned };
                since.insert(key, held.copied().unwrap_or(fresh));
            }
            if node.below.frozen + node.below.freezing > 0 {
                stack.extend(&node.children);
            }
        }
        self.since = since;
    }

    /// Since when the group with an identity is not thawed.
    pub(crate) fn since_of(&self, id: CgroupId) -> Option<&Since> {
        self.since.get(self.tree.as_ref()?.find(id)?)
    }

    /// Makes the rows again where something has changed, at a time since the start. Says which group was selected and is gone,
    /// and which one is selected instead.
    pub(crate) fn arrange(&mut self, now: Duration) -> Option<(CgroupPath, CgroupPath)> {
        if !self.recent.forget_old(now) && !self.stale {
            self.place = self.selected.map_or_else(CgroupPath::root, |key| self.path(key));
            return None;
        }
        self.stale = false;
        let lost = self.reselect();
        let Some(tree) = &self.tree else { return None };
        let mut stack = vec![Row { key: tree.root(), depth: 0, gone: None }];
        let mut rows = Vec::new();
        while let Some(row) = stack.pop() {
            rows.push(row);
            // What a filter leaves is all shown.
            if self.kept.is_some() || self.unfolded.contains(&row.key) {
                stack.extend(self.inside(tree, row).into_iter().rev());
            }
        }
        self.rows = rows;
        self.seek(now);
        self.place = self.selected.map_or_else(CgroupPath::root, |key| self.path(key));
        lost.map(|lost| (lost, self.place.clone()))
    }

    /// The rows right below a row: the groups in it, and those that have just gone from it, each in its place or at the end.
    fn inside(&self, tree: &Tree, row: Row) -> Vec<Row> {
        let children = tree.get(row.key).map_or(&[][..], |node| &node.children);
        let mut shown: Vec<Key> = children.iter().copied().filter(|&key| self.is_kept(key)).collect();
        if self.sort != Sort::Name {
            shown.sort_by_key(|&key| tree.get(key).map(|node| self.sort.rank(node)));
        }
        let depth = row.depth + 1;
        let mut rows: Vec<Row> = shown.into_iter().map(|key| Row { key, depth, gone: None }).collect();
        let mut gone: Vec<_> = self.recent.gone_from(row.key).collect();
        gone.sort_by(|(_, a), (_, b)| b.name.cmp(&a.name));
        for (number, gone) in gone {
            // From the last to the first, so that none of them stands before the place that is looked for.
            let before = |row: &Row| tree.get(row.key).is_some_and(|node| node.group.name < gone.name);
            let at = if self.sort == Sort::Name { rows.partition_point(before) } else { rows.len() };
            rows.insert(at, Row { key: Key::default(), depth, gone: Some(number) });
        }
        rows
    }

    /// Whether what the filter leaves is to be looked for again.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// What the filter leaves, and the rows, are to be looked for again.
    pub(crate) fn set_stale(&mut self) {
        self.stale = true;
    }

    pub(crate) fn sort(&self) -> Sort {
        self.sort
    }

    pub(crate) fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.stale = true;
    }

    /// Where the selected group is gone: the next one of the old rows that is still there, or the one before.
    fn reselect(&mut self) -> Option<CgroupPath> {
        let selected = self.selected?;
        if self.node(selected).is_some() {
            return None;
        }
        let at = self.rows.iter().position(|row| row.key == selected).unwrap_or(0);
        let (before, after) = self.rows.split_at(at);
        let there = |row: &&Row| self.node(row.key).is_some();
        let next = after.iter().find(there).or_else(|| before.iter().rfind(there)).map(|row| row.key);
        self.selected = next.or_else(|| self.tree.as_ref().map(Tree::root));
        Some(self.place.clone())
    }

    /// Selects the group that is waited for, if it has come.
    fn seek(&mut self, now: Duration) {
        let found = self.wanted.as_ref().and_then(|path| self.tree.as_ref()?.at(path));
        if let Some(key) = found {
            self.wanted = None;
            self.select(key);
            self.arrange(now);
        }
    }

    /// Stops waiting for a group; says which one it was.
    pub(crate) fn give_up(&mut self) -> Option<CgroupPath> {
        self.wanted.take()
    }

    pub(crate) fn node(&self, key: Key) -> Option<&Node> {
        self.tree.as_ref()?.get(key)
    }

    pub(crate) fn path(&self, key: Key) -> CgroupPath {
        self.tree.as_ref().map_or_else(CgroupPath::root, |tree| tree.path(key))
    }

    /// Which row is selected.
    pub(crate) fn cursor(&self) -> usize {
        self.rows.iter().position(|row| Some(row.key) == self.selected).unwrap_or(0)
    }

    /// Selects by row, as far as there are rows; past one that has just gone, in the same direction if it can.
    pub(crate) fn go(&mut self, row: usize) {
        let row = row.min(self.rows.len().saturating_sub(1));
        let (before, after) = self.rows.split_at(row);
        let there = |row: &&Row| row.gone.is_none();
        let down = after.iter().find(there);
        let hit = if row < self.cursor() {
            after.first().filter(there).or_else(|| before.iter().rfind(there)).or(down)
        } else {
            down.or_else(|| before.iter().rfind(there))
        };
        self.selected = hit.map(|row| row.key).or(self.selected);
    }

    /// Selects a group, and unfolds what is above it. The rows are to be made again.
    pub(crate) fn select(&mut self, key: Key) {
        if let Some(tree) = &self.tree {
            self.unfolded.extend(tree.ancestors(key));
            self.stale = true;
            self.selected = Some(key);
        }
    }

    /// The row of a group, and the first one behind it that is not in it.
    fn block(&self, key: Key) -> Option<(usize, usize)> {
        let at = self.rows.iter().position(|row| row.key == key)?;
        let inside = self.rows[at + 1..].iter().take_while(|row| row.depth > self.rows[at].depth);
        Some((at, at + 1 + inside.count()))
    }

    /// Moves the first row so that the selected one is on the screen, and as much as fits of what was unfolded; and no room is wasted
    /// at the end.
    pub(crate) fn scroll(&mut self, height: usize) {
        if let Some((group, end)) = self.revealed.take().and_then(|key| self.block(key)) {
            self.offset = self.offset.max(end.saturating_sub(height).min(group));
        }
        let cursor = self.cursor();
        let last = self.rows.len().saturating_sub(height);
        let least = (cursor + 1).saturating_sub(height);
        self.offset = self.offset.clamp(least, cursor.max(least)).min(last.max(least));
    }
}
