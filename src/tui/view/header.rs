//! The first line: program, host, hierarchies, counts, watches.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::thousands;
use crate::model::{Version, printable};
use crate::tui::{App, columns};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme();
    let width = usize::from(area.width);
    let mut left = hierarchies(app);
    let taken: usize = left.iter().map(|span| columns::width(&span.content)).sum();
    // What matters least stands last, and is left out first.
    let mut right: Vec<String> = counts(app);
    let room =
        |right: &[String]| taken + right.iter().map(|text| columns::width(text) + 2).sum::<usize>() + 12;
    while right.len() > 1 && room(&right) > width {
        right.pop();
    }
    let right = right.join("  ") + " ";
    let free = width.saturating_sub(taken + columns::width(&right));
    let host = printable(app.settings.host.as_bytes()).into_owned();
    let dot = if theme.ascii { "-" } else { "·" };
    let full = format!(" cryoscope {dot} {host}  ");
    let name = if host.is_empty() || columns::width(&full) > free { " cryoscope ".to_owned() } else { full };
    let gap = width.saturating_sub(columns::width(&name) + taken + columns::width(&right));
    let mut line = vec![Span::styled(name, theme.strong())];
    line.append(&mut left);
    line.push(Span::raw(" ".repeat(gap)));
    line.push(Span::raw(right));
    frame.render_widget(Line::from(line), area);
}

fn hierarchies(app: &App) -> Vec<Span<'static>> {
    let theme = app.theme();
    let mut spans = Vec::new();
    for (at, grove) in app.groves.iter().enumerate() {
        if at > 0 {
            spans.push(Span::raw(theme.bar()));
        }
        let name = match grove.version {
            Version::V2 => " v2 unified ",
            Version::V1 => " v1 freezer ",
        };
        spans.push(Span::styled(name, if at == app.current { theme.chosen() } else { theme.faint() }));
    }
    spans
}

fn counts(app: &App) -> Vec<String> {
    let Some(grove) = app.grove() else { return Vec::new() };
    let Some(tree) = &grove.tree else { return vec!["scanning…".to_owned()] };
    let below = tree.get(tree.root()).map(|node| node.below).unwrap_or_default();
    let mut texts = Vec::new();
    if app.watching.polling.is_some() {
        texts.push("polling".to_owned());
    }
    if !grove.scanned {
        texts.push(if app.settings.ascii { "scanning..." } else { "scanning…" }.to_owned());
    }
    let mut groups = vec![format!("{} groups", thousands(tree.len() as u64))];
    for (number, word) in [(below.frozen, "frozen"), (below.freezing, "freezing")] {
        if number > 0 {
            groups.push(format!("{} {word}", thousands(u64::from(number))));
        }
    }
    texts.push(groups.join("  "));
    if app.settings.read_only {
        texts.push("read-only".to_owned());
    }
    if app.watching.groups > 0 {
        texts.push(format!("watch {}", thousands(app.watching.groups as u64)));
    }
    texts
}
