//! The watchdog: it sees that criu hangs on a freeze, and takes the freeze away. It never touches criu.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::arg::Arg;
use super::origins::Flag;
use super::{Plan, Progress};

/// How long the log may stand still, with a freeze asked for, until criu counts as hanging.
const STALL: Duration = Duration::from_secs(5);
/// Sees that criu hangs on a freeze, and takes the freeze away until criu has finished.
pub(super) struct Watchdog<'a> {
    flags: &'a [Flag],
    moved: Instant,
    /// Since when a group asks that criu does not know of. The log may go on meanwhile: criu tries again and again.
    foreign: Option<Instant>,
    thawed: Vec<&'a Flag>,
    /// The group that criu itself freezes and thaws.
    criu: Option<&'a Arg>,
}

impl<'a> Watchdog<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let criu = plan.freeze_cgroup();
        Self { flags: &plan.flags, moved: Instant::now(), foreign: None, thawed: Vec::new(), criu }
    }

    /// criu's log has grown, or its images have.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    pub(super) fn look(&mut self, tell: &mut dyn FnMut(Progress)) {
        let asking: Vec<&Flag> = self.flags.iter().filter(|flag| flag.asks_now() == Some(true)).collect();
        let foreign = asking.iter().any(|flag| self.criu != Some(&flag.group));
        self.foreign = self.foreign.or(Some(Instant::now())).filter(|_| foreign);
        let since = self.foreign.map_or(self.moved, |foreign| foreign.min(self.moved));
        if asking.is_empty() || since.elapsed() < STALL {
            return;
        }
        (self.moved, self.foreign) = (Instant::now(), None);
        // criu's own freeze goes only where nothing else is in its way: taken from a criu that still waits, it fails.
        let others: Vec<&Flag> =
            asking.iter().copied().filter(|flag| self.criu != Some(&flag.group)).collect();
        let asking = if others.is_empty() { asking } else { others };
        tell(Progress::Stalled { origins: asking.iter().map(|flag| flag.shown()).collect() });
        for flag in asking {
            match flag.write(false) {
                // criu's own freeze of a group that was thawed is not there to be set again.
                Ok(()) if !flag.requested && self.criu == Some(&flag.group) => {}
                Ok(()) if self.thawed.iter().any(|t| t.group == flag.group) => {}
                Ok(()) => self.thawed.push(flag),
                Err(error) => {
                    tell(Progress::Restored(format!("{} could not be thawed: {error}", flag.shown())))
                }
            }
        }
    }

    /// Sets the requests again that were taken away.
    pub(super) fn freeze_again(&self, tell: &mut dyn FnMut(Progress)) -> Vec<PathBuf> {
        for flag in &self.thawed {
            tell(Progress::Restored(match flag.write(true) {
                Ok(()) => format!("{} was frozen again", flag.shown()),
                Err(error) => format!("{} could not be frozen again: {error}", flag.shown()),
            }));
        }
        self.thawed.iter().map(|flag| flag.absolute()).collect()
    }
}
