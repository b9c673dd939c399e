//! The last two lines: what there is to say, and the keys.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::model::printable;
use crate::tui::keymap::Bound;
use crate::tui::{App, columns, story};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let (first, second) = (Rect { height: 1, ..area }, Rect { y: area.y + 1, height: 1, ..area });
    said(app, frame, first);
    frame.render_widget(keys(app, usize::from(area.width)), second);
}

/// The search, a message, or the selected group in one line.
fn said(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let (theme, width) = (app.theme(), usize::from(area.width));
    let message =
        app.message.as_ref().map(|message| (printable(message.text.as_bytes()).into_owned(), message.wrong));
    let mistake = app.filter.mistake().map(|text| (printable(text.as_bytes()).into_owned(), true));
    let typing = app.search.input().map(|input| (" search: ", input, message.clone()));
    let typing = typing.or_else(|| app.filter.input().map(|input| (" filter: ", input, mistake)));
    if let Some((prompt, input, message)) = typing {
        let mut text = format!("{prompt}{}", printable(input.value().as_bytes()));
        let cursor = columns::width(prompt) + input.visual_cursor();
        if let Some((message, _)) = message {
            text = format!("{text}   ({message})");
        }
        frame.render_widget(Line::from(columns::cut(&text, width)), area);
        let x = area.x + u16::try_from(cursor).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(x, area.y));
        return;
    }
    let trouble = app.grove().filter(|grove| grove.cursor() == 0).and_then(|grove| grove.watching.trouble());
    let (text, style) = match (message, trouble) {
        (Some((text, true)), _) => (text, theme.wrong()),
        (Some((text, false)), _) => (text, theme.strong()),
        (None, Some(trouble)) => (printable(trouble.as_bytes()).into_owned(), theme.warning()),
        (None, None) => (story::line(app), theme.strong()),
    };
    frame.render_widget(Line::styled(columns::cut(&format!(" {text}"), width), style), area);
}

/// The keys from the table; what can't be done now is grey, and its key says why.
fn keys(app: &App, width: usize) -> Line<'static> {
    let theme = app.theme();
    if app.shown_checkpoint().is_some() && app.dialog.is_none() {
        let keys = " Tab next field  Enter choose  PgUp PgDn scroll  y copy the command  Esc back";
        return Line::styled(columns::cut(keys, width), theme.faint());
    }
    let has_both = |bound: &&Bound| !bound.footer.is_empty() && !bound.keys.is_empty();
    let mut shown: Vec<_> = app.keymap().iter().filter(has_both).collect();
    let room = |b: &&Bound| columns::width(b.key()) + columns::width(b.footer) + 3;
    // Help and quit stand last and stay: where there is no room, what stands before them goes.
    while shown.len() > 2 && shown.iter().map(room).sum::<usize>() > width + 1 {
        shown.remove(shown.len() - 3);
    }
    let mut spans = vec![Span::raw(" ")];
    for bound in shown {
        let grey = bound.action.unavailable(app).is_some();
        let (strong, plain) = if grey { (theme.faint(), theme.faint()) } else { (theme.key(), Style::new()) };
        spans.push(Span::styled(bound.key().to_owned(), strong));
        spans.push(Span::styled(format!(" {}  ", bound.footer), plain));
    }
    Line::from(spans)
}
