//! Groups whose processes the other hierarchy holds: thawed here, and nothing runs.

use std::collections::{HashMap, HashSet};

use super::{App, Command};
use crate::model::{CgroupId, CgroupPath, Version};

/// A group that asks for a freeze.
type Holder = (Version, CgroupId);

/// Of each group that asks for a freeze: in which groups of the other hierarchy the processes are that it holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    asked: HashSet<Holder>,
    by: HashMap<Holder, HashMap<CgroupPath, usize>>,
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

/// Asks for what each group holds that has begun to ask for a freeze, and forgets those that do not any more.
pub(crate) fn find(app: &mut App, commands: &mut Vec<Command>) {
    if app.groves.len() < 2 {
        return;
    }
    let mut holders = HashMap::new();
    for grove in &app.groves {
        let Some(tree) = &grove.tree else { continue };
        let nodes = grove.since.keys().filter_map(|key| Some((key, &tree.get(key)?.group)));
        let asks = nodes.filter(|(_, group)| group.freezer.requested());
        holders.extend(asks.map(|(key, group)| ((grove.version, group.id), key)));
    }
    app.asked.held.asked.retain(|holder| holders.contains_key(holder));
    app.asked.held.by.retain(|holder, _| holders.contains_key(holder));
    for ((version, id), key) in holders {
        if app.asked.held.asked.insert((version, id)) {
            let path = app.groves.iter().find(|grove| grove.version == version).map(|grove| grove.path(key));
            commands.extend(path.map(|path| Command::FindHeld { version, id, path }));
        }
    }
}
