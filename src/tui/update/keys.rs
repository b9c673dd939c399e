//! Keys: to the dialog, to the search, or through the key table.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::{answers, checkpoint, leaving};
use crate::model::span;
use crate::model::tree::Key;
use crate::tui::keymap::{self, Lookup};
use crate::tui::layout::Layout;
use crate::tui::palette::Palette;
use crate::tui::rows::Grove;
use crate::tui::{Action, App, Command, Panel, events, search, story};

pub(super) fn on_key(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    app.message = None;
    if app.layout().is_none() {
        on_key_too_small(app, key, commands);
    } else if app.dialog.is_some() {
        answers::on_key(app, key, commands);
    } else if app.shown_checkpoint().is_some() {
        checkpoint::on_key(app, key, commands);
    } else if app.palette.is_some() {
        on_palette_key(app, key, commands);
    } else if app.search.input().is_some() {
        on_search_key(app, key);
    } else if app.filter.input().is_some() {
        on_filter_key(app, key);
    } else {
        on_bound_key(app, key, commands);
    }
}

/// Nothing can be seen, so nothing but leaving may be asked for.
fn on_key_too_small(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    if keymap::spelled(key).is_some_and(|k| app.keymap().lookup(&k) == Lookup::Action(Action::Quit)) {
        commands.push(Command::Quit);
    }
    app.typed.clear();
}

fn on_bound_key(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    let Some(name) = keymap::spelled(key) else { return };
    let typed = std::mem::take(&mut app.typed) + &name;
    // A key that does not go on with what was begun stands for itself.
    let meaning = match app.keymap().lookup(&typed) {
        Lookup::Nothing => app.keymap().lookup(&name),
        found => found,
    };
    match meaning {
        Lookup::Action(action) => act(app, action, commands),
        Lookup::Prefix => app.typed = name,
        Lookup::Nothing => {}
    }
}

fn act(app: &mut App, action: Action, commands: &mut Vec<Command>) {
    if app.help {
        // The help lies over everything: it scrolls, any other key closes it, and quitting quits.
        match action {
            Action::Down => app.help_offset = (app.help_offset + 1).min(app.keymap().len()),
            Action::Up => app.help_offset = app.help_offset.saturating_sub(1),
            _ => app.help = false,
        }
        if action == Action::Quit {
            leaving::ask(app, commands);
        }
        return;
    }
    if let Some(reason) = action.unavailable(app) {
        return app.say(reason);
    }
    match action {
        Action::NextPanel => next_panel(app),
        Action::PanelProcesses => show_panel(app, Panel::Processes),
        Action::PanelFreeze => show_panel(app, Panel::Freeze),
        Action::PanelFiles => show_panel(app, Panel::Files),
        Action::PanelEvents => show_panel(app, Panel::Events),
        Action::PanelDown if app.panel == Panel::Events => events::scroll(app, true),
        Action::PanelUp if app.panel == Panel::Events => events::scroll(app, false),
        Action::PanelDown => app.panel_offset += 1,
        Action::PanelUp => app.panel_offset = app.panel_offset.saturating_sub(1),
        Action::Hierarchy => app.current = (app.current + 1) % app.groves.len().max(1),
        Action::Search => begin_search(app),
        Action::Filter => app.filter.begin(),
        Action::NextHit => next_hit(app, true),
        Action::PreviousHit => next_hit(app, false),
        Action::Freeze => answers::ask_freeze(app, None, commands),
        Action::FreezeFor => answers::ask_freeze(app, Some("30s"), commands),
        Action::Thaw => answers::ask_thaw(app),
        Action::Checkpoint => checkpoint::open(app, commands),
        Action::Rescue => {
            app.say("looking for what hangs or was cut off …");
            commands.push(Command::FindStranded);
        }
        Action::Copy => copy(app, commands),
        Action::Mouse => turn_mouse(app, commands),
        Action::Hold if app.hold.is_on() => {
            super::release(app, commands);
            app.say("the display goes on");
        }
        Action::Hold => {
            app.hold.begin();
            app.say(format!("the display is held: {} lets it go on", app.keymap().name(action)));
        }
        Action::Sort => {
            let sort = app.grove().map(|grove| grove.sort.next()).unwrap_or_default();
            app.groves.iter_mut().for_each(|grove| grove.sort = sort);
            app.say(format!("sorted by {}", sort.word()));
        }
        Action::Suspend => commands.push(Command::Suspend { mouse: app.mouse }),
        Action::Palette => app.palette = Some(Palette::default()),
        Action::Help => (app.help, app.help_offset) = (true, 0),
        Action::Back => back(app),
        Action::Quit => leaving::ask(app, commands),
        _ => move_selection(app, action),
    }
}

fn move_selection(app: &mut App, action: Action) {
    let page = app.tree_height().max(2);
    let Some(grove) = app.grove_mut() else { return };
    grove.give_up();
    let (cursor, last) = (grove.cursor(), grove.rows.len().saturating_sub(1));
    match action {
        Action::Down => grove.go(cursor + 1),
        Action::Up => grove.go(cursor.saturating_sub(1)),
        Action::First => grove.go(0),
        Action::Last => grove.go(last),
        Action::HalfDown => grove.go(cursor + page / 2),
        Action::HalfUp => grove.go(cursor.saturating_sub(page / 2)),
        Action::PageDown => grove.go(cursor + page - 1),
        Action::PageUp => grove.go(cursor.saturating_sub(page - 1)),
        _ => {
            if let Some(key) = grove.selected {
                fold(grove, key, action);
            }
        }
    }
}

fn fold(grove: &mut Grove, key: Key, action: Action) {
    let unfolded = grove.is_unfolded(key);
    match action {
        Action::Left if unfolded => grove.set_unfolded(key, false),
        Action::Left => {
            if let Some(parent) = grove.node(key).and_then(|node| node.parent) {
                grove.select(parent);
            }
        }
        Action::Right if unfolded => {
            let cursor = grove.cursor();
            let inside = grove.node(key).is_some_and(|node| !node.children.is_empty());
            grove.go(cursor + usize::from(inside));
        }
        Action::Right | Action::Unfold => grove.set_unfolded(key, true),
        Action::Fold => grove.set_unfolded(key, false),
        Action::Toggle => grove.set_unfolded(key, !unfolded),
        Action::UnfoldBelow => grove.unfold_below(key),
        _ => {}
    }
}

fn show_panel(app: &mut App, panel: Panel) {
    app.panel = panel;
    app.panel_first = true;
    app.panel_offset = 0;
}

/// Side by side: round and round. One by one: the groups, each panel, the groups.
fn next_panel(app: &mut App) {
    let narrow = Layout::is_narrow(app.size);
    match app.panel.next() {
        _ if narrow && !app.panel_first => show_panel(app, Panel::Processes),
        Some(next) => show_panel(app, next),
        None => {
            show_panel(app, Panel::Processes);
            app.panel_first = !narrow;
        }
    }
}

fn begin_search(app: &mut App) {
    let origin = app.grove().and_then(|grove| grove.selected);
    app.panel_first = false;
    app.search.begin(origin);
}

fn on_search_key(app: &mut App, key: &KeyEvent) {
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
                .and_then(|g| search::hit(g, &text, origin, true, true));
            if hit.is_none() && !text.is_empty() {
                app.complain("no group has that in its name");
            }
            go_to(app, hit.or(origin));
        }
    }
}

fn on_palette_key(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    let keymap = &app.settings.preferences.keymap;
    let Some(palette) = &mut app.palette else { return };
    match key.code {
        KeyCode::Esc => app.palette = None,
        KeyCode::Down | KeyCode::Tab => palette.turn(true, keymap),
        KeyCode::Up | KeyCode::BackTab => palette.turn(false, keymap),
        KeyCode::Enter => {
            let chosen = palette.fitting(keymap).get(palette.chosen(keymap)).map(|bound| bound.action);
            app.palette = None;
            if let Some(action) = chosen {
                act(app, action, commands);
            }
        }
        _ => {
            edit(&mut palette.input, key);
            palette.typed();
        }
    }
}

fn on_filter_key(app: &mut App, key: &KeyEvent) {
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

/// Out of the panel, or else out of the filter.
fn back(app: &mut App) {
    if !std::mem::take(&mut app.panel_first) && app.filter.clear() {
        app.say("all groups are shown again");
    }
}

fn next_hit(app: &mut App, forward: bool) {
    let text = app.search.last().to_owned();
    let hit = app.grove().and_then(|grove| search::hit(grove, &text, grove.selected, false, forward));
    match hit {
        Some(_) => go_to(app, hit),
        None => app.complain("no group has that in its name"),
    }
}

fn go_to(app: &mut App, key: Option<Key>) {
    if let (Some(grove), Some(key)) = (app.grove_mut(), key) {
        grove.give_up();
        grove.select(key);
    }
}

fn copy(app: &mut App, commands: &mut Vec<Command>) {
    if app.panel == Panel::Events {
        let Some((text, count)) = events::to_copy(app) else { return app.say("no events to copy") };
        app.say(format!("copied: the newest {}", span::count(count, "event", "events")));
        return commands.push(Command::Copy(text));
    }
    let Some(text) = story::to_copy(app) else { return };
    app.say(format!("copied: {text}"));
    commands.push(Command::Copy(text));
}

fn turn_mouse(app: &mut App, commands: &mut Vec<Command>) {
    app.mouse = !app.mouse;
    app.say(if app.mouse { "the mouse selects and folds here" } else { "the mouse is the terminal's" });
    commands.push(Command::Mouse(app.mouse));
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
