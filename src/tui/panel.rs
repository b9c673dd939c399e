//! The panels beside the groups.

/// What the panel beside the groups shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    /// The processes of the selected group.
    Processes,
    /// The story of its freeze.
    Freeze,
    /// Its control files.
    Files,
    /// What happened to it and below.
    Events,
}

impl Panel {
    /// All, in the order of their keys.
    pub(crate) const ALL: [Self; 4] = [Self::Processes, Self::Freeze, Self::Files, Self::Events];

    /// The next one; `None` after the last.
    pub(crate) fn next(self) -> Option<Self> {
        Self::ALL.iter().copied().skip_while(|panel| *panel != self).nth(1)
    }
}
