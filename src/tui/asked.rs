//! What the world was asked of the groups on the screen beside their state, and what it has answered.

use std::collections::HashMap;
use std::time::Duration;

use super::held::Held;
use crate::model::{CgroupId, CgroupPath, Culprits, Process, Thread, TimedFreeze};

/// What was read of a group when its processes were listed.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: CgroupId,
    pub(crate) list: Result<Vec<Process>, String>,
    /// Groups of the other hierarchy, with how many of the processes are in each.
    pub(crate) elsewhere: Vec<(CgroupPath, usize)>,
    pub(crate) frozen_usec: Option<u64>,
    /// Time since the start.
    pub(crate) at: Duration,
}

/// What keeps a group from freezing.
#[derive(Debug, Clone)]
pub(crate) struct KnownCulprits {
    pub(crate) id: CgroupId,
    /// When it was asked last: time since the start.
    pub(crate) asked: Duration,
    /// When to ask again: `None` until the answer has come.
    pub(crate) next: Option<Duration>,
    /// `None` until the first answer.
    pub(crate) found: Option<Culprits>,
    /// Since when each thread has been seen in its state: by TID, start and state letter.
    pub(crate) seen_since: HashMap<(i32, u64, char), Duration>,
}

/// How long is waited between two questions at least.
const MIN_PAUSE: Duration = Duration::from_secs(1);
/// The pause is so many times as long as the answer took: thousands of threads are not looked at all the time.
const PAUSE_PER_ANSWER: u32 = 4;

impl KnownCulprits {
    /// Takes an answer.
    pub(crate) fn found(&mut self, culprits: Culprits, now: Duration) {
        let seen = culprits.list.iter().map(|culprit| {
            let key = key(&culprit.thread);
            (key, self.seen_since.get(&key).copied().unwrap_or(now))
        });
        self.seen_since = seen.collect();
        self.found = Some(culprits);
        let took = now.saturating_sub(self.asked);
        self.next = Some((self.asked + MIN_PAUSE).max(now + took * PAUSE_PER_ANSWER));
    }

    /// Since when a thread has been seen in its state.
    pub(crate) fn since(&self, thread: &Thread) -> Option<Duration> {
        self.seen_since.get(&key(thread)).copied()
    }
}

fn key(thread: &Thread) -> (i32, u64, char) {
    (thread.tid, thread.start, thread.state)
}

/// When a group is thawed that was frozen for a time. Times since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedTimer {
    /// As it was when it was answered; `None` until then, and where it was not frozen for a time.
    freeze: Option<TimedFreeze>,
    answered: Duration,
    asked: Duration,
}

impl AskedTimer {
    /// It may have been killed meanwhile, or have thawed the group late.
    const PERIOD: Duration = Duration::from_secs(5);

    pub(crate) fn asked(now: Duration) -> Self {
        Self { freeze: None, answered: now, asked: now }
    }

    pub(crate) fn answer(&mut self, freeze: Option<TimedFreeze>, now: Duration) {
        (self.freeze, self.answered) = (freeze, now);
    }

    /// As it is by now.
    pub(crate) fn at(&self, now: Duration) -> Option<TimedFreeze> {
        let elapsed = now.saturating_sub(self.answered);
        self.freeze.map(|freeze| TimedFreeze { time: freeze.time.after(elapsed), ..freeze })
    }

    /// Whether it is to be asked for again; what is not frozen for a time becomes so only by a freeze that is seen.
    pub(crate) fn is_old(&mut self, now: Duration) -> bool {
        let is_old = self.freeze.is_some() && now >= self.asked + Self::PERIOD;
        self.asked = if is_old { now } else { self.asked };
        is_old
    }
}

/// All of it. Each part is asked for again when it may have changed (`update/asking.rs`).
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The processes of the group that was selected last.
    pub(crate) processes: Option<Listed>,
    /// What the other hierarchy holds.
    pub(crate) held: Held,
    /// What stands beside the groups that were on the screen.
    pub(crate) owners: HashMap<CgroupId, Option<String>>,
    /// The unit that systemd was asked of last, its request then, and what it said.
    pub(crate) systemd: Option<(CgroupId, bool, Option<String>)>,
    /// When the groups on the screen are thawed that ask for a freeze.
    pub(crate) timers: HashMap<CgroupId, AskedTimer>,
    /// What keeps the selected group from freezing.
    pub(crate) culprits: Option<KnownCulprits>,
}
