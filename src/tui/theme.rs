//! Symbols and colours. A state always has a word too.

use ratatui::style::{Color, Modifier, Style};

/// How things look: with or without symbols, with or without colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    pub(crate) ascii: bool,
    pub(crate) colour: bool,
}

impl Theme {
    fn pick(self, symbol: &'static str, letters: &'static str) -> &'static str {
        if self.ascii { letters } else { symbol }
    }

    pub(crate) fn frozen(self) -> &'static str {
        self.pick("❄", "F")
    }

    pub(crate) fn freezing(self) -> &'static str {
        self.pick("◌", "f")
    }

    pub(crate) fn below(self) -> &'static str {
        self.pick("◐", "b")
    }

    pub(crate) fn above(self) -> &'static str {
        self.pick("↑", "^")
    }

    pub(crate) fn triangle(self, unfolded: bool) -> &'static str {
        if unfolded { self.pick("▾", "v") } else { self.pick("▸", ">") }
    }

    pub(crate) fn mark(self) -> &'static str {
        self.pick("●", "*")
    }

    pub(crate) fn branch(self) -> &'static str {
        self.pick("└ ", "` ")
    }

    pub(crate) fn bar(self) -> &'static str {
        self.pick("│", "|")
    }

    fn colour(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub(crate) fn cold(self) -> Style {
        self.colour(Color::Cyan)
    }

    pub(crate) fn waiting(self) -> Style {
        self.colour(Color::Yellow)
    }

    pub(crate) fn wrong(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(crate) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
