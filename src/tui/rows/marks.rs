//! The groups that are marked.

use super::Grove;
use crate::model::tree::{Key, Node};

impl Grove {
    /// Marks a group, or takes its mark away.
    pub(crate) fn turn_mark(&mut self, key: Key) {
        if !self.marked.remove(&key) {
            self.marked.insert(key);
        }
    }

    /// Marks a group and all below, as far as a filter leaves them; says how many.
    pub(crate) fn mark_below(&mut self, key: Key) -> usize {
        let Some(tree) = &self.tree else { return 0 };
        let hit = |key: &Key| self.kept.as_ref().is_none_or(|kept| kept.hits.contains(key));
        let all: Vec<Key> = tree.subtree(key).filter(hit).collect();
        self.marked.extend(&all);
        all.len()
    }

    pub(crate) fn unmark(&mut self) {
        self.marked.clear();
    }

    pub(crate) fn is_marked(&self, key: Key) -> bool {
        self.marked.contains(&key)
    }

    /// The marked groups, parents before those below them, siblings by name.
    pub(crate) fn marked(&self) -> Vec<Key> {
        let Some(tree) = self.tree.as_ref().filter(|_| !self.marked.is_empty()) else { return Vec::new() };
        tree.subtree(tree.root()).filter(|key| self.marked.contains(key)).collect()
    }

    /// Whether a marked group is so.
    pub(crate) fn is_any_marked(&self, so: impl Fn(&Node) -> bool) -> bool {
        self.marked.iter().filter_map(|&key| self.node(key)).any(so)
    }

    /// How many groups are marked.
    pub(crate) fn marks(&self) -> usize {
        self.marked.len()
    }
}
