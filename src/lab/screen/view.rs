//! The list and a step, drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::list::List;
use super::page::{Asked, Page};
use crate::lab::course::Phase;
use crate::lab::glimpse::GroupSeen;
use crate::model::printable;
use crate::tui::columns::{cut, wrap};
use crate::tui::theme::Theme;
use crate::tui::view::framed;

/// What is on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    List(List),
    Page(Box<Page>),
}

type Styled = (String, Style);

/// The screen that is needed at least.
const SMALLEST: (u16, u16) = (60, 15);

/// From this height on there is room for the events beside the step.
const TALL: u16 = 30;

pub(super) fn draw(shown: &Shown, theme: Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("terminal too small: needed {}x{}; q quits", SMALLEST.0, SMALLEST.1);
        let lines = wrap(&text, usize::from(area.width.max(4))).into_iter().map(|line| (line, Style::new()));
        return put(frame, area, lines.collect(), 0);
    }
    match shown {
        Shown::List(list) => draw_list(list, theme, frame),
        Shown::Page(page) => draw_page(page, theme, frame),
    }
}

fn draw_list(list: &List, theme: Theme, frame: &mut Frame<'_>) {
    let [head, body, foot] = rows(frame.area());
    let freezer = format!("cryoscope lab: lessons on the {} freezer", list.version);
    put(frame, head, vec![(format!(" {freezer}"), theme.strong())], 0);
    let inside = frame_in(frame, body, " Lessons ", theme, list.presentation);
    let width = usize::from(inside.width);
    let (mut lines, mut at) = (Vec::new(), 0);
    for (index, (title, about, missing)) in list.lessons.iter().enumerate() {
        let chosen = index == list.chosen;
        let style = if chosen { theme.chosen() } else { Style::new() };
        let style = if missing.is_some() && !chosen { theme.faint() } else { style };
        if chosen {
            at = lines.len();
        }
        let mark = if missing.is_some() { "  (cannot run here)" } else { "" };
        lines.push((cut(&format!(" {title}{mark}"), width), style));
        if chosen {
            lines.extend(wrapped(&format!("    {about}"), width, theme.faint()));
            let why = missing.as_ref().map(|why| wrapped(&format!("    {why}"), width, theme.waiting()));
            lines.extend(why.into_iter().flatten());
        }
        if list.presentation {
            lines.push(Default::default());
        }
    }
    let scroll = (at + 6).saturating_sub(usize::from(inside.height));
    put(frame, inside, lines, scroll);
    let other = if list.other { "  v other freezer" } else { "" };
    let keys = format!(" Enter start  j/k choose{other}  p presentation  q quit");
    footer(frame, foot, list.message.as_deref(), &keys, list.key.as_deref(), theme);
}

fn draw_page(page: &Page, theme: Theme, frame: &mut Frame<'_>) {
    let [head, body, foot] = rows(frame.area());
    put(frame, head, vec![(cut(&format!(" {}", page.title), usize::from(head.width)), theme.strong())], 0);
    let events = match (page.presentation, body.height >= TALL) {
        (_, true) => 9,
        (true, false) => 6,
        (false, false) => 0,
    };
    let [top, bottom] = Layout::vertical([Constraint::Min(0), Constraint::Length(events)]).areas(body);
    let right = (top.width * 2 / 5).clamp(28, 60);
    let [left, right] = Layout::horizontal([Constraint::Min(0), Constraint::Length(right)]).areas(top);
    let (step, of) = page.step;
    let inside = frame_in(frame, left, &format!(" Step {step} of {of} "), theme, page.presentation);
    let lines = story(page, theme, usize::from(inside.width));
    let most = lines.len().saturating_sub(usize::from(inside.height));
    let above = page.scroll.above(most);
    let more = most > above;
    put(frame, inside, lines, above);
    if more {
        let below = Rect { x: left.x + 2, y: left.bottom() - 1, width: 12.min(left.width - 4), height: 1 };
        put(frame, below, vec![(" j for more ".to_owned(), theme.waiting())], 0);
    }
    let inside = frame_in(frame, right, " What the kernel says ", theme, false);
    put(frame, inside, kernel(page, theme, usize::from(inside.width)), 0);
    if events > 0 {
        let inside = frame_in(frame, bottom, " Events ", theme, false);
        let lines: Vec<Styled> = page
            .log
            .iter()
            .map(|line| (cut(&printable(line.as_bytes()), usize::from(inside.width)), Style::new()))
            .collect();
        let skip = lines.len().saturating_sub(usize::from(inside.height));
        put(frame, inside, lines, skip);
    }
    footer(frame, foot, page.message.as_deref(), keys(page), page.key.as_deref(), theme);
}

fn rows(area: Rect) -> [Rect; 3] {
    Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(2)]).areas(area)
}

/// Draws a frame with a title; what is inside of it. For an audience there is room at the sides.
fn frame_in(frame: &mut Frame<'_>, area: Rect, title: &str, theme: Theme, wide: bool) -> Rect {
    let block = framed(theme).title(title.to_owned());
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let margin = if wide { 2 } else { 1 };
    Rect { x: inside.x + margin, width: inside.width.saturating_sub(2 * margin), ..inside }
}

fn put(frame: &mut Frame<'_>, area: Rect, lines: Vec<Styled>, scroll: usize) {
    let lines: Vec<Line<'_>> = lines
        .into_iter()
        .skip(scroll)
        .take(usize::from(area.height))
        .map(|(text, style)| Line::styled(text, style))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn wrapped(text: &str, width: usize, style: Style) -> Vec<Styled> {
    wrap(text, width.max(8)).into_iter().map(|line| (line, style)).collect()
}

/// The step in lines: the text, the line for a shell, what is seen, the question.
fn story(page: &Page, theme: Theme, width: usize) -> Vec<Styled> {
    let mut lines = Vec::new();
    for sentence in sentences(page.text, page.presentation) {
        lines.extend(wrapped(sentence, width, Style::new()));
        if page.presentation {
            lines.push(Default::default());
        }
    }
    if !page.presentation {
        lines.push(Default::default());
    }
    if let Some(shell) = &page.shell {
        let shown = printable(shell.as_bytes());
        lines.extend(wrapped(&format!("$ {shown}"), width, theme.cold()));
        lines.push(Default::default());
    }
    if page.phase == Phase::ToDo {
        let how = "Press Enter, or run it in another shell: the lab will notice.";
        lines.extend(wrapped(how, width, theme.strong()));
        return lines;
    }
    for (check, seen) in &page.checks {
        let (mark, style) = if *seen { ("[x]", Style::new()) } else { ("[ ]", theme.faint()) };
        let text = format!("{mark} {}", printable(check.as_bytes()));
        lines.extend(wrapped(&text, width, style));
    }
    if page.late {
        lines.push(Default::default());
        let late = "This takes longer than it should. r repeats the step; Esc ends the lesson.";
        lines.extend(wrapped(late, width, theme.wrong()));
    }
    if let Some(question) = &page.question {
        lines.push(Default::default());
        lines.extend(asked(question, theme, width));
    }
    if matches!(page.phase, Phase::Seen(_)) {
        lines.push(Default::default());
        lines.push(("Enter continues.".to_owned(), theme.strong()));
    }
    lines
}

/// One after the other for an audience; else all in one.
fn sentences(text: &'static str, apart: bool) -> Vec<&'static str> {
    if apart { text.split_inclusive(". ").map(str::trim_end).collect() } else { vec![text] }
}

fn asked(question: &Asked, theme: Theme, width: usize) -> Vec<Styled> {
    let mut lines = wrapped(question.ask, width, theme.strong());
    for (at, (answer, why)) in question.choices.iter().enumerate() {
        let chosen = question.chosen == Some(at);
        let style = if chosen { theme.strong() } else { Style::new() };
        lines.extend(wrapped(&format!("{} {answer}", at + 1), width, style));
        if chosen {
            let style = if at == question.right { theme.cold() } else { theme.waiting() };
            lines.extend(wrapped(&format!("    {why}"), width, style));
        }
    }
    lines
}

/// The groups with their files and processes.
fn kernel(page: &Page, theme: Theme, width: usize) -> Vec<Styled> {
    let mut lines = Vec::new();
    for group in &page.glimpse.groups {
        lines.push((cut(&group.name, width), theme.strong()));
        lines.extend(files(page, group, theme, width));
        for process in &group.processes {
            let held = if process.traced { "  (traced)" } else { "" };
            let count = process.count.map_or(String::new(), |count| format!("  {count}"));
            let (pid, state, name) = (process.pid, process.state, printable(process.name.as_bytes()));
            let style = if process.traced { theme.waiting() } else { Style::new() };
            lines.push((cut(&format!("  {pid:>6} {state} {name}{count}{held}"), width), style));
        }
        if page.presentation || page.glimpse.groups.len() < 3 {
            lines.push(Default::default());
        }
    }
    lines
}

fn files(page: &Page, group: &GroupSeen, theme: Theme, width: usize) -> Vec<Styled> {
    let mut lines = Vec::new();
    for (file, contents) in &group.files {
        let changed = page.changed.iter().any(|(of, name)| *of == group.name && name == file);
        let (mark, style) = if changed { ("* ", theme.changed()) } else { ("  ", Style::new()) };
        let line = format!("{mark}{file}  {contents}");
        if crate::tui::columns::width(&line) <= width {
            lines.push((line, style));
        } else {
            lines.push((cut(&format!("{mark}{file}"), width), style));
            lines.push((cut(&format!("    {contents}"), width), style));
        }
    }
    lines
}

fn keys(page: &Page) -> &'static str {
    match page.phase {
        Phase::ToDo => " Enter do it  Esc list  w save events  p presentation  q quit",
        Phase::Looking => " r repeat  Esc list  w save events  p presentation  q quit",
        Phase::Asked => " 1 2 3 answer  Esc list  w save events  p presentation  q quit",
        Phase::Seen(Some(_)) => " Enter continue  1 2 3 other answers  Esc list  w save events  q quit",
        Phase::Seen(None) => " Enter continue  Esc list  w save events  p presentation  q quit",
        Phase::Over => " Enter list  w save events  q quit",
    }
}

fn footer(
    frame: &mut Frame<'_>,
    area: Rect,
    message: Option<&str>,
    keys: &str,
    key: Option<&str>,
    theme: Theme,
) {
    let width = usize::from(area.width);
    let message = message.map_or(String::new(), |text| format!(" {}", printable(text.as_bytes())));
    let pressed = key.map_or(String::new(), |key| format!("  key: {key} "));
    let room = width.saturating_sub(crate::tui::columns::width(&pressed));
    let lines = vec![(cut(&message, width), theme.waiting()), (cut(keys, room), theme.faint())];
    put(frame, area, lines, 0);
    if !pressed.is_empty() {
        let taken = u16::try_from(width - room).unwrap_or(0);
        let at = Rect { x: area.right() - taken, y: area.bottom() - 1, width: taken, height: 1 };
        put(frame, at, vec![(pressed, theme.chosen())], 0);
    }
}
