//! What one key or escape sequence means.

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::{Heard, answers};

/// `None` where it means nothing here.
pub(super) fn decode(bytes: &[u8]) -> Option<Heard> {
    match bytes {
        [0x1b] => key(KeyCode::Esc, KeyModifiers::NONE),
        [0x1b, b'[', rest @ ..] if !rest.is_empty() => control(rest),
        [0x1b, b'O', last] => key(named(*last)?, KeyModifiers::NONE),
        [0x1b, b']', text @ ..] if !text.is_empty() => answers::ground(text).map(Heard::Ground),
        [0x1b, b'P' | b'X' | b'^' | b'_', _, ..] => None,
        [0x1b, rest @ ..] => match decode(rest)? {
            Heard::Input(Event::Key(pressed)) => key(pressed.code, pressed.modifiers | KeyModifiers::ALT),
            _ => None,
        },
        [byte @ 0..=0x7f] => Some(Heard::Input(Event::Key(ascii(*byte)))),
        _ => {
            let mut text = std::str::from_utf8(bytes).ok()?.chars();
            text.next().filter(|_| text.next().is_none()).map(|c| Heard::Input(Event::Key(typed(c))))
        }
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Heard> {
    Some(Heard::Input(Event::Key(KeyEvent::new(code, modifiers))))
}

/// (ASCII: a control character is its letter without two bits)
fn ascii(byte: u8) -> KeyEvent {
    let control = |c: u8| KeyEvent::new(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL);
    match byte {
        b'\r' => KeyCode::Enter.into(),
        b'\t' => KeyCode::Tab.into(),
        0x7f => KeyCode::Backspace.into(),
        0x1b => KeyCode::Esc.into(),
        0 => control(b' '),
        1..=0x1a => control(byte - 1 + b'a'),
        0x1c..=0x1f => control(byte - 0x1c + b'4'),
        _ => typed(char::from(byte)),
    }
}

fn typed(c: char) -> KeyEvent {
    let modifiers = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    KeyEvent::new(KeyCode::Char(c), modifiers)
}

/// What stands behind `ESC [`. (xterm: ctlseqs, "PC-Style Function Keys", "Mouse Tracking", "Bracketed Paste Mode")
fn control(bytes: &[u8]) -> Option<Heard> {
    let (&last, parameters) = bytes.split_last()?;
    match (parameters, last) {
        // The kernel's console. (console_codes(4))
        ([b'['], b'A'..=b'E') => key(KeyCode::F(last - b'A' + 1), KeyModifiers::NONE),
        ([b'M', button, column], row) => {
            let place = |byte: u8| u16::from(byte).saturating_sub(33);
            mouse(u16::from(button.checked_sub(32)?), (place(*column), place(row)), false)
        }
        ([b'<', parameters @ ..], b'M' | b'm') => {
            let [button, column, row] = numbers(parameters)?[..] else { return None };
            mouse(button, (column.saturating_sub(1), row.saturating_sub(1)), last == b'm')
        }
        ([b'?', ..], b'c') => Some(Heard::Attributes),
        ([b'2', b'0', b'0', b'~', text @ .., 0x1b, b'[', b'2', b'0', b'1'], b'~') => {
            let text = Some(String::from_utf8_lossy(text)).filter(|text| !text.is_empty());
            text.map(|text| Heard::Input(Event::Paste(text.into_owned())))
        }
        ([], b'I') => Some(Heard::Input(Event::FocusGained)),
        ([], b'O') => Some(Heard::Input(Event::FocusLost)),
        ([], b'Z') => key(KeyCode::BackTab, KeyModifiers::SHIFT),
        ([], _) => key(named(last)?, KeyModifiers::NONE),
        _ => with_modifiers(&numbers(parameters)?, last),
    }
}

fn with_modifiers(parameters: &[u16], last: u8) -> Option<Heard> {
    let (&number, modifiers) = parameters.split_first()?;
    let modifiers = modifiers.first().map_or(KeyModifiers::NONE, |&sent| held(sent));
    let code = match last {
        b'~' => numbered(number)?,
        b'u' => KeyCode::Char(char::from_u32(number.into())?),
        _ => named(last)?,
    };
    key(code, modifiers)
}

/// One more than the sum of 1 for Shift, 2 for Alt, 4 for Control.
fn held(sent: u16) -> KeyModifiers {
    let bits = sent.saturating_sub(1);
    [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)]
        .into_iter()
        .filter(|(bit, _)| bits & bit != 0)
        .fold(KeyModifiers::NONE, |all, (_, modifier)| all | modifier)
}

fn named(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u16) -> Option<KeyCode> {
    let number = u8::try_from(number).ok()?;
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number - 10),
        17..=21 => KeyCode::F(number - 11),
        23 | 24 => KeyCode::F(number - 12),
        _ => return None,
    })
}

fn mouse(sent: u16, (column, row): (u16, u16), released: bool) -> Option<Heard> {
    let button = |number| match number {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let number = sent & 0b11 | (sent & 0b1100_0000) >> 4;
    let kind = match (number, sent & 0b10_0000 != 0) {
        (0..=2, false) if released => MouseEventKind::Up(button(number)?),
        (0..=2, false) => MouseEventKind::Down(button(number)?),
        (0..=2, true) => MouseEventKind::Drag(button(number)?),
        // The first protocol does not say which.
        (3, false) => MouseEventKind::Up(MouseButton::Left),
        (3, true) => MouseEventKind::Moved,
        (4, false) => MouseEventKind::ScrollUp,
        (5, false) => MouseEventKind::ScrollDown,
        _ => return None,
    };
    let modifiers = held((sent >> 2 & 0b111) + 1);
    Some(Heard::Input(Event::Mouse(MouseEvent { kind, column, row, modifiers })))
}

/// Numbers with semicolons in between; one that is missing is 1, and what stands behind a colon is left out.
fn numbers(parameters: &[u8]) -> Option<Vec<u16>> {
    let number = |text: &str| match text.split(':').next() {
        None | Some("") => Some(1),
        Some(text) => text.parse().ok(),
    };
    std::str::from_utf8(parameters).ok()?.split(';').map(number).collect()
}
