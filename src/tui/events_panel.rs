//! The panel of events: what happened to the selected group and below, in lines, to scroll, to copy and to export.

use jiff::ZonedDateTime;

use super::events::{Entry, KEPT};
use super::layout::inside;
use super::{App, columns};
use crate::model::{CgroupPath, printable, span};

/// How many are copied at most: more than this a terminal does not take onto the clipboard.
const COPIED: usize = 500;

/// One line of the panel.
pub(crate) struct Shown<'a> {
    pub(crate) text: String,
    /// `None` for the title.
    pub(crate) entry: Option<&'a Entry>,
}

/// A title, and as many lines as have room below it.
pub(crate) fn lines(app: &App, width: usize, height: usize) -> Vec<Shown<'_>> {
    let Some((target, node)) = app.selected_target().zip(app.selected_node()) else { return Vec::new() };
    let entries = app.events.of(target.version, &target.path);
    let room = height.saturating_sub(1);
    let shown = app.events.shown(&entries, room);
    let newer = entries.len() - shown;
    let count = match (entries.len(), newer) {
        (0, _) => "no events yet".to_owned(),
        (n, 0) => span::count(n, "event", "events"),
        (_, newer) => format!("{newer} newer: J"),
    };
    let ours = if entries.iter().any(|entry| entry.ours) { "   us: this session" } else { "" };
    let title = format!(" {}   {count}{ours}", node.display_name());
    let line = |entry| Shown { text: line(entry, &target.path, width), entry: Some(entry) };
    let rows = entries[shown.saturating_sub(room)..shown].iter().copied().map(line);
    std::iter::once(Shown { text: columns::cut(&title, width), entry: None }).chain(rows).collect()
}

fn line(entry: &Entry, group: &CgroupPath, width: usize) -> String {
    let path = entry.path.below(group).filter(|below| !below.is_root());
    let path = path.map_or("this group".to_owned(), |below| printable(&below.as_bytes()[1..]).into_owned());
    let begin = format!("{} {} {:<9} ", entry.at.strftime("%H:%M:%S"), who(entry), entry.what.word());
    let room = width.saturating_sub(columns::width(&begin));
    columns::cut(&(begin + &columns::cut_front(&path, room)), width)
}

/// Nobody tells who else it was.
fn who(entry: &Entry) -> &'static str {
    if entry.ours { "us" } else { "  " }
}

/// Scrolls by one line, to newer ones or to older ones.
pub(crate) fn scroll(app: &mut App, newer: bool) {
    let Some(target) = app.selected_target() else { return };
    let area = app.layout().and_then(|layout| layout.panel).map(inside);
    let height = area.map_or(0, |area| usize::from(area.height.saturating_sub(1)));
    let entries = app.events.of(target.version, &target.path);
    let shown = app.events.shown(&entries, height);
    let shown = if newer { shown + 1 } else { shown.saturating_sub(1).max(height) };
    let last = shown.checked_sub(1).and_then(|at| entries.get(at)).map(|entry| entry.number);
    app.events.bottom = last.filter(|_| shown < entries.len());
}

/// Whether nothing is kept of the selected group and below.
pub(crate) fn is_empty(app: &App) -> bool {
    newest(app).is_none()
}

/// When the newest of them was.
pub(crate) fn newest(app: &App) -> Option<ZonedDateTime> {
    let target = app.selected_target()?;
    app.events.of(target.version, &target.path).last().map(|entry| entry.at.clone())
}

/// The newest events as text, a line each, and how many these are.
pub(crate) fn to_copy(app: &App) -> Option<(String, usize)> {
    as_text(app, COPIED)
}

/// All that are kept, as text.
pub(crate) fn to_write(app: &App) -> Option<String> {
    as_text(app, KEPT).map(|(text, _)| text)
}

fn as_text(app: &App, most: usize) -> Option<(String, usize)> {
    let (target, hierarchy) = (app.selected_target()?, app.hierarchy()?);
    let entries = app.events.of(target.version, &target.path);
    let entries = &entries[entries.len().saturating_sub(most)..];
    let line = |entry: &&Entry| {
        let path = hierarchy.absolute(&entry.path);
        let path = printable(path.as_os_str().as_encoded_bytes()).into_owned();
        let at = entry.at.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z");
        format!("{at} {} {:<9} {path}\n", who(entry), entry.what.word())
    };
    (!entries.is_empty()).then(|| (entries.iter().map(line).collect(), entries.len()))
}
