//! What was read: into the tree, on to whoever listens, and what follows from it for the watches.

use std::path::PathBuf;

use super::Eye;
use crate::kernel::dir::vanished;
use crate::model::tree::{Key, What};
use crate::model::{Cgroup, CgroupId, CgroupPath, Change};
use crate::watch::inotify::Inotify;
use crate::watch::observer::{Focus, Told};

/// How many groups are watched in one step.
const BATCH: usize = 128;
/// How many facts are told together at most.
const TOGETHER: usize = 512;

impl Eye<'_> {
    /// Takes a fact into the tree. It is told with the next [`Self::flush`].
    pub(super) fn take(&mut self, change: Change) {
        if self.is_known_leaf(&change) {
            return;
        }
        self.rename(&change);
        let before = self.occurred.len();
        let many = matches!(&change, Change::Found { groups, .. } if groups.len() >= TOGETHER);
        self.tree.apply(change.clone(), &mut self.occurred);
        self.changes.push(change);
        for occurrence in &self.occurred[before..] {
            match occurrence.what {
                What::Created => self.fresh.extend(self.tree.find(occurrence.id)),
                What::Removed => self.left.push(self.fs.hierarchy().absolute(&occurrence.path)),
                // A frozen one is not counted again by itself.
                What::Populated | What::Emptied => self.stirred |= shows(self.focus.as_ref(), occurrence.id),
                _ => {}
            }
        }
        if many || self.changes.len() >= TOGETHER {
            self.flush();
        }
    }

    /// That nothing is in a group in which nothing was known: said of every leaf at each walk, and not worth telling.
    fn is_known_leaf(&self, change: &Change) -> bool {
        let Change::Listed { parent, present } = change else { return false };
        let node = || self.tree.get(self.tree.find(*parent)?);
        present.is_empty() && node().is_none_or(|node| node.children.is_empty())
    }

    /// Tells what was taken, and gives the watches of what is gone back.
    pub(super) fn flush(&mut self) {
        if !self.changes.is_empty() {
            (self.tell)(Told::Changes(std::mem::take(&mut self.changes)));
        }
        let occurred = std::mem::take(&mut self.occurred);
        if self.scanned && !occurred.is_empty() {
            (self.tell)(Told::Happened(occurred));
        }
        if !self.left.is_empty() {
            let left = std::mem::take(&mut self.left);
            if let Some(inotify) = &mut self.inotify {
                inotify.forget(left);
            }
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
            let old: Vec<PathBuf> = all.iter().map(|&key| self.directory(key)).collect();
            self.left.extend(old);
            self.fresh.extend(all);
        }
    }

    /// Watches some of the groups that are not watched yet, and then reads them: what happened before they were watched is
    /// seen so, what happens afterwards is announced.
    pub(super) fn watch_fresh(&mut self) {
        let some = self.fresh.len().min(BATCH);
        let keys: Vec<Key> = self.fresh.drain(..some).collect();
        // In a storm most of what came has gone again, and a watch that fails holds up those behind it.
        if self.follow_at.is_some() {
            keys.iter().for_each(|&key| self.forget_gone(key));
        }
        let keys: Vec<Key> = keys.into_iter().filter(|&key| self.tree.get(key).is_some()).collect();
        let directories: Vec<PathBuf> = keys.iter().map(|&key| self.directory(key)).collect();
        if self.polling.is_none()
            && let Some(Err(error)) = self.inotify.as_mut().map(|inotify| inotify.watch(directories))
        {
            if self.inotify.as_ref().is_some_and(Inotify::has_dead) {
                return self.watch_anew();
            }
            self.poll(error.to_string());
        }
        for key in keys {
            self.revisit(key);
        }
    }

    /// Watches everything with a new watcher, so that what the old one held for groups that are gone is free. What is announced
    /// in between is lost, and every group is read after it is watched.
    pub(super) fn watch_anew(&mut self) {
        self.inotify = None;
        match Inotify::new() {
            Ok(inotify) => self.inotify = Some(inotify),
            Err(error) => self.poll(error.to_string()),
        }
        self.fresh = self.tree.subtree(self.tree.root()).collect();
    }

    /// From now on everything is polled.
    pub(super) fn poll(&mut self, why: String) {
        self.polling = Some(why);
        self.walks.insert(self.top.clone());
    }

    fn forget_gone(&mut self, key: Key) {
        let Some(id) = self.tree.get(key).map(|node| node.group.id) else { return };
        let path = self.tree.path(key);
        if let Ok(None) = self.fs.same_group(&path, id) {
            self.one_at(&path);
        }
    }

    fn revisit(&mut self, key: Key) {
        let Some(id) = self.tree.get(key).map(|node| node.group.id) else { return };
        let path = self.tree.path(key);
        // Who came before it was watched was not announced.
        self.stirred |= shows(self.focus.as_ref(), id);
        match self.fs.same_group(&path, id) {
            Ok(Some(group)) => {
                self.take_read(&path, group.read());
                if path.is_within(&self.top) {
                    self.take_list(&group);
                }
            }
            Ok(None) => self.children_of(path.parent().as_ref().unwrap_or(&path)),
            Err(error) => self.report(path, &error),
        }
    }

    pub(super) fn take_read(&mut self, path: &CgroupPath, read: std::io::Result<Option<Cgroup>>) {
        match read {
            Ok(Some(group)) => {
                self.unreadable.remove(path);
                self.take(Change::Read(group));
            }
            Ok(None) => {}
            Err(error) => self.report(path.clone(), &error),
        }
    }

    pub(super) fn take_list(&mut self, group: &crate::kernel::Group) {
        let fs = std::rc::Rc::clone(&self.fs);
        self.unreadable.retain(|path, _| path.parent().as_ref() != Some(&group.path));
        match fs.list_one(group, &mut |change| self.take(change)) {
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

    fn directory(&self, key: Key) -> PathBuf {
        self.fs.hierarchy().absolute(&self.tree.path(key))
    }
}

fn shows(focus: Option<&Focus>, id: CgroupId) -> bool {
    focus.is_some_and(|focus| focus.selected == Some(id) || focus.visible.contains(&id))
}
