//! A question while criu runs. The run is not kept waiting for the answer, and of several questions the last one is answered.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::ask::is_yes;
use super::tell;
use crate::checkpoint::{Control, Deserted};

/// What is asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// Whether what criu hangs on may be thawed.
    Thaw,
    /// Whether a criu that waits for ever may be ended.
    End,
}

/// What is asked now, and what the answers go to. To end a criu that holds something is not on offer: it would be lost.
pub(super) struct Questions {
    control: Arc<Control>,
    open: Arc<Mutex<Option<Asked>>>,
}

impl Questions {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self { control, open: Arc::default() }
    }

    /// Asks whether the groups that criu waits for may be thawed.
    pub(super) fn thaw(&self, origins: &[String]) {
        self.ask(
            Asked::Thaw,
            &format!("criu is waiting for {}. Thaw it until criu has finished?", origins.join(", ")),
        );
    }

    /// Asks whether a criu that waits for ever may be ended.
    pub(super) fn end(&self, found: &Deserted) {
        self.ask(Asked::End, &format!("{found}. Ending criu now loses nothing. End it?"));
    }

    fn ask(&self, asked: Asked, question: &str) {
        eprint!("{question} [y/N] ");
        let before = self.open.lock().unwrap_or_else(PoisonError::into_inner).replace(asked);
        if before.is_some() {
            return;
        }
        let (control, open) = (Arc::clone(&self.control), Arc::clone(&self.open));
        let body = move || {
            let yes = is_yes(&io::stdin()).unwrap_or(false);
            let asked = open.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (asked, yes) {
                (Some(Asked::Thaw), true) => control.rescue(),
                (Some(Asked::End), true) => control.end_criu(),
                _ => tell("it keeps waiting; cryoscope rescue asks again"),
            }
        };
        if std::thread::Builder::new().name("question".into()).spawn(body).is_err() {
            tell("cannot ask without a terminal; cryoscope rescue asks again");
        }
    }
}
