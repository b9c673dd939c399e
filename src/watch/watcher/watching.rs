//! Which groups are watched, and reading them once they are.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use super::Watcher;
use super::apply::shows;
use crate::model::tree::{Key, Node};
use crate::model::{CgroupPath, State};
use crate::watch::inotify::WatchError;

/// How many groups are watched in one step.
const BATCH: usize = 128;

impl Watcher<'_> {
    /// Watches some of the groups that are not watched yet, and then reads them: what happened before they were watched is
    /// seen so, what happens afterwards is announced.
    pub(super) fn watch_some(&mut self) {
        let some = self.unwatched.len().min(BATCH);
        let keys: Vec<Key> = self.unwatched.drain(..some).collect();
        // In a storm most of what came has gone again, and a watch that fails holds up those behind it.
        if self.schedule.has_hints() {
            keys.iter().for_each(|&key| self.forget_gone(key));
        }
        let keys: Vec<Key> = keys.into_iter().filter(|&key| self.tree.get(key).is_some()).collect();
        let groups = keys.iter().filter_map(|&key| Some((self.tree.get(key)?.group.id, self.directory(key))));
        let absent = self.watches.watch(groups.collect()).unwrap_or_else(|error| {
            self.start_polling(error.to_string());
            // What is left of them is found by the walks that poll.
            self.unwatched.clear();
            if self.watches.has_dead() {
                self.schedule.tidy_now(Instant::now());
            }
            Vec::new()
        });
        if !absent.is_empty() {
            self.schedule.tidy_later(Instant::now());
        }
        for key in keys {
            self.read_again(key);
        }
        // One that was not where it was to be watched, and is not gone, had another name just then.
        self.unwatched.extend(absent.into_iter().filter_map(|id| self.tree.find(id)));
    }

    /// Watches what is not watched yet, as far as there are watches: what is on screen first, then what is frozen or holds
    /// processes, then what is near the root. The rest is polled.
    pub(super) fn choose_unwatched(&mut self) {
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
        self.unwatched = unwatched.into();
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
        self.unwatched.extend(again.into_iter().filter_map(|id| self.tree.find(id)));
        self.schedule.tidied(Instant::now(), start.elapsed(), self.watches.has_dead());
    }

    /// From now on what is not watched is polled.
    pub(super) fn start_polling(&mut self, why: String) {
        if self.polling.is_none() {
            self.walks.insert(self.top.clone());
        }
        self.polling = Some(why);
    }

    fn forget_gone(&mut self, key: Key) {
        let Some(id) = self.tree.get(key).map(|node| node.group.id) else { return };
        let path = self.tree.path(key);
        if let Ok(None) = self.fs.same_group(&path, id) {
            self.read_one(&path);
        }
    }

    fn read_again(&mut self, key: Key) {
        let Some(id) = self.tree.get(key).map(|node| node.group.id) else { return };
        let path = self.tree.path(key);
        // Who came before it was watched was not announced.
        self.schedule.set_dirty(shows(self.focus.as_ref(), id));
        match self.fs.same_group(&path, id) {
            Ok(Some(group)) => {
                self.apply_read(&path, group.read());
                if path.is_within(&self.top) {
                    self.apply_list(&group);
                }
            }
            Ok(None) => self.find_from_parent(key, &path),
            Err(error) => self.report(path, &error),
        }
    }

    /// A group is not where it is in the tree: whoever it is in says where it is.
    fn find_from_parent(&mut self, key: Key, path: &CgroupPath) {
        let above = path.parent().and_then(|path| Some((self.tree.at(&path)?, path)));
        let Some((above, parent)) = above.filter(|(_, parent)| parent.is_within(&self.top)) else {
            return self.read_ancestors();
        };
        let Some(id) = self.tree.get(above).map(|node| node.group.id) else { return };
        match self.fs.same_group(&parent, id) {
            Ok(Some(group)) => {
                self.apply_list(&group);
                // It came back to its place just before that was read.
                if self.tree.at(path) == Some(key) {
                    self.unwatched.push_back(key);
                }
            }
            // That one has another name itself: after it is found, this one is looked for again.
            Ok(None) => self.unwatched.extend([above, key]),
            Err(error) => self.report(parent, &error),
        }
    }

    pub(super) fn directory(&self, key: Key) -> PathBuf {
        self.fs.hierarchy().absolute(&self.tree.path(key))
    }
}
