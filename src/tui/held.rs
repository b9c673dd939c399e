//! Groups whose processes the other hierarchy holds: thawed here, and nothing runs.

use std::collections::{HashMap, HashSet};

use crate::model::{CgroupId, CgroupPath, Version};

/// A group that asks for a freeze.
type Holder = (Version, CgroupId);

/// Of each group that asks for a freeze: in which groups of the other hierarchy the processes are that it holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(super) asked: HashSet<Holder>,
    pub(super) by: HashMap<Holder, HashMap<CgroupPath, usize>>,
}

impl Held {
    /// Takes the answer, unless that group does not ask any more.
    pub(crate) fn found(&mut self, holder: Holder, groups: HashMap<CgroupPath, usize>) {
        if self.asked.contains(&holder) {
            self.by.insert(holder, groups);
        }
    }

    /// How many processes of a group the other hierarchy holds.
    pub(crate) fn processes(&self, version: Version, path: impl FnOnce() -> CgroupPath) -> usize {
        let mut others = self.by.iter().filter(|((of, _), _)| *of != version).peekable();
        if others.peek().is_none() {
            return 0;
        }
        let path = path();
        others.filter_map(|(_, groups)| groups.get(&path)).sum()
    }
}
