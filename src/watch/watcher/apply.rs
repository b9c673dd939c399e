//! Applies what was read to the tree, and sends it on.

use std::time::Instant;

use super::Watcher;
use crate::kernel::dir::vanished;
use crate::model::tree::{Key, Node, What};
use crate::model::{Cgroup, CgroupId, CgroupPath, Change, Freezer};
use crate::watch::message::{Focus, Message};

/// How many facts are sent in one message at most.
const MAX_CHANGES_TOGETHER: usize = 512;

impl Watcher<'_> {
    /// Applies a fact to the tree. It is sent with the next [`Self::send_changes`].
    pub(super) fn apply(&mut self, change: Change) {
        if self.is_known_leaf(&change) {
            return;
        }
        self.rename(&change);
        let before = self.occurred.len();
        let many = matches!(&change, Change::Found { groups, .. } if groups.len() >= MAX_CHANGES_TOGETHER);
        self.tree.apply(change.clone(), &mut self.occurred);
        self.changes.push(change);
        self.schedule.set_news(self.occurred.len() > before);
        for occurrence in &self.occurred[before..] {
            match occurrence.what {
                What::Created => self.unwatched.extend(self.tree.find(occurrence.id)),
                What::Removed => {
                    self.gone.push((occurrence.id, self.fs.hierarchy().absolute(&occurrence.path)));
                }
                // A frozen one is not counted again by itself.
                What::Populated | What::Emptied => {
                    self.schedule.set_dirty(shows(self.focus.as_ref(), occurrence.id));
                }
                _ => {}
            }
        }
        if many || self.changes.len() >= MAX_CHANGES_TOGETHER {
            self.send_changes();
        }
    }

    /// Whether a fact says only that a group still has no children: each walk says so of every leaf, and nobody needs it.
    fn is_known_leaf(&self, change: &Change) -> bool {
        let Change::Listed { parent, present } = change else { return false };
        let node = || self.tree.get(self.tree.find(*parent)?);
        present.is_empty() && node().is_none_or(|node| node.children.is_empty())
    }

    /// Sends what was applied, and gives up the watches of groups that are gone.
    pub(super) fn send_changes(&mut self) {
        if !self.changes.is_empty() {
            (self.send)(Message::Changes(std::mem::take(&mut self.changes)));
        }
        let occurred = std::mem::take(&mut self.occurred);
        if self.scanned && !occurred.is_empty() {
            (self.send)(Message::Happened(occurred));
        }
        if !self.gone.is_empty() {
            for (id, directory) in std::mem::take(&mut self.gone) {
                self.watches.forget(id, directory);
            }
            self.schedule.groups_went(Instant::now(), self.watches.has_dead());
        }
    }

    /// A group that has another name now has other paths for itself and all below: its watches speak of the old ones.
    fn rename(&mut self, change: &Change) {
        let read = match change {
            Change::Found { groups, .. } => &groups[..],
            Change::Read(group) => std::slice::from_ref(group),
            _ => return,
        };
        let renamed = |group: &Cgroup| {
            let key = self.tree.find(group.id)?;
            (self.tree.get(key)?.group.name != group.name).then_some(key)
        };
        for key in read.iter().filter_map(renamed).collect::<Vec<_>>() {
            let all: Vec<Key> = self.tree.subtree(key).collect();
            let old = all.iter().filter_map(|&key| Some((self.tree.get(key)?.group.id, self.directory(key))));
            self.gone.extend(old.collect::<Vec<_>>());
            self.unwatched.extend(all);
            self.note_misplaced(key);
        }
    }

    /// On v1 each group says itself whether one above it asks for a freeze, and what is above says so, too. Where the two do not
    /// agree, a write went by unseen: it was announced under the name of another group, or what was below had another name just
    /// when it was looked at.
    pub(super) fn recheck(&mut self) {
        // One that is still there had another name: whatever was announced under that may have been missed.
        let sought = std::mem::take(&mut self.misplaced);
        if sought.into_iter().any(|id| self.tree.find(id).is_some()) {
            self.walks.insert(self.top.clone());
        }
        let disagrees = |node: &Node| match node.group.freezer {
            Freezer::V1 { inherited, .. } => inherited != node.inherited,
            Freezer::Root | Freezer::V2 { .. } => false,
        };
        let keys = self.tree.subtree(self.tree.root());
        let contradictions = keys.filter(|&key| self.tree.get(key).is_some_and(disagrees));
        // What is said above may be what is wrong.
        let above: Vec<CgroupPath> = contradictions.filter_map(|key| self.tree.path(key).parent()).collect();
        for path in above {
            self.read(&path);
            self.walk_from(path);
        }
    }

    pub(super) fn apply_read(&mut self, path: &CgroupPath, read: std::io::Result<Option<Cgroup>>) {
        match read {
            Ok(Some(group)) => {
                self.unreadable.remove(path);
                self.apply(Change::Read(group));
            }
            Ok(None) => {}
            Err(error) => self.report(path.clone(), &error),
        }
    }

    pub(super) fn apply_list(&mut self, group: &crate::kernel::Group) {
        let fs = std::rc::Rc::clone(&self.fs);
        self.unreadable.retain(|path, _| path.parent().as_ref() != Some(&group.path));
        match fs.list_one(group, &mut |change| self.apply(change)) {
            Ok(unreadable) => unreadable.into_iter().for_each(|below| self.report(below.path, &below.error)),
            Err(error) => self.report(group.path.clone(), &error),
        }
    }

    /// One group that cannot be read does not keep the others from being read.
    pub(super) fn report(&mut self, path: CgroupPath, error: &std::io::Error) {
        if !vanished(error) {
            self.unreadable.insert(path, error.to_string());
        }
    }
}

pub(super) fn shows(focus: Option<&Focus>, id: CgroupId) -> bool {
    focus.is_some_and(|focus| focus.selected == Some(id) || focus.visible.contains(&id))
}
