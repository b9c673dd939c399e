//! What must be so after a step, as a value.

use super::spot::Spot;
use crate::model::State;

/// Something that is so, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// There is a group.
    Exists(Spot, bool),
    /// A group's own request.
    Asks(Spot, bool),
    /// A group's effective state.
    Is(Spot, State),
    /// A request of a group above is inherited.
    Inherits(Spot, bool),
    /// There is a process in the group or below.
    Populated(Spot, bool),
    /// A process is in a group.
    In(&'static str, Spot),
    /// A process is stopped by a signal.
    Stopped(&'static str, bool),
    /// Its state letter.
    Letter(&'static str, char),
    /// How many threads it has.
    Threads(&'static str, u32),
    /// Its parent is told that it has stopped.
    ParentTold(&'static str, bool),
    /// Its count grows.
    Counts(&'static str),
    /// Its count does not grow, for as long as it would grow by hundreds.
    Still(&'static str),
    /// Its count is the one at which it was last seen to be still.
    Same(&'static str),
    /// It counts on from where it was last seen to be still.
    GoesOn(&'static str),
    /// It is there, and no zombie.
    Lives(&'static str),
    /// It is gone.
    Gone(&'static str),
    /// It is gone, or SIGKILL waits for it.
    Killed(&'static str),
    /// SIGKILL waits for it, and it is still there.
    KillWaits(&'static str),
    /// A process in the group waits in the kernel to take hold of another one.
    Holds(Spot),
    /// criu has begun to write its log into the folder.
    CriuBegan(&'static str),
    /// criu holds the process, and does nothing: for many times as long as a dump takes.
    Hangs(&'static str, &'static str),
    /// criu has ended, with success.
    Dumped(&'static str),
    /// criu has ended, and its log has this message.
    CriuSays(&'static str, &'static str),
    /// `cryoscope checkpoint` has written its report into the folder.
    Reported(&'static str),
    /// `criu restore` was run from the folder, and has ended.
    Restored(&'static str),
}
