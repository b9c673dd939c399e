//! A checkpoint with criu, in five steps; the only layer that starts another program.
//!
//! 1. [`preflight()`] looks, and changes nothing: what would go wrong, why, and what to do.
//! 2. [`plan()`] makes a value of what will run: the same value is shown, printed as a script, and run.
//! 3. [`run()`] starts criu in a session of its own, follows its log, and thaws what criu hangs on. It never kills criu:
//!    criu's code is in the target already, and a target whose criu was killed does not survive the thaw.
//!    Where criu is to end the processes, it asks this program before ([`hook`]) whether the images are proved ([`proof`]).
//! 4. [`verify()`] looks whether the images are there, and processes and freeze flags as promised.
//! 5. [`report::Report`] keeps times, sizes and the command beside the images.

pub mod action_script;
pub mod arg;
mod at_work;
pub mod by_hand;
mod control;
pub mod criu;
pub mod deserted;
pub mod diff;
mod dump;
pub mod dumping;
mod fate;
pub mod finding;
pub mod flag;
mod folder;
pub mod gate;
mod handover;
mod held_pair;
pub mod hook;
pub mod images;
mod journal;
mod log;
mod outcome;
mod patience;
pub mod plan;
pub mod preflight;
mod progress;
pub mod proof;
pub mod refused;
pub mod report;
pub mod rescue;
pub mod restore;
pub mod rights;
pub mod run;
mod run_error;
mod script;
pub mod service;
pub mod step;
pub mod tree;
pub mod verify;
mod watchdog;

pub use at_work::{AtWork, By, Work};
pub use control::Control;
pub use deserted::Deserted;
pub use dumping::Dumping;
pub use finding::{Finding, Level};
pub use folder::ImageFolder;
pub use plan::{Plan, plan};
pub use preflight::{After, Preflight, Preparation, Request, preflight};
pub use progress::Progress;
pub use refused::Refused;
pub use report::Report;
pub use rescue::{Case, RescueError, Stranded, independent, rescue, stranded};
pub use run::{Ran, run};
pub use run_error::RunError;
pub use step::{Dump, Signal, Step};
pub use tree::{Member, Tree};
pub use verify::{Verification, verify};

/// What a failure means to the program that called this one: the exit codes of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Failed for another reason.
    Failed = 1,
    /// A right is missing.
    NotPermitted = 3,
    /// A blocker of the preflight, or an outcome that cannot be had.
    Refused = 4,
    /// The target has gone.
    Gone = 5,
    /// A group did not freeze in time.
    NotFrozen = 6,
    /// criu ended with an error.
    Criu = 7,
}
