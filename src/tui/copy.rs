//! The text that goes to the clipboard.

use super::story::write_request;
use super::{App, Panel, files_panel};
use crate::model::shell;

/// The text to copy: on the Freeze panel the command that does what the key does, on Files the one that reads, else the path.
pub(crate) fn to_copy(app: &App) -> Option<String> {
    if let Some(command) = files_panel::to_copy(app).filter(|_| app.panel == Panel::Files) {
        return Some(command);
    }
    let (target, hierarchy) = (app.selected_target()?, app.hierarchy()?);
    if app.panel == Panel::Freeze && !target.path.is_root() {
        let asks = app.selected_node().is_some_and(|node| node.group.freezer.requested());
        return Some(write_request(hierarchy, &target.path, !asks));
    }
    Some(shell::quoted(hierarchy.absolute(&target.path).as_os_str()))
}
