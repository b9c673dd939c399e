//! Reading the control files of the selected group, while they are shown.

use std::time::Instant;

use super::Watcher;
use crate::kernel::control_files;
use crate::model::{CgroupId, CgroupPath, ControlFile, State};
use crate::watch::message::Message;
use crate::watch::schedule::POLL_INTERVAL;

/// What was read last.
pub(super) struct LastFiles {
    /// Of which group.
    id: CgroupId,
    /// In which state it was.
    state: Option<State>,
    list: Result<Vec<ControlFile>, String>,
    at: Instant,
}

impl Watcher<'_> {
    /// Reads them where something was announced (`all`), where another group or another state is looked at, and as long as the
    /// group's processes can change them, or nothing is announced, once in a while.
    pub(super) fn read_files(&mut self, all: bool) {
        let Some(focus) = self.focus.as_ref().filter(|focus| focus.files) else {
            return self.last_files = None;
        };
        let Some(id) = focus.selected else { return };
        let Some((key, node)) = self.tree.find(id).and_then(|key| Some((key, self.tree.get(key)?))) else {
            return;
        };
        let (state, path) = (node.state(), self.tree.path(key));
        let known = self.last_files.as_ref().filter(|seen| seen.id == id && seen.state == state);
        // A v1 group that is freezing is looked at more often than these need to be.
        let restless = self.may_change_silently(node);
        let rests = |seen: &LastFiles| !restless || seen.at.elapsed() < POLL_INTERVAL * 9 / 10;
        if !all && known.is_some_and(rests) {
            return;
        }
        let list = self.files_of(&path, id);
        let already_sent = self.last_files.as_ref().is_some_and(|seen| seen.id == id && seen.list == list);
        self.last_files = Some(LastFiles { id, state, list: list.clone(), at: Instant::now() });
        if !already_sent {
            (self.send)(Message::Files { id, list });
        }
    }

    fn files_of(&self, path: &CgroupPath, id: CgroupId) -> Result<Vec<ControlFile>, String> {
        let group = self.fs.same_group(path, id).map_err(|error| error.to_string())?;
        Ok(group.map_or_else(Vec::new, |group| control_files::read(&group)))
    }
}
