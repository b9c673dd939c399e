//! The only place that opens the cgroup file systems and `/proc`.
//!
//! Groups are read and written through a descriptor of their directory ([`dir::Dir`]), so what was looked at is what is
//! written to, even when a group was removed and made again in between. A group that has vanished is `None`, not an error.

pub mod cause;
pub mod cgroupfs;
pub mod command_line;
pub mod control_files;
pub mod culprits;
pub mod delegated;
pub mod denial;
pub mod descriptors;
pub mod dir;
mod executable;
pub mod find;
pub mod freezer;
pub mod freezing;
pub mod frozen;
pub mod fuse;
pub mod guard;
pub mod held_by_criu;
mod holders;
pub mod host;
pub mod inotify;
pub mod job_control;
pub mod mappings;
pub mod members;
pub mod membership;
pub mod mounts;
pub mod namespaces;
pub mod operand;
pub mod pid_namespace;
pub mod ports;
mod proc;
pub mod processes;
pub mod refused;
pub mod running_criu;
pub mod runtime_folder;
pub mod service_groups;
pub mod signals;
pub mod sockets;
pub mod status;
pub mod symbols;
pub mod target;
pub mod tasks;
pub mod threads;
mod time_in_state;
pub mod trust;
pub mod trusted_process;
pub mod unix_sockets;
pub mod unstoppable;
pub mod v1_hierarchies;
pub mod vfork;
pub mod walk;
pub mod written;

pub use cgroupfs::{Filesystem, Group};
pub use dir::Dir;
pub use status::Status;
pub use walk::Walk;
