//! What goes out: all that the screen asks of the world.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::signal::Signal;
use super::target::Target;
use crate::checkpoint::{After, Finding, Plan};
use crate::model::{CgroupId, CgroupPath, ProcessId, Version};

/// Something for the world to do. Commands are begun in their order, and none waits for the end of another; the answers are events.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// What is on screen: only that needs to be read again. Sent when it changed.
    Focus {
        /// Which hierarchy is shown.
        version: Version,
        /// The groups on visible rows, from the top.
        visible: Vec<CgroupId>,
        /// The one whose processes are wanted.
        selected: Option<CgroupId>,
        /// Its control files are wanted, too.
        files: bool,
    },
    /// Ask for a freeze.
    Freeze {
        /// In which hierarchy.
        version: Version,
        /// The group's identity: if another group has the path now, nothing is written.
        id: CgroupId,
        /// Where it was seen.
        path: CgroupPath,
        /// The person typed the group's name to go past a guard.
        force: bool,
        /// After this time it is thawed, whatever has become of this program.
        span: Option<Duration>,
    },
    /// Take the group's own request back.
    Thaw {
        /// In which hierarchy.
        version: Version,
        /// The group's identity.
        id: CgroupId,
        /// Where it was seen.
        path: CgroupPath,
    },
    /// Cancel the freeze of a group that is under way: its request is taken back.
    CancelFreeze {
        /// In which hierarchy.
        version: Version,
        /// The group's identity.
        id: CgroupId,
    },
    /// Say which guard would refuse to freeze a group, and who owns it: [`super::Event::Guard`].
    Inspect {
        /// In which hierarchy.
        version: Version,
        /// The group's identity.
        id: CgroupId,
        /// Where it was seen.
        path: CgroupPath,
    },
    /// Look at what a checkpoint of a group would find and run: [`super::Event::Looked`].
    Look {
        /// In which hierarchy.
        version: Version,
        /// The group's identity.
        id: CgroupId,
        /// Where it was seen.
        path: CgroupPath,
        /// The folder for the images; one is proposed where it is left out.
        into: Option<String>,
        /// What is to become of the processes.
        after: Option<After>,
        /// Options for criu, as they were typed.
        options: String,
    },
    /// Run a checkpoint: [`super::Event::Checkpoint`].
    Run {
        /// What runs.
        plan: Arc<Plan>,
        /// What was known before, for the report.
        findings: Vec<Finding>,
    },
    /// What the running criu hangs on may be thawed until it has ended.
    LetRescue,
    /// The running criu may be ended, where it waits for ever for what is gone.
    LetEnd,
    /// No further criu is to be started by the running checkpoint.
    Stop,
    /// Look for what is to be rescued on this host: [`super::Event::Stranded`].
    FindStranded,
    /// Rescue it: what is described so, and nothing else.
    Rescue(Vec<String>),
    /// Say in which group a process is: [`super::Event::Located`].
    Locate {
        /// In which hierarchy.
        version: Version,
        /// The process.
        pid: i32,
    },
    /// Say in which groups of the other hierarchy the processes are that a group holds: [`super::Event::Held`].
    FindHeld {
        /// In which hierarchy.
        version: Version,
        /// The group.
        id: CgroupId,
        /// Where it was seen.
        path: CgroupPath,
    },
    /// Say whose these groups are: [`super::Event::Owners`].
    AskOwners {
        /// In which hierarchy.
        version: Version,
        /// Which groups, and where they were seen.
        groups: Vec<(CgroupId, CgroupPath)>,
    },
    /// Say when timers thaw these groups: [`super::Event::Timers`].
    FindTimers(Vec<CgroupId>),
    /// Say what keeps a group from freezing: [`super::Event::Culprits`].
    FindCulprits {
        /// In which hierarchy.
        version: Version,
        /// The group's identity.
        id: CgroupId,
        /// Where it was seen.
        path: CgroupPath,
    },
    /// Ask systemd what it believes of a unit: [`super::Event::Systemd`].
    AskSystemd {
        /// The unit's group.
        id: CgroupId,
        /// Where it was seen.
        path: CgroupPath,
        /// Its own request, as it is known here.
        requested: bool,
    },
    /// Send a signal to a process, and to no other that has its PID by now: [`super::Event::Signalled`].
    Signal {
        /// Which process.
        process: ProcessId,
        /// Which signal.
        signal: Signal,
    },
    /// Write events into a new file: [`super::Event::Exported`].
    Export {
        /// Its path; nothing may be there.
        file: PathBuf,
        /// A line each.
        events: String,
    },
    /// Put text on the clipboard.
    Copy(String),
    /// Take the mouse's clicks and wheel, or leave the mouse to the terminal.
    Mouse(bool),
    /// Stop the program as the terminal's Ctrl-Z would, with the terminal given back meanwhile.
    Suspend,
    /// Take the terminal again, and draw everything anew.
    TakeTerminal,
    /// Leave.
    Quit,
}

impl Command {
    /// The thaw of a group.
    pub(crate) fn thaw(target: Target) -> Self {
        Self::Thaw { version: target.version, id: target.id, path: target.path }
    }
}
