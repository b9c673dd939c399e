//! Lines that are typed into: the search, the filter, the palette.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::jump;
use super::moving::go_to;
use crate::model::printable;
use crate::tui::prompt::{Asks, Prompt};
use crate::tui::search::{Hit, Way};
use crate::tui::{Action, App, Command, events_panel, search};

pub(super) fn begin_search(app: &mut App) {
    let origin = app.grove().and_then(|grove| grove.selected);
    app.shape.panel_first = false;
    app.search.begin(origin);
}

pub(super) fn on_search_key(app: &mut App, key: &KeyEvent) {
    match key.code {
        KeyCode::Esc => {
            let origin = app.search.cancel();
            go_to(app, origin);
        }
        KeyCode::Enter => app.search.accept(),
        _ => {
            if let Some(input) = app.search.input_mut() {
                edit(input, key);
            }
            let text = app.search.input().map(|input| input.value().to_owned()).unwrap_or_default();
            let origin = app.search.origin();
            let hit = app
                .grove()
                .filter(|_| !text.is_empty())
                .and_then(|grove| search::hit(grove, &text, origin, Way::Here));
            match hit {
                Some(hit) => app.say(count(hit)),
                None if text.is_empty() => {}
                None => app.complain(NONE),
            }
            go_to(app, hit.map(|hit| hit.key).or(origin));
        }
    }
}

/// Proposes a file in the folder that the program was started in.
pub(super) fn begin_export(app: &mut App) {
    let host = app.settings.host.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>();
    let at = events_panel::newest(app).map_or(String::new(), |at| at.strftime("-%Y%m%d-%H%M%S").to_string());
    let dash = if host.is_empty() { "" } else { "-" };
    app.prompt = Some(Prompt::new(Asks::Export, format!("cryoscope-events{dash}{host}{at}.txt")));
}

pub(super) fn on_prompt_key(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    let Some(prompt) = &mut app.prompt else { return };
    match key.code {
        KeyCode::Esc => app.prompt = None,
        KeyCode::Enter => {
            let (asks, text) = (prompt.asks, prompt.input.value().trim().to_owned());
            app.prompt = None;
            match asks {
                _ if text.is_empty() => {}
                Asks::Jump => jump::jump(app, &text, commands),
                Asks::Export => commands.extend(
                    events_panel::to_write(app).map(|events| Command::Export { file: text.into(), events }),
                ),
            }
        }
        _ => edit(&mut prompt.input, key),
    }
}

/// The action that is chosen, where one is.
pub(super) fn on_palette_key(app: &mut App, key: &KeyEvent) -> Option<Action> {
    let keymap = &app.settings.preferences.keymap;
    let palette = app.palette.as_mut()?;
    match key.code {
        KeyCode::Esc => app.palette = None,
        KeyCode::Down | KeyCode::Tab => palette.turn(true, keymap),
        KeyCode::Up | KeyCode::BackTab => palette.turn(false, keymap),
        KeyCode::Enter => {
            let chosen = palette.fitting(keymap).get(palette.chosen(keymap)).map(|bound| bound.action);
            app.palette = None;
            return chosen;
        }
        _ => {
            edit(&mut palette.input, key);
            palette.typed();
        }
    }
    None
}

pub(super) fn on_filter_key(app: &mut App, key: &KeyEvent) {
    match key.code {
        KeyCode::Esc => app.filter.cancel(),
        KeyCode::Enter => app.filter.accept(),
        _ => {
            if let Some(input) = app.filter.input_mut() {
                edit(input, key);
            }
            app.filter.typed();
        }
    }
}

pub(super) fn next_hit(app: &mut App, forward: bool) {
    let text = app.search.last().to_owned();
    let way = if forward { Way::Next } else { Way::Previous };
    let hit = app.grove().and_then(|grove| search::hit(grove, &text, grove.selected, way));
    match hit {
        Some(hit) => {
            go_to(app, Some(hit.key));
            app.say(format!("{}: {}", printable(text.as_bytes()), count(hit)));
        }
        None => app.complain(NONE),
    }
}

const NONE: &str = "no match";

fn count(hit: Hit) -> String {
    format!("{} of {}", hit.number, hit.all)
}

/// A key in a line of text.
pub(super) fn edit(input: &mut Input, key: &KeyEvent) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let request = match key.code {
        KeyCode::Char('u') if control => InputRequest::DeleteFromStart,
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char(c) if !control => InputRequest::InsertChar(c),
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return,
    };
    input.handle(request);
}
