//! The checkpoint: findings and what will run, the run, the report, and the fields below.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::framed;
use crate::model::printable;
use crate::tui::checkpoint::story::{self, Tone};
use crate::tui::checkpoint::{Checkpoint, Field, Stage, words};
use crate::tui::layout::{checkpoint_text, inside};
use crate::tui::theme::Theme;
use crate::tui::{App, columns};

pub(super) fn draw(app: &App, checkpoint: &Checkpoint, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme();
    frame.render_widget(Clear, area);
    let title = format!(" Checkpoint of {} ({}) ", checkpoint.target.path, checkpoint.target.version);
    let title = columns::cut(&title, usize::from(area.width.saturating_sub(2)));
    frame.render_widget(framed(theme).title(title), area);
    let room = checkpoint_text(area, checkpoint.rows());
    let text = story::lines(checkpoint, app.now, usize::from(room.width));
    let last = text.len().saturating_sub(usize::from(room.height));
    let first = match checkpoint.is_running() {
        true => last.saturating_sub(checkpoint.offset),
        false => checkpoint.offset.min(last),
    };
    for (y, (line, tone)) in (room.y..room.bottom()).zip(text.into_iter().skip(first)) {
        frame.render_widget(Line::styled(line, style(theme, tone)), Rect { y, height: 1, ..room });
    }
    let inner = inside(area);
    for (y, line) in (room.bottom()..inner.bottom()).zip(controls(checkpoint, theme)) {
        frame.render_widget(line, Rect { y, height: 1, ..inner });
    }
}

fn style(theme: Theme, tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => theme.strong(),
        Tone::Faint => theme.faint(),
        Tone::Warning => theme.warning(),
        Tone::Wrong => theme.wrong(),
    }
}

/// An empty line, the fields, the buttons: [`Checkpoint::rows`] of them.
fn controls(checkpoint: &Checkpoint, theme: Theme) -> Vec<Line<'static>> {
    let row = |field, name: &str, value: String| {
        let chosen = checkpoint.field == field;
        let style = if chosen { theme.strong() } else { Style::new() };
        Line::styled(format!("{}{name}  {value}", if chosen { ">" } else { " " }), style)
    };
    let typed = |field, text: &str| {
        let cursor = if checkpoint.field == field { "_" } else { "" };
        format!("{}{cursor}", printable(text.as_bytes()))
    };
    let mut lines = vec![Line::default()];
    for &field in checkpoint.fields() {
        match field {
            Field::Into => lines.push(row(field, "image directory", typed(field, checkpoint.into.value()))),
            Field::After if checkpoint.field == field => {
                lines.push(row(field, "afterwards     ", format!("< {} >", words(checkpoint.after))));
            }
            Field::After => lines.push(row(field, "afterwards     ", words(checkpoint.after).to_owned())),
            Field::Options => {
                lines.push(row(field, "extra options   ", typed(field, checkpoint.options.value())));
            }
            Field::Name => {
                let ask = format!("to end them, type {}:", checkpoint.name());
                lines.push(row(field, &ask, typed(field, checkpoint.typed.value())));
            }
            Field::Cancel | Field::Run | Field::Rescue | Field::End | Field::Stop => {}
        }
    }
    lines.push(buttons(checkpoint, theme));
    lines
}

fn buttons(checkpoint: &Checkpoint, theme: Theme) -> Line<'static> {
    let cancel = match checkpoint.stage {
        Stage::Running(_) => "Back to the groups (continues)",
        Stage::Ended(_) => "Close",
        _ => "Cancel",
    };
    let mut spans = vec![Span::raw(" ")];
    let labels = [
        (Field::Cancel, cancel),
        (Field::Run, "Run"),
        (Field::Rescue, "Thaw it until criu has finished"),
        (Field::End, "End criu"),
        (Field::Stop, "Stop after this dump"),
    ];
    for (field, label) in labels {
        if !checkpoint.fields().contains(&field) {
            continue;
        }
        let grey = field == Field::Run && checkpoint.unavailable().is_some();
        let chosen = checkpoint.field == field;
        let style = match (chosen, grey) {
            (true, _) => theme.chosen(),
            (false, true) => theme.faint(),
            (false, false) => theme.strong(),
        };
        let (open, close) = if chosen { ("[>", "]") } else { ("[ ", " ]") };
        spans.extend([Span::styled(format!("{open}{label}{close}"), style), Span::raw(" ")]);
    }
    Line::from(spans)
}
