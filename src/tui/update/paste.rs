//! Pasted text: for lines of text alone. Taken as keys it would do whatever its letters stand for.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::keys;
use crate::tui::{App, Command};

/// Longer than any path.
const MOST: usize = 8192;

/// Puts it where keys are typed into; elsewhere it is left out, and that is said.
pub(super) fn on_paste(app: &mut App, text: &str, commands: &mut Vec<Command>) {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let text: Vec<char> = text.trim().chars().map(plain).take(MOST).collect();
    let Some((&last, before)) = text.split_last() else { return };
    let Some(input) = typed_into(app) else {
        return app.say("pasted text ignored: no text field is open");
    };
    for &c in before {
        input.handle(InputRequest::InsertChar(c));
    }
    // As typed: what follows from the text is worked out once.
    keys::on_key(app, &KeyEvent::new(KeyCode::Char(last), KeyModifiers::NONE), commands);
}

/// The line that a letter goes to, in the order in which keys are looked at.
fn typed_into(app: &mut App) -> Option<&mut Input> {
    app.layout()?;
    if let Some(dialog) = &mut app.dialog {
        return dialog.typed_mut();
    }
    if !app.checkpoint_hidden
        && let Some(checkpoint) = &mut app.checkpoint
    {
        return checkpoint.typed_mut();
    }
    if let Some(palette) = &mut app.palette {
        return Some(&mut palette.input);
    }
    if let Some(prompt) = &mut app.prompt {
        return Some(&mut prompt.input);
    }
    if app.search.input().is_some() {
        return app.search.input_mut();
    }
    app.filter.input_mut()
}
