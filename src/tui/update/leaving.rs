//! Leaving: what this run froze is not forgotten.

use crate::model::CgroupId;
use crate::tui::dialog::{Dialog, Question};
use crate::tui::{App, Command, Target};

/// Leaves, or asks first where this run froze groups that are still frozen.
pub(super) fn ask(app: &mut App, commands: &mut Vec<Command>) {
    // What this run froze is to be seen as it is now.
    super::release(app, commands);
    if app.checkpoint_runs() {
        app.dialog = Some(Dialog::new(Question::Busy));
        return;
    }
    let frozen: Vec<Target> = app.left_frozen().cloned().collect();
    if frozen.is_empty() {
        commands.push(Command::Quit);
    } else {
        app.dialog = Some(Dialog::new(Question::Leave { frozen }));
    }
}

pub(super) fn thaw_all(app: &mut App, frozen: Vec<Target>, commands: &mut Vec<Command>) {
    app.say("thawing before quitting …");
    app.leaving = Some(frozen.iter().map(|target| target.id).collect());
    commands.extend(frozen.into_iter().map(Command::thaw));
}

/// The checkpoint has ended: leaves if that was waited for.
pub(super) fn after_checkpoint(app: &mut App, commands: &mut Vec<Command>) {
    if std::mem::take(&mut app.leaving_after_checkpoint) {
        ask(app, commands);
    }
}

/// One of them is thawed: leaves after the last. One that can't be thawed keeps the program here.
pub(super) fn on_done(app: &mut App, id: CgroupId, done: bool, commands: &mut Vec<Command>) {
    let Some(waiting) = &mut app.leaving else { return };
    if !done && waiting.contains(&id) {
        app.leaving = None;
        return;
    }
    waiting.remove(&id);
    if waiting.is_empty() {
        commands.push(Command::Quit);
    }
}
