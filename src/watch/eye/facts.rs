//! What was read: into the tree, on to whoever listens, and what follows from it for the watches.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use super::{Eye, REST, TIDY};
use crate::kernel::dir::vanished;
use crate::model::tree::{Key, Node, What};
use crate::model::{Cgroup, CgroupId, CgroupPath, Change, Freezer, State};
use crate::watch::inotify::WatchError;
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
        self.news |= self.occurred.len() > before;
        for occurrence in &self.occurred[before..] {
            match occurrence.what {
                What::Created => self.fresh.extend(self.tree.find(occurrence.id)),
                What::Removed => {
                    self.left.push((occurrence.id, self.fs.hierarchy().absolute(&occurrence.path)));
                }
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
            for (id, directory) in std::mem::take(&mut self.left) {
                self.watches.forget(id, directory);
            }
            self.tidy_at = self.watches.has_dead().then(|| Instant::now() + TIDY);
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
            self.left.extend(old.collect::<Vec<_>>());
            self.fresh.extend(all);
            self.doubt(key);
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
        let groups = keys.iter().filter_map(|&key| Some((self.tree.get(key)?.group.id, self.directory(key))));
        let absent = self.watches.watch(groups.collect()).unwrap_or_else(|error| {
            self.poll(error.to_string());
            // What is left of them is found by the walks that poll.
            self.fresh.clear();
            self.tidy_at = self.tidy_at.or_else(|| self.watches.has_dead().then(Instant::now));
            Vec::new()
        });
        if !absent.is_empty() {
            self.tidy_at.get_or_insert_with(|| Instant::now() + TIDY);
        }
        for key in keys {
            self.revisit(key);
        }
        // One that was not where it was to be watched, and is not gone, had another name just then.
        self.fresh.extend(absent.into_iter().filter_map(|id| self.tree.find(id)));
    }

    /// Watches what is not watched yet, as far as there are watches: what is on screen first, then what is frozen or holds
    /// processes, then what is near the root. The rest is polled.
    pub(super) fn watch_more(&mut self) {
        let room = self.watches.room();
        if room == 0 && self.scanned {
            return;
        }
        let is_watched = |node: &Node| self.watches.is_watched(node.group.id);
        let all = self.tree.subtree(self.tree.root());
        let mut unwatched: Vec<Key> =
            all.filter(|&key| !self.tree.get(key).is_some_and(is_watched)).collect();
        if unwatched.len() > room {
            let on_screen: HashSet<Key> = self.on_screen().collect();
            unwatched.sort_by_cached_key(|key| (!on_screen.contains(key), self.rank(*key)));
            unwatched.truncate(room);
            self.polling.get_or_insert_with(|| WatchError::Watches.to_string());
        }
        self.fresh = unwatched.into();
    }

    /// What deserves a watch more has a smaller rank.
    fn rank(&self, key: Key) -> (bool, usize) {
        let is_busy = |node: &Node| {
            node.group.populated != Some(false) || node.state().is_some_and(|state| state != State::Thawed)
        };
        (!self.tree.get(key).is_some_and(is_busy), self.tree.ancestors(key).count())
    }

    /// Gives watches of groups that are gone back.
    pub(super) fn tidy(&mut self) {
        let start = Instant::now();
        let again = self.watches.tidy();
        self.fresh.extend(again.into_iter().filter_map(|id| self.tree.find(id)));
        self.tidy_at = self.watches.has_dead().then(|| Instant::now() + REST * start.elapsed());
    }

    /// From now on what is not watched is polled.
    pub(super) fn poll(&mut self, why: String) {
        if self.polling.is_none() {
            self.walks.insert(self.top.clone());
        }
        self.polling = Some(why);
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
            Ok(None) => self.look_above(key, &path),
            Err(error) => self.report(path, &error),
        }
    }

    /// A group is not where it is in the tree: whoever it is in says where it is.
    fn look_above(&mut self, key: Key, path: &CgroupPath) {
        let above = path.parent().and_then(|path| Some((self.tree.at(&path)?, path)));
        let Some((above, parent)) = above.filter(|(_, parent)| parent.is_within(&self.top)) else {
            return self.spine();
        };
        let Some(id) = self.tree.get(above).map(|node| node.group.id) else { return };
        match self.fs.same_group(&parent, id) {
            Ok(Some(group)) => {
                self.take_list(&group);
                // It came back to its place just before that was read.
                if self.tree.at(path) == Some(key) {
                    self.fresh.push_back(key);
                }
            }
            // That one has another name itself: after it is found, this one is looked for again.
            Ok(None) => self.fresh.extend([above, key]),
            Err(error) => self.report(parent, &error),
        }
    }

    /// On v1 each group says itself whether one above it asks for a freeze, and what is above says so, too. Where the two do not
    /// agree, a write went by unseen: it was announced under the name of another group, or what was below had another name just
    /// when it was looked at.
    pub(super) fn walk_contradictions(&mut self) {
        // One that is still there had another name: whatever was announced under that may have been missed.
        let sought = std::mem::take(&mut self.sought);
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
