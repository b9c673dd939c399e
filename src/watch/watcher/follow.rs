//! Following hints.

use std::path::Path;
use std::time::Instant;

use super::Watcher;
use crate::model::tree::Key;
use crate::model::{CgroupId, CgroupPath, Change, Version};
use crate::watch::hints::Hint;

/// How many hints are followed in one step.
const BATCH: usize = 64;

/// So many groups that were not found are remembered.
const MAX_SOUGHT: usize = 4096;

impl Watcher<'_> {
    /// Takes in what was announced.
    pub(super) fn take_hints_in(&mut self) {
        self.hints.append(&mut self.watches.take_hints());
        let lost = self.watches.end_broken();
        if !lost.is_empty() {
            self.start_polling("inotify ended unexpectedly".to_owned());
        }
        self.schedule.hints_came(Instant::now());
    }

    /// Looks at some of what was announced.
    pub(super) fn follow_hints(&mut self) {
        if self.hints.contains(&Hint::Everything) {
            self.start_over();
        }
        tracing::debug!(hints = self.hints.len(), "follow");
        if self.round.is_empty() {
            self.round = std::mem::take(&mut self.hints);
        }
        for _ in 0..BATCH {
            match self.round.pop_first() {
                Some(hint) => self.follow_one(hint),
                None => break,
            }
        }
        let more = !self.round.is_empty() || !self.hints.is_empty();
        let has_set_going = self.is_walking() || !self.unwatched.is_empty();
        self.schedule.hints_followed(Instant::now(), more, has_set_going);
    }

    /// Announcements were lost: every group is read again.
    fn start_over(&mut self) {
        self.hints.clear();
        self.round.clear();
        self.read_ancestors();
        self.walks.insert(self.top.clone());
        self.schedule.set_dirty(true);
    }

    fn follow_one(&mut self, hint: Hint) {
        match hint {
            Hint::Everything => {}
            Hint::Group(directory) => {
                if let Some(path) = self.group_at(&directory) {
                    self.read_one(&path);
                }
            }
            Hint::Children(directory) => {
                if let Some(path) = self.group_at(&directory) {
                    self.read_children(&path);
                }
            }
            Hint::State(directory) => {
                let Some(path) = self.group_at(&directory) else { return };
                self.read(&path);
                if self.fs.hierarchy().version == Version::V1 {
                    // A write to a v1 group changes all below it, and that is announced nowhere.
                    self.walk_from(path);
                }
            }
            // Where the processes came from is announced nowhere.
            Hint::Members(directory) => {
                self.schedule.set_dirty(true);
                if let Some(path) = self.group_at(&directory) {
                    self.read(&path);
                }
            }
        }
    }

    /// The group that a directory is; `None` where it is out of what is observed.
    fn group_at(&self, directory: &Path) -> Option<CgroupPath> {
        let path = self.fs.hierarchy().relative(directory)?;
        let observed = path.is_within(&self.top)
            || self.top.is_within(&path)
            || path.parent().is_some_and(|parent| self.top.is_within(&parent));
        observed.then_some(path)
    }

    /// Reads the group at a path.
    pub(super) fn read(&mut self, path: &CgroupPath) {
        let read = self.fs.group(path).and_then(|group| group.map_or(Ok(None), |group| group.read()));
        if let Some(key) = self.tree.at(path) {
            self.schedule.set_dirty(self.is_on_screen(key));
            let known = self.tree.get(key).map(|node| node.group.id);
            if read.as_ref().is_ok_and(|read| read.as_ref().map(|group| group.id) != known) {
                self.recheck_subtree(key);
            }
        }
        self.apply_read(path, read);
    }

    /// Has a group and all below it read again, as far as they are observed.
    pub(super) fn walk_from(&mut self, path: CgroupPath) {
        self.walks.insert(if self.top.is_within(&path) { self.top.clone() } else { path });
    }

    /// A group was not found where it is in the tree. It is gone, or has another name, perhaps for a moment only, so that nothing
    /// of it seems to have changed when that is followed: it and all below it are read again.
    pub(super) fn recheck_subtree(&mut self, key: Key) {
        self.unwatched.extend(self.tree.subtree(key));
        if self.is_v1() {
            self.note_misplaced(key);
        }
    }

    /// A group has another name, or is gone: see [`Self::recheck`].
    pub(super) fn note_misplaced(&mut self, key: Key) {
        if self.misplaced.len() < MAX_SOUGHT {
            self.misplaced.extend(self.tree.get(key).map(|node| node.group.id));
        }
    }

    /// Looks at one group, which is there now or is not any more, and at none beside it: there may be thousands.
    pub(super) fn read_one(&mut self, path: &CgroupPath) {
        let Some(above) = path.parent().filter(|above| above.is_within(&self.top)) else {
            return self.read_ancestors();
        };
        self.read_below(&above, path);
    }

    /// Reads which groups are in a group.
    pub(super) fn read_children(&mut self, path: &CgroupPath) {
        if !path.is_within(&self.top) {
            return self.read_ancestors();
        }
        match self.fs.group(path) {
            Ok(Some(group)) => {
                self.is_in_place(path, Some(group.id));
                self.apply_list(&group);
            }
            Ok(None) => {
                self.is_in_place(path, None);
            }
            Err(error) => self.report(path.clone(), &error),
        }
    }

    /// Whether this is the group that the tree has at a path; where it is not, that one is looked for. In v1 a group may have
    /// another name for a moment, and what was announced of it meanwhile is of another group now, or of none.
    fn is_in_place(&mut self, path: &CgroupPath, found: Option<CgroupId>) -> bool {
        let Some(key) = self.tree.at(path).filter(|_| self.is_v1()) else { return true };
        let is = self.tree.get(key).map(|node| node.group.id) == found;
        if !is {
            self.recheck_subtree(key);
        }
        is
    }

    /// Reads the groups above the top, and the top: the tree hangs on them.
    pub(super) fn read_ancestors(&mut self) {
        let mut path: Vec<CgroupPath> = self.top.ancestors().collect();
        path.reverse();
        path.push(self.top.clone());
        for pair in path.windows(2) {
            if !self.read_below(&pair[0], &pair[1]) {
                break;
            }
        }
    }

    /// Reads one group below another; false where it is not there.
    fn read_below(&mut self, above: &CgroupPath, path: &CgroupPath) -> bool {
        let fs = &self.fs;
        let look = || {
            let Some(above) = fs.group(above)? else { return Ok((None, None)) };
            let read = fs.group(path)?.map_or(Ok(None), |group| group.read())?;
            Ok((Some(above.id), read))
        };
        match look() {
            Ok((found, _)) if !self.is_in_place(above, found) => {}
            Ok((Some(parent), Some(read))) => {
                self.unreadable.remove(path);
                self.apply(Change::Found { parent, groups: vec![read] });
                return true;
            }
            Ok(_) => {
                self.unreadable.retain(|below, _| !below.is_within(path));
                let gone = self.tree.at(path).and_then(|key| self.tree.get(key)).map(|node| node.group.id);
                gone.into_iter().for_each(|id| self.apply(Change::Gone(id)));
            }
            Err(error) => self.report(path.clone(), &error),
        }
        false
    }
}
