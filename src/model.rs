//! What the kernel says, in the kernel's words.
//!
//! Everything here is a value or a function of values: no file is opened, no clock is read, nothing is drawn.
//! The layers above read the kernel ([`crate::kernel`]) and bring the results here.

pub mod cgroup;
pub mod control_file;
pub mod criu;
pub mod culprit;
pub mod filter;
pub mod freezer;
pub mod hierarchy;
pub mod namespace_path;
pub mod owner;
pub mod printable;
pub mod process;
pub mod shell;
pub mod span;
pub mod thread;
pub mod time_left;
pub mod tree;
pub mod version;

pub use cgroup::{Cgroup, CgroupId, CgroupPath};
pub use control_file::{Contents, ControlFile};
pub use culprit::{Culprit, Culprits};
pub use freezer::{Freezer, State};
pub use hierarchy::{Hierarchies, Hierarchy, Setup};
pub use namespace_path::{MountRoot, NamespacePath, Place};
pub use owner::Owner;
pub use printable::printable;
pub use process::{Process, ProcessId};
pub use thread::Thread;
pub use time_left::{TimeLeft, TimedFreeze, TimerState};
pub use tree::{Change, Tree};
pub use version::Version;
