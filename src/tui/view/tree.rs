//! The groups: a row each, the visible ones only.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::framed;
use crate::model::tree::{Key, Node, What};
use crate::model::{State, TimedFreeze, TimerState, printable, span};
use crate::tui::rows::{Grove, Row};
use crate::tui::theme::Theme;
use crate::tui::{App, columns, layout};

/// Columns for the count of processes.
const COUNT: usize = 6;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme();
    let Some(grove) = app.grove() else { return };
    frame.render_widget(framed(theme).title(title(app, grove, area)), area);
    let area = layout::inside(area);
    let rows = grove.rows.iter().skip(grove.offset).take(usize::from(area.height));
    for (y, row) in (area.y..).zip(rows) {
        let line = line(app, grove, *row, usize::from(area.width));
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// What the filter is, and how many groups it hits.
fn title(app: &App, grove: &Grove, area: Rect) -> String {
    let Some(hits) = grove.hits() else { return " Groups ".to_owned() };
    let query = printable(app.filter.text().as_bytes());
    let title = format!(" Groups \\ {query}: {} ", span::count(hits, "hit", "hits"));
    columns::cut(&title, usize::from(area.width.saturating_sub(2)))
}

fn line(app: &App, grove: &Grove, row: Row, width: usize) -> Line<'static> {
    let theme = app.theme();
    let selected = grove.selected == Some(row.key);
    // Very deep groups keep room for a name.
    let indent = " ".repeat((2 * row.depth).min(width / 3));
    let Some(node) = grove.node(row.key) else {
        let gone = row.gone.and_then(|number| grove.recent.gone(number));
        let name = gone.map_or(String::new(), |gone| printable(&gone.name).into_owned());
        return Line::styled(columns::fit(&format!(" {indent}  {name}  (gone)"), width), theme.faint());
    };
    let triangle = if node.children.is_empty() { " " } else { theme.triangle(grove.is_unfolded(row.key)) };
    let pointer = if selected { ">" } else { " " };
    let mark = if grove.is_marked(row.key) { theme.mark() } else { " " };
    let owner = app.asked.owners.get(&node.group.id).and_then(|owner| owner.as_deref());
    let owner = owner.map_or(String::new(), |owner| format!(" [{}]", printable(owner.as_bytes())));
    let name = format!("{pointer}{indent}{triangle}{mark}{}{owner}", node.display_name());
    let count = node.processes.map_or(String::new(), |n| n.to_string());
    let room = width.saturating_sub(COUNT + 1);
    let badge = badge(app, grove, row.key, node);
    let is_new = grove.recent.of(node.group.id).is_some() || grove.is_marked(row.key);
    let fits = columns::width(&name) + 1 + columns::width(&badge.full) <= room;
    let text = if fits { badge.full } else { badge.short };
    // Badges stand below each other as long as the names leave room.
    let most = room.saturating_sub(columns::width(&text) + 1);
    let name_room = most.min(columns::width(&name).max(room * 11 / 20));
    let state = columns::cut(&text, room.saturating_sub(name_room + 1));
    let gap = room.saturating_sub(name_room + 1 + columns::width(&state));
    let line = Line::from(vec![
        Span::styled(columns::fit(&name, name_room), if is_new { theme.strong() } else { Style::new() }),
        Span::raw(" "),
        Span::styled(state, if selected { theme.within_chosen(badge.style) } else { badge.style }),
        Span::raw(" ".repeat(gap)),
        Span::raw(format!("{count:>COUNT$} ")),
    ]);
    if selected { line.style(theme.chosen()) } else { line }
}

/// The state in a symbol and words.
struct Badge {
    full: String,
    /// For where the name needs the room.
    short: String,
    style: Style,
}

fn badge(app: &App, grove: &Grove, key: Key, node: &Node) -> Badge {
    let theme = app.theme();
    let mut since = grove.since.get(key).map_or(String::new(), |since| {
        let span = app.now.saturating_sub(since.at);
        match span.as_secs() {
            0 => String::new(),
            _ if since.at_least => format!(" at least {}", span::short(span)),
            _ => format!(" {}", span::short(span)),
        }
    });
    let timed = app.timed(node).map(timed);
    if let Some(timed) = &timed {
        since = format!("{since}, {timed}");
    }
    let by = (!node.group.freezer.requested()).then(|| asker(grove, key)).flatten();
    let (symbol, word, style) = match node.state() {
        Some(State::Frozen) => (theme.frozen(), "frozen", theme.cold()),
        Some(State::Freezing) => (theme.freezing(), "freezing", theme.waiting()),
        _ => {
            return held(app, grove, key, node)
                .or_else(|| recent(theme, grove, node))
                .unwrap_or_else(|| below(theme, node));
        }
    };
    let up = if by.is_some() { theme.above() } else { "" };
    let full = match (node.state(), by) {
        (Some(State::Freezing), Some(by)) => format!("{symbol}{up} {word} by {by}"),
        (_, Some(by)) => format!("{symbol}{up} by {by}"),
        (_, None) => format!("{symbol} {word}{since}"),
    };
    // Where there is little room, what is to come matters more than what is.
    let short = match timed {
        Some(timed) => format!("{symbol} {timed}"),
        None => format!("{symbol}{up} {word}"),
    };
    Badge { full, short, style }
}

/// When a group is thawed that was frozen for a time.
fn timed(freeze: TimedFreeze) -> String {
    match freeze.timer {
        TimerState::Runs => freeze.time.to_string(),
        state => format!("timer {state}"),
    }
}

/// What has just happened to a group that is not frozen, and has nothing frozen below.
fn recent(theme: Theme, grove: &Grove, node: &Node) -> Option<Badge> {
    if node.below.frozen + node.below.freezing > 0 {
        return None;
    }
    let word = match grove.recent.of(node.group.id)? {
        What::Created => "new",
        What::Thawed => "thawed just now",
        _ => return None,
    };
    Some(Badge { full: word.to_owned(), short: word.to_owned(), style: theme.strong() })
}

/// Thawed here, and held by the other hierarchy: nothing of it runs, or only some.
fn held(app: &App, grove: &Grove, key: Key, node: &Node) -> Option<Badge> {
    let held = app.asked.held.processes(grove.version, || grove.path(key));
    let (theme, other) = (app.theme(), grove.version.other());
    let all = node.processes.and_then(|all| usize::try_from(all).ok()).is_none_or(|all| held >= all);
    let text = match (held, all) {
        (0, _) => return None,
        (_, true) => format!("{} on {other}", theme.frozen()),
        // What is below is said of a group that runs itself for the most part.
        (_, false) if node.below.frozen + node.below.freezing > 0 => return None,
        (held, false) => format!("{} {held} on {other}", theme.below()),
    };
    Some(Badge { full: text.clone(), short: text, style: theme.cold() })
}

fn below(theme: Theme, node: &Node) -> Badge {
    let (number, word, style) = match (node.below.frozen, node.below.freezing) {
        (0, 0) => return Badge { full: String::new(), short: String::new(), style: Style::new() },
        (0, n) => (n, "freezing", theme.waiting()),
        (n, _) => (n, "frozen", theme.cold()),
    };
    let symbol = theme.below();
    Badge {
        full: format!("{symbol} {number} {word} below"),
        short: format!("{symbol} {number} below"),
        style,
    }
}

fn asker(grove: &Grove, key: Key) -> Option<String> {
    let tree = grove.tree.as_ref()?;
    tree.get(tree.inherited_from(key)?).map(Node::display_name)
}
