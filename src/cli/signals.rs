//! Signals while criu runs: it must not be left alone.

use std::io;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::tell;
use crate::checkpoint::Control;

/// As long as this lives, SIGINT, SIGTERM and SIGHUP cancel what has not begun, and end nothing.
pub(super) struct Held(Handle);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Holds the signals back.
pub(super) fn hold(control: &Arc<Control>) -> io::Result<Held> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (handle, control) = (signals.handle(), Arc::clone(control));
    let body = move || {
        for _ in signals.forever() {
            control.cancel();
            tell("criu is not interrupted, because that would lose the process; later steps are cancelled");
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(body)?;
    Ok(Held(handle))
}
