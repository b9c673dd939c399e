//! The question that stands open.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::popup;
use crate::model::printable;
use crate::tui::dialog::{Dialog, Guard, Question};
use crate::tui::{App, Target, columns, story};

pub(super) fn draw(app: &App, dialog: &Dialog, frame: &mut Frame<'_>) {
    let (theme, screen) = (app.theme(), frame.area());
    let width = screen.width.saturating_sub(4).min(76);
    let room = usize::from(width.saturating_sub(4));
    let mut lines: Vec<Line<'_>> = Vec::new();
    let (title, paragraphs) = text(app, &dialog.question);
    // The buttons must be seen: a long text is cut before they are.
    let most = usize::from(screen.height).saturating_sub(5);
    let wrapped: Vec<(String, bool)> = paragraphs
        .into_iter()
        .flat_map(|(text, wrong)| columns::wrap(&text, room).into_iter().map(move |line| (line, wrong)))
        .collect();
    let cut = wrapped.len() > most;
    for (text, wrong) in wrapped.into_iter().take(if cut { most.saturating_sub(1) } else { most }) {
        lines.push(if wrong {
            Line::styled(format!(" {text}"), theme.wrong())
        } else {
            Line::from(format!(" {text}"))
        });
    }
    if cut {
        lines.push(Line::from(if theme.ascii { " ..." } else { " …" }));
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

/// The title, and paragraphs; a paragraph may be a warning.
fn text(app: &App, question: &Question) -> (&'static str, Vec<(String, bool)>) {
    match question {
        Question::Freeze { target, guard, owner, typed, span, on_span } => {
            let mut text = freeze(app, target, guard, owner.as_deref(), typed.value());
            if let Some(span) = span {
                let here = *on_span || !matches!(guard, Guard::Refused(_));
                text.extend(for_a_time(span.value(), here));
            }
            (" Freeze ", text)
        }
        Question::Thaw { target, own, above } => (" Thaw ", thaw(app, target, *own, above.as_ref())),
        Question::Leave { frozen } => (" Leave ", leave(frozen)),
        Question::Rescue { cases } => (" Rescue ", rescue(cases)),
        Question::Busy => (" Leave ", busy()),
    }
}

fn freeze(
    app: &App,
    target: &Target,
    guard: &Guard,
    owner: Option<&str>,
    typed: &str,
) -> Vec<(String, bool)> {
    let mut text = about(app, target, true);
    if let Some(owner) = owner {
        text.push((format!("It belongs to {}.", printable(owner.as_bytes())), false));
    }
    if app.asked_above().is_some() {
        text.push(("A group above asks already: this one is then held twice.".to_owned(), false));
    }
    if let Some(limit) = app.settings.limits.first() {
        text.push((format!("It may fail: {}", printable(limit.as_bytes())), false));
    }
    match guard {
        Guard::Waiting => text.push(("Looking at what is in the group …".to_owned(), false)),
        Guard::Clear => {
            text.push(("Every process in it and below stops until it is thawed.".to_owned(), false))
        }
        Guard::Refused(reason) => {
            text.push((format!("Refused: {}", printable(reason.as_bytes())), true));
            text.push((format!("To do it all the same type {}:", printable(target.path.name())), false));
            text.push((format!("> {}_", printable(typed.as_bytes())), false));
        }
    }
    text
}

/// `here`: this is where keys go.
fn for_a_time(span: &str, here: bool) -> [(String, bool); 2] {
    let span = printable(span.as_bytes());
    let line = if here { format!("For: > {span}_") } else { format!("For:   {span}  (Down: change it)") };
    let what = "Then a process of its own thaws it, whatever has become of this program.";
    [(line, false), (what.to_owned(), false)]
}

fn thaw(app: &App, target: &Target, own: bool, above: Option<&Target>) -> Vec<(String, bool)> {
    let mut text = about(app, target, false);
    if !own {
        // Nothing is written to the group itself.
        text.drain(1..2);
    }
    match above {
        Some(above) => {
            text.push((format!("{} asks for a freeze of everything below it.", above.path), true));
            text.push(("Thawing this group alone does nothing while it does.".to_owned(), true));
            text.push((write(app, above, false), false));
        }
        None if !own => text.push(("A group that can't be seen from here holds it.".to_owned(), true)),
        None => text.push(("Its processes run on where they stopped.".to_owned(), false)),
    }
    text
}

fn leave(frozen: &[Target]) -> Vec<(String, bool)> {
    let mut text = vec![("Frozen by this run, and still frozen:".to_owned(), false)];
    text.extend(frozen.iter().map(|target| (format!("  {} ({})", target.path, target.version), false)));
    text
}

fn rescue(cases: &[String]) -> Vec<(String, bool)> {
    let clean = |case: &String| (printable(case.as_bytes()).into_owned(), false);
    cases.iter().flat_map(|case| [clean(case), (String::new(), false)]).collect()
}

fn busy() -> Vec<(String, bool)> {
    let text = ["A checkpoint is running.", "criu must not be left alone, or killed, before it has ended."];
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
