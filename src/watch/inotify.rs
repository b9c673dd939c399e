//! One inotify instance. With [`hints`](super::hints), the only place that knows the notify crate.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use notify::event::EventKindMask;
use notify::{Config, ErrorKind, PathOp, RecommendedWatcher, Watcher};

use super::budget::{Budget, WATCHES_PER_GROUP};
use super::hints::{EVENTS, Hints};
use crate::kernel::dir::vanished;
use crate::kernel::inotify::Amount;

/// How many watches are made at once: no more, for one that fails sends those behind it round again.
const WATCHES_AT_ONCE: usize = 128;
/// How many removed groups are given back at once: that takes a look at all watches of the instance for each.
const GIVEN_BACK_AT_ONCE: usize = 16;

/// Why groups are not watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WatchError {
    /// This program's part of the user's watches is used up.
    #[error(
        "inotify watches ran out (half of the free ones are left to other programs); raise \
         fs.inotify.max_user_watches"
    )]
    Watches,
    /// This program's part of the user's instances is used up.
    #[error(
        "inotify instances ran out (half of the free ones are left to other programs); raise \
         fs.inotify.max_user_instances"
    )]
    Instances,
    /// Something else.
    #[error("inotify failed: {0}")]
    Failed(String),
}

/// Watches groups through one inotify instance: each group's directory, and its `cgroup.events` file, for the kernel announces a
/// change of that file only to who holds its inode. (Measured; a directory watch alone misses most of them.)
///
/// Not fanotify: one mark on the mount reports every mkdir, rmdir and write there, but of `cgroup.events` too only what somebody
/// holds the inode of (measured: a freeze of a parent of 100 groups, one event; with their files held open, 101). So it would
/// replace only the directory watches and needs `CAP_SYS_ADMIN`.
///
/// In notify 9 to give one watch back costs a look at all others of the instance, and it does so by itself for each directory that
/// is said to be removed: a minute for ten thousand groups. So directories are watched under a path that it does not find again
/// (an `alias`), and the watches of removed groups are given back a few at a time, or with the whole instance.
#[derive(Debug)]
pub(super) struct Instance {
    /// `None` only while it is dropped.
    watcher: Option<RecommendedWatcher>,
    /// Lives as long as notify's thread does.
    thread: Weak<()>,
    /// How many groups are watched.
    pub(super) alive: usize,
    /// Directories of removed groups whose watches are not given back yet.
    pub(super) dead: HashSet<PathBuf>,
    budget: Arc<Budget>,
}

impl Instance {
    /// An instance that watches nothing yet. It announces to `hints`, and rings when it ends unexpectedly.
    ///
    /// # Errors
    /// [`WatchError`] where the budget or the kernel has no instance, or no thread.
    pub(super) fn new(hints: Hints, budget: Arc<Budget>) -> Result<Self, WatchError> {
        if !budget.take_instance() {
            return Err(WatchError::Instances);
        }
        let (life, thread) = Life::begin(hints.clone());
        // Only what is wanted is asked for: a mask with IN_OPEN would announce our own reads to us, for ever.
        let kinds = EventKindMask::CREATE
            | EventKindMask::REMOVE
            | EventKindMask::MODIFY_DATA
            | EventKindMask::MODIFY_NAME;
        let handler = move |event| life.announce(event);
        let config = Config::default().with_event_kinds(kinds).with_follow_symlinks(false);
        let watcher = match RecommendedWatcher::new(handler, config) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                budget.give_back(Amount { watches: 0, instances: 1 });
                return Err(WatchError::Failed(error.to_string()));
            }
        };
        let instance = Self { watcher, thread, alive: 0, dead: HashSet::new(), budget };
        // notify does not say so when it gets no thread.
        if instance.has_ended() {
            return Err(WatchError::Failed("cannot start a thread for it".to_owned()));
        }
        Ok(instance)
    }

    /// True where notify's thread has ended: nothing is announced any more.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.strong_count() == 0
    }

    /// How many groups it has watches of, those of removed ones counted.
    pub(super) fn len(&self) -> usize {
        self.alive + self.dead.len()
    }

    /// Watches groups for which the budget was taken. Gives back of each whether it was there.
    ///
    /// # Errors
    /// [`WatchError::Watches`] at the kernel's limit: all of these count as removed groups then.
    pub(super) fn watch(&mut self, directories: Vec<PathBuf>) -> Result<Vec<bool>, WatchError> {
        let mut operations = Vec::new();
        for directory in &directories {
            // notify would take a group of the same path for the one that it watches already.
            if self.dead.remove(directory) {
                operations.extend(paths(directory).map(PathOp::unwatch));
                self.give_back(1);
            }
            operations.extend(paths(directory).map(PathOp::watch_non_recursive::<PathBuf>));
        }
        self.alive += directories.len();
        match self.update(operations) {
            Ok(absent) => {
                let look = |directory: PathBuf| {
                    let is_there = absent.is_empty() || !absent.contains(&alias(&directory));
                    if !is_there {
                        self.forget(directory);
                    }
                    is_there
                };
                Ok(directories.into_iter().map(look).collect())
            }
            Err(error) => {
                if error == WatchError::Watches {
                    self.budget.refused();
                    directories.into_iter().for_each(|directory| self.forget(directory));
                }
                Err(error)
            }
        }
    }

    /// A group that is watched is gone, or has another path.
    pub(super) fn forget(&mut self, directory: PathBuf) {
        self.alive = self.alive.saturating_sub(1);
        if !self.dead.insert(directory) {
            self.give_back(1);
        }
    }

    /// Gives back the watches of some removed groups.
    pub(super) fn give_back_some(&mut self) {
        let some: Vec<PathBuf> = self.dead.iter().take(GIVEN_BACK_AT_ONCE).cloned().collect();
        self.dead.retain(|directory| !some.contains(directory));
        self.give_back(some.len());
        // What it does not find was never watched.
        let _ =
            self.update(some.iter().flat_map(|directory| paths(directory).map(PathOp::unwatch)).collect());
    }

    fn give_back(&self, groups: usize) {
        self.budget.give_back(Amount { watches: groups as u64 * WATCHES_PER_GROUP, instances: 0 });
    }

    /// Gives back the paths that were not there.
    fn update(&mut self, mut operations: Vec<PathOp>) -> Result<HashSet<PathBuf>, WatchError> {
        let mut absent = HashSet::new();
        while !operations.is_empty() {
            let later = operations.split_off(operations.len().min(WATCHES_AT_ONCE));
            self.update_some(operations, &mut absent)?;
            operations = later;
        }
        Ok(absent)
    }

    fn update_some(
        &mut self,
        mut operations: Vec<PathOp>,
        absent: &mut HashSet<PathBuf>,
    ) -> Result<(), WatchError> {
        while !operations.is_empty() {
            let Some(watcher) = &mut self.watcher else { return Ok(()) };
            let Err(error) = watcher.update_paths(operations) else { return Ok(()) };
            if let (true, Some(PathOp::Watch(path, _))) = (is_absence(&error.source.kind), &error.origin) {
                absent.insert(path.clone());
            }
            match error.source.kind {
                ErrorKind::MaxFilesWatch => return Err(WatchError::Watches),
                // Of none of them: its thread has ended.
                _ if error.origin.is_none() => return Err(WatchError::Failed(error.source.to_string())),
                // Of one group alone: it is gone, or may not be read.
                _ => operations = error.remaining,
            }
        }
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let watcher = self.watcher.take();
        if self.has_ended() {
            // notify's own drop would panic, and there is nothing left to end.
            std::mem::forget(watcher);
        }
        let watches = self.len() as u64 * WATCHES_PER_GROUP;
        self.budget.give_back(Amount { watches, instances: 1 });
    }
}

/// The life of notify's thread, which holds this until it ends.
struct Life {
    hints: Hints,
    token: Option<Arc<()>>,
}

impl Life {
    fn begin(hints: Hints) -> (Self, Weak<()>) {
        let token = Arc::new(());
        let thread = Arc::downgrade(&token);
        (Self { hints, token: Some(token) }, thread)
    }

    fn announce(&self, event: notify::Result<notify::Event>) {
        self.hints.announce(event);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Whoever hears the bell sees that it has ended.
        self.token = None;
        self.hints.ring();
    }
}

fn is_absence(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => vanished(error),
        _ => false,
    }
}

/// What is watched of a group.
fn paths(directory: &Path) -> [PathBuf; WATCHES_PER_GROUP as usize] {
    [directory.join(EVENTS), alias(directory)]
}

/// Another path of the same directory: `/a/b/../b`. For notify it is not the path at which `/a` has lost `b`.
fn alias(directory: &Path) -> PathBuf {
    match directory.file_name() {
        Some(name) => directory.join("..").join(name),
        None => directory.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_watched_by_another_path() {
        assert_eq!(alias(Path::new("/cg/a")).to_str(), Some("/cg/a/../a"));
        assert_ne!(alias(Path::new("/cg/a")), Path::new("/cg/a"));
    }
}
