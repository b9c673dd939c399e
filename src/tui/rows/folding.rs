//! Which groups show what is in them.

use std::collections::HashSet;

use super::Grove;
use crate::model::tree::Key;

impl Grove {
    pub(crate) fn is_unfolded(&self, key: Key) -> bool {
        self.unfolded.contains(&key)
    }

    /// Unfolds or folds a group. The rows are to be made again.
    pub(crate) fn set_unfolded(&mut self, key: Key, unfolded: bool) {
        self.stale = true;
        if !unfolded {
            self.unfolded.remove(&key);
        } else if self.node(key).is_some_and(|node| !node.children.is_empty()) {
            self.unfolded.insert(key);
            self.revealed = Some(key);
        }
    }

    /// Unfolds a group and everything below.
    pub(crate) fn unfold_below(&mut self, key: Key) {
        let Some(tree) = &self.tree else { return };
        let inner = |&key: &Key| tree.get(key).is_some_and(|node| !node.children.is_empty());
        self.unfolded.extend(tree.subtree(key).filter(inner));
        self.revealed = Some(key);
        self.stale = true;
    }

    /// Folds a group and everything below.
    pub(crate) fn fold_below(&mut self, key: Key) {
        let Some(tree) = &self.tree else { return };
        for key in tree.subtree(key) {
            self.unfolded.remove(&key);
        }
        self.stale = true;
    }

    /// Shows one level more or less of all groups than the deepest that is shown. A selection that is folded away goes to the
    /// group above it that stays.
    pub(crate) fn turn_level(&mut self, more: bool) {
        let Some(tree) = &self.tree else { return };
        let deepest = self.rows.iter().map(|row| row.depth).max().unwrap_or(0);
        let levels = if more { deepest + 1 } else { deepest.saturating_sub(1) };
        let (mut unfolded, mut layer) = (HashSet::new(), vec![tree.root()]);
        for _ in 0..levels {
            let inner = layer.iter().filter_map(|&key| tree.get(key).map(|node| (key, &node.children)));
            let next = inner.clone().flat_map(|(_, children)| children.iter().copied()).collect();
            unfolded.extend(inner.filter(|(_, children)| !children.is_empty()).map(|(key, _)| key));
            layer = next;
        }
        let above = self.selected.map(|key| tree.ancestors(key).collect::<Vec<_>>()).unwrap_or_default();
        let top = above.iter().rev().find(|key| !unfolded.contains(key));
        self.selected = top.copied().or(self.selected);
        self.unfolded = unfolded;
        self.stale = true;
    }
}
