//! Whether a timer that lives can run.

use crate::kernel::cgroupfs::Filesystem;
use crate::kernel::freezer::asking_ancestor;
use crate::kernel::membership::open_group_of;
use crate::kernel::processes::Processes;
use crate::model::{Hierarchies, Hierarchy, ProcessId, State, TimerState};

/// The state of a timer's process. However busy the host is, one that waits for a CPU or for a checkpoint runs: only a signal, a
/// tracer or a freezer keeps it from its work. What cannot be read does not keep it.
pub(super) fn state(timer: ProcessId, hosts: &Hierarchies) -> TimerState {
    let Some(process) = Processes::default().read(timer.pid).filter(|process| process.id == timer) else {
        return TimerState::Gone;
    };
    if matches!(process.state, 'T' | 't') {
        return TimerState::Stopped;
    }
    let is_frozen = hosts.iter().any(|hierarchy| freezes(hierarchy, timer.pid));
    if is_frozen { TimerState::Frozen } else { TimerState::Runs }
}

/// Whether the group of a process, or one above, requests a freeze.
fn freezes(hierarchy: &Hierarchy, pid: i32) -> bool {
    let Ok(fs) = Filesystem::open(hierarchy.clone()) else { return false };
    let Ok(Some(group)) = open_group_of(pid, &fs) else { return false };
    let inherited = asking_ancestor(&fs, &group.path).is_some();
    let state = group.read().ok().flatten().and_then(|read| read.freezer.state(inherited));
    matches!(state, Some(State::Freezing | State::Frozen))
}
