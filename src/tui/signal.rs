//! Signals to a process, and what each does to one in a group that is frozen or not.

use crate::model::{Process, State, Version};

/// The signals that can be sent from here (signal(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

impl Signal {
    /// Its name as kill(1) takes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Terminate => "TERM",
            Self::Kill => "KILL",
        }
    }
}

/// What decides what a signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    version: Version,
    /// The group's state; a root group counts as thawed.
    state: State,
    /// The criu that dumps it.
    criu: Option<i32>,
}

impl Effect {
    /// On a process of a group in this state; a root group has none.
    pub(crate) fn on(process: &Process, version: Version, state: Option<State>) -> Self {
        let criu = process.tracer.filter(|_| process.held_by_criu);
        Self { version, state: state.unwrap_or(State::Thawed), criu }
    }

    /// Why the signal is not sent.
    pub(crate) fn refused(self, signal: Signal) -> Option<String> {
        let criu = self.criu.filter(|_| signal != Signal::Continue)?;
        Some(format!("criu (process {criu}) is dumping it; a signal would break the dump"))
    }

    /// What the signal does, in a sentence. (kernel: admin-guide/cgroup-v2.rst, "cgroup.freeze", and
    /// admin-guide/cgroup-v1/freezer-subsystem.rst)
    pub(crate) fn words(self, signal: Signal) -> &'static str {
        let held = self.state != State::Thawed;
        match (signal, held, self.version) {
            (Signal::Stop, false, _) => "The process stops (state T). A thaw does not resume it; CONT does.",
            (Signal::Stop, true, _) => "It is frozen. It stops as soon as it is thawed, and waits for CONT.",
            (Signal::Continue, false, _) => "Resumes a process stopped by STOP or Ctrl-Z.",
            (Signal::Continue, true, _) => "Cancels a STOP. The process stays frozen until it is thawed.",
            (Signal::Terminate, false, _) => "Asks it to exit; it may save its data first.",
            (Signal::Terminate, true, _) => "Asks it to exit; it notices once it is thawed.",
            (Signal::Kill, false, _) => "Ends it at once. Nothing is saved.",
            (Signal::Kill, true, Version::V2) => "Ends it at once, even while frozen. Nothing is saved.",
            (Signal::Kill, true, Version::V1) => {
                "The v1 freezer holds it: it ends only when it is thawed. Nothing is saved."
            }
        }
    }
}
