//! Draws the [`App`], and writes no state.

mod checkpoint;
mod dialog;
mod events;
mod files;
mod footer;
mod freeze;
mod header;
mod help;
mod palette;
mod processes;
mod tree;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::layout::{self, SMALLEST};
use super::theme::Theme;
use super::{Action, App, Panel, columns, tabs};

/// Draws the whole screen.
pub fn draw(app: &App, frame: &mut Frame<'_>) {
    let Some(layout) = app.layout() else { return too_small(app, frame) };
    header::draw(app, frame, layout.header);
    if let Some(area) = layout.tree {
        tree::draw(app, frame, area);
    }
    if let Some(area) = layout.panel {
        panel(app, frame, area);
    }
    if let Some(checkpoint) = app.shown_checkpoint() {
        checkpoint::draw(app, checkpoint, frame, layout.body);
    }
    footer::draw(app, frame, layout.footer);
    if let Some(palette) = &app.palette {
        palette::draw(app, palette, frame);
    }
    if app.help {
        help::draw(app, frame);
    }
    if let Some(dialog) = &app.dialog {
        dialog::draw(app, dialog, frame);
    }
}

fn too_small(app: &App, frame: &mut Frame<'_>) {
    let text = format!(
        "terminal too small: {}x{}, needed {}x{}; {} quits",
        app.size.0,
        app.size.1,
        SMALLEST.0,
        SMALLEST.1,
        app.keymap().name(Action::Quit)
    );
    let lines: Vec<Line<'_>> =
        columns::wrap(&text, usize::from(app.size.0.max(4))).into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines), frame.area());
}

fn panel(app: &App, frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(framed(app.theme()).title(panel_tabs(app, usize::from(area.width))), area);
    let area = layout::inside(area);
    match app.panel {
        Panel::Processes => processes::draw(app, frame, area),
        Panel::Freeze => freeze::draw(app, frame, area),
        Panel::Files => files::draw(app, frame, area),
        Panel::Events => events::draw(app, frame, area),
    }
}

/// The panels with their keys; the one that is shown in brackets.
fn panel_tabs(app: &App, width: usize) -> Line<'static> {
    let style = |panel| if panel == app.panel { app.theme().strong() } else { app.theme().faint() };
    tabs::panels(app.panel, width).map(|(panel, text)| Span::styled(text, style(panel))).collect()
}

/// The frame of a part of the screen.
pub(crate) fn framed(theme: Theme) -> Block<'static> {
    const LETTERS: border::Set<'_> = border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    };
    let set = if theme.ascii { LETTERS } else { border::PLAIN };
    // The title is text, and not part of the lines.
    Block::bordered().border_set(set).border_style(theme.frame()).title_style(Style::reset())
}

/// A box in the middle of the screen, with lines in it.
fn popup(theme: Theme, frame: &mut Frame<'_>, title: &str, width: u16, lines: Vec<Line<'_>>) {
    let screen = frame.area();
    let width = width.min(screen.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(screen.height);
    let area = Rect::new((screen.width - width) / 2, (screen.height - height) / 2, width, height);
    // A wide character that reaches under the left edge would cover it.
    for y in area.y..area.bottom() {
        let cell = area.x.checked_sub(1).and_then(|x| frame.buffer_mut().cell_mut((x, y)));
        if let Some(cell) = cell.filter(|cell| columns::width(cell.symbol()) > 1) {
            cell.reset();
        }
    }
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(framed(theme).title(title)), area);
}

/// A number with commas between the thousands.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
