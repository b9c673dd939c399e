//! Following a criu to its end. The waiting ends, whatever that criu does and whatever others freeze meanwhile.

use std::time::{Duration, Instant};

use super::RescueError;
use crate::checkpoint::Progress;
use crate::checkpoint::watchdog::{May, Watchdog};
use crate::kernel::signals::await_end;
use crate::kernel::tasks::activity;
use crate::model::{ProcessId, span};

/// How long criu may do nothing at all until it is not waited for any longer: longer than the watchdog takes to thaw.
const IDLE_LIMIT: Duration = Duration::from_secs(15);

/// How long criu is waited for in all.
const WAIT_LIMIT: Duration = Duration::from_secs(600);

/// How often it is looked at.
const TICK: Duration = Duration::from_millis(200);

/// Waits for the end of a criu, and takes away what it hangs on. Afterwards all of that is frozen again, ended or not.
///
/// # Errors
/// [`RescueError::StillRuns`] where it does not end, [`RescueError::Wait`].
pub(super) fn follow(
    criu: ProcessId,
    watchdog: &mut Watchdog<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RescueError> {
    let mut patience = Patience::new(Instant::now());
    let followed = loop {
        match await_end(criu, TICK) {
            Ok(false) => {}
            ended => break ended.map(drop).map_err(RescueError::Wait),
        }
        watchdog.look(May::ALL, tell);
        let over = patience.is_over(activity(criu.pid), Instant::now());
        let given_up = watchdog
            .gave_up()
            .map(|groups| format!("does not get on: {} is frozen again and again", groups.join(", ")));
        if let Some(why) = over.or(given_up) {
            break Err(RescueError::StillRuns { criu: criu.pid, why });
        }
    };
    watchdog.freeze_again(tell);
    followed
}

/// For how long a criu is waited for.
struct Patience {
    since: Instant,
    activity: Option<(i64, u64)>,
    moved: Instant,
}

impl Patience {
    fn new(now: Instant) -> Self {
        Self { since: now, activity: None, moved: now }
    }

    /// Why it is over, if so: a sentence without its subject.
    fn is_over(&mut self, activity: Option<(i64, u64)>, now: Instant) -> Option<String> {
        if activity != self.activity {
            (self.activity, self.moved) = (activity, now);
        }
        if now - self.moved >= IDLE_LIMIT {
            return Some(format!("still runs after {} in which it did nothing", span::short(IDLE_LIMIT)));
        }
        (now - self.since >= WAIT_LIMIT).then(|| format!("still runs after {}", span::short(WAIT_LIMIT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_criu_does_the_waiting_ends() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut still = Patience::new(start);
        assert_eq!(still.is_over(Some((1, 1)), at(1)), None);
        assert_eq!(still.is_over(Some((1, 1)), at(15)), None);
        assert_eq!(
            still.is_over(Some((1, 1)), at(16)).as_deref(),
            Some("still runs after 15s in which it did nothing")
        );
        let mut moves = Patience::new(start);
        let over = (1..5000).find(|&second| moves.is_over(Some((1, second)), at(second)).is_some());
        assert_eq!(over, Some(600));
    }
}
