//! What a person likes: what the config says, with defaults for what it leaves out.

use super::keymap::Keymap;
use super::sort::Sort;
use super::theme::Choice;

/// What the config can set, and is no matter of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// The theme.
    pub theme: Choice,
    /// The keys.
    pub keymap: Keymap,
    /// Clicks and the wheel come here from the start.
    pub mouse: bool,
    /// The order of the groups at the start.
    pub sort: Sort,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { theme: Choice::default(), keymap: Keymap::default(), mouse: true, sort: Sort::default() }
    }
}
