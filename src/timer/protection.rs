//! Keeps a timer alive where memory is short: the freeze that it ends would be without an end.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How likely the kernel chooses this process when memory is out: -1000 is never (proc_pid_oom_score_adj(5)).
const OOM_SCORE_ADJ: &str = "/proc/self/oom_score_adj";
const NEVER: i32 = -1000;

/// Asks the kernel never to choose this process when memory is out, and lifts the limit of `ulimit -v`. Each as far as this user
/// may; what is refused is logged.
pub(super) fn protect() {
    match lowest(NEVER, &mut |value| fs::write(OOM_SCORE_ADJ, value.to_string())) {
        Ok(NEVER) => {}
        Ok(value) => tracing::warn!(value, "the kernel may end the timer when memory runs out"),
        Err(error) => tracing::warn!(%error, "the kernel may end the timer when memory runs out"),
    }
    let limit = getrlimit(Resource::As);
    let lifted = setrlimit(Resource::As, Rlimit { current: None, maximum: None })
        .or_else(|_| setrlimit(Resource::As, Rlimit { current: limit.maximum, ..limit }));
    if let Err(error) = lifted {
        tracing::warn!(%error, "the timer's memory is limited");
    }
}

/// Sets the lowest value from `least` on that is not refused. Without CAP_SYS_RESOURCE that is the lowest one which somebody who has
/// it set, and nobody says which (fs/proc/base.c, `__set_oom_adj`).
fn lowest(least: i32, set: &mut dyn FnMut(i32) -> io::Result<()>) -> io::Result<i32> {
    if set(least).is_ok() {
        return Ok(least);
    }
    let now = fs::read_to_string(OOM_SCORE_ADJ)?;
    let now = now.trim().parse().map_err(io::Error::other)?;
    Ok(search(least, now, set))
}

/// The lowest value above `refused` that is accepted, where `accepted` is; it is the last one that was set.
fn search(mut refused: i32, mut accepted: i32, set: &mut dyn FnMut(i32) -> io::Result<()>) -> i32 {
    while accepted - refused > 1 {
        let middle = refused.midpoint(accepted);
        if set(middle).is_ok() { accepted = middle } else { refused = middle }
    }
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_value_that_is_accepted_is_found() {
        for least in [-999, -500, -1, 0, 7] {
            let mut now = 10;
            let mut set = |value| {
                let accepted = value >= least;
                now = if accepted { value } else { now };
                accepted.then_some(()).ok_or_else(|| io::Error::from(io::ErrorKind::PermissionDenied))
            };
            assert_eq!(search(NEVER, 10, &mut set), least);
            assert_eq!(now, least);
        }
    }
}
