//! The control files of the selected group.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::tui::App;
use crate::tui::files_panel::{self, Tone};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme();
    let style = |tone| match tone {
        Tone::Title => theme.strong(),
        Tone::Plain => Style::new(),
        Tone::Faint => theme.faint(),
        Tone::Changed => theme.changed(),
        Tone::Wrong => theme.wrong(),
    };
    let lines = files_panel::lines(app, usize::from(area.width));
    for (y, (text, tone)) in (area.y..area.bottom()).zip(lines.into_iter().skip(app.panel_offset)) {
        frame.render_widget(Line::styled(text, style(tone)), Rect { y, height: 1, ..area });
    }
}
