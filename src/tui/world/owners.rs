//! Whose the groups on the screen are: containers and pods, by their paths and by what the runtimes keep.

use std::io;

use crossbeam_channel::{Sender, unbounded};

use crate::model::owner::Owner;
use crate::model::{CgroupId, CgroupPath, Hierarchies, Version};
use crate::runtime::Containers;
use crate::tui::Event;

/// Groups to name the owners of.
pub(super) type Asked = (Version, Vec<(CgroupId, CgroupPath)>);

/// Answers in a thread of its own: the runtimes' folders are read for each question, for containers come and go.
pub(super) fn start(hosts: Hierarchies, inbox: Sender<Event>) -> io::Result<Sender<Asked>> {
    let (sender, asked) = unbounded::<Asked>();
    let body = move || {
        for (version, groups) in asked {
            let Some(hierarchy) = hosts.get(version) else { continue };
            let containers = Containers::read();
            let label = |path: &CgroupPath| label(&containers.owner(hierarchy, path)?, path);
            let labels = groups.into_iter().map(|(id, path)| (id, label(&path))).collect();
            if inbox.send(Event::Owners(labels)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("owners".into()).spawn(body)?;
    Ok(sender)
}

/// What stands beside the owner's own group; a unit's name says itself what it is.
fn label(owner: &Owner, path: &CgroupPath) -> Option<String> {
    (owner.group == *path && !owner.kind.is_unit()).then(|| {
        let id = owner.id();
        let short: String = id.chars().take(12).collect();
        format!("{} {short}", owner.kind)
    })
}
