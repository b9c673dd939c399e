//! A line that is asked for below the groups: where to go, or where to write.

use tui_input::Input;

/// What it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A process, a unit, a container or a path to go to.
    Jump,
    /// A file for the events.
    Export,
}

impl Asks {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Jump => " go to PID, unit, container or path: ",
            Self::Export => " save the events to a new file: ",
        }
    }
}

/// The line, as far as it is typed.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) asks: Asks,
    pub(crate) input: Input,
}

impl Prompt {
    pub(crate) fn new(asks: Asks, proposal: String) -> Self {
        Self { asks, input: Input::new(proposal) }
    }
}
