//! What a step does, as a value.

use super::spot::Spot;
use crate::checkpoint::After;

/// Something that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing: there is something to look at.
    Look,
    /// A group is made.
    Make(Spot),
    /// An empty group is removed.
    Remove(Spot),
    /// A group's own request for a freeze is written.
    Freeze(Spot),
    /// It is taken back.
    Thaw(Spot),
    /// A process is moved into a group.
    Move(&'static str, Spot),
    /// A process gets a signal.
    Signal(&'static str, Sent),
    /// A debugger takes hold of a process; it runs in a group itself.
    Debug(&'static str, Spot),
    /// `criu dump` by hand, which leaves the process running.
    Dump(Dump),
    /// `cryoscope checkpoint`.
    Checkpoint {
        /// Of which group.
        group: Spot,
        /// Into which folder of the lesson.
        images: &'static str,
        /// What becomes of the processes.
        after: Option<After>,
    },
    /// `cryoscope restore` of a folder of the lesson.
    Restore(&'static str),
}

/// A signal that the lessons send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// SIGSTOP
    Stop,
    /// SIGCONT
    Continue,
    /// SIGKILL
    Kill,
}

/// A `criu dump` by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dump {
    /// The root of the process tree.
    pub who: &'static str,
    /// The folder of the lesson that the images go to.
    pub images: &'static str,
    /// What is behind `--freeze-cgroup`.
    pub told: Told,
}

/// What criu is told of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// Its absolute path.
    Absolute(Spot),
    /// Its path below the hierarchy's root, as `/proc/PID/cgroup` has it.
    Relative(Spot),
}

/// A `criu dump` of a process into a folder, told of a group or of none.
pub const fn dump(who: &'static str, images: &'static str, told: Told) -> Act {
    Act::Dump(Dump { who, images, told })
}
