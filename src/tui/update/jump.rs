//! Going to a group by what is known of it: a process in it, its unit, its container, its path, its name.

use std::path::Path;

use super::moving::go_to;
use crate::model::owner::Owner;
use crate::model::tree::Key;
use crate::model::{CgroupPath, printable};
use crate::tui::rows::Grove;
use crate::tui::{App, Command};

/// The shortest beginning of a container's ID that is taken for one.
const ID: usize = 4;

/// A number is a process: the world says where that is.
pub(super) fn jump(app: &mut App, text: &str, commands: &mut Vec<Command>) {
    let Some(grove) = app.grove() else { return };
    if let Ok(pid) = text.strip_prefix("pid:").unwrap_or(text).parse() {
        commands.push(Command::Locate { version: grove.version, pid });
        app.jumping = Some(pid);
        return;
    }
    match find(grove, text, |path| app.hierarchy()?.relative(Path::new(path))) {
        Some(key) => go_to(app, Some(key)),
        None => app.complain(format!("no group, unit or container is called {}", printable(text.as_bytes()))),
    }
}

/// The process is in this group, or in none.
pub(super) fn located(app: &mut App, pid: i32, path: Option<&CgroupPath>) {
    if app.jumping.take_if(|sought| *sought == pid).is_none() {
        return;
    }
    let key = path.and_then(|path| app.grove()?.tree.as_ref()?.at(path));
    match key {
        Some(_) => {
            go_to(app, key);
            app.wanted_process = Some(pid);
        }
        None => app.complain(format!("process {pid} is gone, or not in any visible group of this hierarchy")),
    }
}

/// A path, or else the first group with this name, unit, or beginning of a container's ID.
fn find(grove: &Grove, text: &str, below: impl Fn(&str) -> Option<CgroupPath>) -> Option<Key> {
    let tree = grove.tree.as_ref()?;
    if text.starts_with('/') {
        let written = CgroupPath::new(text.as_bytes());
        return below(text).and_then(|path| tree.at(&path)).or_else(|| tree.at(&written));
    }
    let groups = || tree.subtree(tree.root()).filter_map(|key| Some((key, tree.get(key)?)));
    let named = |name: &str| {
        let mut hits = groups().filter(|(_, node)| printable(&node.group.name) == name);
        hits.next().map(|(key, _)| key)
    };
    let service = || named(&format!("{text}.service"));
    let container = || {
        let is_it = |key: Key| {
            let path = tree.path(key);
            Owner::of(&path).is_some_and(|owner| owner.kind.is_container() && owner.id().starts_with(text))
        };
        groups().map(|(key, _)| key).find(|&key| is_it(key))
    };
    let container = || container().filter(|_| text.len() >= ID);
    named(text).or_else(service).or_else(container)
}
