//! A criu, started by anybody, that waits for ever: all that it dumps is gone.

use std::time::Duration;

use super::RescueError;
use crate::checkpoint::Progress;
use crate::checkpoint::deserted::{self, STILL, Stillness};
use crate::checkpoint::dumping::is_of_this_namespace;
use crate::kernel::processes::{Processes, arguments};
use crate::kernel::tasks::sleeps;
use crate::model::criu::{is_dump, root};
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
            tell(Progress::Restored(format!("criu (process {}) goes on by itself", self.criu.pid)));
            return Ok(());
        }
        deserted::end(self.criu).map_err(RescueError::End)
    }

    pub(super) fn shell(&self) -> Vec<String> {
        vec![format!("kill {}", self.criu.pid)]
    }
}

/// Every criu of this host that stands still, and of whose targets none lives.
pub(super) fn look() -> Vec<Left> {
    let mut still: Vec<(Left, Stillness)> = suspects()
        .into_iter()
        .map(|left| {
            let stillness = Stillness::of(left.criu.pid);
            (left, stillness)
        })
        .collect();
    let mut found = Vec::new();
    while !still.is_empty() {
        std::thread::sleep(Duration::from_millis(50));
        for (left, mut stillness) in std::mem::take(&mut still) {
            match stillness.look() {
                _ if sleeps(left.criu.pid).is_none() => {}
                now if now < STILL => still.push((left, stillness)),
                now => found.extend(left.is_left(now).then_some(left)),
            }
        }
    }
    found
}

fn suspects() -> Vec<Left> {
    let all = Processes::default().all();
    let suspect = |criu: &Process| {
        let words = Some(arguments(criu.id.pid)).filter(|words| is_dump(words))?;
        let traced = all.iter().filter(|process| process.tracer == Some(criu.id.pid));
        let mut targets: Vec<ProcessId> = traced.map(|process| process.id).collect();
        let root = root(&words).filter(|_| is_of_this_namespace(criu.id.pid));
        targets.extend(root.map(|root| target(&all, root, criu)));
        targets.sort_unstable();
        targets.dedup();
        let left = Left { criu: criu.id, targets };
        left.is_left(Duration::ZERO).then_some(left)
    };
    all.iter().filter(|process| process.state == 'S').filter_map(suspect).collect()
}

/// The process that criu was told of. One that is younger than criu has its number now, and is another one.
fn target(all: &[Process], root: i32, criu: &Process) -> ProcessId {
    let now = all.iter().find(|process| process.id.pid == root).map(|process| process.id);
    now.filter(|id| id.start <= criu.id.start).unwrap_or(ProcessId { pid: root, start: 0 })
}
