//! Waiting for something to become so.

use std::time::{Duration, Instant};

/// Long enough for whatever is quick on a busy machine.
pub const SOON: Duration = Duration::from_secs(10);

/// Looks again and again until it is so; panics with `what` after the deadline.
#[track_caller]
pub fn until(what: &str, deadline: Duration, mut so: impl FnMut() -> bool) {
    assert!(reached(deadline, &mut so), "waited {deadline:?} in vain: {what}");
}

/// Looks again and again until it is so or the deadline is over; whether it became so. For a drop, which must not panic.
pub fn reached(deadline: Duration, mut so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !so() {
        if start.elapsed() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Looks again and again for a while; panics with `what` as soon as it is not so.
#[track_caller]
pub fn throughout(what: &str, window: Duration, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    loop {
        assert!(so(), "did not stay so: {what}");
        if start.elapsed() >= window {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
