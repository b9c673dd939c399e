//! What comes from the terminal: keys, the mouse, pasted text, and its answers.
//!
//! crossterm's own reader keeps the beginning of an escape sequence until its end comes: one that never ends takes the keyboard
//! away, and an answer of the terminal comes out as keys. So the bytes are read here. ([`sequences`] cuts them, [`decode`] reads
//! one, [`answers`] asks and knows what is still to be answered)

mod answers;
mod decode;
mod sequences;

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use ratatui::crossterm::event::Event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

pub(crate) use answers::Questions;
use sequences::Sequences;

use super::theme::Ground;

/// One thing that was heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    /// Something for the screen.
    Input(Event),
    /// The colour of the terminal's ground.
    Ground(Ground),
    /// The terminal's attributes: it has answered all that it was asked before them.
    Attributes,
}

/// How long a background process waits before it tries to read again.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(100);

/// Reads the terminal in a thread of its own, until `tell` answers false or the terminal is gone; then `gone` is called.
///
/// # Errors
/// Where no thread can be had.
pub(crate) fn listen(
    questions: Questions,
    mut tell: impl FnMut(Heard) -> bool + Send + 'static,
    gone: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let body = move || {
        // A read in the background is to fail: the signal would come again and again as long as it is handled. (tty_ioctl(4))
        let _ = SigSet::from_iter([Signal::SIGTTIN]).thread_block();
        let mut sequences = Sequences::default();
        while let Ok(heard) = read(&mut sequences) {
            for heard in heard {
                if heard == Heard::Attributes {
                    questions.answered();
                } else if !tell(heard) {
                    return;
                }
            }
        }
        questions.hang_up();
        gone();
    };
    std::thread::Builder::new().name("keys".into()).spawn(body).map(drop)
}

/// The terminal went away.
struct Gone;

/// Waits for bytes, or until what has begun is over.
fn read(sequences: &mut Sequences) -> Result<Vec<Heard>, Gone> {
    let stdin = io::stdin();
    let left = sequences.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match ready(stdin.as_fd(), left) {
        Ok(events) if events.is_empty() => return Ok(sequences.expire(Instant::now())),
        Ok(events) if events.contains(PollFlags::IN) => {}
        Ok(_) => return Err(Gone),
        Err(Errno::INTR) => return Ok(Vec::new()),
        Err(_) => return Err(Gone),
    }
    let mut bytes = [0; 4096];
    match rustix::io::read(&stdin, &mut bytes) {
        Ok(0) => Err(Gone),
        Ok(length) => Ok(sequences.feed(&bytes[..length], Instant::now())),
        Err(Errno::INTR | Errno::AGAIN) => Ok(Vec::new()),
        Err(Errno::IO) if !is_hung_up() => {
            std::thread::sleep(BACKGROUND_PAUSE);
            Ok(Vec::new())
        }
        Err(_) => Err(Gone),
    }
}

/// What the terminal is ready for; nothing where the time is over.
fn ready(terminal: impl AsFd, timeout: Option<Duration>) -> Result<PollFlags, Errno> {
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut terminal = [PollFd::new(&terminal, PollFlags::IN)];
    poll(&mut terminal, timeout.as_ref())?;
    Ok(terminal[0].revents())
}

/// Whether the terminal is gone. Not everybody gets a SIGHUP then.
pub(crate) fn is_hung_up() -> bool {
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    ready(io::stdin(), Some(Duration::ZERO)).is_ok_and(|events| events.intersects(gone))
}
