//! A restore with criu, in the same steps as a checkpoint.
//!
//! 1. [`preflight()`] looks at images and host, and changes nothing.
//! 2. [`plan()`] makes the value that is shown, printed as a script, and run.
//! 3. [`run()`] starts criu, one tree after the other. Several trees come all or not at all: each is left stopped until all
//!    are there, then all go on at once; where one fails, those before it are ended again, for their images are still there.
//!    A [`copy`] comes into a namespace of its own, which ends where a step fails.
//! 4. [`verify()`] looks whether every process is as the images have it.
//!
//! Measured with criu 4.1.1 on Linux 6.18: `--leave-stopped` lets a process run not one step; a restore into a frozen group
//! hangs until the group is thawed, on both hierarchies; a page image that is cut off makes criu read it for ever.

pub mod copy;
mod files;
mod groups;
mod numbers;
mod options;
mod pid_mapping;
pub mod plan;
mod ports;
pub mod preflight;
mod reaper;
pub mod report;
pub mod run;
mod runtime_files;
pub mod scope;
mod script;
pub mod stall;
pub mod step;
mod stored;
pub mod tree;
mod units;
pub mod verify;

pub use options::lost_timers;
pub use plan::{Plan, plan};
pub use preflight::{Preflight, Request, look_at_images, preflight};
pub use report::Report;
pub use run::{Ran, RunError, run};
pub use step::{Restore, Step};
pub use tree::{Group, Member, Tree};
pub use verify::verify;
