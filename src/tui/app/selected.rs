//! The selected group, the marked ones, and what is known of them.

use super::{App, Target};
use crate::model::tree::{Key, Node};
use crate::model::{Culprits, Freezer, Process, State, TimedFreeze};
use crate::tui::asked::{KnownCulprits, Listed};
use crate::tui::rows::Grove;

impl App {
    pub(crate) fn selected_node(&self) -> Option<&Node> {
        let grove = self.grove()?;
        grove.node(grove.selected?)
    }

    pub(crate) fn selected_target(&self) -> Option<Target> {
        let grove = self.grove()?;
        self.target(grove.selected?)
    }

    /// How many groups of the shown hierarchy are marked.
    pub(crate) fn marks(&self) -> usize {
        self.grove().map_or(0, Grove::marks)
    }

    /// Those marked groups, pinned, that ask for a freeze, or do not and can.
    pub(crate) fn marked_that(&self, ask: bool) -> Vec<Target> {
        let Some(grove) = self.grove() else { return Vec::new() };
        let fits = |key: &Key| grove.node(*key).is_some_and(|node| fits(node, ask));
        grove.marked().into_iter().filter(fits).filter_map(|key| self.target(key)).collect()
    }

    /// Whether there is one.
    pub(crate) fn is_any_marked_that(&self, ask: bool) -> bool {
        self.grove().is_some_and(|grove| grove.is_any_marked(|node| fits(node, ask)))
    }

    /// A group of the shown hierarchy, pinned.
    pub(crate) fn target(&self, key: Key) -> Option<Target> {
        let grove = self.grove()?;
        let id = grove.node(key)?.group.id;
        Some(Target { version: grove.version, id, path: grove.path(key) })
    }

    /// A pinned group, if it is still there.
    pub(crate) fn node_of(&self, target: &Target) -> Option<&Node> {
        let tree = self.groves.iter().find(|grove| grove.version == target.version)?.tree.as_ref()?;
        tree.get(tree.find(target.id)?)
    }

    /// The nearest group above the selected one that asks for a freeze.
    pub(crate) fn asked_above(&self) -> Option<Key> {
        let grove = self.grove()?;
        grove.tree.as_ref()?.inherited_from(grove.selected?)
    }

    /// Whether any group above the selected one asks, seen or not: in a container the v1 freezer tells of groups out of sight.
    pub(crate) fn inherits(&self) -> bool {
        self.selected_node().is_some_and(|node| {
            node.inherited || matches!(node.group.freezer, Freezer::V1 { inherited: true, .. })
        })
    }

    /// When the selected group is thawed, where it was frozen for a time.
    pub(crate) fn selected_timed(&self) -> Option<TimedFreeze> {
        self.timed(self.selected_node()?)
    }

    /// When a group on the screen is thawed, where it was frozen for a time.
    pub(crate) fn timed(&self, node: &Node) -> Option<TimedFreeze> {
        self.asked.timers.get(&node.group.id).filter(|_| node.group.freezer.requested())?.at(self.now)
    }

    /// What keeps the selected group from freezing, as far as it was read.
    pub(crate) fn culprits(&self) -> Option<&Culprits> {
        self.known_culprits()?.found.as_ref()
    }

    /// [`Self::culprits`], with since when they were seen.
    pub(crate) fn known_culprits(&self) -> Option<&KnownCulprits> {
        let node = self.selected_node().filter(|node| node.state() == Some(State::Freezing))?;
        self.asked.culprits.as_ref().filter(|known| known.id == node.group.id)
    }

    /// The processes of the selected group, as far as they were read.
    pub(crate) fn selected_processes(&self) -> Option<&Result<Vec<Process>, String>> {
        self.listed().map(|listed| &listed.list)
    }

    /// What was read of the selected group beside its state.
    pub(crate) fn listed(&self) -> Option<&Listed> {
        let id = self.selected_node()?.group.id;
        self.asked.processes.as_ref().filter(|listed| listed.id == id)
    }
}

/// A group that asks for a freeze, or one that does not and can.
fn fits(node: &Node, ask: bool) -> bool {
    node.group.freezer != Freezer::Root && node.group.freezer.requested() == ask
}
