//! Why an action cannot be done now.

use super::{Action, App, FreezeAction, events_panel, processes};
use crate::model::{Freezer, Version, printable};

impl Action {
    /// Why this cannot be done now; `None` when it can.
    pub(crate) fn unavailable(self, app: &App) -> Option<String> {
        match self {
            Self::Suspend if app.checkpoint_runs() => Some("can't suspend while criu is running".to_owned()),
            Self::Rescue if app.settings.read_only => Some("started with --read-only".to_owned()),
            Self::CancelFreeze if app.under_way.freezes().next().is_none() => {
                Some("no freeze in progress".to_owned())
            }
            Self::Freeze | Self::FreezeFor | Self::Thaw if app.marks() > 0 => {
                why_no_write(app).or_else(|| self.wrong_marks(app))
            }
            Self::Freeze | Self::FreezeFor | Self::Thaw => {
                why_no_write(app).or_else(|| self.wrong_state(app))
            }
            Self::Signal if app.settings.read_only => Some("started with --read-only".to_owned()),
            Self::Signal | Self::Order if !processes::has_the_keys(app) => {
                let key = app.keymap().name(Self::PanelProcesses);
                Some(format!("only in the Processes panel: {key} shows it"))
            }
            Self::Signal if processes::chosen(app).is_none() => {
                Some("the group itself has no processes".to_owned())
            }
            Self::Export if events_panel::is_empty(app) => Some("no events yet".to_owned()),
            Self::BorderLeft | Self::BorderRight if app.layout().is_none_or(|l| l.border().is_none()) => {
                Some("the tree and the panel are not side by side".to_owned())
            }
            Self::Unmark if app.marks() == 0 => {
                Some(format!("no group is marked: {} marks", app.keymap().name(Self::Mark)))
            }
            Self::Hierarchy if app.groves.len() < 2 => {
                Some("this host has one hierarchy with a freezer".to_owned())
            }
            Self::NextHit | Self::PreviousHit if app.search.last().is_empty() => {
                Some(format!("no search yet: {} searches", app.keymap().name(Self::Search)))
            }
            Self::Checkpoint if app.selected_node().is_none_or(|n| n.group.freezer == Freezer::Root) => {
                Some("the root group can't be checkpointed".to_owned())
            }
            _ => None,
        }
    }

    fn wrong_state(self, app: &App) -> Option<String> {
        let Some(node) = app.selected_node() else { return Some("no groups yet".to_owned()) };
        if node.group.freezer == Freezer::Root {
            return Some("the root group has no freezer".to_owned());
        }
        let name = printable(&node.group.name);
        let under_way = app.under_way.of(node.group.id);
        match (self, node.group.freezer.requested()) {
            (Self::Freeze | Self::FreezeFor, _) if under_way == Some(FreezeAction::Freeze) => {
                Some(format!("{name} is being frozen: {} cancels", app.keymap().name(Self::CancelFreeze)))
            }
            // The request may not be written yet: a thaw cancels the freeze all the same.
            (Self::Thaw, false) if under_way == Some(FreezeAction::Freeze) => None,
            (Self::Freeze, true) => Some(format!("{name} is already frozen or freezing")),
            // A new time may be given to what thaws by itself.
            (Self::FreezeFor, true) if app.selected_timed().is_none() => {
                Some(format!("{name} is already frozen or freezing, without a time limit"))
            }
            (Self::Thaw, false) if app.asked_above().is_none() && !app.inherits() => {
                Some(format!("{name} is not frozen"))
            }
            _ => None,
        }
    }
}

impl Action {
    /// For the marked groups: nothing is to be done where all are so already.
    fn wrong_marks(self, app: &App) -> Option<String> {
        let (thaw, word) = if self == Self::Thaw {
            (true, "has its own freeze set")
        } else {
            (false, "can still be frozen")
        };
        (!app.is_any_marked_that(thaw)).then(|| format!("none of the marked groups {word}"))
    }
}

fn why_no_write(app: &App) -> Option<String> {
    if app.settings.read_only {
        return Some("started with --read-only".to_owned());
    }
    let hierarchy = app.hierarchy()?;
    let name = if hierarchy.version == Version::V1 { "the v1 freezer" } else { "cgroup v2" };
    hierarchy.read_only.then(|| format!("{name} is mounted read-only"))
}
