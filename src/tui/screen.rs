//! The terminal, taken, and given back whatever happens: on an error, on a panic in any thread, and at the end.

use std::fmt;
use std::io::{self, stdin, stdout};
use std::panic;
use std::thread;

use crossbeam_channel::unbounded;
use nix::sys::termios::{FlushArg, tcflush};
use ratatui::DefaultTerminal;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{Command, execute};

/// Takes the terminal, calls `body` with it, and gives it back.
///
/// A panic of `body` gives it back before it is reported. After a panic in another thread what the screen shows can't be
/// trusted, so `panicked` is called, from that thread: it must make `body` end, and the report is the error then.
///
/// # Errors
/// Where the terminal cannot be set up or given back, those of `body`, and a panic in another thread.
pub fn on_screen<T>(
    panicked: impl Fn() + Send + Sync + 'static,
    body: impl FnOnce(&mut DefaultTerminal) -> io::Result<T>,
) -> io::Result<T> {
    let (report, reports) = unbounded();
    let mut terminal = ratatui::try_init()?;
    // Before ratatui's hook, which gives the terminal back and then calls the one that reports.
    let (hook, this) = (panic::take_hook(), thread::current().id());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == this {
            // Whatever can't be written here can't be reported either.
            let _ = be_quiet();
            return hook(info);
        }
        let _ = report.send(format!("internal error: {info}"));
        panicked();
    }));
    let done = execute!(stdout(), EnableBracketedPaste, Clicks(true)).and_then(|()| body(&mut terminal));
    let restored = be_quiet().and_then(|()| {
        forget_input();
        ratatui::try_restore()
    });
    if restored.is_err() {
        // The terminal is not there any more: to say so, as the drop would, panics.
        std::mem::forget(terminal);
    }
    match reports.try_recv() {
        Ok(report) => Err(io::Error::other(report)),
        Err(_) => done.and_then(|value| restored.map(|()| value)),
    }
}

/// Gives the terminal back for a while, as whoever it is given to expects it.
///
/// # Errors
/// Where the terminal cannot be written to or set.
pub(super) fn give_back() -> io::Result<()> {
    execute!(stdout(), LeaveAlternateScreen, Show)?;
    forget_input();
    disable_raw_mode()
}

/// Takes the terminal again, whatever became of it meanwhile: somebody else may have set it.
///
/// # Errors
/// Where the terminal cannot be written to or set.
pub(super) fn take_again(terminal: &mut DefaultTerminal, mouse: bool) -> io::Result<()> {
    // Where it was not given back it counts as taken still, and would not be set.
    disable_raw_mode()?;
    enable_raw_mode()?;
    execute!(
        stdout(),
        EnterAlternateScreen,
        Clear(ClearType::All),
        Hide,
        EnableBracketedPaste,
        Clicks(mouse)
    )?;
    // What was drawn is forgotten, so that everything is drawn anew. The terminal's own clear() asks for the cursor's position,
    // and the answer would go to the thread that reads keys.
    terminal.swap_buffers();
    Ok(())
}

/// Asks the terminal to report nothing any more but what is typed.
///
/// # Errors
/// Where the terminal cannot be written to.
pub(super) fn be_quiet() -> io::Result<()> {
    execute!(stdout(), DisableBracketedPaste, Clicks(false))
}

/// What has come and was not read was not meant for the shell.
fn forget_input() {
    // Where the terminal is gone there is nothing to forget.
    let _ = tcflush(stdin(), FlushArg::TCIFLUSH);
}

/// Asks the terminal to report clicks, the wheel, and movements with a button down, or to keep the mouse to itself. All other
/// movements are not asked for: there would be an event for each, over a slow line as well. (xterm: ctlseqs, "Mouse Tracking":
/// 1002 and 1006)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clicks(pub(super) bool);

impl Command for Clicks {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str(if self.0 { "\x1b[?1002h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1002l" })
    }
}
