//! A freeze that takes its time: what still runs, once a second on a terminal, and Ctrl-C takes it back.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::tell;
use crate::kernel::cgroupfs::Group;
use crate::kernel::culprits;
use crate::model::span;

/// How often what still runs is printed.
const PERIOD: Duration = Duration::from_secs(1);

/// Follows the freezes of one run.
pub(super) struct Progress {
    cancelled: Arc<AtomicBool>,
    is_shown: bool,
}

impl Progress {
    /// From here on SIGINT, SIGTERM and SIGHUP cancel the freeze that is waited for, and end nothing.
    pub(super) fn new() -> io::Result<Self> {
        let cancelled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register(signal, Arc::clone(&cancelled))?;
        }
        Ok(Self { cancelled, is_shown: io::stderr().is_terminal() })
    }

    /// What the wait for one group's freeze is followed with.
    pub(super) fn of<'a>(
        &'a self,
        group: &'a Group,
        name: &'a str,
    ) -> impl FnMut(Duration) -> ControlFlow<()> + 'a {
        let mut next = PERIOD;
        move |waited| {
            if self.cancelled.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            if self.is_shown && waited >= next {
                // A look takes its time: none is made up for.
                next = waited + PERIOD;
                tell(format_args!(
                    "{name} has been freezing for {}; {}",
                    span::short(waited),
                    culprits::find(group)
                ));
            }
            ControlFlow::Continue(())
        }
    }
}
