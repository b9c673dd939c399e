//! A criu that has stopped a `vfork` child, and waits for the parent to stop: the parent waits for the child, and criu lets the child
//! go only when it gives up, after ten seconds (`--timeout`). A program that starts others is met so by chance.
//!
//! criu gives up at once, and lets everything go, where its own alarm comes earlier (`alarm_handler`, criu/cr-dump.c).

use std::io;

use crate::kernel::signals::signal;
use crate::kernel::tasks::{sleeps, sleeps_on};
use crate::kernel::vfork::{HeldPair, find_held};
use crate::model::ProcessId;

/// Looks for such a pair until criu was made to give up.
pub(super) struct HeldPairs {
    criu: ProcessId,
    root: Option<ProcessId>,
    /// What was seen at the last look, and how often criu had slept then: what stays the same for a whole look is no passing state.
    seen: Option<(HeldPair, i64)>,
    gave_up: Option<HeldPair>,
}

impl HeldPairs {
    /// In the tree of this process.
    pub(super) fn new(criu: ProcessId, root: Option<ProcessId>) -> Self {
        Self { criu, root, seen: None, gave_up: None }
    }

    /// Looks; the second time that the same pair is seen and criu has not run in between, criu is made to give up.
    ///
    /// # Errors
    /// What sending the signal says.
    pub(super) fn look(&mut self) -> io::Result<()> {
        if self.gave_up.is_some() {
            return Ok(());
        }
        let before = self.seen.take();
        self.seen = self.pair();
        let Some((pair, _)) = self.seen.filter(|_| self.seen == before) else { return Ok(()) };
        signal(self.criu, rustix::process::Signal::ALARM)?;
        self.gave_up = Some(pair);
        Ok(())
    }

    fn pair(&self) -> Option<(HeldPair, i64)> {
        let root = self.root.filter(|root| sleeps_on(self.criu.pid, root.pid))?;
        Some((find_held(root, self.criu.pid)?, sleeps(self.criu.pid)?))
    }

    /// Why criu gave up, where it was made to.
    pub(super) fn gave_up(&self) -> Option<HeldPair> {
        self.gave_up
    }
}
