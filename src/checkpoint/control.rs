//! What a person decides while a plan runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::patience::Limits;

/// How long a group may take to freeze.
pub(super) const FREEZE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a person decides while a plan runs.
#[derive(Debug)]
pub struct Control {
    rescue: AtomicBool,
    end: AtomicBool,
    cancel: AtomicBool,
    limits: Limits,
}

impl Default for Control {
    fn default() -> Self {
        let [rescue, end, cancel] = std::array::from_fn(|_| AtomicBool::new(false));
        Self { rescue, end, cancel, limits: Limits::CHECKPOINT }
    }
}

impl Control {
    /// What criu hangs on is thawed without a question, and a criu that waits for ever for what is gone is ended.
    pub fn automatic() -> Self {
        Self { rescue: AtomicBool::new(true), end: AtomicBool::new(true), ..Self::default() }
    }

    /// The same, but a criu that does nothing for so long is left alone: ten minutes otherwise.
    #[must_use]
    pub fn with_idle_limit(self, idle: Duration) -> Self {
        Self { limits: Limits { idle, ..self.limits }, ..self }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// What criu hangs on may be thawed.
    pub fn rescue(&self) {
        self.rescue.store(true, Ordering::Relaxed);
    }

    /// A criu that waits for ever, for all that it dumps is gone, may be ended.
    pub fn end_criu(&self) {
        self.end.store(true, Ordering::Relaxed);
    }

    /// No further criu is to be started. One that runs is left to finish: its code is in the target already.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    pub(super) fn may(&self) -> May {
        May { thaw: self.rescue.load(Ordering::Relaxed), end: self.end.load(Ordering::Relaxed) }
    }
}

/// What may be done without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct May {
    /// Thaw what criu hangs on.
    pub thaw: bool,
    /// End a criu that waits for ever.
    pub end: bool,
}

impl May {
    /// What a rescue does.
    pub(super) const ALL: Self = Self { thaw: true, end: true };
}
