//! While criu works: its processes are left to this program, and no signal ends it half-way.

use std::time::{Duration, Instant};

use nix::sys::prctl::{get_child_subreaper, set_child_subreaper};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What a person or a terminal sends to end or stop a program. A child of this thread inherits that they wait.
const HELD: [Signal; 5] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP];

/// Until it is dropped, this program is the nearest reaper (`PR_SET_CHILD_SUBREAPER`, prctl(2)), and signals wait.
#[derive(Debug)]
pub(super) struct Reaper {
    was_subreaper: bool,
    mask: Option<SigSet>,
}

impl Reaper {
    pub(super) fn new() -> Self {
        let was_subreaper = get_child_subreaper().unwrap_or(false);
        // Where it fails, criu leaves its processes to another reaper, which does as well.
        let _ = set_child_subreaper(true);
        let mask = SigSet::thread_get_mask().ok();
        let _ = SigSet::from_iter(HELD).thread_block();
        Self { was_subreaper, mask }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        let _ = set_child_subreaper(self.was_subreaper);
        let _ = self.mask.as_ref().map(SigSet::thread_set_mask);
    }
}

/// How long a process that was killed may take to end. One that is frozen through v1 does not, until it is thawed.
const END: Duration = Duration::from_secs(5);

/// Waits until these are gone, and asks for their exit codes where they are children of this program. Those that are not gone
/// in time.
pub(super) fn reap(pids: &[i32]) -> Vec<i32> {
    let deadline = Instant::now() + END;
    let mut left = pids.to_vec();
    loop {
        // A grandchild becomes a child when its parent is reaped, so each is asked again.
        left.retain(|&pid| !is_gone(pid));
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Asks for the exit codes of what a criu that failed has left of its process group: its helper ends a little after it.
pub(super) fn reap_group(group: i32) {
    let deadline = Instant::now() + Duration::from_secs(1);
    while let Ok(status) = waitpid(Pid::from_raw(-group), Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            if Instant::now() > deadline {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Asks for the exit codes of those that are children of this program: a criu that fails kills what it has made, and leaves
/// it to the nearest reaper. Parents come first, for what is below a living one comes here later.
pub(super) fn reap_children(pids: impl IntoIterator<Item = i32>) {
    let deadline = Instant::now() + END;
    for pid in pids {
        while Instant::now() < deadline
            && matches!(waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
        {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn is_gone(pid: i32) -> bool {
    match waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) => false,
        Ok(_) => true,
        // No child of this program: somebody else reaps it.
        Err(_) => crate::kernel::command_line::comm(pid).is_none(),
    }
}
