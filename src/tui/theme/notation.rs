//! A style as a person writes it: `bold cyan`, `#7fd4ff on 236 underline`.

use std::ops::Range;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};

/// Why a text is no style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAStyle {
    /// The word in the text, in bytes.
    pub at: Range<usize>,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What is wrong with a word of a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is neither a colour nor an attribute.
    Unknown,
    /// A second colour for the same.
    Twice,
    /// `on` with no colour behind it.
    NoGround,
}

const ATTRIBUTES: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// The colours with names, and the one of the terminal itself.
const COLOURS: [&str; 17] = [
    "default",
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "gray",
    "darkgray",
    "lightred",
    "lightgreen",
    "lightyellow",
    "lightblue",
    "lightmagenta",
    "lightcyan",
    "white",
];

/// Every word that a style may have, beside numbers and `#rrggbb`.
pub fn words() -> impl Iterator<Item = &'static str> {
    ATTRIBUTES.into_iter().map(|(name, _)| name).chain(COLOURS).chain(["on"])
}

/// Reads a style: colours and attributes in any order, the ground's colour behind `on`.
pub(super) fn style(text: &str) -> Result<Style, NotAStyle> {
    let mut style = Style::new();
    let mut ground = None;
    for word in text.split_ascii_whitespace() {
        // A word is a part of the text.
        let from = word.as_ptr().addr() - text.as_ptr().addr();
        let at = from..from + word.len();
        let wrong = |what| NotAStyle { at: at.clone(), what };
        if word == "on" {
            if ground.replace(at.clone()).is_some() || style.bg.is_some() {
                return Err(wrong(Wrong::Twice));
            }
        } else if let Some((_, attribute)) = ATTRIBUTES.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*attribute);
        } else {
            let colour = colour(word).ok_or_else(|| wrong(Wrong::Unknown))?;
            let place = if ground.take().is_some() { &mut style.bg } else { &mut style.fg };
            if place.replace(colour).is_some() {
                return Err(wrong(Wrong::Twice));
            }
        }
    }
    ground.map_or(Ok(style), |at| Err(NotAStyle { at, what: Wrong::NoGround }))
}

fn colour(word: &str) -> Option<Color> {
    match word {
        "default" => Some(Color::Reset),
        _ if word.starts_with('#') => Color::from_str(word).ok(),
        _ if word.bytes().all(|byte| byte.is_ascii_digit()) => word.parse().ok().map(Color::Indexed),
        _ if COLOURS.contains(&word) => Color::from_str(word).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_attributes_stand_in_any_order() {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        assert_eq!(style("bold cyan"), Ok(bold.fg(Color::Cyan)));
        assert_eq!(
            style("#7fd4ff on 236 bold"),
            Ok(bold.fg(Color::Rgb(0x7f, 0xd4, 0xff)).bg(Color::Indexed(236)))
        );
        assert_eq!(style("on darkgray default"), Ok(Style::new().bg(Color::DarkGray).fg(Color::Reset)));
        assert_eq!(style(""), Ok(Style::new()));
        assert!(COLOURS.iter().all(|name| style(name).is_ok_and(|style| style.fg.is_some())));
    }

    #[test]
    fn the_word_that_is_wrong_is_named() {
        fn wrong(text: &str) -> (&str, Wrong) {
            style(text).map_err(|error| (&text[error.at], error.what)).unwrap_err()
        }
        assert_eq!(wrong("bold cyna"), ("cyna", Wrong::Unknown));
        assert_eq!(wrong("256"), ("256", Wrong::Unknown));
        assert_eq!(wrong("#12345"), ("#12345", Wrong::Unknown));
        assert_eq!(wrong("red  green"), ("green", Wrong::Twice));
        assert_eq!(wrong("red on 1 on 2"), ("on", Wrong::Twice));
        assert_eq!(wrong("red on bold"), ("on", Wrong::NoGround));
    }
}
