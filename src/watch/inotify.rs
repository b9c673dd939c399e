//! Announcements of the kernel, as hints. The only place that knows the notify crate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use notify::event::{EventKindMask, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, EventKind, PathOp, RecommendedWatcher, Watcher};

/// A reason to look again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hint {
    /// Announcements were lost: look at everything.
    Everything,
    /// A group came, or has another name: list this directory.
    Children(PathBuf),
    /// The group with this directory went or has another name, and the watch at this path is gone with it, even where another
    /// group has the path by now.
    Gone(PathBuf),
    /// A control file of the group with this directory was written, or the kernel announced a change of it.
    State(PathBuf),
    /// A process was moved into the group with this directory.
    Members(PathBuf),
}

/// Watches groups through inotify: each group's directory, and its `cgroup.events` file, for the kernel announces a change
/// of that file only to who holds its inode. (Measured; a directory watch alone misses most of them.)
#[derive(Debug)]
pub struct Inotify {
    watcher: RecommendedWatcher,
    hints: Receiver<Hint>,
    overflow: Arc<AtomicBool>,
}

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

/// How many unread hints are kept. When more come, everything is looked at again, which is cheaper than so many hints.
const BACKLOG: usize = 8192;

impl Inotify {
    /// Starts a watcher that watches nothing yet.
    ///
    /// # Errors
    /// [`WatchError`] where the kernel gives no inotify instance (128 a user by default).
    pub fn new() -> Result<Self, WatchError> {
        let (sender, hints) = bounded(BACKLOG);
        let overflow = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&overflow);
        // Only what is wanted is asked for: a mask with IN_OPEN would announce our own reads to us, for ever.
        let kinds = EventKindMask::CREATE
            | EventKindMask::REMOVE
            | EventKindMask::MODIFY_DATA
            | EventKindMask::MODIFY_NAME;
        let handler = move |event: notify::Result<notify::Event>| match event {
            Ok(event) => hints_of(&event).for_each(|hint| send(&sender, &flag, hint)),
            Err(_) => flag.store(true, Ordering::Relaxed),
        };
        let config = Config::default().with_event_kinds(kinds).with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(handler, config).map_err(|error| explain(&error))?;
        Ok(Self { watcher, hints, overflow })
    }

    /// The hints, as they come.
    pub fn hints(&self) -> &Receiver<Hint> {
        &self.hints
    }

    /// True once after hints were lost: everything must be looked at again.
    pub fn take_overflow(&self) -> bool {
        self.overflow.swap(false, Ordering::Relaxed)
    }

    /// Watches groups; those that are gone meanwhile are passed over.
    ///
    /// # Errors
    /// [`WatchError::Exhausted`] at the limit: what was added before stays watched.
    pub fn watch(&mut self, directories: impl IntoIterator<Item = PathBuf>) -> Result<(), WatchError> {
        let both =
            |dir: PathBuf| [PathOp::watch_non_recursive(dir.join(EVENTS)), PathOp::watch_non_recursive(dir)];
        self.update(directories.into_iter().flat_map(both))
    }

    /// Stops watching groups.
    pub fn unwatch(&mut self, directories: impl IntoIterator<Item = PathBuf>) {
        let both = |dir: PathBuf| [PathOp::unwatch(dir.join(EVENTS)), PathOp::unwatch(dir)];
        // A watch that is gone with its group is what is wanted here.
        let _ = self.update(directories.into_iter().flat_map(both));
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

const EVENTS: &str = "cgroup.events";
/// Writing to these moves processes or threads.
const MEMBERS: [&str; 3] = ["cgroup.procs", "cgroup.threads", "tasks"];

fn send(sender: &Sender<Hint>, overflow: &AtomicBool, hint: Hint) {
    if let Err(TrySendError::Full(_)) = sender.try_send(hint) {
        overflow.store(true, Ordering::Relaxed);
    }
}

fn hints_of(event: &notify::Event) -> impl Iterator<Item = Hint> {
    let overflow = event.need_rescan().then_some(Hint::Everything);
    event.paths.iter().filter_map(|path| hint(event.kind, path)).chain(overflow)
}

fn hint(kind: EventKind, path: &Path) -> Option<Hint> {
    let directory = path.parent()?.to_owned();
    match kind {
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            Some(Hint::Gone(path.to_owned()))
        }
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => Some(Hint::Children(directory)),
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
    use notify::event::{CreateKind, DataChange, Flag, RemoveKind};

    fn hints(event: notify::Event) -> Vec<Hint> {
        hints_of(&event).collect()
    }

    #[test]
    fn a_new_directory_is_a_hint_at_its_parent() {
        let event = notify::Event::new(EventKind::Create(CreateKind::Folder)).add_path("/cg/a/new".into());
        assert_eq!(hints(event), [Hint::Children("/cg/a".into())]);
    }

    #[test]
    fn a_directory_that_went_or_was_renamed_takes_its_watch_along() {
        let went = notify::Event::new(EventKind::Remove(RemoveKind::Folder)).add_path("/cg/a".into());
        assert_eq!(hints(went), [Hint::Gone("/cg/a".into())]);
        let kind = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        let renamed = notify::Event::new(kind).add_path("/cg/a".into()).add_path("/cg/b".into());
        assert_eq!(hints(renamed), [Hint::Children("/cg".into()), Hint::Children("/cg".into())]);
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
    fn an_overflow_asks_for_everything() {
        let event = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(hints(event), [Hint::Everything]);
    }
}
