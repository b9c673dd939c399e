//! The groups that are freezing, with what keeps each of them from being frozen.

use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::culprits;
use crate::kernel::freezing::{self, Freezing};
use crate::model::tree::{Key, Node};
use crate::model::{CgroupPath, Culprits, State, Tree};

/// What is known of a group that is freezing.
#[derive(Debug)]
pub(super) struct Stuck {
    /// For how long it has been freezing.
    pub freezing: Option<Freezing>,
    /// What keeps it from being frozen; `None` where it was not looked into.
    pub culprits: Option<Culprits>,
}

impl Stuck {
    /// Looks into one group.
    pub(super) fn look(fs: &Filesystem, group: &Group) -> Self {
        Self { freezing: freezing::duration(fs, group), culprits: Some(culprits::find(group)) }
    }
}

/// So many groups are looked into for one list at most, each with all below it.
const MAX_GROUPS: usize = 32;

/// The culprits of all groups of a list: looked for once in the topmost groups that are freezing.
#[derive(Debug)]
pub(super) struct StuckGroups(Vec<(CgroupPath, Culprits)>);

impl StuckGroups {
    /// Looks into the groups from `top` down that are freezing.
    pub(super) fn find(fs: &Filesystem, tree: &Tree, top: Key) -> Self {
        let freezing = |key: Key| tree.get(key).and_then(Node::state) == Some(State::Freezing);
        let topmost = |key: &Key| {
            let parent = tree.get(*key).and_then(|node| node.parent).filter(|_| *key != top);
            freezing(*key) && !parent.is_some_and(freezing)
        };
        let group = |key| fs.group(&tree.path(key)).ok().flatten();
        let groups = tree.subtree(top).filter(topmost).filter_map(group).take(MAX_GROUPS);
        Self(groups.map(|group| (group.path.clone(), culprits::find(&group))).collect())
    }

    /// Those in a group and below; `None` where it was not looked into.
    pub(super) fn of(&self, path: &CgroupPath) -> Option<Culprits> {
        let (_, culprits) = self.0.iter().find(|(above, _)| path.is_within(above))?;
        Some(culprits.within(path))
    }
}
