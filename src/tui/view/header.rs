//! The first line: program, host, hierarchies, counts, watches.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::thousands;
use crate::tui::rows::Watching;
use crate::tui::{App, columns, tabs};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme();
    let width = usize::from(area.width);
    let name = tabs::name(app);
    let mut left = hierarchies(app);
    let taken = columns::width(&name) + left.iter().map(|span| columns::width(&span.content)).sum::<usize>();
    let mut right = counts(app);
    let room = |right: &[Count]| taken + right.iter().map(|c| columns::width(&c.text) + 2).sum::<usize>();
    while right.len() > 1 && room(&right) > width {
        // What matters least is left out first.
        let least = right.iter().map(|count| count.rank).max();
        right.retain(|count| Some(count.rank) != least);
    }
    // Each with a gap behind it; the last one has half of that.
    let used = right.iter().map(|count| columns::width(&count.text) + 2).sum::<usize>().saturating_sub(1);
    let gap = width.saturating_sub(taken + used);
    let mut line = vec![Span::styled(name, theme.strong())];
    line.append(&mut left);
    line.push(Span::raw(" ".repeat(gap)));
    line.extend(right.into_iter().flat_map(|count| [Span::styled(count.text, count.style), Span::raw("  ")]));
    frame.render_widget(Line::from(line), area);
}

fn hierarchies(app: &App) -> Vec<Span<'static>> {
    let theme = app.theme();
    let mut spans = Vec::new();
    for (at, name) in tabs::hierarchies(app) {
        if at > 0 {
            spans.push(Span::raw(theme.bar()));
        }
        spans.push(Span::styled(name, if at == app.current { theme.chosen() } else { theme.faint() }));
    }
    spans
}

/// Something to tell; what has a small rank matters most.
struct Count {
    rank: u8,
    style: Style,
    text: String,
}

fn counts(app: &App) -> Vec<Count> {
    let scanning = if app.settings.ascii { "scanning..." } else { "scanning…" };
    let Some(grove) = app.grove() else { return Vec::new() };
    let plain = Style::new();
    let Some(tree) = &grove.tree else {
        return vec![Count { rank: 0, style: plain, text: scanning.to_owned() }];
    };
    let below = tree.get(tree.root()).map(|node| node.below).unwrap_or_default();
    let number = |n: u32, word: &str| format!("{} {word}", thousands(u64::from(n)));
    let watched = watched(&grove.watching, app.settings.ascii);
    // Where some are watched, that the others are not is said quietly.
    let all_polled = grove.watching.polling.is_some() && grove.watching.groups == 0;
    let unreadable = u32::try_from(grove.watching.unreadable.len()).unwrap_or(u32::MAX);
    let groups =
        format!("{} {}", thousands(tree.len() as u64), if tree.len() == 1 { "group" } else { "groups" });
    let theme = app.theme();
    let all = [
        (!app.stranded.is_empty(), 0, theme.warning(), format!("{} to rescue", app.stranded.len())),
        (grove.watching.ended.is_some(), 0, theme.wrong(), "NOT LIVE".to_owned()),
        (all_polled, 3, theme.warning(), "polling".to_owned()),
        (unreadable > 0, 3, theme.warning(), number(unreadable, "unreadable")),
        (!grove.scanned, 2, plain, scanning.to_owned()),
        (true, 4, plain, groups),
        (below.frozen > 0, 0, theme.cold(), number(below.frozen, "frozen")),
        (below.freezing > 0, 1, theme.waiting(), number(below.freezing, "freezing")),
        (grove.marks() > 0, 1, plain, format!("{} marked", thousands(grove.marks() as u64))),
        (app.settings.read_only, 5, plain, "read-only".to_owned()),
        (grove.watching.groups > 0, 6, theme.faint(), watched),
    ];
    let shown = all.into_iter().filter(|(shown, ..)| *shown);
    shown.map(|(_, rank, style, text)| Count { rank, style, text }).collect()
}

/// How many groups are watched, and where that is not all of them, of how many.
fn watched(watching: &Watching, ascii: bool) -> String {
    let number = |n: usize| thousands(n as u64);
    match watching.polling {
        None => format!("watch {}", number(watching.groups)),
        Some(_) => {
            let dot = if ascii { "," } else { " ·" };
            format!("watch {} of {}{dot} rest polled", number(watching.groups), number(watching.of))
        }
    }
}
