//! What the panel that is shown tells, and the keys, from the table.

use ratatui::Frame;
use ratatui::text::Line;

use super::popup;
use crate::tui::keymap::TABLE;
use crate::tui::{App, Panel, columns};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let in_two = screen.width >= 100;
    let width: u16 = if in_two { 100 } else { 58 };
    let about: Vec<String> = columns::wrap(about(app.panel), usize::from(width) - 4)
        .into_iter()
        .map(|line| format!(" {line}"))
        .chain([String::new()])
        .collect();
    let room = usize::from(screen.height.saturating_sub(2)).saturating_sub(about.len()).max(1);
    let rows = if in_two { TABLE.len().div_ceil(2) } else { TABLE.len() };
    let column = usize::from(width.saturating_sub(2)) / if in_two { 2 } else { 1 };
    let keys = 13;
    let entry = |at: usize| {
        let text = TABLE
            .get(at)
            .map_or(String::new(), |b| format!(" {} {}", columns::fit(&b.keys.join(" "), keys), b.help));
        columns::fit(&text, column)
    };
    let offset = app.help_offset.min(rows.saturating_sub(room));
    let line = |row: usize| Line::from(if in_two { entry(row) + &entry(row + rows) } else { entry(row) });
    popup(
        app.theme(),
        frame,
        if rows > room { " Help (j k: more) " } else { " Help " },
        width,
        about.into_iter().map(Line::from).chain((offset..rows).map(line)).collect(),
    );
}

/// What stands in the panel.
fn about(panel: Panel) -> &'static str {
    match panel {
        Panel::Processes => {
            "Processes: those in the group itself, each below its parent. S is the kernel's state letter: D and R keep a \
             group from freezing, T is stopped by a signal, Z has ended. While the group is freezing, <…> is the kernel \
             function that a process waits in."
        }
        Panel::Freeze => {
            "Freeze: why the group is frozen or not: its own request, what it inherits from above, its state, what holds \
             up a freeze, what criu would do now, and the line for a shell that does the same."
        }
        Panel::Files => {
            "Files: the group's control files as they are now; * marks one that has just changed. Nothing is written from \
             here."
        }
        Panel::Events => {
            "Events: what happened to the group and below since the program started, the newest at the end; us is what \
             was done from here."
        }
    }
}
