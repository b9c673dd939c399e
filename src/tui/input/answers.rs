//! What the terminal is asked, and its answers.
//!
//! Answers come the way keys come, in between them and whenever they like. One that comes when the program has left would be typed
//! into the shell. So each question is followed by one that every terminal answers, for its attributes: a terminal answers in
//! order, and when these have come nothing is on its way any more. (xterm: ctlseqs, "Primary DA" and "Operating System Commands",
//! 11)

use std::fmt;
use std::io::{self, stdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ratatui::crossterm::{Command, execute};

use crate::tui::theme::Ground;

/// How long an answer is waited for where the program leaves. A terminal at the other end of a slow line takes a round trip; one that
/// does not answer at all is waited for once, and not when it has had this long already.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The questions that are not answered yet.
#[derive(Clone, Default)]
pub(crate) struct Questions(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    asked: usize,
    answered: usize,
    last: Option<Instant>,
    hung_up: bool,
}

impl Questions {
    /// Asks for the terminal's attributes, and for its ground before that where that is wanted.
    ///
    /// # Errors
    /// Where the terminal cannot be written to.
    pub(crate) fn ask(&self, ground: bool) -> io::Result<()> {
        let mut state = self.lock();
        state.asked += 1;
        state.last = Some(Instant::now());
        drop(state);
        execute!(stdout(), Ask { ground })
    }

    /// Waits until nothing that the terminal sent is on its way any more, or until it had its time.
    ///
    /// # Errors
    /// Where the terminal cannot be written to.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let answers = self.lock().answered > 0;
        if answers {
            self.ask(false)?;
        }
        let state = self.lock();
        let left = state.last.map_or(Duration::ZERO, |last| ANSWER_TIMEOUT.saturating_sub(last.elapsed()));
        let is_open = |state: &mut State| state.answered < state.asked && !state.hung_up;
        drop(self.0.1.wait_timeout_while(state, left, is_open).unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// The attributes have come.
    pub(super) fn answered(&self) {
        self.lock().answered += 1;
        self.0.1.notify_all();
    }

    /// Nothing comes any more.
    pub(super) fn hang_up(&self) {
        self.lock().hung_up = true;
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one step.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Ask {
    ground: bool,
}

impl Command for Ask {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str(if self.ground { "\x1b]11;?\x07\x1b[c" } else { "\x1b[c" })
    }
}

/// The colour in an answer: `11;rgb:ffff/ffff/ffff`, or `11;rgba:` and a fourth part, up to BEL or `ESC \`; each part has one to four
/// digits. (X11: XParseColor(3))
pub(super) fn ground(answer: &[u8]) -> Option<Ground> {
    let text = std::str::from_utf8(answer).ok()?.strip_prefix("11;rgb")?;
    let text = text.trim_end_matches(['\x07', '\x1b', '\\']);
    let parts = text.strip_prefix('a').unwrap_or(text).strip_prefix(':')?.split('/');
    let part = |text: &str| {
        let most = (1..=4).contains(&text.len()).then(|| 16f64.powi(text.len() as i32) - 1.0)?;
        u16::from_str_radix(text, 16).ok().map(|value| f64::from(value) / most)
    };
    let parts: Vec<f64> = parts.map(part).collect::<Option<_>>()?;
    Some(Ground::of_colour(*parts.first_chunk()?))
}
