//! The keys, from the table.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::popup;
use crate::tui::keymap::Bound;
use crate::tui::{Action, App, columns};

/// Two columns with room for the longest line.
const WIDEST: u16 = 124;
/// Columns for the keys.
const KEYS: usize = 13;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let room = usize::from(screen.height.saturating_sub(2)).max(1);
    let theme = app.theme();
    let bound: Vec<&Bound> = app.keymap().iter().collect();
    let in_two = bound.len() > room && screen.width >= 100;
    let width = if in_two { (screen.width - 4).min(WIDEST) } else { 58 };
    let rows = if in_two { bound.len().div_ceil(2) } else { bound.len() };
    let column = usize::from(width.saturating_sub(2)) / if in_two { 2 } else { 1 };
    let entry = |at: usize| {
        let Some(bound) = bound.get(at) else { return Vec::new() };
        let keys = columns::fit(&bound.keys.join(" "), KEYS);
        let help = columns::fit(bound.help, column.saturating_sub(KEYS + 2));
        vec![Span::raw(" "), Span::styled(keys, theme.key()), Span::raw(format!(" {help}"))]
    };
    let offset = app.help_offset.min(rows.saturating_sub(room));
    let line = |row: usize| {
        let second = if in_two { entry(row + rows) } else { Vec::new() };
        Line::from_iter(entry(row).into_iter().chain(second))
    };
    let title = match rows > room {
        true => {
            let keys = [Action::Down, Action::Up].map(|action| app.keymap().name(action));
            format!(" Keys ({}: more) ", keys.join(" "))
        }
        false => " Keys ".to_owned(),
    };
    popup(theme, frame, &title, width, (offset..rows).map(line).collect());
}
