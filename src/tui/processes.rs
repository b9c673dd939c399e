//! The panel of processes: their order, which one is chosen, and where a click leads.

use super::layout::inside;
use super::order::Order;
use super::{App, Panel};
use crate::model::{Process, ProcessId};

/// From here on threads and memory have their columns.
const WIDE: usize = 50;
/// Lines above the list: one about the group, one of titles.
pub(crate) const TITLES: usize = 2;

/// The columns of a panel of some width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Threads and memory are shown.
    pub(crate) wide: bool,
    /// Of the user.
    pub(crate) user: usize,
}

impl Columns {
    pub(crate) fn of(width: usize) -> Self {
        let wide = width >= WIDE;
        Self { wide, user: if wide { 8 } else { 6 } }
    }

    /// Titles with what a click on them sorts by, each as wide as its column: PID 7, user, state 1, threads 3, memory 8.
    pub(crate) fn titles(self) -> Vec<(Order, String)> {
        let mut titles = vec![
            (Order::Pid, format!("{:>7} ", "PID")),
            (Order::User, format!("{:<1$} ", "USER", self.user)),
            (Order::State, "S ".to_owned()),
        ];
        if self.wide {
            titles.push((Order::Threads, "THR ".to_owned()));
            titles.push((Order::Memory, format!("{:>8} ", "RSS")));
        }
        titles.push((Order::Tree, "COMMAND".to_owned()));
        titles
    }
}

/// The chosen process: the one that was chosen, while it is there, or else the first.
pub(crate) fn chosen(app: &App) -> Option<&Process> {
    let list = app.selected_processes()?.as_ref().ok()?;
    let held = app.process.and_then(|id| list.iter().find(|process| process.id == id));
    held.or_else(|| app.order.arrange(list).first().map(|branch| &list[branch.index]))
}

/// Chooses the next or the one before.
pub(crate) fn step(app: &mut App, down: bool) {
    let Some(Ok(list)) = app.selected_processes() else { return };
    let order = app.order.arrange(list);
    let at = chosen(app).and_then(|c| order.iter().position(|branch| list[branch.index].id == c.id));
    let to = match at {
        Some(at) if down => (at + 1).min(order.len().saturating_sub(1)),
        Some(at) => at.saturating_sub(1),
        None => 0,
    };
    let id = order.get(to).map(|branch| list[branch.index].id);
    choose(app, id, to);
}

/// Chooses a process, and brings its line into the panel.
fn choose(app: &mut App, id: Option<ProcessId>, line: usize) {
    app.process = id;
    let area = app.layout().and_then(|layout| layout.panel).map(inside);
    let height = area.map_or(1, |area| usize::from(area.height)).saturating_sub(TITLES).max(1);
    app.panel_offset = app.panel_offset.clamp((line + 1).saturating_sub(height), line);
}

/// The process that was gone to is chosen once the group's list is there.
pub(crate) fn choose_wanted(app: &mut App) {
    let Some(pid) = app.wanted_process else { return };
    let Some(Ok(list)) = app.selected_processes() else { return };
    let order = app.order.arrange(list);
    let Some(line) = order.iter().position(|branch| list[branch.index].id.pid == pid) else { return };
    let id = list[order[line].index].id;
    app.wanted_process = None;
    choose(app, Some(id), line);
}

/// A click: on a title it sorts, on a process it chooses.
pub(crate) fn click(app: &mut App, width: usize, (x, y): (u16, u16)) {
    let (x, y) = (usize::from(x), usize::from(y));
    if y + 1 == TITLES {
        let mut right = 0;
        let titles = Columns::of(width).titles();
        let hit = titles.iter().find(|(_, title)| {
            right += title.len();
            x < right
        });
        app.order = hit.or(titles.last()).map_or(app.order, |(order, _)| *order);
        app.say(format!("processes {}", app.order.word()));
    } else if y >= TITLES {
        let line = y - TITLES + app.panel_offset;
        let Some(Ok(list)) = app.selected_processes() else { return };
        let id = app.order.arrange(list).get(line).map(|branch| list[branch.index].id);
        if id.is_some() {
            app.process = id;
        }
    }
}

/// How far the list can be scrolled below its titles.
pub(crate) fn end(app: &App, height: usize) -> usize {
    let list = app.selected_processes().and_then(|list| list.as_ref().ok());
    list.map_or(0, |list| list.len().saturating_sub(height.saturating_sub(TITLES)))
}

/// True where keys that scroll the panel choose a process.
pub(crate) fn has_the_keys(app: &App) -> bool {
    app.panel == Panel::Processes
}
