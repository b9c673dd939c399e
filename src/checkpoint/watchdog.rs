//! The watchdog: it sees that criu hangs on a freeze, and takes the freeze away. It never touches criu.

use std::time::{Duration, Instant};

use super::Progress;
use super::arg::Arg;
use super::flag::Flag;
use crate::kernel::processes::Processes;

/// How long the log may stand still, with a freeze asked for, until criu counts as hanging.
const STALL: Duration = Duration::from_secs(5);

/// Sees that criu hangs on a freeze, and takes the freeze away until criu has finished.
pub(super) struct Watchdog<'a> {
    flags: &'a [Flag],
    /// The group that criu itself freezes and thaws.
    criu: Option<&'a Arg>,
    moved: Instant,
    /// Since when a group asks that criu does not know of. The log may go on meanwhile: criu tries again and again.
    foreign: Option<Instant>,
    /// The stall has been told, and nobody has said yet that it may be ended.
    told: bool,
    thawed: Vec<&'a Flag>,
    /// criu's PID, and the root of the tree that it dumps.
    pids: Option<(i32, i32)>,
}

/// Whether criu sleeps, and holds a process.
pub(super) fn sleeps_on(criu: i32, root: i32) -> bool {
    let mut processes = Processes::default();
    let sleeps = processes.read(criu).is_some_and(|criu| criu.state == 'S');
    sleeps && processes.read(root).is_some_and(|root| root.tracer == Some(criu))
}

impl<'a> Watchdog<'a> {
    pub(super) fn new(flags: &'a [Flag], criu: Option<&'a Arg>) -> Self {
        Self {
            flags,
            criu,
            moved: Instant::now(),
            foreign: None,
            told: false,
            thawed: Vec::new(),
            pids: None,
        }
    }

    /// This is criu, and this the root of the tree that it dumps.
    pub(super) fn follow(&mut self, criu: u32, root: i32) {
        self.pids = Some((criu.cast_signed(), root));
    }

    /// criu sleeps, and holds the tree: it seizes what it has frozen, and takes its own freeze away at once. So a freeze that
    /// is asked for then is somebody else's, on criu's own group too. (In the kernel, state D, it is still seizing.)
    fn waits(&self) -> bool {
        self.pids.is_some_and(|(criu, root)| sleeps_on(criu, root))
    }

    /// criu's log has grown, or its images have.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Looks; where criu hangs, tells so once, and thaws when it `may`, or what was frozen for a time that is over.
    pub(super) fn look(&mut self, may: bool, tell: &mut dyn FnMut(Progress)) {
        let asking: Vec<&Flag> = self.flags.iter().filter(|flag| flag.asks_now() == Some(true)).collect();
        let foreign: Vec<&Flag> =
            asking.iter().copied().filter(|flag| self.criu != Some(&flag.group)).collect();
        self.foreign = self.foreign.or(Some(Instant::now())).filter(|_| !foreign.is_empty());
        let since = self.foreign.map_or(self.moved, |foreign| foreign.min(self.moved));
        if asking.is_empty() || since.elapsed() < STALL {
            self.told = false;
            return;
        }
        // criu's own freeze goes only where nothing else is in its way: taken from a criu that still waits, it fails.
        let waits = self.waits();
        let asking = if foreign.is_empty() || waits { asking } else { foreign };
        let may = may || asking.iter().all(|flag| flag.is_over());
        if !std::mem::replace(&mut self.told, true) {
            let origins = asking.iter().map(|flag| flag.shown()).collect();
            tell(Progress::Stalled { origins, thawing: may });
        }
        if may {
            self.thaw(&asking, waits, tell);
            (self.moved, self.foreign, self.told) = (Instant::now(), None, false);
        }
    }

    /// Thaws at once what is known to be hung on.
    pub(super) fn free(&mut self, tell: &mut dyn FnMut(Progress)) {
        let asking: Vec<&Flag> = self.flags.iter().filter(|flag| flag.asks_now() == Some(true)).collect();
        let foreign: Vec<&Flag> =
            asking.iter().copied().filter(|flag| self.criu != Some(&flag.group)).collect();
        self.thaw(if foreign.is_empty() { &asking } else { &foreign }, false, tell);
    }

    fn thaw(&mut self, asking: &[&'a Flag], waits: bool, tell: &mut dyn FnMut(Progress)) {
        for &flag in asking {
            match flag.write(false) {
                // criu's own freeze of a group that was thawed is not there to be set again.
                Ok(()) if !flag.requested && self.criu == Some(&flag.group) && !waits => {}
                Ok(()) if self.thawed.iter().any(|t| t.group == flag.group) => {}
                Ok(()) => self.thawed.push(flag),
                Err(error) => {
                    tell(Progress::Restored(format!("{} could not be thawed: {error}", flag.shown())))
                }
            }
        }
    }

    /// Sets the requests again that were taken away, and says which groups they are of.
    pub(super) fn freeze_again(&self, tell: &mut dyn FnMut(Progress)) -> Vec<Arg> {
        for flag in &self.thawed {
            tell(Progress::Restored(flag.freeze_again()));
        }
        self.thawed.iter().map(|flag| flag.group.clone()).collect()
    }
}
