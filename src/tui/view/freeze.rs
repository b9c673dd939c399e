//! The story of the selected group's freeze.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::{App, columns, story};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width.saturating_sub(1)).max(4);
    let lines = story::paragraphs(app).into_iter().flat_map(|text| columns::wrap(&text, width));
    for (y, text) in (area.y..area.bottom()).zip(lines.skip(app.panel_offset)) {
        frame.render_widget(Line::from(text), Rect { x: area.x + 1, width: area.width - 1, y, height: 1 });
    }
}
