//! Events in, commands out: the only place that changes the [`App`].

mod answers;
mod asking;
mod checkpoint;
mod held;
mod jump;
mod keys;
mod leaving;
mod mouse;
mod moving;
mod paste;
mod typing;

use ratatui::crossterm::event::{Event as Terminal, KeyEventKind};

use super::asked::Listed;
use super::layout::inside;
use super::rows::Watching;
use super::{App, CheckpointTold, Command, Event, Panel, files_panel, processes, story};
use crate::model::tree::What;
use crate::model::{CgroupId, Version};

/// Takes an event in. Opens no file, reads no clock, draws nothing.
pub fn update(app: &mut App, event: Event) -> Vec<Command> {
    let mut commands = Vec::new();
    if let Some(event) = app.hold.keep(event) {
        take(app, event, &mut commands);
    } else if app.hold.is_full() {
        release(app, &mut commands);
        app.say("too many events: updates resumed");
    }
    settle(app, &mut commands);
    app.events.about_to(&commands);
    app.under_way.begin(&commands);
    commands
}

/// Takes in what has waited while the display was held.
fn release(app: &mut App, commands: &mut Vec<Command>) {
    for event in app.hold.end() {
        take(app, event, commands);
    }
}

fn take(app: &mut App, event: Event, commands: &mut Vec<Command>) {
    match event {
        Event::Input(input) => on_input(app, input, commands),
        Event::Root { version, root } => {
            let now = app.now;
            if let Some(grove) = app.grove_of(version) {
                grove.plant(root, now);
            }
            answers::target_gone(app);
        }
        Event::Changes { version, changes } => {
            let now = app.now;
            if let Some(grove) = app.grove_of(version) {
                grove.apply(changes, now);
            }
            held::find(app, commands);
            answers::target_gone(app);
        }
        Event::Scanned { version } => on_scanned(app, version),
        Event::Processes { id, list, elsewhere, frozen_usec } => {
            app.asked.processes = Some(Listed { id, list, elsewhere, frozen_usec, at: app.now });
            processes::choose_wanted(app);
        }
        Event::Located { pid, path } => {
            jump::located(app, pid, path.as_ref());
            app.filter.found(pid, path);
        }
        Event::Signalled(Ok(said)) | Event::Exported(Ok(said)) => app.say(said),
        Event::Signalled(Err(why)) | Event::Exported(Err(why)) => app.complain(why),
        Event::Held { version, id, groups } => app.asked.held.found((version, id), groups),
        Event::Files { id, list } => app.files.take(id, list, app.now),
        Event::Happened { version, at, occurred } => {
            let others = app.events.take(version, &at, occurred, app.now);
            notice(app, &others);
        }
        Event::Owners(labels) => app.asked.owners.extend(labels),
        Event::Systemd { id, disagreement } => {
            if let Some((_, _, said)) = app.asked.systemd.as_mut().filter(|(of, ..)| *of == id) {
                *said = disagreement;
            }
        }
        Event::Timers(left) => {
            for (id, freeze) in left {
                if let Some(asked) = app.asked.timers.get_mut(&id) {
                    asked.answer(freeze, app.now);
                }
            }
        }
        Event::Culprits { id, culprits } => {
            if let Some(known) = app.asked.culprits.as_mut().filter(|known| known.id == id) {
                known.found(culprits, app.now);
            }
        }
        Event::Watching { version, groups_watched, groups, polling, unreadable } => {
            if let Some(grove) = app.grove_of(version) {
                grove.watching =
                    Watching { groups: groups_watched, of: groups, polling, unreadable, ended: None };
            }
        }
        Event::Unobserved { version, why } => {
            app.complain(format!("{version} is no longer live: {why}"));
            app.keep_message();
            if let Some(grove) = app.grove_of(version) {
                grove.watching = Watching { ended: Some(why), ..Watching::default() };
            }
        }
        Event::Forecast { id, command, warnings } => answers::on_forecast(app, id, command, warnings),
        Event::NotPermitted { id, why } => answers::on_not_permitted(app, id, why),
        Event::Guard { id, refusal, owner, dump } => {
            answers::on_guard(app, id, answers::Answer { refusal, owner, dump });
        }
        Event::Done { action, version, id, path, outcome } => {
            app.events.done(action, version, &path, outcome.is_ok(), app.now);
            answers::on_done(app, action, super::Target { version, id, path }, outcome, commands);
        }
        Event::Looked(look) => checkpoint::on_look(app, look),
        Event::Checkpoint(told) => {
            if matches!(told, CheckpointTold::Ended(_)) {
                app.events.checkpoint_ended(app.now);
            }
            checkpoint::on_told(app, told, commands);
        }
        Event::Stranded { cases, asked } => answers::on_stranded(app, cases, asked),
        Event::Rescued(Ok(said)) => app.say(said),
        Event::Rescued(Err(why)) => app.complain(why),
        Event::NoThread(why) => {
            app.complain(format!("cannot start another thread: {why}; the request waits until one is free"));
            app.keep_message();
        }
        Event::Stop => match super::Action::Suspend.unavailable(app) {
            Some(reason) => app.complain(reason),
            None => commands.push(Command::Suspend),
        },
        Event::Continued => commands.push(Command::TakeTerminal),
        Event::Ground(ground) => app.stand_on(ground),
        Event::Tick(now) => app.now = now,
        Event::Terminated => commands.push(Command::Quit),
    }
}

fn on_input(app: &mut App, input: Terminal, commands: &mut Vec<Command>) {
    match input {
        Terminal::Key(key) if key.kind != KeyEventKind::Release => keys::on_key(app, &key, commands),
        Terminal::Mouse(mouse) => mouse::on_mouse(app, mouse, commands),
        Terminal::Paste(text) => paste::on_paste(app, &text, commands),
        Terminal::Resize(width, height) => app.resize((width, height)),
        _ => {}
    }
}

/// Somebody else froze or thawed what is selected.
fn notice(app: &mut App, others: &[(CgroupId, What)]) {
    let Some(target) = app.selected_target() else { return };
    let mut here =
        others.iter().filter(|(id, what)| *id == target.id && matches!(what, What::Frozen | What::Thawed));
    let complains = app.message.as_ref().is_some_and(|message| message.wrong);
    if let Some((_, what)) = here.next_back().filter(|_| !complains) {
        app.say(format!("{} was just {} by somebody else", target.path, what.word()));
    }
}

fn on_scanned(app: &mut App, version: Version) {
    let Some(grove) = app.grove_of(version) else { return };
    grove.scanned = true;
    if let Some(path) = grove.give_up() {
        app.complain(format!("{path} does not exist in {version}"));
    }
}

/// After any event: rows, scroll offsets and what the world is told about the screen.
fn settle(app: &mut App, commands: &mut Vec<Command>) {
    let (height, still, now) = (app.tree_height(), app.dialog.is_some(), app.now);
    asking::locate(app, commands);
    app.apply_filter();
    let lost = app.grove_mut().filter(|_| !still).and_then(|grove| grove.arrange(now));
    // A complaint says more than that.
    let complains = app.message.as_ref().is_some_and(|message| message.wrong);
    if let Some((lost, now)) = lost.filter(|_| !complains) {
        app.say(format!("{lost} is gone; the selection is on {now}"));
        app.keep_message();
    }
    if let Some(grove) = app.grove_mut() {
        grove.scroll(height);
    }
    focus(app, height, commands);
    asking::ask_systemd(app, commands);
    asking::find_timers(app, height, commands);
    asking::find_culprits(app, commands);
    app.panel_offset = app.panel_offset.min(panel_end(app));
    checkpoint::settle(app);
}

fn focus(app: &mut App, height: usize, commands: &mut Vec<Command>) {
    let Some(grove) = app.grove() else { return };
    let id = |key| grove.node(key).map(|node| node.group.id);
    let visible = grove.rows.iter().skip(grove.offset).take(height).filter_map(|row| id(row.key)).collect();
    let selected = grove.selected.and_then(id);
    let files = app.panel == Panel::Files && app.layout().is_some_and(|layout| layout.panel.is_some());
    let focus = Command::Focus { version: grove.version, visible, selected, files };
    if app.focus.as_ref() == Some(&focus) {
        return;
    }
    let before = match &app.focus {
        Some(Command::Focus { selected, .. }) => *selected,
        _ => None,
    };
    if before != selected {
        app.panel_offset = 0;
        app.events.show_newest();
    }
    if !files {
        app.files.pause();
    }
    app.focus = Some(focus.clone());
    commands.push(focus);
    asking::ask_owners(app, height, commands);
}

/// How far the panel can be scrolled.
fn panel_end(app: &App) -> usize {
    let Some(area) = app.layout().and_then(|l| l.panel).map(inside) else { return app.panel_offset };
    let (width, height) = (usize::from(area.width.saturating_sub(1)), usize::from(area.height));
    let lines = match app.panel {
        Panel::Processes => return processes::end(app, height),
        Panel::Freeze => story::lines(app, width).len(),
        Panel::Files => files_panel::lines(app, usize::from(area.width)).len(),
        // These are scrolled by event, not by line.
        Panel::Events => 0,
    };
    lines.saturating_sub(height)
}
