//! The processes of the selected group, as a tree.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::model::{Process, printable, span};
use crate::tui::order::Order;
use crate::tui::processes::Columns;
use crate::tui::{App, columns, processes};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let (titles, list) = lines(app, width);
    let list = list.into_iter().skip(app.panel_offset);
    for (y, (text, style)) in (area.y..area.bottom()).zip(titles.into_iter().chain(list)) {
        let line = Line::styled(columns::cut(&text, width), style);
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

type Styled = (String, Style);

/// What stays on top, and what scrolls below it.
fn lines(app: &App, width: usize) -> (Vec<Styled>, Vec<Styled>) {
    let theme = app.theme();
    let Some(node) = app.selected_node() else { return Default::default() };
    let name = node.display_name();
    let list = match app.selected_processes() {
        None => return (vec![(format!(" {name}   reading…"), theme.faint())], Vec::new()),
        Some(Err(reason)) => {
            let text = format!("{name}: {}", printable(reason.as_bytes()));
            let lines = columns::wrap(&text, width.max(4)).into_iter();
            return (lines.map(|line| (line, theme.wrong())).collect(), Vec::new());
        }
        Some(Ok(list)) if list.is_empty() => {
            return (
                vec![(format!(" {name}   no processes in the group itself"), theme.faint())],
                Vec::new(),
            );
        }
        Some(Ok(list)) => list,
    };
    let shape = Shape { columns: Columns::of(width), width };
    let titles = vec![(summary(&name, list), theme.strong()), (titles(app, shape.columns), theme.faint())];
    let chosen = processes::chosen(app).map(|process| process.id);
    let lines = app.order.arrange(list).into_iter().map(|branch| {
        let process = &list[branch.index];
        let tree = match branch.depth {
            0 => String::new(),
            depth => " ".repeat(2 * (depth - 1).min(8)) + theme.branch(),
        };
        let wait = wait(app, process);
        let style = if process.mark().is_some() || wait.is_some() { theme.warning() } else { Style::new() };
        let is_chosen = chosen == Some(process.id);
        (
            line(process, wait, &tree, shape, is_chosen),
            if is_chosen { style.patch(theme.strong()) } else { style },
        )
    });
    (titles, lines.collect())
}

/// What all lines have in common.
#[derive(Clone, Copy)]
struct Shape {
    columns: Columns,
    width: usize,
}

fn summary(name: &str, list: &[Process]) -> String {
    let threads: usize = list.iter().map(|p| p.threads as usize).sum();
    let rss: u64 = list.iter().map(|p| p.rss).sum();
    let processes = span::count(list.len(), "process", "processes");
    format!(" {name}   {processes}  {}  {}", span::count(threads, "thread", "threads"), span::bytes(rss))
}

/// A mark stands at the one that the list is sorted by.
fn titles(app: &App, columns: Columns) -> String {
    let mark = app.theme().triangle(true);
    let title = |(order, title): (Order, String)| {
        let sorted = order == app.order && order != Order::Tree;
        let word = title.trim();
        if sorted { title.replacen(&format!("{word} "), &format!("{word}{mark}"), 1) } else { title }
    };
    columns.titles().into_iter().map(title).collect()
}

/// Where a process waits that keeps the group from freezing; `None` for every other.
fn wait(app: &App, process: &Process) -> Option<String> {
    let culprit = app.culprits()?.list.iter().find(|culprit| culprit.pid == process.id.pid)?;
    let place = culprit.thread.wchan.as_ref().map_or("running".into(), |wchan| printable(wchan));
    let thread = culprit.thread.tid;
    Some(if thread == culprit.pid { format!("<{place}> ") } else { format!("<{thread}: {place}> ") })
}

fn line(process: &Process, wait: Option<String>, tree: &str, shape: Shape, chosen: bool) -> String {
    let Shape { columns, width } = shape;
    let user = columns::fit(&printable(process.user.as_bytes()), columns.user);
    let mark = process.mark().map_or(String::new(), |mark| format!("[{mark}] "));
    let place = wait.unwrap_or_default();
    let (pid, state, threads, rss) =
        (process.id.pid, process.state, process.threads, span::bytes(process.rss));
    let pointer = if chosen { ">" } else { " " };
    let numbers = if columns.wide {
        format!("{pointer}{pid:>6} {user} {state} {threads:>3} {rss:>8} ")
    } else {
        format!("{pointer}{pid:>6} {user} {state} ")
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
