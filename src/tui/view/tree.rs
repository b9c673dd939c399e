//! The groups: a row each, the visible ones only.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::framed;
use crate::model::tree::{Key, Node};
use crate::model::{State, span};
use crate::tui::rows::{Grove, Row};
use crate::tui::theme::Theme;
use crate::tui::{App, columns, layout, story};

/// Columns for the count of processes.
const COUNT: usize = 6;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme();
    frame.render_widget(framed(theme).title(" Groups "), area);
    let Some(grove) = app.grove() else { return };
    let area = layout::inside(area);
    let rows = grove.rows.iter().skip(grove.offset).take(usize::from(area.height));
    for (y, row) in (area.y..).zip(rows) {
        let line = line(app, grove, *row, usize::from(area.width));
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

fn line(app: &App, grove: &Grove, row: Row, width: usize) -> Line<'static> {
    let theme = app.theme();
    let selected = grove.selected == Some(row.key);
    let Some(node) = grove.node(row.key) else {
        return Line::styled(
            columns::fit(&format!(" {}(gone)", "  ".repeat(row.depth)), width),
            theme.faint(),
        );
    };
    let triangle = if node.children.is_empty() { " " } else { theme.triangle(grove.is_unfolded(row.key)) };
    // Very deep groups keep room for a name.
    let indent = "  ".repeat(row.depth).len().min(width / 3);
    let pointer = if selected { ">" } else { " " };
    let name = format!("{pointer}{}{triangle} {}", " ".repeat(indent), story::name(node));
    let (badge, style) = badge(app, grove, row.key, node);
    let count = node.processes.map_or(String::new(), |n| n.to_string());
    let room = width.saturating_sub(COUNT + 1);
    let badge_room = columns::width(&badge).min(room / 2);
    // Badges stand below each other as long as the names leave room.
    let name_room = room.saturating_sub(badge_room + 1).min(columns::width(&name).max(room * 11 / 20));
    let text = Line::from(vec![
        Span::styled(columns::fit(&name, name_room), Style::new()),
        Span::raw(" "),
        Span::styled(columns::fit(&badge, room.saturating_sub(name_room + 1)), style),
        Span::raw(format!("{count:>COUNT$} ")),
    ]);
    if selected { text.style(theme.chosen()) } else { text }
}

/// The state in a symbol and a word.
fn badge(app: &App, grove: &Grove, key: Key, node: &Node) -> (String, Style) {
    let theme = app.theme();
    let since = grove.since.get(&node.group.id).map_or(String::new(), |since| {
        let span = span::short(app.now.saturating_sub(since.at));
        format!(" {}{span}", if since.at_least { theme.at_least() } else { "" })
    });
    let by = (!node.group.freezer.requested()).then(|| asker(grove, key)).flatten();
    match (node.state(), by) {
        (Some(State::Frozen), Some(by)) => {
            (format!("{}{} by {by}", theme.frozen(), theme.above()), theme.cold())
        }
        (Some(State::Frozen), None) => (format!("{} frozen{since}", theme.frozen()), theme.cold()),
        (Some(State::Freezing), Some(by)) => {
            (format!("{}{} freezing by {by}", theme.freezing(), theme.above()), theme.waiting())
        }
        (Some(State::Freezing), None) => (format!("{} freezing{since}", theme.freezing()), theme.waiting()),
        _ => below(theme, node),
    }
}

fn below(theme: Theme, node: &Node) -> (String, Style) {
    match (node.below.frozen, node.below.freezing) {
        (0, 0) => (String::new(), Style::new()),
        (0, n) => (format!("{} {n} freezing below", theme.below()), theme.waiting()),
        (n, _) => (format!("{} {n} frozen below", theme.below()), theme.cold()),
    }
}

fn asker(grove: &Grove, key: Key) -> Option<String> {
    let tree = grove.tree.as_ref()?;
    tree.get(tree.inherited_from(key)?).map(story::name)
}
