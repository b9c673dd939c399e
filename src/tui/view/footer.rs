//! The last two lines: what there is to say, and the keys.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

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
    let prompt = app.prompt.as_ref().map(|prompt| (prompt.asks.words(), &prompt.input, message.clone()));
    let search = app.search.input().map(|input| (" search: ", input, message.clone()));
    let typing = prompt.or(search).or_else(|| app.filter.input().map(|input| (" filter: ", input, mistake)));
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
    let whole = app.message.is_some();
    let lines = columns::wrap(&format!(" {text}"), width);
    if lines.len() == 1 || !whole {
        return frame.render_widget(Line::styled(columns::cut(&format!(" {text}"), width), style), area);
    }
    // What to do stands at the end of a sentence: a message is read as a whole, over what is above it.
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.y);
    let area = Rect { y: area.y + 1 - height, height, ..area };
    frame.render_widget(Clear, area);
    let last = lines.len().saturating_sub(usize::from(height));
    for (y, line) in (area.y..area.bottom()).zip(lines.into_iter().skip(last)) {
        frame.render_widget(Line::styled(line, style), Rect { y, height: 1, ..area });
    }
}

/// The keys from the table that do something here; the palette has the others too, and says why they do not.
fn keys(app: &App, width: usize) -> Line<'static> {
    let theme = app.theme();
    if app.shown_checkpoint().is_some() && app.dialog.is_none() {
        let keys = " Tab next field  Enter choose  PgUp PgDn scroll  y copy the command  Esc back";
        return Line::styled(columns::cut(keys, width), theme.faint());
    }
    let fits = |bound: &&Bound| {
        !bound.footer.is_empty() && !bound.keys.is_empty() && bound.action.unavailable(app).is_none()
    };
    let mut shown: Vec<_> = app.keymap().iter().filter(fits).collect();
    let room = |b: &&Bound| columns::width(b.key()) + columns::width(b.footer) + 3;
    // Help and quit stand last and stay: where there is no room, what stands before them goes.
    while shown.len() > 2 && shown.iter().map(room).sum::<usize>() > width + 1 {
        shown.remove(shown.len() - 3);
    }
    let mut spans = vec![Span::raw(" ")];
    for bound in shown {
        spans.push(Span::styled(bound.key().to_owned(), theme.key()));
        spans.push(Span::raw(format!(" {}  ", bound.footer)));
    }
    Line::from(spans)
}
