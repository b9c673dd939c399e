//! The groups of a hierarchy that hold threads frozen.

use std::collections::HashMap;
use std::path::PathBuf;

use super::cgroupfs::Filesystem;
use super::frozen::is_held;
use super::membership::group_of;
use crate::model::{CgroupPath, Hierarchy, State, Thread};

/// Finds them; each group is read once.
#[derive(Debug)]
pub(super) struct Holders<'a> {
    hierarchy: Option<&'a Hierarchy>,
    groups: HashMap<CgroupPath, Option<(PathBuf, State)>>,
}

impl<'a> Holders<'a> {
    /// Those of this hierarchy; of none where it is not mounted.
    pub(super) fn new(hierarchy: Option<&'a Hierarchy>) -> Self {
        Self { hierarchy, groups: HashMap::new() }
    }

    /// The group, absolute, that holds a thread in its freezer.
    pub(super) fn of(&mut self, thread: &Thread) -> Option<PathBuf> {
        let hierarchy = self.hierarchy?;
        let path = group_of(thread.tid, hierarchy).ok()?.group()?;
        let read = |path: &CgroupPath| {
            let group = Filesystem::open(hierarchy.clone()).ok()?.group(path).ok()??;
            let read = group.read().ok()??;
            Some((group.absolute, read.freezer.state(false)?))
        };
        let (holder, state) = self.groups.entry(path).or_insert_with_key(read).as_ref()?;
        // In a group that is frozen all are held.
        let holds =
            *state == State::Frozen || *state == State::Freezing && is_held(thread, hierarchy.version);
        holds.then(|| holder.clone())
    }
}
