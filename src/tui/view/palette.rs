//! The palette: what is typed, and the actions that fit, each with its key or why it cannot be done.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::popup;
use crate::model::printable;
use crate::tui::palette::Palette;
use crate::tui::{App, columns};

const WIDTH: u16 = 72;
/// Columns for the key.
const KEY: usize = 9;

pub(super) fn draw(app: &App, palette: &Palette, frame: &mut Frame<'_>) {
    let theme = app.theme();
    let room = usize::from(frame.area().height.saturating_sub(4)).clamp(1, 14);
    let fitting = palette.fitting();
    let chosen = palette.chosen();
    let mut lines =
        vec![Line::styled(format!(" : {}_", printable(palette.input.value().as_bytes())), theme.strong())];
    if fitting.is_empty() {
        lines.push(Line::styled(" nothing fits", theme.faint()));
    }
    let first = (chosen + 1).saturating_sub(room);
    for (at, binding) in fitting.iter().enumerate().skip(first).take(room) {
        let key = columns::fit(binding.keys.first().copied().unwrap_or_default(), KEY);
        let why = binding.action.unavailable(app);
        let text = match &why {
            Some(why) => format!("{} ({})", binding.help, printable(why.as_bytes())),
            None => binding.help.to_owned(),
        };
        let style = match (at == chosen, why) {
            (true, _) => theme.chosen(),
            (false, Some(_)) => theme.faint(),
            (false, None) => theme.strong(),
        };
        let pointer = if at == chosen { ">" } else { " " };
        let text = columns::fit(&format!("{pointer}{key}{text}"), usize::from(WIDTH) - 2);
        lines.push(Line::from(Span::styled(text, style)));
    }
    popup(theme, frame, " What to do ", WIDTH, lines);
}
