//! What a key can mean.

use strum::{EnumIter, IntoStaticStr};

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
    FoldBelow,
    LevelMore,
    LevelLess,
    Mark,
    MarkBelow,
    Unmark,
    Jump,
    NextPanel,
    PanelProcesses,
    PanelFreeze,
    PanelFiles,
    PanelEvents,
    PanelDown,
    PanelUp,
    PanelAlone,
    BorderLeft,
    BorderRight,
    Order,
    Signal,
    Export,
    Hierarchy,
    Search,
    Filter,
    NextHit,
    PreviousHit,
    Freeze,
    FreezeFor,
    Thaw,
    CancelFreeze,
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
}
