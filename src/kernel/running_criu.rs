//! The criu processes that hold others, whoever started them.
//!
//! A process is believed to be a criu that holds another one, when three things are so: nobody but trusted people controls it
//! ([`TrustedProcess`]), the file that it executes is a criu, and it traces the other one (`TracerPid` of
//! proc_pid_status(5)). Its arguments say only what it does. So a criu that has not seized anything yet holds nothing; and
//! nothing that an untrusted user starts is taken for a criu, whatever it is called and whatever it traces.

use std::io;

use super::Dir;
use super::processes::{Processes, arguments, pids};
use super::status::Status;
use super::trusted_process::TrustedProcess;
use crate::model::Process;
use crate::model::criu::{is_dump, names_criu};

/// Whether a process is a criu that takes hold of others, and is believed to be one.
pub fn is_criu(pid: i32) -> bool {
    is_dump(&arguments(pid)) && TrustedProcess::open(pid).is_some_and(|process| process.executes(names_criu))
}

/// The processes of a group and of all below it that a criu holds.
///
/// # Errors
/// What reading the group says; what is below and cannot be read is left out.
pub fn held_by_criu(group: &Dir) -> io::Result<Vec<Process>> {
    let mut held = Vec::new();
    let mut processes = Processes::default();
    let is_traced =
        |pid: &i32| Status::read(*pid).ok().flatten().is_some_and(|status| status.tracer().is_some());
    // Mostly nothing is traced, and nothing else has to be read.
    let traced = pids(group)?.into_iter().filter(is_traced);
    held.extend(traced.filter_map(|pid| processes.read(pid)).filter(|process| process.held_by_criu));
    for name in group.children()? {
        if let Some(child) = group.child(&name)? {
            held.extend(held_by_criu(&child).unwrap_or_default());
        }
    }
    Ok(held)
}
