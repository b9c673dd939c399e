//! What happened to the selected group and below.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::model::tree::What;
use crate::tui::{App, events_panel};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme();
    let lines = events_panel::lines(app, usize::from(area.width), usize::from(area.height));
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        let style = match line.entry {
            None => theme.strong(),
            Some(entry) if entry.ours => theme.own(),
            Some(entry) if entry.what == What::Frozen => theme.cold(),
            Some(_) => Style::new(),
        };
        frame.render_widget(Line::styled(line.text, style), Rect { y, height: 1, ..area });
    }
}
