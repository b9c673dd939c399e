//! The question that stands open.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::popup;
use crate::model::{CgroupPath, Process, printable, span};
use crate::tui::dialog::{Choice, Dialog, Guard, Question};
use crate::tui::signal::{Effect, Signal};
use crate::tui::{App, Target, columns, story};

pub(super) fn draw(app: &App, dialog: &Dialog, frame: &mut Frame<'_>) {
    let (theme, screen) = (app.theme(), frame.area());
    let width = screen.width.saturating_sub(4).min(76);
    let room = usize::from(width.saturating_sub(4));
    let mut lines: Vec<Line<'_>> = Vec::new();
    let Text { title, said, typed } = text(app, dialog);
    let wrapped = |paragraphs: Vec<(String, bool)>| -> Vec<(String, bool)> {
        let lines = |(text, wrong): (String, bool)| {
            columns::wrap(&text, room).into_iter().map(move |line| (line, wrong))
        };
        paragraphs.into_iter().flat_map(lines).collect()
    };
    let (mut said, typed) = (wrapped(said), wrapped(typed));
    // The buttons, and where is typed, must be seen: a long text is cut before them.
    let most = usize::from(screen.height).saturating_sub(5 + typed.len());
    if said.len() > most {
        said.truncate(most.saturating_sub(1));
        said.push((if theme.ascii { "..." } else { "…" }.to_owned(), false));
    }
    for (text, wrong) in said.into_iter().chain(typed) {
        let style = if wrong { theme.wrong() } else { Style::new() };
        lines.push(Line::styled(format!(" {text}"), style));
    }
    lines.push(Line::default());
    lines.push(buttons(app, dialog));
    popup(theme, frame, title, width, lines);
}

fn buttons(app: &App, dialog: &Dialog) -> Line<'static> {
    let theme = app.theme();
    let mut spans = vec![Span::raw(" ")];
    for (at, choice) in dialog.choices().iter().enumerate() {
        let style = match (at == dialog.button, dialog.unavailable(*choice).is_some()) {
            (true, _) => theme.chosen(),
            (false, true) => theme.faint(),
            (false, false) => theme.strong(),
        };
        let (open, close) = if at == dialog.button { ("[>", "]") } else { ("[ ", " ]") };
        spans.push(Span::styled(format!("{open}{}{close}", choice.label()), style));
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

/// Paragraphs; each may be a warning.
struct Text {
    title: &'static str,
    said: Vec<(String, bool)>,
    /// The lines that are typed into.
    typed: Vec<(String, bool)>,
}

fn text(app: &App, dialog: &Dialog) -> Text {
    let mut lines = Vec::new();
    let (title, said) = match &dialog.question {
        Question::Freeze { target, guard, owner, dump, command, warnings, below, typed, span, on_span } => {
            lines = to_type(dialog, typed.value(), span.as_ref().map(Input::value), *on_span);
            let hangs = "it hangs while this group is frozen, and continues after a thaw";
            let mut text = freeze(app, target, guard, owner.as_deref(), *below);
            if let Some(command) = command {
                text.insert(1, (format!("  {}", printable(command.as_bytes())), false));
                text.push(("systemd stops the unit's watchdog until the thaw.".to_owned(), false));
            }
            text.extend(warned(warnings));
            text.extend(dump.iter().map(|dump| dumped(dump, hangs)));
            (" Freeze ", text)
        }
        Question::FreezeMany { targets, waiting, refused, warnings, typed, span, on_span } => {
            lines = to_type(dialog, typed.value(), span.as_ref().map(Input::value), *on_span);
            let mut text = freeze_many(targets, waiting.len(), refused);
            text.extend(warned(warnings));
            (" Freeze all marked ", text)
        }
        Question::ThawMany { targets, held } => (" Thaw all marked ", thaw_many(targets, held.as_ref())),
        Question::Signal { process, effect } => (" Signal ", signal(process, *effect, dialog.choice())),
        Question::Thaw { target, own, above, dump, denied } => {
            let mut text = thaw(app, target, *own, above.as_ref());
            text.extend(denied.iter().map(|why| (denial(why), true)));
            let frees = "if it hangs on this freeze, the thaw frees it; if the freeze is criu's own, the processes may run during the dump";
            text.extend(dump.iter().map(|dump| dumped(dump, frees)));
            (" Thaw ", text)
        }
        Question::Leave { frozen } => (" Quit ", leave(frozen)),
        Question::Rescue { cases } => (" Rescue ", rescue(cases)),
        Question::Busy => (" Quit ", busy()),
    };
    Text { title, said, typed: lines }
}

/// Why this user may not write to the group, as a sentence.
fn denial(why: &str) -> String {
    let why = printable(why.as_bytes());
    format!("{}{}.", why[..1].to_uppercase(), &why[1..])
}

/// How many warnings are shown.
const WARNINGS: usize = 4;

/// What systemd does meanwhile.
fn warned(warnings: &[String]) -> impl Iterator<Item = (String, bool)> {
    let more = warnings.len().saturating_sub(WARNINGS);
    let more = (more > 0).then(|| format!("and {more} more"));
    let warning = |text: &String| format!("{}.", printable(text.as_bytes()));
    warnings.iter().take(WARNINGS).map(warning).chain(more).map(|text| (text, true))
}

fn dumped(dump: &str, so: &str) -> (String, bool) {
    (format!("{}: {so}.", printable(dump.as_bytes())), true)
}

fn freeze(
    app: &App,
    target: &Target,
    guard: &Guard,
    owner: Option<&str>,
    below: usize,
) -> Vec<(String, bool)> {
    let mut text = about(app, target, true);
    if let Some(owner) = owner {
        text.push((format!("It belongs to {}.", printable(owner.as_bytes())), false));
    }
    if app.asked_above().is_some() {
        text.push(("An ancestor is frozen already; this adds a second request.".to_owned(), false));
    }
    // Once the group was looked at, it is known.
    if let (Guard::Waiting | Guard::Refused(_), Some(limit)) = (guard, app.settings.limits.first()) {
        text.push((format!("This may fail: {}", printable(limit.as_bytes())), false));
    }
    match guard {
        Guard::Waiting => text.push(("Checking the group's processes …".to_owned(), false)),
        Guard::Clear => {
            let groups = span::count(below, "group", "groups");
            let and = if below > 0 { format!(" and in the {groups} below") } else { " and below".to_owned() };
            text.push((format!("All processes in it{and} stop until it is thawed."), false))
        }
        Guard::Refused(reason) => text.push((format!("Refused: {}", printable(reason.as_bytes())), true)),
        Guard::NotPermitted(why) => text.push((denial(why), true)),
    }
    text
}

/// How many of several groups are named.
const NAMED: usize = 6;

fn names<'a>(paths: impl ExactSizeIterator<Item = &'a CgroupPath>) -> Vec<(String, bool)> {
    let more = paths.len().saturating_sub(NAMED);
    let mut text: Vec<_> = paths.take(NAMED).map(|path| (format!("  {path}"), false)).collect();
    text.extend((more > 0).then(|| (format!("  and {more} more"), false)));
    text
}

fn freeze_many(targets: &[Target], waiting: usize, refused: &[(CgroupPath, String)]) -> Vec<(String, bool)> {
    let mut text = names(targets.iter().map(|target| &target.path));
    text.push((String::new(), false));
    for (path, reason) in refused.iter().take(2) {
        text.push((format!("{path} must not be frozen: {}", printable(reason.as_bytes())), true));
    }
    text.push(match (waiting, refused.len()) {
        (1.., _) => ("Checking the groups' processes …".to_owned(), false),
        (0, 0) => ("Each group gets its own request; all processes in it and below stop.".to_owned(), false),
        (0, _) => ("Unmark it, or freeze it alone.".to_owned(), true),
    });
    text
}

fn thaw_many(targets: &[Target], held: Option<&CgroupPath>) -> Vec<(String, bool)> {
    let mut text = names(targets.iter().map(|target| &target.path));
    text.push((String::new(), false));
    text.push(match held {
        Some(above) => (format!("Some stay frozen: their ancestor {above} is frozen and not marked."), true),
        None => (
            "Each group's own request is cleared; its processes continue where they stopped.".to_owned(),
            false,
        ),
    });
    text
}

fn signal(process: &Process, effect: Effect, choice: Choice) -> Vec<(String, bool)> {
    let mut text = vec![
        (format!("{} {}", process.id.pid, printable(&process.command)), false),
        (format!("user {}, state {}", printable(process.user.as_bytes()), process.state), false),
        (String::new(), false),
    ];
    text.push(match choice {
        Choice::Send(signal) => match effect.refused(signal) {
            Some(why) => (format!("{}: {why}.", signal.word()), true),
            None => (format!("{}: {}", signal.word(), effect.words(signal)), signal == Signal::Kill),
        },
        _ => ("Left and Right choose a signal; its effect is shown before it is sent.".to_owned(), false),
    });
    text
}

/// The lines that are typed into: what makes sure, and for how long.
fn to_type(dialog: &Dialog, typed: &str, span: Option<&str>, on_span: bool) -> Vec<(String, bool)> {
    let wanted = dialog.wanted();
    let mut text = Vec::new();
    if let Some(wanted) = &wanted {
        text.push((dialog.demand(wanted), false));
        text.push((format!("> {}_", printable(typed.as_bytes())), false));
    }
    text.extend(span.map(|span| for_a_time(span, on_span || wanted.is_none())).into_iter().flatten());
    text
}

/// `here`: this is where keys go.
fn for_a_time(span: &str, here: bool) -> [(String, bool); 2] {
    let span = printable(span.as_bytes());
    let line = if here { format!("For: > {span}_") } else { format!("For:   {span}  (Down: edit)") };
    let what = "A separate process thaws it then, even if cryoscope is gone.";
    [(line, false), (what.to_owned(), false)]
}

fn thaw(app: &App, target: &Target, own: bool, above: Option<&Target>) -> Vec<(String, bool)> {
    let mut text = about(app, target, false);
    // What is known of the other hierarchy is known of the selected group.
    let held = story::held_elsewhere(app).filter(|_| app.selected_target().as_ref() == Some(target));
    if !own {
        // Nothing is written to the group itself.
        text.drain(1..2);
    }
    match above {
        Some(above) => {
            text.push((format!("{} is frozen, with everything below it.", above.path), true));
            let alone = if own {
                "Thawing this group clears its own request, but it stays frozen."
            } else {
                "Until that group is thawed, thawing this one has no effect."
            };
            text.push((alone.to_owned(), true));
            text.push((write(app, above, false), false));
        }
        None if !own => text.push(("An ancestor that is not visible here keeps it frozen.".to_owned(), true)),
        None => text.push(match held {
            Some(held) => (format!("This alone does not resume all its processes: {held}."), true),
            None => ("Its processes continue where they stopped.".to_owned(), false),
        }),
    }
    text
}

fn leave(frozen: &[Target]) -> Vec<(String, bool)> {
    let mut text = vec![("Still frozen by this session:".to_owned(), false)];
    text.extend(frozen.iter().map(|target| (format!("  {} ({})", target.path, target.version), false)));
    text
}

fn rescue(cases: &[String]) -> Vec<(String, bool)> {
    let clean = |case: &String| (printable(case.as_bytes()).into_owned(), false);
    cases.iter().flat_map(|case| [clean(case), (String::new(), false)]).collect()
}

fn busy() -> Vec<(String, bool)> {
    let text = [
        "A checkpoint is running.",
        "criu must be neither killed nor left unattended before it has finished.",
    ];
    text.map(|line| (line.to_owned(), false)).into()
}

/// The target, and what exactly is written.
fn about(app: &App, target: &Target, freeze: bool) -> Vec<(String, bool)> {
    vec![
        (format!("{}  ({})", target.path, target.version), false),
        (write(app, target, freeze), false),
        (String::new(), false),
    ]
}

fn write(app: &App, target: &Target, freeze: bool) -> String {
    let hierarchy = app.hierarchies.get(target.version);
    hierarchy.map_or_else(String::new, |h| format!("  {}", story::write_request(h, &target.path, freeze)))
}
