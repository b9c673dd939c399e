//! What can be turned to: the panels in the title of theirs, and the hierarchies in the header. Drawn and clicked from here.

use super::panel::Panel;
use super::{App, columns};
use crate::model::{Version, printable};

/// The width from which on the panels have their full names in the title.
const FULL: usize = 44;

/// The panels with their keys, in a frame of this width; the one that is shown in brackets.
pub(crate) fn panels(shown: Panel, width: usize) -> impl Iterator<Item = (Panel, String)> {
    Panel::ALL.into_iter().enumerate().map(move |(at, panel)| {
        let name = match panel {
            // All four have room at the smallest width of two panels, which is 40.
            Panel::Processes if width < FULL => "Procs",
            Panel::Processes => "Processes",
            Panel::Freeze => "Freeze",
            Panel::Files => "Files",
            Panel::Events => "Events",
        };
        let (open, close) = if panel == shown { ("[", "]") } else { (" ", " ") };
        (panel, format!("{open}{} {name}{close}", at + 1))
    })
}

/// The panel whose tab is at a column of the title.
pub(crate) fn panel_at(shown: Panel, width: usize, column: u16) -> Option<Panel> {
    hit(panels(shown, width), column)
}

/// The header's first words: the program and its host.
pub(crate) fn name(app: &App) -> String {
    let host = printable(app.settings.host.as_bytes());
    let dot = if app.settings.ascii { "-" } else { "·" };
    let full = format!(" cryoscope {dot} {host}  ");
    // In a narrow terminal the counts matter more.
    let room = if app.size.0 < 80 { 0 } else { usize::from(app.size.0) / 3 };
    if host.is_empty() || columns::width(&full) > room { " cryoscope ".to_owned() } else { full }
}

/// The hierarchies, as they stand in the header behind the name, by their number.
pub(crate) fn hierarchies(app: &App) -> impl Iterator<Item = (usize, &'static str)> {
    app.groves.iter().enumerate().map(|(at, grove)| match grove.version {
        Version::V2 => (at, " v2 unified "),
        Version::V1 => (at, " v1 freezer "),
    })
}

/// The number of the hierarchy whose name is at a column of the header. A bar of one column stands between two.
pub(crate) fn hierarchy_at(app: &App, column: u16) -> Option<usize> {
    let first = u16::try_from(columns::width(&name(app))).ok()?;
    let barred = hierarchies(app).map(|(at, name)| (at, format!("{name}|")));
    hit(barred, column.checked_sub(first)?)
}

fn hit<T>(tabs: impl Iterator<Item = (T, String)>, column: u16) -> Option<T> {
    let mut left = usize::from(column);
    for (tab, text) in tabs {
        match left.checked_sub(columns::width(&text)) {
            None => return Some(tab),
            Some(rest) => left = rest,
        }
    }
    None
}
