//! The groups that a filter leaves.

use std::collections::HashSet;

use super::Grove;
use crate::model::Tree;
use crate::model::tree::{Key, Node};

/// What a filter leaves.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) hits: HashSet<Key>,
    above: HashSet<Key>,
}

impl Grove {
    pub(super) fn is_kept(&self, key: Key) -> bool {
        self.kept.as_ref().is_none_or(|kept| kept.hits.contains(&key) || kept.above.contains(&key))
    }

    /// Leaves the groups that are hits, and those above them; all where there is no filter. A selection that is not left goes
    /// to the first hit, and so does any that is none where a new filter asks for it (`jump`). The rows are to be made again.
    pub(crate) fn keep(&mut self, hit: Option<impl Fn(&Tree, Key, &Node) -> bool>, jump: bool) {
        self.stale = true;
        let Some((tree, hit)) = self.tree.as_ref().zip(hit) else {
            self.kept = None;
            return;
        };
        let is_hit = |key: &Key| tree.get(*key).is_some_and(|node| hit(tree, *key, node));
        let hits: Vec<Key> = tree.subtree(tree.root()).filter(is_hit).collect();
        let above = hits.iter().flat_map(|&key| tree.ancestors(key)).collect();
        let first = hits.first().copied();
        let kept = Kept { hits: hits.into_iter().collect(), above };
        let is_left = |key: &Key| kept.hits.contains(key) || (!jump && kept.above.contains(key));
        let stays = self.selected.as_ref().is_some_and(is_left);
        self.kept = Some(kept);
        if !stays {
            self.selected = first.or(Some(tree.root()));
        }
    }

    /// How many groups the filter hits, where there is one.
    pub(crate) fn hits(&self) -> Option<usize> {
        self.kept.as_ref().map(|kept| kept.hits.len())
    }
}
