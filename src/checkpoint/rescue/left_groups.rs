//! The groups of a copy whose keeper was killed.

use crate::checkpoint::at_work::Claim;
use crate::checkpoint::restore::copy::LeftGroups;
use crate::model::printable;
use crate::model::shell::quoted;

use super::RescueError;

/// The groups of a copy that has ended with its keeper.
#[derive(Debug)]
pub struct CopyGroups(pub(super) LeftGroups);

impl CopyGroups {
    /// Their paths, in words.
    fn shown(&self) -> String {
        let shown = self.0.paths().map(|path| printable(path.as_os_str().as_encoded_bytes()).into_owned());
        shown.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn what(&self) -> String {
        format!(
            "the keeper of a copy (process {}) was killed, and the copy with it: what it has left is removed, {}",
            self.0.keeper(),
            self.shown()
        )
    }

    pub(super) fn claim(&self) -> Claim {
        Claim { processes: Vec::new(), written: self.0.ids(), bearing: self.0.ids() }
    }

    pub(super) fn shell(&self) -> Vec<String> {
        let remove = |path: &std::path::PathBuf| {
            format!("find {} -depth -type d -exec rmdir {{}} \\;", quoted(path.as_os_str()))
        };
        self.0.paths().map(remove).collect()
    }

    pub(super) fn rescue(self) -> Result<Vec<String>, RescueError> {
        let shown = self.shown();
        match self.0.remove() {
            Ok(()) => Ok(vec![format!("removed: {shown}")]),
            Err(error) => Err(RescueError::Groups { shown, error }),
        }
    }
}
