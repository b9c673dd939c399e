//! One line that shows how far a dump is, where somebody looks.

use std::io::{self, IsTerminal, Write};

use crate::model::span;

/// The line, on standard error: it is written over by the next one, and taken away at the end.
pub(super) struct Meter {
    shown: bool,
    on: bool,
}

impl Meter {
    pub(super) fn new(wanted: bool) -> Self {
        Self { shown: false, on: wanted && io::stderr().is_terminal() }
    }

    /// Shows how many bytes there are, of about how many.
    pub(super) fn show(&mut self, bytes: u64, of: u64) {
        if self.on {
            self.shown = true;
            // Where the terminal is gone nobody looks.
            let _ = write!(io::stderr(), "\r{} of about {}\x1b[K", span::bytes(bytes), span::bytes(of));
        }
    }

    /// Takes the line away, so that another can be written.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
