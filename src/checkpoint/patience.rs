//! For how long a criu is waited for. The waiting ends whatever that criu does, whatever others freeze meanwhile, and whether or
//! not a person answers; criu is not killed for that.

use std::fmt;
use std::time::{Duration, Instant};

use crate::kernel::tasks::activity;
use crate::model::span;

/// The limits of one wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long criu may do nothing at all.
    pub idle: Duration,
    /// How long it may do whatever it does without any progress that can be seen.
    pub no_progress: Duration,
}

impl Limits {
    /// Of a checkpoint for its own criu. Nothing to do: longer than a file server takes to come back that the images are written
    /// to. No progress: longer than criu takes for any memory until it writes something.
    pub(super) const CHECKPOINT: Self =
        Self { idle: Duration::from_secs(600), no_progress: Duration::from_secs(6 * 3600) };

    /// Of a rescue, which sees no progress: longer than the watchdog takes to thaw; it can be run again.
    pub(super) const RESCUE: Self =
        Self { idle: Duration::from_secs(15), no_progress: Duration::from_secs(600) };
}

/// How long criu was waited for, and how long it has done nothing.
pub(super) struct Patience {
    limits: Limits,
    /// When progress was seen last.
    progressed: Instant,
    /// What criu had done when it was looked at last, and since when it has done no more.
    activity: Option<(i64, u64)>,
    idle_since: Instant,
}

impl Patience {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self { limits, progressed: now, activity: None, idle_since: now }
    }

    /// Progress was seen: its log or its images have grown.
    pub(super) fn progress(&mut self, now: Instant) {
        (self.progressed, self.idle_since) = (now, now);
    }

    /// Others work where it does nothing: its idleness counts from now on.
    pub(super) fn excuse(&mut self, now: Instant) {
        self.idle_since = now;
    }

    /// Looks at criu; whether, and why, it is not waited for any longer.
    pub(super) fn look(&mut self, criu: i32) -> Option<Over> {
        self.is_over(activity(criu), Instant::now())
    }

    fn is_over(&mut self, activity: Option<(i64, u64)>, now: Instant) -> Option<Over> {
        if activity != self.activity {
            (self.activity, self.idle_since) = (activity, now);
        }
        let Limits { idle, no_progress } = self.limits;
        if now - self.progressed >= no_progress {
            return Some(Over::NoProgress(no_progress));
        }
        (now - self.idle_since >= idle).then_some(Over::Idle(idle))
    }
}

/// Why a criu is not waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// It has done nothing for so long.
    Idle(Duration),
    /// It has made no progress for so long.
    NoProgress(Duration),
}

/// A sentence without its subject.
impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle(time) => write!(f, "is still running after doing nothing for {}", span::short(*time)),
            Self::NoProgress(time) => write!(f, "is still running after {}", span::short(*time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_criu_does_the_waiting_ends() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut still = Patience::new(Limits::RESCUE, start);
        assert_eq!(still.is_over(Some((1, 1)), at(1)), None);
        assert_eq!(still.is_over(Some((1, 1)), at(15)), None);
        let over = still.is_over(Some((1, 1)), at(16)).unwrap();
        assert_eq!(over.to_string(), "is still running after doing nothing for 15s");
        let mut moves = Patience::new(Limits::RESCUE, start);
        let over = (1..5000).find(|&second| moves.is_over(Some((1, second)), at(second)).is_some());
        assert_eq!(over, Some(600));
    }

    #[test]
    fn one_that_gets_on_is_waited_for() {
        let start = Instant::now();
        let mut patience = Patience::new(Limits::CHECKPOINT, start);
        for minutes in 1..10_000 {
            let now = start + Duration::from_secs(60 * minutes);
            patience.progress(now);
            assert_eq!(patience.is_over(Some((1, 1)), now), None);
        }
    }
}
