//! The processes of the selected group, as a tree.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::model::{Process, State, printable, process, span};
use crate::tui::{App, columns, story};

/// From here on threads and memory have their columns.
const WIDE: usize = 50;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let lines = lines(app, width);
    for (y, (text, style)) in (area.y..area.bottom()).zip(lines.into_iter().skip(app.panel_offset)) {
        let line = Line::styled(columns::cut(&text, width), style);
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

fn lines(app: &App, width: usize) -> Vec<(String, Style)> {
    let theme = app.theme();
    let Some(node) = app.selected_node() else { return Vec::new() };
    let name = story::name(node);
    let list = match app.selected_processes() {
        None => return vec![(format!(" {name}   reading…"), theme.faint())],
        Some(Err(reason)) => {
            let text = format!("{name}: {}", printable(reason.as_bytes()));
            return columns::wrap(&text, width.max(4))
                .into_iter()
                .map(|line| (line, theme.wrong()))
                .collect();
        }
        Some(Ok(list)) if list.is_empty() => {
            return vec![(format!(" {name}   no process in the group itself"), theme.faint())];
        }
        Some(Ok(list)) => list,
    };
    // Where a process waits matters while it keeps the group from freezing.
    let wide = width >= WIDE;
    let waits = node.state() == Some(State::Freezing);
    let mut lines = vec![(summary(&name, list), theme.strong()), (titles(wide), theme.faint())];
    for branch in process::tree(list) {
        let process = &list[branch.index];
        let tree = match branch.depth {
            0 => String::new(),
            depth => " ".repeat(2 * (depth - 1).min(8)) + theme.branch(),
        };
        let style = if process.mark().is_some() { theme.warning() } else { Style::new() };
        lines.push((line(process, &tree, waits, width), style));
    }
    lines
}

fn summary(name: &str, list: &[Process]) -> String {
    let threads: usize = list.iter().map(|p| p.threads as usize).sum();
    let rss: u64 = list.iter().map(|p| p.rss).sum();
    let processes = span::count(list.len(), "process", "processes");
    format!(" {name}   {processes}  {}  {}", span::count(threads, "thread", "threads"), span::bytes(rss))
}

fn titles(wide: bool) -> String {
    if wide {
        format!("{:>7} {} S {:>3} {:>8} COMMAND", "PID", columns::fit("USER", 8), "THR", "RSS")
    } else {
        format!("{:>7} {} S COMMAND", "PID", columns::fit("USER", 6))
    }
}

fn line(process: &Process, tree: &str, waits: bool, width: usize) -> String {
    let wide = width >= WIDE;
    let user = columns::fit(&printable(process.user.as_bytes()), if wide { 8 } else { 6 });
    let mark = process.mark().map_or(String::new(), |mark| format!("[{mark}] "));
    let place = process
        .wchan
        .as_ref()
        .filter(|_| waits)
        .map_or(String::new(), |wchan| format!("<{}> ", printable(wchan)));
    let (pid, state, threads, rss) =
        (process.id.pid, process.state, process.threads, span::bytes(process.rss));
    let numbers = if wide {
        format!("{pid:>7} {user} {state} {threads:>3} {rss:>8} ")
    } else {
        format!("{pid:>7} {user} {state} ")
    };
    let before = format!("{numbers}{tree}{mark}{place}");
    let room = width.saturating_sub(columns::width(&before));
    before + &command(&printable(&process.command), room)
}

/// A command line; where it does not fit, without the folder of its program, so that the name is seen.
fn command(text: &str, room: usize) -> Cow<'_, str> {
    let program = text.split(' ').next().unwrap_or_default();
    match program.rfind('/') {
        Some(at) if columns::width(text) > room && at + 1 < program.len() => {
            Cow::Owned(format!("…{}", &text[at..]))
        }
        _ => Cow::Borrowed(text),
    }
}
