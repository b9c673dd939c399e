//! What a key can mean, and when it cannot be done.

use strum::{EnumIter, IntoStaticStr};

use super::App;
use crate::model::{Freezer, Version, printable};

/// One thing that a person can ask for with a key. Its name in the config is the one here, in small letters: `panel-down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
#[allow(missing_docs, reason = "each is described where its keys are: in the key table")]
pub enum Action {
    Down,
    Up,
    First,
    Last,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Left,
    Right,
    Toggle,
    Unfold,
    Fold,
    UnfoldBelow,
    NextPanel,
    PanelProcesses,
    PanelFreeze,
    PanelFiles,
    PanelEvents,
    PanelDown,
    PanelUp,
    Hierarchy,
    Search,
    Filter,
    NextHit,
    PreviousHit,
    Freeze,
    FreezeFor,
    Thaw,
    Checkpoint,
    Rescue,
    Copy,
    Mouse,
    Hold,
    Sort,
    Suspend,
    Palette,
    Help,
    Back,
    Quit,
}

impl Action {
    /// Its name in the config.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Why this cannot be done now; `None` when it can.
    pub(crate) fn unavailable(self, app: &App) -> Option<String> {
        match self {
            Self::Suspend if app.checkpoint_runs() => {
                Some("a checkpoint runs, and criu must not be left alone".to_owned())
            }
            Self::Rescue if app.settings.read_only => Some("started with --read-only".to_owned()),
            Self::Freeze | Self::FreezeFor | Self::Thaw => {
                why_no_write(app).or_else(|| self.wrong_state(app))
            }
            Self::Hierarchy if app.groves.len() < 2 => {
                Some("this host has one hierarchy with a freezer".to_owned())
            }
            Self::NextHit | Self::PreviousHit if app.search.last().is_empty() => {
                Some(format!("nothing was searched for: {} searches", app.keymap().name(Self::Search)))
            }
            Self::Checkpoint if app.selected_node().is_none_or(|n| n.group.freezer == Freezer::Root) => {
                Some("the root group can't be checkpointed".to_owned())
            }
            _ => None,
        }
    }

    fn wrong_state(self, app: &App) -> Option<String> {
        let Some(node) = app.selected_node() else { return Some("no group is there yet".to_owned()) };
        if node.group.freezer == Freezer::Root {
            return Some("the root group has no freezer".to_owned());
        }
        let name = printable(&node.group.name);
        match (self, node.group.freezer.requested()) {
            (Self::Freeze, true) => Some(format!("{name} asks for a freeze already")),
            // A new time may be given to what thaws by itself.
            (Self::FreezeFor, true) if app.thaws_in().is_none() => {
                Some(format!("{name} asks for a freeze already, and not for a time"))
            }
            (Self::Thaw, false) if app.asked_above().is_none() && !app.inherits() => {
                Some(format!("nobody asks for a freeze of {name}"))
            }
            _ => None,
        }
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
