//! How keys are written: `j`, `Ctrl-D`, `Shift-Down`, and two in a row, `gg`.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Keys with names. A name stands here as the table writes it.
const NAMES: [&str; 15] = [
    "Up",
    "Down",
    "Left",
    "Right",
    "Home",
    "End",
    "PgUp",
    "PgDn",
    "Enter",
    "Tab",
    "Esc",
    "Space",
    "Ins",
    "Del",
    "Backspace",
];

/// A key as the table writes it; `None` where the table has no way to write it.
pub(crate) fn spelled(event: &KeyEvent) -> Option<String> {
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let name = match event.code {
        KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => {
            return Some(format!("Ctrl-{}", c.to_ascii_uppercase()));
        }
        KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::ALT) => return Some(format!("Alt-{c}")),
        KeyCode::Char(' ') => "Space",
        KeyCode::Char(c) => return Some(c.to_string()),
        KeyCode::F(n) => return Some(format!("F{n}")),
        KeyCode::Up => "Up",
        KeyCode::Down => "Down",
        KeyCode::Left => "Left",
        KeyCode::Right => "Right",
        KeyCode::Home => "Home",
        KeyCode::End => "End",
        KeyCode::PageUp => "PgUp",
        KeyCode::PageDown => "PgDn",
        KeyCode::Enter => "Enter",
        KeyCode::Tab => "Tab",
        KeyCode::BackTab => return Some("Shift-Tab".to_owned()),
        KeyCode::Esc => "Esc",
        KeyCode::Insert => "Ins",
        KeyCode::Delete => "Del",
        KeyCode::Backspace => "Backspace",
        _ => return None,
    };
    Some(if shift { format!("Shift-{name}") } else { name.to_owned() })
}

/// What a person wrote, as the table writes it.
///
/// # Errors
/// What keys there are, where this is none.
pub fn canonical(text: &str) -> Result<String, String> {
    let unknown = || {
        "a key is one character, two in a row, Ctrl-X, Alt-x, Shift-Down, F1 to F12, or one of ".to_owned()
            + &NAMES.join(" ")
    };
    if text == " " {
        return Ok("Space".to_owned());
    }
    if let Some(name) = named(text) {
        return Ok(name);
    }
    match text.chars().collect::<Vec<_>>()[..] {
        [c] if is_typed(c) => Ok(text.to_owned()),
        [first, second] if is_typed(first) && is_typed(second) => Ok(text.to_owned()),
        _ => with_modifier(text).unwrap_or_else(|| Err(unknown())),
    }
}

fn is_typed(c: char) -> bool {
    c.is_ascii_graphic() || c.is_alphabetic()
}

/// A key with a name, and with Shift where that has one of its own.
fn named(text: &str) -> Option<String> {
    let same = |name: &&&str| name.eq_ignore_ascii_case(text);
    let numbered = |text: &str| {
        let number = text.strip_prefix(['F', 'f'])?.parse::<u8>().ok()?;
        (1..=12).contains(&number).then(|| format!("F{number}"))
    };
    NAMES.iter().find(same).map(|name| (*name).to_owned()).or_else(|| numbered(text))
}

fn with_modifier(text: &str) -> Option<Result<String, String>> {
    let (modifier, key) = text.split_at_checked(text.find('-')? + 1)?;
    let mut characters = key.chars();
    let single = characters.next().filter(|c| is_typed(*c) && characters.next().is_none());
    match (modifier.to_ascii_lowercase().as_str(), single) {
        ("ctrl-", Some(c)) if c.is_ascii_alphabetic() => Some(control(c.to_ascii_uppercase())),
        ("alt-", Some(c)) => Some(Ok(format!("Alt-{c}"))),
        ("shift-", None) => {
            let name =
                named(key).filter(|name| !name.starts_with('F') && name != "Space" && name != "Esc")?;
            Some(Ok(format!("Shift-{name}")))
        }
        _ => None,
    }
}

/// Some are sent as other keys are. (ASCII: a control character is its letter without two bits)
fn control(letter: char) -> Result<String, String> {
    match letter {
        'I' => Err("terminals send the same for Ctrl-I and Tab".to_owned()),
        'M' => Err("terminals send the same for Ctrl-M and Enter".to_owned()),
        _ => Ok(format!("Ctrl-{letter}")),
    }
}

/// True for two keys in a row.
fn is_sequence(keys: &str) -> bool {
    named(keys).is_none() && keys.chars().count() == 2
}

/// True where a key is the first of two.
pub(super) fn begins(first: &str, keys: &str) -> bool {
    is_sequence(keys) && keys != first && keys.starts_with(first)
}

/// True where only one of the two can have a meaning.
pub fn clash(one: &str, other: &str) -> bool {
    one == other || begins(one, other) || begins(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pressed_and_what_is_written_are_spelled_alike() {
        let pressed = |code, modifiers| spelled(&KeyEvent::new(code, modifiers)).unwrap();
        let (none, shift) = (KeyModifiers::NONE, KeyModifiers::SHIFT);
        for (written, code, modifiers) in [
            ("x", KeyCode::Char('x'), none),
            ("X", KeyCode::Char('X'), shift),
            ("ß", KeyCode::Char('ß'), none),
            ("space", KeyCode::Char(' '), none),
            ("ctrl-d", KeyCode::Char('d'), KeyModifiers::CONTROL),
            ("Alt-D", KeyCode::Char('D'), KeyModifiers::ALT),
            ("shift-down", KeyCode::Down, shift),
            ("Shift-Tab", KeyCode::BackTab, shift),
            ("pgup", KeyCode::PageUp, none),
            ("up", KeyCode::Up, none),
            ("f12", KeyCode::F(12), none),
            ("-", KeyCode::Char('-'), none),
        ] {
            assert_eq!(canonical(written).unwrap(), pressed(code, modifiers));
        }
        assert!(NAMES.iter().all(|name| canonical(name).as_deref() == Ok(name)));
    }

    #[test]
    fn what_no_terminal_sends_is_no_key() {
        for wrong in [
            "", "abc", "F13", "Ctrl-", "Ctrl-Up", "Shift-x", "Shift-F1", "Hyper-x", "\u{1b}", "a\n", "Ctrl-4",
        ] {
            assert!(canonical(wrong).is_err(), "{wrong:?}");
        }
        assert!(canonical("ctrl-i").unwrap_err().contains("Tab"));
    }

    #[test]
    fn a_key_and_what_begins_with_it_exclude_each_other() {
        assert!(clash("g", "gg") && clash("gt", "g") && clash("x", "x"));
        assert!(!clash("g", "G") && !clash("gg", "gt") && !clash("U", "Up") && !clash("F", "F1"));
    }
}
