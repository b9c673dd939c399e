//! What the kernel's announcements mean, as hints.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use notify::EventKind;
use notify::event::ModifyKind;

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

/// How many hints are kept. When more come, everything is looked at again, which is cheaper than so many hints.
const MAX_HINTS: usize = 8192;

/// Hints that were not taken yet, each once: however often a group flips, it is looked at once. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Hints {
    pending: Arc<Mutex<BTreeSet<Hint>>>,
    ring: Sender<()>,
    bell: Receiver<()>,
}

impl Hints {
    pub(super) fn new() -> Self {
        let (ring, bell) = bounded(1);
        Self { pending: Arc::default(), ring, bell }
    }

    /// Rings when there are hints to [`Self::take`], or when something else is to be looked at.
    pub(super) fn bell(&self) -> &Receiver<()> {
        &self.bell
    }

    /// Rings the bell. One ring that was not heard yet is enough.
    pub(super) fn ring(&self) {
        let _ = self.ring.try_send(());
    }

    /// The hints that have come since the last time.
    pub(super) fn take(&self) -> BTreeSet<Hint> {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what an announcement hints at, and rings.
    pub(super) fn announce(&self, event: notify::Result<notify::Event>) {
        match event {
            Ok(event) => hints_of(&event).for_each(|hint| self.keep(hint)),
            Err(_) => self.keep(Hint::Everything),
        }
        self.ring();
    }

    fn keep(&self, hint: Hint) {
        let mut hints = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if hints.contains(&Hint::Everything) {
            return;
        }
        hints.insert(hint);
        if hints.len() > MAX_HINTS || hints.contains(&Hint::Everything) {
            *hints = BTreeSet::from([Hint::Everything]);
        }
    }
}

/// The file whose change the kernel announces to who holds its inode.
pub(super) const EVENTS: &str = "cgroup.events";
/// Writing to these moves processes or threads.
const MEMBERS: [&str; 3] = ["cgroup.procs", "cgroup.threads", "tasks"];

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
        let went = notify::Event::new(EventKind::Remove(RemoveKind::Folder));
        assert_eq!(hints(went.add_path("/cg/a/../a/b".into())), [Hint::Group("/cg/a/b".into())]);
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
        let kept = Hints::new();
        let state = |at: usize| Hint::State(format!("/cg/{at}").into());
        (0..3 * MAX_HINTS).for_each(|_| kept.keep(state(0)));
        assert_eq!(kept.take().len(), 1);
        (0..=MAX_HINTS).for_each(|at| kept.keep(state(at)));
        kept.keep(state(1));
        assert_eq!(kept.take(), BTreeSet::from([Hint::Everything]));
    }

    #[test]
    fn an_overflow_asks_for_everything() {
        let event = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(hints(event), [Hint::Everything]);
    }
}
