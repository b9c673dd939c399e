//! The checkpoint: keys in it, and what the world tells of it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{leaving, typing};
use crate::checkpoint::Progress;
use crate::tui::checkpoint::story;
use crate::tui::checkpoint::{Checkpoint, Field, Look, Stage};
use crate::tui::layout::checkpoint_text;
use crate::tui::{Action, App, CheckpointTold, Command};

/// Opens it on the selected group; one that runs or has just ended is shown again.
pub(super) fn open(app: &mut App, commands: &mut Vec<Command>) {
    if app.checkpoint_runs() {
        app.checkpoint_hidden = false;
        return;
    }
    let Some(target) = app.selected_target() else { return };
    let mut checkpoint = Checkpoint::new(target);
    commands.push(checkpoint.look());
    (app.checkpoint, app.checkpoint_hidden) = (Some(checkpoint), false);
}

pub(super) fn on_key(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => close(app),
        _ if interrupt => close(app),
        KeyCode::Enter => choose(app, commands),
        KeyCode::PageDown => scroll(app, 10),
        KeyCode::PageUp => scroll(app, -10),
        KeyCode::Tab | KeyCode::Down => turn(app, true, commands),
        KeyCode::BackTab | KeyCode::Up => turn(app, false, commands),
        KeyCode::Left | KeyCode::Right => sideways(app, key, commands),
        KeyCode::Char(_) | KeyCode::Backspace | KeyCode::Delete | KeyCode::Home | KeyCode::End => {
            type_or_act(app, key, commands);
        }
        _ => {}
    }
}

fn type_or_act(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    let Some(checkpoint) = &mut app.checkpoint else { return };
    if let Some(typed) = checkpoint.typed_mut() {
        return typing::edit(typed, key);
    }
    match key.code {
        KeyCode::Char('j') => scroll(app, 1),
        KeyCode::Char('k') => scroll(app, -1),
        KeyCode::Char('h' | 'l') => sideways(app, key, commands),
        KeyCode::Char('y') => copy(app, commands),
        KeyCode::Char('q') => close(app),
        _ => {}
    }
}

/// A run goes on unseen; everything else is given up.
fn close(app: &mut App) {
    if app.checkpoint_runs() {
        app.checkpoint_hidden = true;
        app.say(format!(
            "the checkpoint continues; {} shows it again",
            app.keymap().name(Action::Checkpoint)
        ));
    } else {
        app.checkpoint = None;
    }
}

fn choose(app: &mut App, commands: &mut Vec<Command>) {
    let now = app.now;
    let Some(checkpoint) = &mut app.checkpoint else { return };
    match checkpoint.field {
        Field::Cancel => close(app),
        Field::Run => match checkpoint.unavailable() {
            Some(why) => app.complain(why),
            None => commands.extend(checkpoint.start(now)),
        },
        Field::Rescue => {
            app.say("thawing what criu hangs on …");
            commands.push(Command::LetRescue);
        }
        Field::End => {
            app.say("ending criu …");
            commands.push(Command::LetEnd);
        }
        Field::Stop => {
            app.say("no further dumps will start; the current one will finish");
            commands.push(Command::Stop);
        }
        Field::Into | Field::After | Field::Options | Field::Name => turn(app, true, commands),
    }
}

/// To the next field. A folder that was changed is looked at when its field is left.
fn turn(app: &mut App, forward: bool, commands: &mut Vec<Command>) {
    let Some(checkpoint) = &mut app.checkpoint else { return };
    if matches!(checkpoint.field, Field::Into | Field::Options) && changed(checkpoint) {
        commands.push(checkpoint.look());
    }
    checkpoint.turn(forward);
}

fn changed(checkpoint: &Checkpoint) -> bool {
    let same = |look: &Look| {
        look.into == checkpoint.into.value().trim() && look.options == checkpoint.options.value()
    };
    !matches!(&checkpoint.stage, Stage::Looked(look) if same(look))
}

fn sideways(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    let Some(checkpoint) = &mut app.checkpoint else { return };
    let forward = matches!(key.code, KeyCode::Right | KeyCode::Char('l'));
    match checkpoint.field {
        Field::After => {
            checkpoint.turn_outcome(forward);
            commands.push(checkpoint.look());
        }
        Field::Into | Field::Options | Field::Name => {
            if let Some(typed) = checkpoint.typed_mut() {
                typing::edit(typed, key);
            }
        }
        Field::Cancel | Field::Run | Field::Rescue | Field::End | Field::Stop => checkpoint.turn(forward),
    }
}

fn scroll(app: &mut App, lines: isize) {
    if let Some(checkpoint) = &mut app.checkpoint {
        // The log is read from its end, the rest from its beginning.
        let lines = if checkpoint.is_running() { -lines } else { lines };
        checkpoint.offset = checkpoint.offset.saturating_add_signed(lines);
    }
}

fn copy(app: &mut App, commands: &mut Vec<Command>) {
    let Some(plan) = app.checkpoint.as_ref().and_then(Checkpoint::plan) else { return };
    let command = plan.command();
    app.say(format!("copied: {command}"));
    commands.push(Command::Copy(command));
}

pub(super) fn on_look(app: &mut App, look: Look) {
    if let Some(checkpoint) = &mut app.checkpoint {
        checkpoint.looked(look);
    }
}

pub(super) fn on_told(app: &mut App, told: CheckpointTold, commands: &mut Vec<Command>) {
    let Some(checkpoint) = &mut app.checkpoint else { return };
    match told {
        CheckpointTold::Progress(progress) => {
            let asks = matches!(
                progress,
                Progress::Stalled { thawing: false, .. } | Progress::Deserted { ending: false, .. }
            );
            if asks {
                app.checkpoint_hidden = false;
            }
            checkpoint.progress(progress);
            if !checkpoint.fields().contains(&checkpoint.field) {
                checkpoint.field = Field::Cancel;
            }
        }
        CheckpointTold::Ended(outcome) => {
            let path = checkpoint.target.path.to_string();
            let said = match &outcome {
                Ok(report) if report.holds() => Ok(format!("checkpoint of {path} complete")),
                Ok(_) => Err(format!("checkpoint of {path} complete, but the result differs from the plan")),
                Err(why) => Err(why.clone()),
            };
            checkpoint.ended(outcome);
            match said {
                Ok(said) => app.say(said),
                Err(said) => app.complain(said),
            }
            leaving::after_checkpoint(app, commands);
        }
    }
}

/// Scrolls no further than there is text.
pub(super) fn settle(app: &mut App) {
    let Some(layout) = app.layout() else { return };
    let now = app.now;
    // Runs after every event, and a log has many lines: only who has scrolled can have scrolled too far.
    if let Some(checkpoint) = app.checkpoint.as_mut().filter(|checkpoint| checkpoint.offset > 0) {
        let room = checkpoint_text(layout.body, checkpoint.rows());
        let lines = story::lines(checkpoint, now, usize::from(room.width)).len();
        checkpoint.offset = checkpoint.offset.min(lines.saturating_sub(usize::from(room.height)));
    }
}
