//! Reading the control files of the selected group, while they are shown.

use std::time::Instant;

use super::Eye;
use super::unannounced::VISIBLE;
use crate::kernel::control_files;
use crate::model::{CgroupId, CgroupPath, ControlFile, State};
use crate::watch::observer::Told;

/// What was read last.
pub(super) struct Seen {
    /// Of which group.
    id: CgroupId,
    /// In which state it was.
    state: Option<State>,
    list: Result<Vec<ControlFile>, String>,
    at: Instant,
}

impl Eye<'_> {
    /// Reads them where something was announced (`all`), where another group or another state is looked at, and as long as the
    /// group's processes can change them, or nothing is announced, once in a while.
    pub(super) fn read_files(&mut self, all: bool) {
        let Some(focus) = self.focus.as_ref().filter(|focus| focus.files) else { return self.seen = None };
        let Some(id) = focus.selected else { return };
        let Some((key, node)) = self.tree.find(id).and_then(|key| Some((key, self.tree.get(key)?))) else {
            return;
        };
        let (state, path) = (node.state(), self.tree.path(key));
        let known = self.seen.as_ref().filter(|seen| seen.id == id && seen.state == state);
        // A v1 group that is freezing is looked at more often than these need to be.
        let restless = self.may_stir(node);
        let rests = |seen: &Seen| !restless || seen.at.elapsed() < VISIBLE * 9 / 10;
        if !all && known.is_some_and(rests) {
            return;
        }
        let list = self.files_of(&path, id);
        let told = self.seen.as_ref().is_some_and(|seen| seen.id == id && seen.list == list);
        self.seen = Some(Seen { id, state, list: list.clone(), at: Instant::now() });
        if !told {
            (self.tell)(Told::Files { id, list });
        }
    }

    fn files_of(&self, path: &CgroupPath, id: CgroupId) -> Result<Vec<ControlFile>, String> {
        let group = self.fs.same_group(path, id).map_err(|error| error.to_string())?;
        Ok(group.map_or_else(Vec::new, |group| control_files::read(&group)))
    }
}
