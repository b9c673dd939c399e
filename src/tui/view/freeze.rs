//! The story of the selected group's freeze.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::{App, story};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width.saturating_sub(1));
    let lines = story::lines(app, width).into_iter();
    for (y, text) in (area.y..area.bottom()).zip(lines.skip(app.panel_offset)) {
        frame.render_widget(Line::from(text), Rect { x: area.x + 1, width: area.width - 1, y, height: 1 });
    }
}
