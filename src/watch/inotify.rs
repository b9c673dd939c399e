//! Announcements of the kernel, as hints. The only place that knows the notify crate.

use std::collections::{BTreeSet, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, bounded};
use notify::event::{EventKindMask, ModifyKind};
use notify::{Config, ErrorKind, EventKind, PathOp, RecommendedWatcher, Watcher};

/// A reason to look again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hint {
    /// Announcements were lost: look at everything.
    Everything,
    /// A group with this directory came or went.
    Group(PathBuf),
    /// A group in this directory has another name: list it.
    Children(PathBuf),
    /// A control file of the group with this directory was written, or the kernel announced a change of it.
    State(PathBuf),
    /// A process was moved into the group with this directory.
    Members(PathBuf),
}

/// Watches groups through inotify: each group's directory, and its `cgroup.events` file, for the kernel announces a change
/// of that file only to who holds its inode. (Measured; a directory watch alone misses most of them.)
///
/// Not fanotify: one mark on the mount reports every mkdir, rmdir and write there, but of `cgroup.events` too only what somebody
/// holds the inode of (measured: a freeze of a parent of 100 groups, one event; with their files held open, 101). So it would
/// take the place of the directories' watches alone, needs `CAP_SYS_ADMIN`, and inotify would be needed beside it all the same.
///
/// In notify 9 to give one watch back costs a look at all others, and it does so by itself for each directory that is said to be
/// removed: a minute for ten thousand groups. So directories are watched under a path that it does not find again
/// (an `alias`), the watches of removed groups are kept, and when these are too many everything is watched anew
/// ([`Self::is_worn`]).
#[derive(Debug)]
pub struct Inotify {
    watcher: RecommendedWatcher,
    /// Groups that are watched, and those that were and are gone.
    alive: HashSet<PathBuf>,
    dead: HashSet<PathBuf>,
    bell: Receiver<()>,
    pending: Pending,
}

/// What was announced and is not taken yet, each once: however often a group flips, it is looked at once.
type Pending = Arc<Mutex<BTreeSet<Hint>>>;

/// How many watches are made at once: no more, for one that fails sends those behind it round again.
const AT_ONCE: usize = 128;

/// Why watching failed for some groups.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The user's limit of watches is reached.
    #[error("inotify watches ran out; raise fs.inotify.max_user_watches")]
    Exhausted,
    /// Something else.
    #[error("inotify failed: {0}")]
    Failed(String),
}

/// How many hints are kept. When more come, everything is looked at again, which is cheaper than so many hints.
const BACKLOG: usize = 8192;

/// Keeps a hint until it is taken.
fn keep(pending: &Pending, hint: Hint) {
    let mut hints = pending.lock().unwrap_or_else(PoisonError::into_inner);
    if hints.contains(&Hint::Everything) {
        return;
    }
    hints.insert(hint);
    if hints.len() > BACKLOG || hints.contains(&Hint::Everything) {
        *hints = BTreeSet::from([Hint::Everything]);
    }
}

impl Inotify {
    /// Starts a watcher that watches nothing yet.
    ///
    /// # Errors
    /// [`WatchError`] where the kernel gives no inotify instance (128 a user by default).
    pub fn new() -> Result<Self, WatchError> {
        let (ring, bell) = bounded(1);
        let pending = Pending::default();
        let kept = Arc::clone(&pending);
        // Only what is wanted is asked for: a mask with IN_OPEN would announce our own reads to us, for ever.
        let kinds = EventKindMask::CREATE
            | EventKindMask::REMOVE
            | EventKindMask::MODIFY_DATA
            | EventKindMask::MODIFY_NAME;
        let handler = move |event: notify::Result<notify::Event>| {
            match event {
                Ok(event) => hints_of(&event).for_each(|hint| keep(&kept, hint)),
                Err(_) => keep(&kept, Hint::Everything),
            }
            // One that was not heard yet is enough.
            let _ = ring.try_send(());
        };
        let config = Config::default().with_event_kinds(kinds).with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(handler, config).map_err(|error| explain(&error))?;
        Ok(Self { watcher, alive: HashSet::new(), dead: HashSet::new(), bell, pending })
    }

    /// Rings when there are hints to [`Self::take`].
    pub fn bell(&self) -> &Receiver<()> {
        &self.bell
    }

    /// The hints that have come since the last time.
    pub fn take(&self) -> BTreeSet<Hint> {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Watches groups; those that are gone meanwhile are passed over.
    ///
    /// # Errors
    /// [`WatchError::Exhausted`] at the limit: what was added before stays watched.
    pub fn watch(&mut self, directories: impl IntoIterator<Item = PathBuf>) -> Result<(), WatchError> {
        let mut operations = Vec::new();
        for directory in directories {
            if self.dead.remove(&directory) {
                operations
                    .extend([PathOp::unwatch(directory.join(EVENTS)), PathOp::unwatch(alias(&directory))]);
            }
            if !self.alive.contains(&directory) {
                operations.extend(
                    [directory.join(EVENTS), alias(&directory)].map(PathOp::watch_non_recursive::<PathBuf>),
                );
                self.alive.insert(directory);
            }
        }
        self.update(operations.into_iter())
    }

    /// Groups are gone, or have another path: whatever is found at this one is to be watched anew.
    pub fn forget(&mut self, directories: impl IntoIterator<Item = PathBuf>) {
        for directory in directories {
            if self.alive.remove(&directory) {
                self.dead.insert(directory);
            }
        }
    }

    /// True when there are so many watches of groups that are gone that a new [`Inotify`] is cheaper than to keep them.
    pub fn is_worn(&self) -> bool {
        self.dead.len() > WORN.max(self.alive.len())
    }

    /// Whether there are watches of groups that are gone.
    pub fn has_dead(&self) -> bool {
        !self.dead.is_empty()
    }

    fn update(&mut self, operations: impl Iterator<Item = PathOp>) -> Result<(), WatchError> {
        let mut operations = operations.peekable();
        while operations.peek().is_some() {
            self.update_some(operations.by_ref().take(AT_ONCE).collect())?;
        }
        Ok(())
    }

    fn update_some(&mut self, mut operations: Vec<PathOp>) -> Result<(), WatchError> {
        while !operations.is_empty() {
            let Err(error) = self.watcher.update_paths(operations) else { return Ok(()) };
            match error.source.kind {
                ErrorKind::MaxFilesWatch => return Err(WatchError::Exhausted),
                // Of one group alone: it is gone, or may not be read.
                _ => operations = error.remaining,
            }
        }
        Ok(())
    }
}

/// So many watches of groups that are gone are kept at least.
const WORN: usize = 1000;

/// Another path of the same directory: `/a/b/../b`. For notify it is not the path at which `/a` has lost `b`.
fn alias(directory: &Path) -> PathBuf {
    match directory.file_name() {
        Some(name) => directory.join("..").join(name),
        None => directory.to_owned(),
    }
}

/// The path without detours through `..`.
fn direct(path: &Path) -> PathBuf {
    let mut direct = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            direct.pop();
        } else {
            direct.push(component);
        }
    }
    direct
}

const EVENTS: &str = "cgroup.events";
/// Writing to these moves processes or threads.
const MEMBERS: [&str; 3] = ["cgroup.procs", "cgroup.threads", "tasks"];

fn hints_of(event: &notify::Event) -> impl Iterator<Item = Hint> {
    let overflow = event.need_rescan().then_some(Hint::Everything);
    event.paths.iter().filter_map(|path| hint(event.kind, &direct(path))).chain(overflow)
}

fn hint(kind: EventKind, path: &Path) -> Option<Hint> {
    let directory = path.parent()?.to_owned();
    match kind {
        // A file of a group goes when the group does.
        EventKind::Remove(_) if path.ends_with(EVENTS) => Some(Hint::Group(directory)),
        EventKind::Create(_) | EventKind::Remove(_) => Some(Hint::Group(path.to_owned())),
        EventKind::Modify(ModifyKind::Name(_)) => Some(Hint::Children(directory)),
        _ if MEMBERS.iter().any(|name| path.ends_with(name)) => Some(Hint::Members(directory)),
        _ => Some(Hint::State(directory)),
    }
}

fn explain(error: &notify::Error) -> WatchError {
    match error.kind {
        ErrorKind::MaxFilesWatch => WatchError::Exhausted,
        _ => WatchError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, DataChange, Flag, RemoveKind, RenameMode};

    fn hints(event: notify::Event) -> Vec<Hint> {
        hints_of(&event).collect()
    }

    #[test]
    fn what_came_or_went_is_named() {
        let came = notify::Event::new(EventKind::Create(CreateKind::Folder)).add_path("/cg/a/new".into());
        assert_eq!(hints(came), [Hint::Group("/cg/a/new".into())]);
        let went = notify::Event::new(EventKind::Remove(RemoveKind::File));
        assert_eq!(hints(went.add_path("/cg/a/cgroup.events".into())), [Hint::Group("/cg/a".into())]);
    }

    #[test]
    fn another_name_is_a_hint_at_the_directory_that_it_is_in() {
        let event = notify::Event::new(EventKind::Modify(ModifyKind::Name(RenameMode::To)));
        assert_eq!(hints(event.add_path("/cg/a/new".into())), [Hint::Children("/cg/a".into())]);
    }

    #[test]
    fn a_group_is_named_by_its_path_without_detours() {
        let path = alias(&PathBuf::from("/cg/a"));
        assert_eq!(path.to_str(), Some("/cg/a/../a"));
        let went = notify::Event::new(EventKind::Remove(RemoveKind::Folder)).add_path(path.join("b"));
        assert_eq!(hints(went), [Hint::Group("/cg/a/b".into())]);
    }

    #[test]
    fn a_written_file_is_a_hint_at_its_group() {
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let state = notify::Event::new(written).add_path("/cg/a/cgroup.events".into());
        assert_eq!(hints(state), [Hint::State("/cg/a".into())]);
        let moved = notify::Event::new(written).add_path("/cg/a/cgroup.procs".into());
        assert_eq!(hints(moved), [Hint::Members("/cg/a".into())]);
    }

    #[test]
    fn a_hint_is_kept_once_and_too_many_are_one() {
        let pending = Pending::default();
        let state = |at: usize| Hint::State(format!("/cg/{at}").into());
        (0..3 * BACKLOG).for_each(|_| keep(&pending, state(0)));
        assert_eq!(pending.lock().unwrap().len(), 1);
        (0..=BACKLOG).for_each(|at| keep(&pending, state(at)));
        keep(&pending, state(1));
        assert_eq!(*pending.lock().unwrap(), BTreeSet::from([Hint::Everything]));
    }

    #[test]
    fn an_overflow_asks_for_everything() {
        let event = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(hints(event), [Hint::Everything]);
    }
}
