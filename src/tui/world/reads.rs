//! Questions that are answered by reading. None waits for a write.

use super::open;
use crate::checkpoint::dumping;
use crate::kernel::membership::group_of;
use crate::kernel::{culprits, freezer, guard};
use crate::model::{CgroupId, Hierarchies, Hierarchy, Version};
use crate::runtime;
use crate::timer;
use crate::tui::{Event, Target};

/// What speaks against freezing a group, and which criu dumps a process of it; where this user may not freeze it, only that.
pub(super) fn inspect(hosts: &Hierarchies, target: &Target) -> Option<Event> {
    // Where it is gone nothing is to be said, but that it was looked at.
    let opened = open(hosts.get(target.version)?, &target.path, target.id).ok();
    let of = opened.as_ref();
    if let Some(denied) = of.and_then(|(_, group)| freezer::not_permitted(group)) {
        return Some(Event::NotPermitted { id: target.id, why: denied.to_string() });
    }
    let refusal = of.and_then(|(fs, group)| guard::refusal(fs, group)).map(|refusal| refusal.to_string());
    let dump = of.and_then(|(_, group)| dumping::of_group(group)).map(|dump| dump.to_string());
    Some(Event::Guard { id: target.id, refusal, owner: None, dump })
}

/// What systemd does to the group while it is frozen; nothing where it is gone.
pub(super) fn forecast(hosts: &Hierarchies, target: &Target) -> Option<Event> {
    let (fs, group) = open(hosts.get(target.version)?, &target.path, target.id).ok()?;
    let forecast = runtime::forecast(&group);
    let warnings = guard::sessions(&fs, &group).into_iter().chain(forecast.warnings(None)).collect();
    Some(Event::Forecast { id: target.id, command: forecast.way.command(), warnings })
}

/// In which group a process is.
pub(super) fn locate(hosts: &Hierarchies, version: Version, pid: i32) -> Event {
    let place = |hierarchy: &Hierarchy| group_of(pid, hierarchy).ok()?.group();
    Event::Located { pid, path: hosts.get(version).and_then(place) }
}

/// When timers thaw these groups.
pub(super) fn timers(hosts: &Hierarchies, groups: Vec<CgroupId>) -> Event {
    // What the folder of the timers does not tell is not known here.
    let Ok(timed) = timer::timed_freezes(hosts) else { return Event::Timers(Vec::new()) };
    Event::Timers(groups.into_iter().map(|id| (id, timed.get(&id).copied())).collect())
}

/// What keeps a group from freezing: none where it is gone. It is not asked again until this has come.
pub(super) fn culprits(hosts: &Hierarchies, target: &Target) -> Option<Event> {
    let opened = open(hosts.get(target.version)?, &target.path, target.id);
    let culprits = opened.map(|(_, group)| culprits::find(&group)).unwrap_or_default();
    Some(Event::Culprits { id: target.id, culprits })
}
