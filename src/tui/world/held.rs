//! In which groups of the other hierarchy the processes are that a group holds.

use std::collections::HashMap;
use std::io;

use crossbeam_channel::{Sender, unbounded};

use super::open;
use crate::kernel::membership::below_elsewhere;
use crate::model::{CgroupId, CgroupPath, Hierarchies, Version};
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
            below_elsewhere(&group.dir, other, &mut groups);
            if inbox.send(Event::Held { version, id, groups }).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("held".into()).spawn(body)?;
    Ok(sender)
}
