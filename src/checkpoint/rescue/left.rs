//! A criu, started by anybody, that waits for ever: all that it dumps is gone.

use std::time::{Duration, Instant};

use super::RescueError;
use crate::checkpoint::Progress;
use crate::checkpoint::deserted::{self, STILL, Stillness};
use crate::checkpoint::dumping::held;
use crate::kernel::processes::Processes;
use crate::model::{Process, ProcessId};

/// A criu, and what it dumped.
#[derive(Debug)]
pub(super) struct Left {
    pub criu: ProcessId,
    /// All of them are gone.
    pub targets: Vec<ProcessId>,
}

impl Left {
    fn is_left(&self, still: Duration) -> bool {
        deserted::look(self.criu.pid, &self.targets, still).is_some_and(|found| found.alive.is_empty())
    }

    /// Ends it, where still nothing that it holds lives.
    pub(super) fn rescue(&self, tell: &mut dyn FnMut(Progress)) -> Result<(), RescueError> {
        if !self.is_left(STILL) {
            tell(Progress::Restored(format!("criu (process {}) continues by itself", self.criu.pid)));
            return Ok(());
        }
        deserted::end(self.criu).map_err(RescueError::End)
    }

    pub(super) fn shell(&self) -> Vec<String> {
        vec![format!("kill {}", self.criu.pid)]
    }
}

/// Every criu of this host that stands still, and of whose targets none lives. Takes as long as that must be: one that moves
/// meanwhile is left out, and not waited for.
pub(super) fn look() -> Vec<Left> {
    let start = |left: Left| {
        let stillness = Stillness::of(left.criu.pid);
        (left, stillness)
    };
    let mut still: Vec<(Left, Stillness)> = suspects().into_iter().map(start).collect();
    let deadline = Instant::now() + STILL;
    while !still.is_empty() && Instant::now() < deadline {
        still.retain_mut(|(_, stillness)| stillness.lasts());
        std::thread::sleep(Duration::from_millis(50));
    }
    still.into_iter().map(|(left, _)| left).filter(|left| left.is_left(STILL)).collect()
}

/// What criu holds is there to be found, ended as it is: whoever ended it is not told as long as criu traces it (ptrace(2)).
fn suspects() -> Vec<Left> {
    let mut processes = Processes::default();
    let all = processes.all();
    let suspect = |(criu, held): (i32, Vec<&Process>)| {
        let criu = processes.read(criu).filter(|criu| criu.state == 'S')?;
        let left = Left { criu: criu.id, targets: held.iter().map(|process| process.id).collect() };
        left.is_left(Duration::ZERO).then_some(left)
    };
    held(&all).into_iter().filter_map(suspect).collect()
}
