//! Following a criu to its end. The waiting ends, whatever that criu does and whatever others freeze meanwhile.

use std::time::{Duration, Instant};

use super::RescueError;
use crate::checkpoint::Progress;
use crate::checkpoint::control::May;
use crate::checkpoint::patience::{Limits, Patience};
use crate::checkpoint::watchdog::Watchdog;
use crate::kernel::signals::await_end;
use crate::model::ProcessId;

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
    let mut patience = Patience::new(Limits::RESCUE, Instant::now());
    let followed = loop {
        match await_end(criu, TICK) {
            Ok(false) => {}
            ended => break ended.map(drop).map_err(RescueError::Wait),
        }
        watchdog.look(May::ALL, tell);
        let over = patience.look(criu.pid).map(|over| over.to_string());
        let given_up = watchdog
            .gave_up()
            .map(|groups| format!("makes no progress: {} is frozen again and again", groups.join(", ")));
        if let Some(why) = over.or(given_up) {
            break Err(RescueError::StillRuns { criu: criu.pid, why });
        }
    };
    watchdog.freeze_again(tell);
    followed
}
