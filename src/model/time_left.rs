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

/// When a group that was frozen for a time is thawed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedFreeze {
    /// How far its end is.
    pub time: TimeLeft,
    /// Nothing thaws it then: its timer was killed.
    pub timer_gone: bool,
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
}
