//! The keys, from the table.

use ratatui::Frame;
use ratatui::text::Line;

use super::popup;
use crate::tui::keymap::TABLE;
use crate::tui::{App, columns};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let room = usize::from(screen.height.saturating_sub(2)).max(1);
    let in_two = TABLE.len() > room && screen.width >= 100;
    let width: u16 = if in_two { 100 } else { 58 };
    let rows = if in_two { TABLE.len().div_ceil(2) } else { TABLE.len() };
    let column = usize::from(width.saturating_sub(2)) / if in_two { 2 } else { 1 };
    let keys = 13;
    let entry = |at: usize| {
        let text = TABLE
            .get(at)
            .map_or(String::new(), |b| format!(" {} {}", columns::fit(&b.keys.join(" "), keys), b.help));
        columns::fit(&text, column)
    };
    let offset = app.help_offset.min(rows.saturating_sub(room));
    let line = |row: usize| Line::from(if in_two { entry(row) + &entry(row + rows) } else { entry(row) });
    popup(
        app.theme(),
        frame,
        if rows > room { " Keys (j k: more) " } else { " Keys " },
        width,
        (offset..rows).map(line).collect(),
    );
}
