//! What the panel that is shown tells, and the keys, from the table.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::popup;
use crate::tui::keymap::Bound;
use crate::tui::{Action, App, Panel, columns};

/// Two columns with room for the longest line.
const WIDEST: u16 = 124;
/// Columns for the keys.
const KEYS: usize = 13;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let theme = app.theme();
    let bound: Vec<&Bound> = app.keymap().iter().collect();
    let in_two = screen.width >= 100;
    let width = if in_two { (screen.width - 4).min(WIDEST) } else { 58 };
    let about: Vec<String> = columns::wrap(about(app.panel), usize::from(width) - 4)
        .into_iter()
        .map(|line| format!(" {line}"))
        .chain([String::new()])
        .collect();
    let room = usize::from(screen.height.saturating_sub(2)).saturating_sub(about.len()).max(1);
    let rows = if in_two { bound.len().div_ceil(2) } else { bound.len() };
    let column = usize::from(width.saturating_sub(2)) / if in_two { 2 } else { 1 };
    let entry = |at: usize| {
        let Some(bound) = bound.get(at) else { return Vec::new() };
        let keys = columns::fit(&bound.keys.join(" "), KEYS);
        let help = columns::fit(bound.help, column.saturating_sub(KEYS + 2));
        vec![Span::raw(" "), Span::styled(keys, theme.key()), Span::raw(format!(" {help}"))]
    };
    let offset = app.help_offset.min(rows.saturating_sub(room));
    let line = |row: usize| {
        let second = if in_two { entry(row + rows) } else { Vec::new() };
        Line::from_iter(entry(row).into_iter().chain(second))
    };
    let title = match rows > room {
        true => {
            let keys = [Action::Down, Action::Up].map(|action| app.keymap().name(action));
            format!(" Help ({}: more) ", keys.join(" "))
        }
        false => " Help ".to_owned(),
    };
    let lines = about.into_iter().map(Line::from).chain((offset..rows).map(line)).collect();
    popup(theme, frame, &title, width, lines);
}

/// What stands in the panel.
fn about(panel: Panel) -> &'static str {
    match panel {
        Panel::Processes => {
            "Processes: the processes in the group itself, as a tree. S is the kernel's state letter: D and R block \
             a freeze, T is stopped by a signal, Z has ended. While the group is freezing, <…> is the kernel \
             function that a process is blocked in."
        }
        Panel::Freeze => {
            "Freeze: why the group is frozen or not: its own request, the inherited one, its state, what blocks a \
             freeze, what criu would do now, and the equivalent shell commands."
        }
        Panel::Files => {
            "Files: the group's control files, live; * marks one that has just changed. This panel writes nothing."
        }
        Panel::Events => {
            "Events: what happened in the group and below since the program started, newest last; us marks actions \
             of this session."
        }
    }
}
