//! The tree of groups, and what happened to it.
//!
//! A tree takes [`Change`]s, each a fact that was just read, and says what they mean as [`Occurrence`]s. A fact that is
//! told twice changes nothing, and a fact about a group that is not known is passed over: so lost and doubled
//! announcements can't corrupt it.

use std::collections::{HashMap, HashSet};

use slotmap::SlotMap;

use super::{Cgroup, CgroupId, CgroupPath, State, printable};

slotmap::new_key_type! {
    /// A group's place in one tree. A key of a group that is gone leads nowhere.
    pub struct Key;
}

/// A fact that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Groups that were seen in a group's directory: new ones, or new readings of known ones.
    Found {
        /// Whose directory.
        parent: CgroupId,
        /// What was seen there; not necessarily everything.
        groups: Vec<Cgroup>,
    },
    /// A directory was read to its end: what is not among these is gone.
    Listed {
        /// Whose directory.
        parent: CgroupId,
        /// All that is there.
        present: Vec<CgroupId>,
    },
    /// One group was looked at again.
    Read(Cgroup),
    /// A group's directory is not there any more.
    Gone(CgroupId),
    /// A group's own processes were counted.
    Counted {
        /// Which group.
        id: CgroupId,
        /// How many processes are in the group itself.
        processes: u32,
    },
}

/// What happened to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// It became frozen.
    Frozen,
    /// It was frozen or freezing, and is not any more.
    Thawed,
    /// It was made.
    Created,
    /// It was removed.
    Removed,
    /// The first process came into it or below.
    Populated,
    /// The last process of it and below left.
    Emptied,
}

impl What {
    /// The word for it, as `watch --json` prints it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Thawed => "thawed",
            Self::Created => "created",
            Self::Removed => "removed",
            Self::Populated => "populated",
            Self::Emptied => "emptied",
        }
    }
}

/// Something that happened, seen as the difference between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// What it is.
    pub what: What,
    /// To which group.
    pub id: CgroupId,
    /// Its path; for a removed group the one it had.
    pub path: CgroupPath,
}

/// How many groups below a group are frozen and freezing, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Below {
    /// All groups below.
    pub groups: u32,
    /// Those that are frozen.
    pub frozen: u32,
    /// Those that are freezing.
    pub freezing: u32,
}

impl Below {
    fn add(&mut self, other: Self) {
        self.groups += other.groups;
        self.frozen += other.frozen;
        self.freezing += other.freezing;
    }

    fn sub(&mut self, other: Self) {
        self.groups -= other.groups;
        self.frozen -= other.frozen;
        self.freezing -= other.freezing;
    }
}

/// A group in the tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// What was read of it last.
    pub group: Cgroup,
    /// The group above; `None` for the root.
    pub parent: Option<Key>,
    /// The groups in it, by name.
    pub children: Vec<Key>,
    /// Whether an ancestor asks for a freeze.
    pub inherited: bool,
    /// Counts of what is below.
    pub below: Below,
    /// How many processes are in the group itself, where that was counted.
    pub processes: Option<u32>,
}

impl Node {
    /// The effective state; `None` for a root group.
    pub fn state(&self) -> Option<State> {
        self.group.freezer.state(self.inherited)
    }

    /// Its name, printable; `/` for the root group.
    pub fn display_name(&self) -> String {
        if self.parent.is_none() { "/".to_owned() } else { printable(&self.group.name).into_owned() }
    }

    /// What this group and those below add to the counts of the groups above.
    fn share(&self) -> Below {
        let is = |state| u32::from(self.state() == Some(state));
        let mut share = Below { groups: 1, frozen: is(State::Frozen), freezing: is(State::Freezing) };
        share.add(self.below);
        share
    }
}

/// So few new groups are put in their places one by one: that is a look at a few names, and sorting is one at all.
const FEW: usize = 16;

/// The groups of one hierarchy.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: SlotMap<Key, Node>,
    keys: HashMap<CgroupId, Key>,
    root: Key,
}

impl Tree {
    /// A tree that has a root and nothing below yet.
    pub fn new(root: Cgroup) -> Self {
        let mut nodes = SlotMap::with_key();
        let id = root.id;
        let root = nodes.insert(Node {
            group: root,
            parent: None,
            children: Vec::new(),
            inherited: false,
            below: Below::default(),
            processes: None,
        });
        Self { nodes, keys: HashMap::from([(id, root)]), root }
    }

    /// The root group.
    pub fn root(&self) -> Key {
        self.root
    }

    /// How many groups there are, with the root.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a tree has its root.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The group with a key, unless it is gone.
    pub fn get(&self, key: Key) -> Option<&Node> {
        self.nodes.get(key)
    }

    /// The key of the group with an identity.
    pub fn find(&self, id: CgroupId) -> Option<Key> {
        self.keys.get(&id).copied()
    }

    /// The key of the group at a path.
    pub fn at(&self, path: &CgroupPath) -> Option<Key> {
        path.components().try_fold(self.root, |key, name| self.child(key, name))
    }

    /// A group's path; the root's for a key that leads nowhere.
    pub fn path(&self, key: Key) -> CgroupPath {
        let mut names: Vec<&[u8]> = std::iter::once(key)
            .chain(self.ancestors(key))
            .filter_map(|k| self.nodes.get(k))
            .map(|node| &node.group.name[..])
            .collect();
        names.reverse();
        CgroupPath::new(&names.join(&b'/'))
    }

    /// The groups above a group, nearest first.
    pub fn ancestors(&self, key: Key) -> impl Iterator<Item = Key> {
        let parent = |&k: &Key| self.nodes.get(k).and_then(|node| node.parent);
        std::iter::successors(parent(&key), parent)
    }

    /// The nearest ancestor that asks for a freeze itself.
    pub fn inherited_from(&self, key: Key) -> Option<Key> {
        self.ancestors(key).find(|&k| self.nodes.get(k).is_some_and(|node| node.group.freezer.requested()))
    }

    /// A group and all below it, parents before children, siblings by name.
    pub fn subtree(&self, key: Key) -> impl Iterator<Item = Key> {
        let mut stack: Vec<Key> = self.nodes.contains_key(key).then_some(key).into_iter().collect();
        std::iter::from_fn(move || {
            let key = stack.pop()?;
            stack.extend(self.nodes.get(key).into_iter().flat_map(|node| node.children.iter().rev()));
            Some(key)
        })
    }

    /// Takes a fact, and says what it means. `occurrences` gets what happened, in order.
    pub fn apply(&mut self, change: Change, occurrences: &mut Vec<Occurrence>) {
        match change {
            Change::Found { parent, groups } => {
                let Some(parent) = self.find(parent) else { return };
                self.found(parent, groups, occurrences);
            }
            Change::Listed { parent, present } => {
                let Some(parent) = self.find(parent) else { return };
                self.listed(parent, &present, occurrences);
            }
            Change::Read(group) => {
                if let Some(key) = self.find(group.id) {
                    self.read(key, group, occurrences);
                }
            }
            Change::Gone(id) => {
                if let Some(key) = self.find(id).filter(|&key| key != self.root) {
                    self.remove(key, occurrences);
                }
            }
            Change::Counted { id, processes } => {
                if let Some(node) = self.find(id).and_then(|key| self.nodes.get_mut(key)) {
                    node.processes = Some(processes);
                }
            }
        }
    }

    fn child(&self, parent: Key, name: &[u8]) -> Option<Key> {
        let children = &self.nodes.get(parent)?.children;
        children.binary_search_by(|&k| self.name(k).cmp(name)).ok().map(|at| children[at])
    }

    fn name(&self, key: Key) -> &[u8] {
        self.nodes.get(key).map_or(&[], |node| &node.group.name)
    }

    fn found(&mut self, parent: Key, groups: Vec<Cgroup>, occurrences: &mut Vec<Occurrence>) {
        let mut created = Vec::new();
        for group in groups {
            match self.find(group.id) {
                Some(key) => self.read(key, group, occurrences),
                None => {
                    // Another group has taken the place of one that is gone, or its name.
                    if let Some(old) = self.child(parent, &group.name) {
                        self.remove(old, occurrences);
                    }
                    created.push(self.insert(parent, group));
                }
            }
        }
        if created.is_empty() {
            return;
        }
        let mut children =
            self.nodes.get_mut(parent).map(|node| std::mem::take(&mut node.children)).unwrap_or_default();
        if created.len() < FEW {
            for &key in &created {
                let at = children.partition_point(|&before| self.name(before) < self.name(key));
                children.insert(at, key);
            }
        } else {
            // Sorted once for all that came, so that a directory of many thousand groups is cheap to take in.
            children.extend(&created);
            children.sort_by(|&a, &b| self.name(a).cmp(self.name(b)));
        }
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children = children;
        }
        for key in created {
            self.share_added(key);
            self.tell(What::Created, key, occurrences);
            if self.nodes.get(key).and_then(Node::state) == Some(State::Frozen) {
                self.tell(What::Frozen, key, occurrences);
            }
        }
    }

    /// A new group, not among its parent's children and not counted yet.
    fn insert(&mut self, parent: Key, group: Cgroup) -> Key {
        let id = group.id;
        let inherited = self.nodes.get(parent).is_some_and(|p| p.inherited || p.group.freezer.requested());
        let key = self.nodes.insert(Node {
            group,
            parent: Some(parent),
            children: Vec::new(),
            inherited,
            below: Below::default(),
            processes: None,
        });
        self.keys.insert(id, key);
        key
    }

    fn listed(&mut self, parent: Key, present: &[CgroupId], occurrences: &mut Vec<Occurrence>) {
        let Some(node) = self.nodes.get(parent) else { return };
        let present: HashSet<_> = present.iter().collect();
        let missing =
            |key: &Key| self.nodes.get(*key).is_some_and(|child| !present.contains(&child.group.id));
        let gone: HashSet<Key> = node.children.iter().copied().filter(missing).collect();
        for &key in &gone {
            self.forget(key, occurrences);
        }
        if let Some(node) = self.nodes.get_mut(parent).filter(|_| !gone.is_empty()) {
            node.children.retain(|key| !gone.contains(key));
        }
    }

    fn remove(&mut self, key: Key, occurrences: &mut Vec<Occurrence>) {
        let parent = self.nodes.get(key).and_then(|node| node.parent);
        self.forget(key, occurrences);
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
            parent.children.retain(|&k| k != key);
        }
    }

    /// Takes a group and all below it out, children first; its parent's list of children is the caller's to mend.
    fn forget(&mut self, key: Key, occurrences: &mut Vec<Occurrence>) {
        let Some(share) = self.nodes.get(key).map(Node::share) else { return };
        let below: Vec<Key> = self.subtree(key).collect();
        self.count_above(key, |below| below.sub(share));
        for key in below.iter().rev() {
            self.tell(What::Removed, *key, occurrences);
        }
        for key in below {
            if let Some(node) = self.nodes.remove(key) {
                self.keys.remove(&node.group.id);
            }
        }
    }

    fn read(&mut self, key: Key, group: Cgroup, occurrences: &mut Vec<Occurrence>) {
        let Some(node) = self.nodes.get(key) else { return };
        if node.group == group {
            return;
        }
        let (was, populated) = (node.state(), node.group.populated);
        let (asked, renamed) = (node.group.freezer.requested(), node.group.name != group.name);
        let asks = group.freezer.requested();
        self.recount(key, |node| node.group = group);
        if renamed {
            self.resort(key);
        }
        if asked != asks {
            self.pass_down(key, occurrences);
        }
        self.tell_state(key, was, occurrences);
        match (populated, self.nodes.get(key).and_then(|node| node.group.populated)) {
            (Some(false), Some(true)) => self.tell(What::Populated, key, occurrences),
            (Some(true), Some(false)) => self.tell(What::Emptied, key, occurrences),
            _ => {}
        }
    }

    /// A renamed group goes to its place among its siblings.
    fn resort(&mut self, key: Key) {
        let Some(parent) = self.nodes.get(key).and_then(|node| node.parent) else { return };
        let mut children =
            self.nodes.get_mut(parent).map(|node| std::mem::take(&mut node.children)).unwrap_or_default();
        children.sort_by(|&a, &b| self.name(a).cmp(self.name(b)));
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children = children;
        }
    }

    /// A group's request has changed: tells all below whether an ancestor asks.
    fn pass_down(&mut self, key: Key, occurrences: &mut Vec<Occurrence>) {
        let mut stack = vec![key];
        while let Some(key) = stack.pop() {
            let Some(node) = self.nodes.get(key) else { continue };
            let asks = node.inherited || node.group.freezer.requested();
            for child in node.children.clone() {
                let Some(node) = self.nodes.get(child).filter(|node| node.inherited != asks) else {
                    continue;
                };
                let was = node.state();
                self.recount(child, |node| node.inherited = asks);
                self.tell_state(child, was, occurrences);
                stack.push(child);
            }
        }
    }

    /// Changes a group, and the counts above it with it.
    fn recount(&mut self, key: Key, change: impl FnOnce(&mut Node)) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        let before = node.share();
        change(node);
        let after = node.share();
        if before != after {
            self.count_above(key, |below| {
                below.sub(before);
                below.add(after);
            });
        }
    }

    fn share_added(&mut self, key: Key) {
        if let Some(share) = self.nodes.get(key).map(Node::share) {
            self.count_above(key, |below| below.add(share));
        }
    }

    fn count_above(&mut self, key: Key, change: impl Fn(&mut Below)) {
        let mut above = self.nodes.get(key).and_then(|node| node.parent);
        while let Some(node) = above.and_then(|key| self.nodes.get_mut(key)) {
            change(&mut node.below);
            above = node.parent;
        }
    }

    fn tell_state(&self, key: Key, was: Option<State>, occurrences: &mut Vec<Occurrence>) {
        let is = self.nodes.get(key).and_then(Node::state);
        match (was, is) {
            (Some(State::Thawed | State::Freezing), Some(State::Frozen)) => {
                self.tell(What::Frozen, key, occurrences)
            }
            (Some(State::Frozen | State::Freezing), Some(State::Thawed)) => {
                self.tell(What::Thawed, key, occurrences)
            }
            _ => {}
        }
    }

    fn tell(&self, what: What, key: Key, occurrences: &mut Vec<Occurrence>) {
        if let Some(node) = self.nodes.get(key) {
            occurrences.push(Occurrence { what, id: node.group.id, path: self.path(key) });
        }
    }
}

#[cfg(test)]
mod tests;
