//! How many colours a terminal has, and the nearest of them.

use std::ffi::OsStr;

use anstyle::{Ansi256Color, RgbColor};
use anstyle_lossy::palette::Palette;
use ratatui::style::{Color, Modifier, Style};

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None, or none are wanted: attributes only.
    #[default]
    Mono,
    /// Those with names; what they look like is the terminal's choice.
    Sixteen,
    /// A cube of 6×6×6 and 24 greys beside them.
    Indexed,
    /// Red, green and blue with 256 levels each.
    True,
}

/// Terminals that have all colours, and a name that does not say so.
const TRUE: [&str; 6] = ["xterm-kitty", "alacritty", "foot", "wezterm", "xterm-ghostty", "contour"];

impl Depth {
    /// What `TERM` and `COLORTERM` say. (term(7); for `COLORTERM` there is a convention, and no standard)
    pub fn of(term: Option<&OsStr>, colorterm: Option<&OsStr>) -> Self {
        let text = |value: Option<&OsStr>| value.unwrap_or_default().to_string_lossy().into_owned();
        let (term, colorterm) = (text(term), text(colorterm));
        let told = matches!(colorterm.as_str(), "truecolor" | "24bit");
        match term.as_str() {
            "" | "dumb" | "unknown" => Self::Mono,
            // The hardware of that name, and what says that it has no colours.
            name if name.starts_with("vt1") || name.starts_with("vt2") || name.ends_with("-m") => Self::Mono,
            // GNU screen hands the variable of the terminal around it on, and does not know these colours.
            name if name.starts_with("screen") && (told || name.contains("256color")) => Self::Indexed,
            name if told || TRUE.contains(&name) || name.ends_with("-direct") => Self::True,
            name if name.contains("256color") => Self::Indexed,
            _ => Self::Sixteen,
        }
    }

    /// The style in colours that the terminal has.
    pub(super) fn fit(self, style: Style) -> Style {
        if self == Self::Mono {
            return Style { fg: None, bg: None, ..style };
        }
        // What the nearest of sixteen looks like is not known well enough to write on it.
        if self == Self::Sixteen && style.bg.is_some_and(|ground| index(ground).is_none()) {
            return Style { fg: None, bg: None, ..style }.add_modifier(Modifier::REVERSED);
        }
        Style { fg: style.fg.map(|c| self.nearest(c)), bg: style.bg.map(|c| self.nearest(c)), ..style }
    }

    fn nearest(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::Indexed, Color::Rgb(r, g, b)) => {
                Color::Indexed(anstyle_lossy::rgb_to_xterm(RgbColor(r, g, b)).0)
            }
            (Self::Sixteen, Color::Rgb(r, g, b)) => {
                named(anstyle_lossy::rgb_to_ansi(RgbColor(r, g, b), Palette::default()))
            }
            (Self::Sixteen, Color::Indexed(at)) => {
                named(anstyle_lossy::xterm_to_ansi(Ansi256Color(at), Palette::default()))
            }
            _ => colour,
        }
    }
}

/// The colours with names, in the order of their numbers.
const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

fn named(colour: anstyle::AnsiColor) -> Color {
    NAMED[usize::from(Ansi256Color::from_ansi(colour).0)]
}

/// The number of a colour that has a name; `None` for the others.
fn index(colour: Color) -> Option<usize> {
    match colour {
        Color::Indexed(at) => Some(usize::from(at)).filter(|at| *at < NAMED.len()),
        _ => NAMED.iter().position(|named| *named == colour),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(term: &str, colorterm: &str) -> Depth {
        let some = |text| Some(OsStr::new(text)).filter(|text: &&OsStr| !text.is_empty());
        Depth::of(some(term), some(colorterm))
    }

    #[test]
    fn terminals_say_what_they_have() {
        assert_eq!(depth("", "truecolor"), Depth::Mono);
        assert_eq!(depth("dumb", "truecolor"), Depth::Mono);
        assert_eq!(depth("vt220", ""), Depth::Mono);
        assert_eq!(depth("linux", ""), Depth::Sixteen);
        assert_eq!(depth("xterm", ""), Depth::Sixteen);
        assert_eq!(depth("xterm", "24bit"), Depth::True);
        assert_eq!(depth("xterm-256color", ""), Depth::Indexed);
        assert_eq!(depth("xterm-256color", "truecolor"), Depth::True);
        assert_eq!(depth("tmux-256color", "truecolor"), Depth::True);
        assert_eq!(depth("screen.xterm-256color", "truecolor"), Depth::Indexed);
        assert_eq!(depth("screen", ""), Depth::Sixteen);
        assert_eq!(depth("xterm-kitty", ""), Depth::True);
        assert_eq!(depth("konsole-direct", ""), Depth::True);
    }

    #[test]
    fn colours_become_the_nearest_that_there_are() {
        let style = Style::new().fg(Color::Rgb(0xff, 0x55, 0x55)).add_modifier(Modifier::BOLD);
        assert_eq!(Depth::True.fit(style), style);
        assert_eq!(Depth::Indexed.fit(style).fg, Some(Color::Indexed(203)));
        assert_eq!(Depth::Sixteen.fit(style).fg, Some(Color::LightRed));
        assert_eq!(Depth::Mono.fit(style), Style::new().add_modifier(Modifier::BOLD));
        let indexed = Style::new().fg(Color::Indexed(196));
        assert_eq!(Depth::Indexed.fit(indexed), indexed);
        assert!(index(Depth::Sixteen.fit(indexed).fg.unwrap()).is_some());
    }

    #[test]
    fn a_ground_that_sixteen_do_not_have_turns_the_colours_round() {
        let style = Style::new().fg(Color::White).bg(Color::Rgb(0x2f, 0x4f, 0x7a));
        assert_eq!(Depth::Sixteen.fit(style), Style::new().add_modifier(Modifier::REVERSED));
        let named = Style::new().fg(Color::Black).bg(Color::Cyan);
        assert_eq!(Depth::Sixteen.fit(named), named);
    }
}
