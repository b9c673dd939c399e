//! In which groups of the other hierarchy the processes are that a group holds.

use std::collections::HashMap;
use std::io;

use crossbeam_channel::{Sender, unbounded};

use super::open;
use crate::kernel::Dir;
use crate::kernel::processes::{group_of, pids};
use crate::model::{CgroupId, CgroupPath, Hierarchies, Hierarchy, Version};
use crate::tui::Event;

/// A group that asks for a freeze.
pub(super) type Asked = (Version, CgroupId, CgroupPath);

/// Answers in a thread of its own: a group may hold thousands of processes.
pub(super) fn start(hosts: Hierarchies, inbox: Sender<Event>) -> io::Result<Sender<Asked>> {
    let (sender, asked) = unbounded::<Asked>();
    let body = move || {
        for (version, id, path) in asked {
            let (Some(here), Some(other)) = (hosts.get(version), hosts.get(version.other())) else {
                continue;
            };
            // One that is gone holds nothing.
            let Ok((_, group)) = open(here, &path, id) else { continue };
            let mut groups = HashMap::new();
            count(&group.dir, other, &mut groups);
            if inbox.send(Event::Held { version, id, groups }).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("held".into()).spawn(body)?;
    Ok(sender)
}

/// What may not be read, or goes away meanwhile, is left out.
fn count(group: &Dir, other: &Hierarchy, groups: &mut HashMap<CgroupPath, usize>) {
    for pid in pids(group).unwrap_or_default() {
        let at = group_of(pid, other.version).ok().flatten().and_then(|at| at.below(&other.root));
        if let Some(at) = at {
            *groups.entry(at).or_default() += 1;
        }
    }
    for name in group.children().unwrap_or_default() {
        if let Ok(Some(child)) = group.child(&name) {
            count(&child, other, groups);
        }
    }
}
