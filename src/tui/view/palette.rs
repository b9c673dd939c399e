//! The palette: what is typed, and the actions that fit, each with its key or why it cannot be done.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::popup;
use crate::model::printable;
use crate::tui::keymap::Bound;
use crate::tui::palette::Palette;
use crate::tui::{App, columns};

const WIDTH: u16 = 72;
/// Columns for the key.
const KEY: usize = 9;

pub(super) fn draw(app: &App, palette: &Palette, frame: &mut Frame<'_>) {
    let theme = app.theme();
    let room = usize::from(frame.area().height.saturating_sub(4)).clamp(1, 14);
    let fitting = palette.fitting(app.keymap());
    let chosen = palette.chosen(app.keymap());
    let mut lines =
        vec![Line::styled(format!(" : {}_", printable(palette.input.value().as_bytes())), theme.strong())];
    if fitting.is_empty() {
        lines.push(Line::styled(" no match", theme.faint()));
    }
    let first = (chosen + 1).saturating_sub(room);
    for (at, bound) in fitting.iter().enumerate().skip(first).take(room) {
        lines.push(line(app, bound, at == chosen));
    }
    popup(theme, frame, " Commands ", WIDTH, lines);
}

/// The key, what it does or why it cannot be done, and, where there is room, its name in the config.
fn line<'a>(app: &App, bound: &'a Bound, chosen: bool) -> Line<'a> {
    let (theme, width) = (app.theme(), usize::from(WIDTH) - 2);
    let why = bound.action.unavailable(app);
    let text = match &why {
        Some(why) => format!("{} ({})", bound.help, printable(why.as_bytes())),
        None => bound.help.to_owned(),
    };
    let (key, plain) =
        if why.is_some() { (theme.faint(), theme.faint()) } else { (theme.key(), Style::new()) };
    let (name, room) = (bound.action.name(), width - KEY - 1);
    let gap = room.saturating_sub(columns::width(&text) + columns::width(name) + 1);
    let name = if gap > 0 { format!("{}{name} ", " ".repeat(gap)) } else { String::new() };
    let line = Line::from(vec![
        Span::styled(if chosen { ">" } else { " " }, plain),
        Span::styled(columns::fit(bound.key(), KEY), key),
        Span::styled(columns::fit(&text, room - columns::width(&name)), plain),
        Span::styled(name, theme.faint()),
    ]);
    // The chosen one in one style from end to end.
    if chosen { Line::styled(line.to_string(), theme.chosen()) } else { line }
}
