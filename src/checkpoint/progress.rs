//! What is reported while a plan runs.

use super::deserted::Deserted;

/// What is reported while a plan runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step begins: the line for a shell that does the same.
    Step(String),
    /// criu runs, with this PID.
    Started(u32),
    /// A line of its log, printable.
    Log(String),
    /// How many bytes of images there are, and about how many there will be.
    Written {
        /// Bytes in the folder.
        bytes: u64,
        /// Resident memory of the trees.
        of: u64,
    },
    /// criu hangs: these groups ask for a freeze. They are thawed now, or as soon as it is said that they may be
    /// ([`Control::rescue`](super::Control::rescue)); criu is left to finish, and they are frozen again.
    Stalled {
        /// Absolute paths of the groups, printable.
        origins: Vec<String>,
        /// They are thawed now.
        thawing: bool,
    },
    /// Processes that criu dumps have ended, and it stands still. Where nothing that it holds lives, it waits for ever: it is
    /// ended now, or as soon as it is said that it may be ([`Control::end_criu`](super::Control::end_criu)).
    Deserted {
        /// Which processes, and which criu.
        found: Deserted,
        /// It is ended now.
        ending: bool,
    },
    /// Something that was put back, or could not be.
    Restored(String),
}
