//! Dialogs: opening them, keys in them, and what the world answers.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::{leaving, typing};
use crate::model::{CgroupId, CgroupPath, span};
use crate::tui::batch::Batch;
use crate::tui::dialog::{Choice, Dialog, Guard, Question};
use crate::tui::signal::Effect;
use crate::tui::{Action, App, Command, FreezeAction, Target, processes};

/// Of the selected group, or of all that are marked. `span`: what stands there first, where it is to be for a time.
pub(super) fn ask_freeze(app: &mut App, span: Option<&str>, commands: &mut Vec<Command>) {
    let span = span.map(|span| Input::new(span.to_owned()));
    let mut targets = if app.marks() > 0 { app.marked_that(false) } else { Vec::new() };
    for Target { version, id, path } in targets.iter().cloned() {
        commands.push(Command::Inspect { version, id, path });
    }
    let typed = Input::default();
    if targets.len() > 1 {
        let waiting = targets.iter().map(|target| target.id).collect();
        let refused = Vec::new();
        let warnings = Vec::new();
        let question =
            Question::FreezeMany { targets, waiting, refused, warnings, typed, span, on_span: false };
        app.dialog = Some(Dialog::new(question));
        return;
    }
    let Some(target) = targets.pop().or_else(|| app.selected_target()) else { return };
    if app.marks() == 0 {
        let Target { version, id, path } = target.clone();
        commands.push(Command::Inspect { version, id, path });
    }
    let below = app.node_of(&target).map_or(0, |node| node.below.groups as usize);
    let question = Question::Freeze {
        target,
        guard: Guard::Waiting,
        owner: None,
        dump: None,
        command: None,
        warnings: Vec::new(),
        below,
        typed,
        span,
        on_span: false,
    };
    app.dialog = Some(Dialog::new(question));
}

pub(super) fn ask_thaw(app: &mut App, commands: &mut Vec<Command>) {
    let mut targets = if app.marks() > 0 { app.marked_that(true) } else { Vec::new() };
    if targets.len() > 1 {
        let held = held_from_outside(app, &targets);
        app.dialog = Some(Dialog::new(Question::ThawMany { targets, held }));
        return;
    }
    let Some(target) = targets.pop().or_else(|| app.selected_target()) else { return };
    let Target { version, id, path } = target.clone();
    commands.push(Command::Inspect { version, id, path });
    // The request of a freeze that goes on may not be written yet.
    let freezes = app.under_way.of(target.id) == Some(FreezeAction::Freeze);
    let own = freezes || app.node_of(&target).is_some_and(|node| node.group.freezer.requested());
    let above = above(app, &target);
    app.dialog = Some(Dialog::new(Question::Thaw { target, own, above, dump: None, denied: None }));
}

/// The nearest group above a group that asks for a freeze.
fn above(app: &App, target: &Target) -> Option<Target> {
    let tree = app.grove()?.tree.as_ref()?;
    app.target(tree.inherited_from(tree.find(target.id)?)?)
}

/// A group that asks, stands above one of these, and is not among them.
fn held_from_outside(app: &App, targets: &[Target]) -> Option<CgroupPath> {
    let outside = |above: &Target| targets.iter().all(|target| target.id != above.id);
    targets.iter().filter_map(|target| above(app, target)).find(outside).map(|above| above.path)
}

/// What may be done to the chosen process.
pub(super) fn ask_signal(app: &mut App) {
    let Some(process) = processes::chosen(app).cloned() else { return };
    let Some((grove, node)) = app.grove().zip(app.selected_node()) else { return };
    let effect = Effect::on(&process, grove.version, node.state());
    app.dialog = Some(Dialog::new(Question::Signal { process, effect }));
}

pub(super) fn on_key(app: &mut App, key: &KeyEvent, commands: &mut Vec<Command>) {
    let Some(dialog) = &mut app.dialog else { return };
    let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => app.dialog = None,
        _ if interrupt => app.dialog = None,
        KeyCode::Enter => choose(app, commands),
        KeyCode::Up | KeyCode::Down if dialog.turn_line() => {}
        KeyCode::Tab | KeyCode::Right | KeyCode::Down => dialog.turn(true),
        KeyCode::BackTab | KeyCode::Left | KeyCode::Up => dialog.turn(false),
        _ => match dialog.typed_mut() {
            Some(typed) => typing::edit(typed, key),
            None if key.code == KeyCode::Char('l') => dialog.turn(true),
            None if key.code == KeyCode::Char('h') => dialog.turn(false),
            None => {}
        },
    }
}

fn choose(app: &mut App, commands: &mut Vec<Command>) {
    let Some(dialog) = app.dialog.take() else { return };
    let choice = dialog.choice();
    if let Some(reason) = dialog.unavailable(choice) {
        app.complain(reason);
        app.dialog = Some(dialog);
        return;
    }
    if let Some(reason) = under_way(app, choice, &dialog.question) {
        app.complain(reason);
        app.dialog = Some(dialog);
        return;
    }
    match (choice, dialog.question) {
        (Choice::Freeze, Question::Freeze { target, guard, span, .. }) => {
            app.say(freezing(app, &target.path.to_string()));
            let force = matches!(guard, Guard::Refused(_));
            commands.push(Command::Freeze {
                version: target.version,
                id: target.id,
                path: target.path,
                force,
                span: span.and_then(|span| span::for_a_time(span.value()).ok()),
            });
        }
        (Choice::Thaw, Question::Thaw { target, .. })
        | (Choice::ThawAbove, Question::Thaw { above: Some(target), .. }) => {
            app.say(format!("thawing {} …", target.path));
            commands.push(Command::thaw(target));
        }
        (Choice::Freeze, Question::FreezeMany { targets, span, .. }) => {
            app.say(freezing(app, &span::count(targets.len(), "group", "groups")));
            app.batch = Some(Batch::new(FreezeAction::Freeze, &targets));
            let span = span.and_then(|span| span::for_a_time(span.value()).ok());
            let freeze =
                |Target { version, id, path }| Command::Freeze { version, id, path, force: false, span };
            commands.extend(targets.into_iter().map(freeze));
        }
        (Choice::Thaw, Question::ThawMany { targets, .. }) => {
            app.say(format!("thawing {} …", span::count(targets.len(), "group", "groups")));
            app.batch = Some(Batch::new(FreezeAction::Thaw, &targets));
            commands.extend(targets.into_iter().map(Command::thaw));
        }
        (Choice::Send(signal), Question::Signal { process, .. }) => {
            commands.push(Command::Signal { process: process.id, signal });
        }
        (Choice::ThawAndLeave, Question::Leave { frozen }) => leaving::thaw_all(app, frozen, commands),
        (Choice::LeaveAfter, Question::Busy) if app.checkpoint_runs() => {
            app.leaving_after_checkpoint = true;
            app.say("quitting when the checkpoint has finished …");
        }
        (Choice::LeaveAfter, Question::Busy) => leaving::ask(app, commands),
        (Choice::Rescue, Question::Rescue { cases }) => {
            app.say("rescuing …");
            commands.push(Command::Rescue(cases));
        }
        (Choice::Leave, Question::Leave { .. }) => commands.push(Command::Quit),
        _ => {}
    }
}

fn freezing(app: &App, what: &str) -> String {
    format!("freezing {what} … ({} cancels)", app.keymap().name(Action::CancelFreeze))
}

/// A freeze must not overtake what is being done to its group: a thaw would undo it.
fn under_way(app: &App, choice: Choice, question: &Question) -> Option<String> {
    let targets = match question {
        Question::Freeze { target, .. } => std::slice::from_ref(target),
        Question::FreezeMany { targets, .. } => targets,
        _ => return None,
    };
    let goes_on = |target: &Target| Some((target.path.to_string(), app.under_way.of(target.id)?));
    let (path, action) = targets.iter().filter(|_| choice == Choice::Freeze).find_map(goes_on)?;
    let word = if action == FreezeAction::Freeze { "frozen" } else { "thawed" };
    Some(format!("{path} is already being {word}: wait until that has finished"))
}

/// A dialog about a group that is gone has nothing to ask any more.
pub(super) fn target_gone(app: &mut App) {
    let Some(target) = app.dialog.as_ref().and_then(Dialog::target) else { return };
    if app.node_of(target).is_none() {
        let gone = format!("{} is gone: nothing was written", target.path);
        app.dialog = None;
        app.complain(gone);
        app.keep_message();
    }
}

pub(super) fn on_guard(app: &mut App, of: CgroupId, answer: Answer) {
    let Some(dialog) = &mut app.dialog else { return };
    match &mut dialog.question {
        Question::Freeze { target, guard, owner, dump, .. } if target.id == of => {
            *guard = answer.refusal.map_or(Guard::Clear, Guard::Refused);
            (*owner, *dump) = (answer.owner, answer.dump);
        }
        Question::FreezeMany { targets, waiting, refused, .. } => {
            if !waiting.remove(&of) {
                return;
            }
            let target = targets.iter().find(|target| target.id == of);
            refused.extend(target.map(|target| target.path.clone()).zip(answer.refusal.or(answer.dump)));
        }
        Question::Thaw { target, dump, .. } if target.id == of && answer.dump.is_some() => {
            *dump = answer.dump;
        }
        _ => return,
    }
    // Whatever was chosen before the answer was not chosen knowing it.
    dialog.button = 0;
}

/// Neither a freeze nor a thaw of this group is chosen any more; what others of several lack is said with what the guard refuses.
pub(super) fn on_not_permitted(app: &mut App, of: CgroupId, why: String) {
    let Some(dialog) = &mut app.dialog else { return };
    match &mut dialog.question {
        Question::Freeze { target, guard, .. } if target.id == of => *guard = Guard::NotPermitted(why),
        Question::FreezeMany { targets, waiting, refused, .. } => {
            if waiting.remove(&of) {
                let target = targets.iter().find(|target| target.id == of);
                refused.extend(target.map(|target| (target.path.clone(), why)));
            }
        }
        Question::Thaw { target, denied, .. } if target.id == of => *denied = Some(why),
        _ => return,
    }
    dialog.button = 0;
}

/// Kept for the question; what the guard says comes next, and lets it be answered.
pub(super) fn on_forecast(app: &mut App, of: CgroupId, through: Option<String>, said: Vec<String>) {
    match app.dialog.as_mut().map(|dialog| &mut dialog.question) {
        Some(Question::Freeze { target, command, warnings, .. }) if target.id == of => {
            (*command, *warnings) = (through, said);
        }
        Some(Question::FreezeMany { waiting, warnings, .. }) if waiting.contains(&of) => {
            warnings.extend(said)
        }
        _ => {}
    }
}

/// What the world says of a group that is to be written to.
pub(super) struct Answer {
    pub(super) refusal: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) dump: Option<String>,
}

/// Said once at the start; asked for, it is a question.
pub(super) fn on_stranded(app: &mut App, cases: Vec<String>, asked: bool) {
    app.stranded.clone_from(&cases);
    match (cases.is_empty(), asked) {
        (true, true) => app.say("nothing to rescue: no interrupted checkpoint, no hung criu"),
        (true, false) => {}
        (false, true) if app.dialog.is_none() => app.dialog = Some(Dialog::new(Question::Rescue { cases })),
        (false, _) => app.complain(format!("R rescues: {}", cases.join("; "))),
    }
}

pub(super) fn on_done(
    app: &mut App,
    action: FreezeAction,
    target: Target,
    outcome: Result<String, String>,
    commands: &mut Vec<Command>,
) {
    let counts = app.under_way.end(action, target.version, target.id);
    let done = outcome.is_ok();
    let in_batch = app.batch.as_mut().is_some_and(|batch| batch.take(action, target.id, &outcome));
    let said = if in_batch { app.batch.as_ref().and_then(Batch::outcome) } else { Some(outcome) };
    match said.filter(|_| counts) {
        Some(Ok(sentence)) => app.say(sentence),
        Some(Err(sentence)) => {
            app.complain(sentence);
            app.keep_message();
        }
        None => {}
    }
    if done {
        app.frozen_here.retain(|held| held.id != target.id);
    }
    let id = target.id;
    if done && action == FreezeAction::Freeze {
        // Its timer is asked for anew.
        app.asked.timers.remove(&target.id);
        app.frozen_here.push(target);
    }
    leaving::on_done(app, id, done, commands);
}
