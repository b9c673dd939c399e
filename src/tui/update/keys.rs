//! Keys: to the dialog, to the search, or through the key table.

use ratatui::crossterm::event::KeyEvent;

use super::{answers, checkpoint, leaving, moving, typing};
use crate::model::span;
use crate::tui::keymap::{self, Lookup};
use crate::tui::layout::Layout;
use crate::tui::palette::Palette;
use crate::tui::prompt::{Asks, Prompt};
use crate::tui::{Action, App, Command, Panel, Target, copy, events_panel, processes};

pub(super) fn on_key(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    app.forget_message();
    if app.layout().is_none() {
        on_key_too_small(app, key, commands);
    } else if app.dialog.is_some() {
        answers::on_key(app, key, commands);
    } else if app.shown_checkpoint().is_some() {
        checkpoint::on_key(app, key, commands);
    } else if app.palette.is_some() {
        if let Some(action) = typing::on_palette_key(app, key) {
            act(app, action, commands);
        }
    } else if app.prompt.is_some() {
        typing::on_prompt_key(app, key, commands);
    } else if app.search.input().is_some() {
        typing::on_search_key(app, key);
    } else if app.filter.input().is_some() {
        typing::on_filter_key(app, key);
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

pub(super) fn act(app: &mut App, action: Action, commands: &mut Vec<Command>) {
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
        Action::PanelDown if app.panel == Panel::Events => events_panel::scroll(app, true),
        Action::PanelUp if app.panel == Panel::Events => events_panel::scroll(app, false),
        Action::PanelDown if processes::has_the_keys(app) => processes::step(app, true),
        Action::PanelUp if processes::has_the_keys(app) => processes::step(app, false),
        Action::PanelDown => app.panel_offset += 1,
        Action::PanelUp => app.panel_offset = app.panel_offset.saturating_sub(1),
        Action::PanelAlone => app.shape.alone = !app.shape.alone,
        Action::BorderLeft => move_border(app, -4),
        Action::BorderRight => move_border(app, 4),
        Action::Order => {
            app.order = app.order.next();
            app.panel_offset = 0;
            app.say(format!("processes {}", app.order.word()));
        }
        Action::Signal => answers::ask_signal(app),
        Action::Export => typing::begin_export(app),
        Action::Jump => app.prompt = Some(Prompt::new(Asks::Jump, String::new())),
        Action::Mark | Action::MarkBelow | Action::Unmark => mark(app, action),
        Action::Hierarchy => moving::other_hierarchy(app),
        Action::Search => typing::begin_search(app),
        Action::Filter => app.filter.begin(),
        Action::NextHit => typing::next_hit(app, true),
        Action::PreviousHit => typing::next_hit(app, false),
        Action::Freeze => answers::ask_freeze(app, None, commands),
        Action::FreezeFor => answers::ask_freeze(app, Some("30s"), commands),
        Action::Thaw => answers::ask_thaw(app, commands),
        Action::CancelFreeze => cancel(app, commands),
        Action::Checkpoint => checkpoint::open(app, commands),
        Action::Rescue => {
            app.say("looking for hung criu runs and interrupted checkpoints …");
            commands.push(Command::FindStranded);
        }
        Action::Copy => copy(app, commands),
        Action::Mouse => turn_mouse(app, commands),
        Action::Hold if app.hold.is_on() => {
            super::release(app, commands);
            app.say("updates resumed");
        }
        Action::Hold => {
            app.hold.begin();
            app.say(format!("paused: {} resumes", app.keymap().name(action)));
        }
        Action::Sort => {
            let sort = app.grove().map(|grove| grove.sort().next()).unwrap_or_default();
            app.groves.iter_mut().for_each(|grove| grove.set_sort(sort));
            app.say(format!("sorted by {}", sort.word()));
        }
        Action::Suspend => commands.push(Command::Suspend),
        Action::Palette => app.palette = Some(Palette::default()),
        Action::Help => (app.help, app.help_offset) = (true, 0),
        Action::Back => back(app),
        Action::Quit => leaving::ask(app, commands),
        _ => moving::move_selection(app, action),
    }
}

/// The freeze of the selected group, or else all that are under way.
fn cancel(app: &mut App, commands: &mut Vec<Command>) {
    let selected = app.selected_target();
    let mut targets: Vec<Target> = app.under_way.freezes().cloned().collect();
    if let Some(selected) = selected.filter(|selected| targets.iter().any(|target| target.id == selected.id))
    {
        targets = vec![selected];
    }
    app.say(match &targets[..] {
        [one] => format!("cancelling the freeze of {} …", one.path),
        all => format!("cancelling {} …", span::count(all.len(), "freeze", "freezes")),
    });
    let cancel = |Target { version, id, .. }| Command::CancelFreeze { version, id };
    commands.extend(targets.into_iter().map(cancel));
}

fn move_border(app: &mut App, by: i16) {
    if let Some(layout) = app.layout() {
        app.shape.move_border(by, layout.body);
    }
}

/// Space marks and goes on, so that several are marked in a row.
fn mark(app: &mut App, action: Action) {
    let Some(grove) = app.grove_mut() else { return };
    let Some(key) = grove.selected else { return };
    match action {
        Action::Mark => {
            grove.turn_mark(key);
            grove.go(grove.cursor() + 1);
        }
        Action::MarkBelow => drop(grove.mark_below(key)),
        _ => grove.unmark(),
    }
    let marks = app.marks();
    app.say(if marks == 0 {
        "no group is marked".to_owned()
    } else {
        let [freeze, span, thaw, unmark] =
            [Action::Freeze, Action::FreezeFor, Action::Thaw, Action::Unmark].map(|a| app.keymap().name(a));
        let groups = span::count(marks, "group", "groups");
        format!("{groups} marked: {freeze}, {span} and {thaw} act on all of them; {unmark} unmarks all")
    });
}

pub(super) fn show_panel(app: &mut App, panel: Panel) {
    app.panel = panel;
    app.shape.panel_first = true;
    app.panel_offset = 0;
}

/// Side by side: round and round. One by one: the groups, each panel, the groups.
fn next_panel(app: &mut App) {
    let narrow = Layout::is_narrow(app.size);
    match app.panel.next() {
        _ if narrow && !app.shape.panel_first => show_panel(app, Panel::Processes),
        Some(next) => show_panel(app, next),
        None => {
            show_panel(app, Panel::Processes);
            app.shape.panel_first = !narrow;
        }
    }
}

/// Out of the panel that is alone, the panel, the marks, or else out of the filter: one of them.
fn back(app: &mut App) {
    if std::mem::take(&mut app.shape.alone) || std::mem::take(&mut app.shape.panel_first) {
        return;
    }
    if app.marks() > 0 {
        mark(app, Action::Unmark);
    } else if app.filter.clear() {
        app.say("filter cleared: all groups are shown");
    }
}

fn copy(app: &mut App, commands: &mut Vec<Command>) {
    if app.panel == Panel::Events {
        let Some((text, count)) = events_panel::to_copy(app) else { return app.say("no events to copy") };
        app.say(format!("copied: the newest {}", span::count(count, "event", "events")));
        return commands.push(Command::Copy(text));
    }
    let Some(text) = copy::to_copy(app) else { return };
    app.say(format!("copied: {text}"));
    commands.push(Command::Copy(text));
}

fn turn_mouse(app: &mut App, commands: &mut Vec<Command>) {
    app.mouse = !app.mouse;
    app.say(if app.mouse { "mouse capture on" } else { "mouse capture off" });
    commands.push(Command::Mouse(app.mouse));
}
