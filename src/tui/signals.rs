//! The signals that the screen handles.

use std::io;

use crossbeam_channel::Sender;
use ratatui::crossterm::event::Event as Input;
use ratatui::crossterm::terminal::size;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
use signal_hook::iterator::Signals;

use super::{Event, unread};

/// Passes them on, from a thread of its own. They are handled and not blocked, for what is blocked here would be blocked in the
/// programs that are started from here, too.
///
/// # Errors
/// Where no thread can be had.
pub(super) fn listen(inbox: Sender<Event>) -> io::Result<()> {
    let handled = [SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGWINCH];
    let mut signals = Signals::new(handled)?;
    let body = move || {
        for signal in signals.forever() {
            let event = match signal {
                SIGTSTP | SIGTTIN | SIGTTOU => Event::Stop,
                SIGCONT => Event::Continued,
                SIGWINCH => match size() {
                    Ok((width, height)) => Event::Input(Input::Resize(width, height)),
                    Err(_) => continue,
                },
                _ => {
                    let _ = inbox.send(Event::Terminated);
                    unread::throw_away()
                }
            };
            let _ = inbox.send(event);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(body).map(drop)
}
