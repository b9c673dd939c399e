//! The watchdog: it sees that criu hangs on a freeze, and takes the freeze away. It ends criu only where all that criu dumps
//! has ended before it.
//!
//! criu hangs on a freeze only where it holds a process that is frozen (`TracerPid`), or waits for the group that it freezes
//! itself, and that cannot complete. A criu that has not begun hangs on nothing, however long it takes.

use std::time::{Duration, Instant};

use super::arg::Arg;
use super::control::May;
use super::deserted::{self, Deserted, Stillness};
use super::flag::Flag;
use super::journal::{Journal, Why};
use super::progress::Progress;
use crate::kernel::tasks::{lives, sleeps_on};
use crate::model::{CgroupId, ProcessId};

/// How long criu must hang on a freeze until that is taken away; for its own freeze, how long its log must stand still.
const STALL: Duration = Duration::from_secs(5);

/// How often a freeze is taken away that is set again each time.
const MAX_THAWS: u32 = 6;

/// Sees that criu hangs on a freeze, and takes the freeze away until criu has finished.
pub(super) struct Watchdog<'a> {
    flags: &'a [Flag],
    /// The group that criu itself freezes and thaws.
    criu: Option<&'a Arg>,
    /// Where the writes are noted.
    journal: Option<&'a mut Journal>,
    moved: Instant,
    /// The groups that criu hangs on, and when that was looked at.
    hung: (Vec<CgroupId>, Option<Instant>),
    /// Since when it hangs on any.
    hung_since: Option<Instant>,
    /// The stall has been told, and nobody has said yet that it may be ended.
    told: bool,
    /// How often it has thawed, and what, the last time.
    thaws: (u32, Vec<String>),
    thawed: Vec<&'a Flag>,
    /// What was asked for while criu stood still, holding its target: somebody else's freezes, of criu's own group too.
    foreign_asked: Vec<&'a Flag>,
    followed: Option<Followed>,
}

/// A criu, and what it dumps.
struct Followed {
    criu: ProcessId,
    /// The root of the tree first.
    members: Vec<ProcessId>,
    still: Stillness,
    /// When the members were looked at last.
    looked: Instant,
    /// What was told of, and whether criu was to be ended then.
    told: Option<(Deserted, bool)>,
    /// It was ended, for this.
    ended: Option<Deserted>,
}

impl<'a> Watchdog<'a> {
    pub(super) fn new(flags: &'a [Flag], criu: Option<&'a Arg>) -> Self {
        Self {
            flags,
            criu,
            journal: None,
            moved: Instant::now(),
            hung: (Vec::new(), None),
            hung_since: None,
            told: false,
            thaws: (0, Vec::new()),
            thawed: Vec::new(),
            foreign_asked: Vec::new(),
            followed: None,
        }
    }

    /// Notes in a journal what is thawed, and frozen again.
    pub(super) fn with_journal(self, journal: &'a mut Journal) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// This is criu, and these are what it dumps, the root first.
    pub(super) fn follow(&mut self, criu: ProcessId, members: Vec<ProcessId>) {
        let (still, looked) = (Stillness::of(criu.pid), Instant::now());
        self.followed = Some(Followed { criu, members, still, looked, told: None, ended: None });
    }

    /// Why criu was ended, where it was.
    pub(super) fn ended(&self) -> Option<&Deserted> {
        self.followed.as_ref()?.ended.as_ref()
    }

    /// criu sleeps, and holds the tree: it seizes what it has frozen, and takes its own freeze away at once. So a freeze that
    /// is asked for then is somebody else's, on criu's own group too. (In the kernel, state D, it is still seizing.)
    fn waits(&self) -> bool {
        let root = |followed: &Followed| followed.members.first().map(|root| root.pid);
        self.followed.as_ref().is_some_and(|all| root(all).is_some_and(|root| sleeps_on(all.criu.pid, root)))
    }

    /// criu's log has grown, or its images have.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Looks; where criu hangs, tells so once, and does about it what it `may`; what was frozen for a time that is over is thawed
    /// in any case.
    pub(super) fn look(&mut self, may: May, tell: &mut dyn FnMut(Progress)) {
        let asking: Vec<&Flag> = self.flags.iter().filter(|flag| flag.asks_now() == Some(true)).collect();
        let waits = self.waits();
        let still = self.followed.as_mut().map_or(Duration::ZERO, |followed| followed.still.look());
        if waits && still >= FOREIGN {
            let known = |flag: &Flag| self.foreign_asked.iter().any(|kept| kept.group == flag.group);
            let new: Vec<&Flag> = asking.iter().copied().filter(|flag| !known(flag)).collect();
            if let Some(journal) = &mut self.journal {
                new.iter().for_each(|flag| journal.is_lent(flag));
            }
            self.foreign_asked.extend(new);
        }
        let asks = !asking.is_empty();
        let deserted = |followed: &mut Followed| followed.is_deserted(still, asks, may.end, tell);
        if self.followed.as_mut().is_some_and(deserted) {
            return;
        }
        let hung = self.hung_on(&asking, waits);
        let foreign = hung.iter().any(|flag| !self.is_own(flag));
        self.hung_since = foreign.then(|| self.hung_since.unwrap_or_else(Instant::now));
        if hung.is_empty() || self.hung_since.unwrap_or(self.moved).elapsed() < STALL {
            self.told = false;
            return;
        }
        // No thaw helps a criu of whose target nothing lives.
        if self.followed.as_ref().is_some_and(Followed::has_lost_all) || self.gave_up().is_some() {
            return;
        }
        let thaws = may.thaw || hung.iter().all(|flag| flag.is_over());
        let origins: Vec<String> = hung.iter().map(|flag| flag.shown()).collect();
        if !std::mem::replace(&mut self.told, true) {
            tell(Progress::Stalled { origins: origins.clone(), thawing: thaws });
        }
        if thaws {
            self.thaw(&hung, waits, tell);
            self.thaws = (self.thaws.0 + 1, origins);
            (self.moved, self.hung_since, self.told) = (Instant::now(), None, false);
        }
    }

    /// The groups that were frozen again each time, after as many thaws as are tried.
    pub(super) fn gave_up(&self) -> Option<&[String]> {
        (self.thaws.0 >= MAX_THAWS).then_some(&self.thaws.1)
    }

    fn is_own(&self, flag: &Flag) -> bool {
        self.criu == Some(&flag.group)
    }

    /// Which of the groups that request a freeze criu hangs on.
    fn hung_on(&mut self, asking: &[&'a Flag], waits: bool) -> Vec<&'a Flag> {
        let (own, foreign): (Vec<&Flag>, Vec<&Flag>) = asking.iter().partition(|flag| self.is_own(flag));
        // Mostly nothing is in its way, and the processes need not be looked at.
        if asking.is_empty() || foreign.is_empty() && self.moved.elapsed() < STALL {
            return Vec::new();
        }
        if self.hung.1.is_none_or(|looked| looked.elapsed() >= PAUSE) {
            let held = asking.iter().filter(|flag| self.holds_in(flag)).map(|flag| flag.id);
            self.hung = (held.collect(), Some(Instant::now()));
        }
        let held = |flag: &&Flag| self.hung.0.contains(&flag.id);
        let mut hung: Vec<&Flag> = foreign.iter().copied().filter(held).collect();
        // It waits for its own freeze to complete, and the other hierarchy's freezer is in the way of that.
        if self.hung.0.is_empty() && own.iter().any(|own| own.is_frozen_now() == Some(false)) {
            let other = |flag: &&Flag| own.iter().any(|own| own.hierarchy != flag.hierarchy);
            hung.extend(foreign.iter().copied().filter(other));
        }
        // criu's own freeze goes only where nothing else is in its way: taken from a criu that still waits, it fails.
        if waits || hung.is_empty() {
            hung.extend(own.into_iter().filter(held));
        }
        hung
    }

    fn holds_in(&self, flag: &Flag) -> bool {
        let criu = self.followed.as_ref().map(|followed| followed.criu.pid);
        criu.is_some_and(|criu| flag.holds_traced(criu))
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
            let thawed = match &mut self.journal {
                // criu's own freeze of a group that was thawed is criu's to set again.
                Some(journal) if self.criu == Some(&flag.group) && !flag.requested && !waits => {
                    journal.write(flag, false, Why::Restore)
                }
                Some(journal) => journal.write(flag, false, Why::Lend),
                None => flag.write(false),
            };
            match thawed {
                // criu's own freeze of a group that was thawed is not there to be set again.
                Ok(()) if !flag.requested && self.criu == Some(&flag.group) && !waits => {}
                Ok(()) if self.thawed.iter().any(|t| t.group == flag.group) => {}
                Ok(()) => self.thawed.push(flag),
                Err(error) => tell(Progress::Restored(format!("could not thaw {}: {error}", flag.shown()))),
            }
        }
    }

    /// Sets the requests again that were taken away, and says which groups ask for somebody else.
    pub(super) fn freeze_again(&mut self, tell: &mut dyn FnMut(Progress)) -> Vec<Arg> {
        let mut write = |flag: &Flag, freeze| match &mut self.journal {
            Some(journal) => journal.write(flag, freeze, Why::Lend),
            None => flag.write(freeze),
        };
        for flag in &self.thawed {
            tell(Progress::Restored(flag.freeze_again(&mut write)));
        }
        let mut groups: Vec<Arg> =
            self.thawed.iter().chain(&self.foreign_asked).map(|flag| flag.group.clone()).collect();
        groups.sort_by(|one, other| one.0.cmp(&other.0));
        groups.dedup();
        groups
    }
}

/// How long criu must not have run at all, until a freeze that is asked for is known not to be its own: it looks again and
/// again whether its own is complete.
const FOREIGN: Duration = Duration::from_secs(1);

/// How often the processes are looked at while criu stands still.
const PAUSE: Duration = Duration::from_millis(500);

impl Followed {
    fn has_lost_all(&self) -> bool {
        !self.members.is_empty() && !self.members.iter().any(|&one| lives(one))
    }

    /// Whether criu waits for processes that are gone. Then it is told once, and ended where it `may` be and nothing that it
    /// holds lives. `asks`: a freeze is asked for, and may be what it waits for while something lives.
    fn is_deserted(
        &mut self,
        still: Duration,
        asks: bool,
        may: bool,
        tell: &mut dyn FnMut(Progress),
    ) -> bool {
        if still < deserted::STILL || self.looked.elapsed() < PAUSE {
            return self.told.is_some() && still >= deserted::STILL;
        }
        self.looked = Instant::now();
        let found = deserted::look(self.criu.pid, &self.members, still);
        let Some(found) = found.filter(|found| found.alive.is_empty() || !asks) else {
            self.told = None;
            return false;
        };
        let ending = may && found.alive.is_empty();
        let same = |(told, was): &(Deserted, bool)| {
            (&told.gone, &told.alive, *was) == (&found.gone, &found.alive, ending)
        };
        if !self.told.as_ref().is_some_and(same) {
            tell(Progress::Deserted { found: found.clone(), ending });
            self.told = Some((found.clone(), ending));
        }
        if ending {
            self.end(found, tell);
        }
        true
    }

    fn end(&mut self, found: Deserted, tell: &mut dyn FnMut(Progress)) {
        match deserted::end(self.criu) {
            Ok(()) => self.ended = Some(found),
            Err(error) => {
                tell(Progress::Restored(format!("could not end criu (process {}): {error}", found.criu)));
            }
        }
    }
}
