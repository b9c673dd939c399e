//! Plays a tape.

use std::path::Path;
use std::time::{Duration, Instant};

use vt100::Screen;

use super::parse::{Action, Tape};
use super::stage::Stage;
use crate::real::support::terminal::Terminal;

/// Who watches.
pub trait Audience {
    /// Whether texts are typed at a person's speed, and pauses are made.
    const PATIENT: bool;

    /// What is on the screen, whenever something has come.
    fn sees(&mut self, _screen: &Screen) {}

    /// A step has come to its end: the last thing before the next key.
    ///
    /// # Errors
    /// Where the screen is not as it should be.
    fn key_frame(&mut self, _line: usize, _terminal: &mut Terminal) -> Result<(), Broken> {
        Ok(())
    }

    /// A picture of this is to be kept.
    fn keeps(&mut self, _path: &Path, _screen: &Screen) {}
}

/// Where a tape does not fit the program, and why.
#[derive(Debug)]
pub struct Broken {
    pub line: usize,
    pub why: String,
}

/// Nobody watches: only whether the tape runs to its end is of interest.
pub struct Nobody;

impl Audience for Nobody {
    const PATIENT: bool = false;
}

/// Plays a tape from its beginning to its end.
///
/// # Errors
/// Where something that it waits for does not come: the line, and what is on the screen instead.
pub fn replay<A: Audience>(tape: &Tape, stage: &Stage, audience: &mut A) -> Result<(), Broken> {
    let terminal = Terminal::start(stage.shell(tape), tape.cells());
    let mut player = Player { tape, terminal, audience, shown: true, reached: None };
    player.until(tape.patience, |screen| screen.contents().contains('>'));
    for step in &tape.steps {
        player.step(step.line, &step.action)?;
    }
    player.end_of_step()
}

struct Player<'a, A> {
    tape: &'a Tape,
    terminal: Terminal,
    audience: &'a mut A,
    shown: bool,
    /// The line of a `Wait` that has come true since the last key.
    reached: Option<usize>,
}

impl<A: Audience> Player<'_, A> {
    fn step(&mut self, line: usize, action: &Action) -> Result<(), Broken> {
        match action {
            Action::Type(text) => {
                self.end_of_step()?;
                for character in text.chars() {
                    self.terminal.keys(character.encode_utf8(&mut [0; 4]));
                    self.pause(self.tape.typing);
                }
            }
            Action::Press(keys) => {
                self.end_of_step()?;
                self.terminal.keys(keys);
                self.pause(self.tape.typing);
            }
            Action::Sleep(span) => self.pause(*span),
            Action::Wait(pattern) => {
                if !self.until(self.tape.patience(line), |screen| pattern.is_match(&text(screen))) {
                    let screen = text(self.terminal.screen());
                    return Err(Broken {
                        line,
                        why: format!("/{pattern}/ does not come; on the screen:\n{screen}"),
                    });
                }
                self.reached = self.shown.then_some(line);
            }
            Action::Hide => {
                self.end_of_step()?;
                self.shown = false;
            }
            Action::Show => self.shown = true,
            Action::Screenshot(path) => self.audience.keeps(path, self.terminal.screen()),
        }
        Ok(())
    }

    fn end_of_step(&mut self) -> Result<(), Broken> {
        match self.reached.take() {
            Some(line) => self.audience.key_frame(line, &mut self.terminal),
            None => Ok(()),
        }
    }

    fn pause(&mut self, span: Duration) {
        if A::PATIENT && self.shown {
            let end = Instant::now() + span;
            self.until(span, |_| Instant::now() >= end);
        }
    }

    /// Follows what the program does, until the screen is so; whether it became so in time.
    fn until(&mut self, deadline: Duration, so: impl Fn(&Screen) -> bool) -> bool {
        let (audience, shown) = (&mut *self.audience, self.shown);
        self.terminal.follow(deadline, |screen| {
            if shown {
                audience.sees(screen);
            }
            so(screen)
        })
    }
}

/// The rows of a screen, without the blanks at their ends.
pub fn text(screen: &Screen) -> String {
    let rows = screen.rows(0, screen.size().1.into());
    rows.map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
