//! The processes of a group that a criu holds.

use std::io;

use super::Dir;
use super::members::pids;
use super::processes::Processes;
use super::status::Status;
use crate::model::Process;

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
