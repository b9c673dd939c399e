//! The keys, from the table.

use ratatui::Frame;
use ratatui::text::Line;

use super::popup;
use crate::tui::keymap::TABLE;
use crate::tui::{App, columns};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let room = usize::from(screen.height.saturating_sub(2)).max(1);
    let in_two = TABLE.len() > room;
    let width = if in_two { screen.width.min(100) } else { 56 };
    let rows = if in_two { TABLE.len().div_ceil(2) } else { TABLE.len() };
    let column = usize::from(width.saturating_sub(2)) / if in_two { 2 } else { 1 };
    let keys = if in_two && column < 36 { 8 } else { 13 };
    let entry = |at: usize| {
        let text = TABLE
            .get(at)
            .map_or(String::new(), |b| format!(" {} {}", columns::fit(&b.keys.join(" "), keys), b.help));
        columns::fit(&text, column)
    };
    let line = |row: usize| Line::from(if in_two { entry(row) + &entry(row + rows) } else { entry(row) });
    popup(app.theme(), frame, " Keys ", width, (0..rows).map(line).collect());
}
