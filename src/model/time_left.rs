//! How far away a deadline is, before it or after it.

use std::fmt;
use std::time::Duration;

use super::span;

/// The time to a deadline, or since it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLeft {
    /// It is to come.
    Left(Duration),
    /// It is over.
    Overdue(Duration),
}

impl TimeLeft {
    /// The time from `now` to `deadline`.
    pub fn until(deadline: Duration, now: Duration) -> Self {
        match deadline.checked_sub(now).filter(|left| !left.is_zero()) {
            Some(left) => Self::Left(left),
            None => Self::Overdue(now.saturating_sub(deadline)),
        }
    }

    /// The same after this time.
    pub fn after(self, elapsed: Duration) -> Self {
        match self {
            Self::Left(left) => Self::until(left, elapsed),
            Self::Overdue(since) => Self::Overdue(since + elapsed),
        }
    }
}

/// Whether a timer can thaw its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerState {
    /// It runs, or will as soon as it gets a CPU.
    Runs,
    /// A signal or a tracer has stopped it.
    Stopped,
    /// A freezer holds it.
    Frozen,
    /// It was killed.
    Gone,
}

/// When a group that was frozen for a time is thawed, and whether its timer can do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedFreeze {
    /// How far its end is.
    pub time: TimeLeft,
    /// The timer that ends it.
    pub timer: TimerState,
}

impl TimedFreeze {
    /// Whether somebody has to look: its timer cannot thaw it, or is late.
    pub fn needs_attention(&self) -> bool {
        self.timer != TimerState::Runs || matches!(self.time, TimeLeft::Overdue(_))
    }
}

/// `12s left`, `overdue 3s`, `timer gone; 12s left`, `timer stopped; overdue 3s`.
impl fmt::Display for TimedFreeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, timer } = self;
        match timer {
            TimerState::Runs => time.fmt(f),
            state => write!(f, "timer {state}; {time}"),
        }
    }
}

/// `running`, `stopped`, `frozen`, `gone`.
impl fmt::Display for TimerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Runs => "running",
            Self::Stopped => "stopped",
            Self::Frozen => "frozen",
            Self::Gone => "gone",
        })
    }
}

/// `12s left`, `overdue 3s`.
impl fmt::Display for TimeLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(left) => write!(f, "{} left", span::left(*left)),
            Self::Overdue(since) => write!(f, "overdue {}", span::short(*since)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_and_after() {
        let at = Duration::from_secs(100);
        let said =
            [88, 99, 100, 103, 400].map(|now| TimeLeft::until(at, Duration::from_secs(now)).to_string());
        let later = [12, 15]
            .map(|elapsed| TimeLeft::Left(Duration::from_secs(13)).after(Duration::from_secs(elapsed)));
        assert_eq!(later.map(|time| time.to_string()), ["1s left", "overdue 2s"]);
        assert_eq!(said, ["12s left", "1s left", "overdue 0s", "overdue 3s", "overdue 5m"]);
    }

    #[test]
    fn what_a_timer_cannot_end_or_is_late_with_is_told() {
        let (left, overdue) =
            (TimeLeft::Left(Duration::from_secs(12)), TimeLeft::Overdue(Duration::from_secs(3)));
        let said = |time, timer| {
            let freeze = TimedFreeze { time, timer };
            (freeze.needs_attention(), freeze.to_string())
        };
        assert_eq!(said(left, TimerState::Runs), (false, "12s left".to_owned()));
        assert_eq!(said(overdue, TimerState::Runs), (true, "overdue 3s".to_owned()));
        assert_eq!(said(left, TimerState::Gone), (true, "timer gone; 12s left".to_owned()));
        assert_eq!(said(overdue, TimerState::Stopped), (true, "timer stopped; overdue 3s".to_owned()));
    }
}
