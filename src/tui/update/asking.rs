//! What is asked of the world after any event: what the screen shows of groups beside their state.

use std::collections::hash_map::Entry;
use std::time::Duration;

use crate::model::owner::UnitName;
use crate::model::{CgroupId, State, Version};
use crate::tui::asked::{AskedTimer, KnownCulprits};
use crate::tui::{App, Command, Panel};

/// A filter for a process wants to know in which group it is.
pub(super) fn locate(app: &mut App, commands: &mut Vec<Command>) {
    let version = app.grove().map(|grove| grove.version);
    while let Some((pid, version)) = app.filter.sought().zip(version) {
        app.filter.found(pid, None);
        commands.push(Command::Locate { version, pid });
    }
}

/// Each group that comes on the screen is asked for once.
pub(super) fn ask_owners(app: &mut App, height: usize, commands: &mut Vec<Command>) {
    let Some(grove) = app.grove() else { return };
    let visible = grove.rows.iter().skip(grove.offset).take(height).map(|row| row.key);
    let group = |key| grove.node(key).map(|node| (node.group.id, grove.path(key)));
    let groups: Vec<_> =
        visible.filter_map(group).filter(|(id, _)| !app.asked.owners.contains_key(id)).collect();
    if groups.is_empty() {
        return;
    }
    let version = grove.version;
    // Until the answer comes, nothing stands beside them.
    app.asked.owners.extend(groups.iter().map(|(id, _)| (*id, None)));
    commands.push(Command::AskOwners { version, groups });
}

/// systemd is asked of a unit when its story is shown, and again when its request changes.
pub(super) fn ask_systemd(app: &mut App, commands: &mut Vec<Command>) {
    if app.panel != Panel::Freeze {
        return;
    }
    let Some((target, node)) = app.selected_target().zip(app.selected_node()) else { return };
    let requested = node.group.freezer.requested();
    let asked =
        app.asked.systemd.as_ref().is_some_and(|(id, request, _)| (*id, *request) == (target.id, requested));
    if !asked && target.version == Version::V2 && UnitName::of(&target.path).is_some() {
        app.asked.systemd = Some((target.id, requested, None));
        commands.push(Command::AskSystemd { id: target.id, path: target.path, requested });
    }
}

/// The timer of a group on the screen is asked for when the group begins to ask for a freeze, and from time to time where it has
/// one.
pub(super) fn find_timers(app: &mut App, height: usize, commands: &mut Vec<Command>) {
    let (Some(grove), now) = (app.grove(), app.now) else { return };
    let visible = grove.rows.iter().skip(grove.offset).take(height).map(|row| row.key).chain(grove.selected);
    let asks = |key| grove.node(key).filter(|node| node.group.freezer.requested()).map(|node| node.group.id);
    let asking: Vec<CgroupId> = visible.filter_map(asks).collect();
    app.asked.timers.retain(|id, _| asking.contains(id));
    let mut wanted = Vec::new();
    for id in asking {
        match app.asked.timers.entry(id) {
            Entry::Occupied(mut known) => wanted.extend(known.get_mut().is_old(now).then_some(id)),
            Entry::Vacant(unknown) => {
                unknown.insert(AskedTimer::asked(now));
                wanted.push(id);
            }
        }
    }
    if !wanted.is_empty() {
        commands.push(Command::FindTimers(wanted));
    }
}

/// Asks what keeps the selected group from freezing, once it has been freezing for a moment, and again every second or more
/// seldom.
pub(super) fn find_culprits(app: &mut App, commands: &mut Vec<Command>) {
    const MOMENT: Duration = Duration::from_secs(1);
    let now = app.now;
    let id = app.selected_node().map(|node| node.group.id);
    let since =
        id.and_then(|id| app.grove()?.since_of(id)).filter(|since| since.is(State::Freezing)).copied();
    let (Some(target), Some(since)) = (app.selected_target(), since) else {
        app.asked.culprits = None;
        return;
    };
    let before = app.asked.culprits.take().filter(|known| known.id == target.id);
    let waits = before.as_ref().is_some_and(|known| known.next.is_none_or(|next| next > now));
    if since.at + MOMENT > now || waits {
        app.asked.culprits = before;
        return;
    }
    let (found, seen_since) = before.map_or_else(Default::default, |known| (known.found, known.seen_since));
    app.asked.culprits = Some(KnownCulprits { id: target.id, asked: now, next: None, found, seen_since });
    commands.push(Command::FindCulprits { version: target.version, id: target.id, path: target.path });
}
