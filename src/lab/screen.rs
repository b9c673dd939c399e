//! The lessons on a terminal: a list to choose from, and a course that goes on with Enter or by hand.
//!
//! One loop: look at the kernel, draw what is different, wait a moment for a key.

mod list;
mod log;
mod page;
mod stage;
mod view;

#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyEvent, KeyEventKind};

use self::stage::{Flow, Stage};
use super::ground::Ground;
use super::lesson::Lesson;
use crate::model::Version;
use crate::tui::input::{self, Heard, Questions, is_hung_up};
use crate::tui::on_screen;
use crate::tui::theme::Theme;

/// How the lessons are shown, and which.
#[derive(Debug)]
pub struct Settings {
    pub(crate) theme: Theme,
    /// For an audience: more space, the keys that are pressed, events one at a time.
    pub presentation: bool,
    /// The lesson to begin with; the list where this is left out.
    pub lesson: Option<&'static Lesson>,
    /// The freezers that can be chosen, the preferred one first.
    pub versions: Vec<Version>,
}

/// How long it waits for a key before it looks at the kernel again.
const LOOK: Duration = Duration::from_millis(100);

/// Holds lessons until the person has had enough, or `end` says that a signal came.
///
/// # Errors
/// Where the terminal cannot be used, or the lesson to begin with cannot be held.
pub fn run(ground: Ground, settings: Settings, end: &Arc<AtomicBool>) -> io::Result<()> {
    let theme = settings.theme;
    let stop = Arc::clone(end);
    let mut stage = Stage::new(ground, settings);
    let done = on_screen(
        move || stop.store(true, Ordering::Relaxed),
        |terminal| {
            let done = session(terminal, &mut stage, theme, end);
            // While the terminal is there still, for it may take a moment; a panic comes here too, by way of the drop.
            stage.close();
            done
        },
    );
    if !is_hung_up() {
        return done;
    }
    // Nobody is there to be told; what was drawn and not written goes nowhere.
    Ok(rustix::stdio::dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?)
}

fn session(
    terminal: &mut DefaultTerminal,
    stage: &mut Stage,
    theme: Theme,
    end: &AtomicBool,
) -> io::Result<()> {
    let (keys, mut shown) = (keys()?, None);
    while !end.load(Ordering::Relaxed) && !is_hung_up() {
        stage.tick();
        let size = terminal.size()?;
        let scene = (stage.shown(), size);
        if shown.as_ref() != Some(&scene) {
            terminal.draw(|frame| view::draw(&scene.0, theme, frame))?;
            shown = Some(scene);
        }
        match keys.recv_timeout(LOOK) {
            Ok(key) if stage.key(key) == Flow::End => return Ok(()),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
    Ok(())
}

/// Reads keys, in a thread of its own.
fn keys() -> io::Result<Receiver<KeyEvent>> {
    let (inbox, keys) = unbounded();
    let tell = move |heard| match heard {
        Heard::Input(Event::Key(key)) if key.kind != KeyEventKind::Release => inbox.send(key).is_ok(),
        _ => true,
    };
    input::listen(Questions::default(), tell, || ())?;
    Ok(keys)
}
