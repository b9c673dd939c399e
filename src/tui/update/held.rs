//! Asks which groups of the other hierarchy each freeze holds.

use std::collections::HashMap;

use crate::tui::{App, Command};

/// Asks for what each group holds that has begun to ask for a freeze, and forgets those that do not any more.
pub(super) fn find(app: &mut App, commands: &mut Vec<Command>) {
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
