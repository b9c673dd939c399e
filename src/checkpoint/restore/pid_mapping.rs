//! The host PIDs of restored processes, which differ from those in the images where they are in a PID namespace of their own.

use std::collections::BTreeMap;
use std::path::Path;

use super::plan::PID_FILE;
use super::tree::Tree;
use crate::kernel::Status;
use crate::kernel::processes::Processes;
use crate::model::Process;
use crate::model::process::descendants;

/// By the numbers of the images. `init`: PID 1 of the namespace of a copy, by its number here.
pub(super) fn host_pids(tree: &Tree, init: Option<i32>) -> BTreeMap<i32, i32> {
    if let Some(init) = init {
        return of_namespace(init).into_iter().filter(|&(_, here)| here != init).collect();
    }
    if !tree.own_pids {
        return tree.processes.iter().map(|member| (member.pid, member.pid)).collect();
    }
    let file = Path::new(&tree.images.0).join(PID_FILE);
    let root = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    root.map(of_namespace).unwrap_or_default()
}

/// A process that is PID 1 of its namespace, and all below it.
fn of_namespace(root: i32) -> BTreeMap<i32, i32> {
    let all = Processes::default().all();
    // The innermost number is the one of the images (`NSpid` of proc_pid_status(5)).
    let inner = |process: &&Process| {
        let numbers = Status::read(process.id.pid).ok()??.numbers("NSpid")?;
        Some((*numbers.last()?, process.id.pid))
    };
    descendants(&all, root).iter().filter_map(inner).collect()
}
