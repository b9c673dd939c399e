//! Symbols and colours. A state always has a word too.

mod depth;
mod ground;
mod notation;
mod styles;

use ratatui::style::{Color, Style};

pub use depth::Depth;
pub use ground::Ground;
pub use notation::{NotAStyle, Wrong, words};
pub use styles::{Role, Styles};

/// The theme that a person chose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// The one that fits the terminal's ground; where that is not known, one that can be read on either.
    #[default]
    Auto,
    /// This one, whatever the ground is.
    Fixed(Styles),
}

impl Choice {
    /// The styles on a ground, for a terminal of some depth.
    fn styles(self, depth: Depth, ground: Option<Ground>) -> Styles {
        // Attributes are all that is left, and the states must differ by them.
        if depth == Depth::Mono {
            return Styles::MONO;
        }
        let styles = match (self, ground) {
            (Self::Fixed(styles), _) => styles,
            (Self::Auto, Some(Ground::Dark)) => Styles::DARK,
            (Self::Auto, Some(Ground::Light)) => Styles::LIGHT,
            (Self::Auto, None) => Styles::ANSI,
        };
        styles.for_depth(depth)
    }
}

/// How things look: with or without symbols, and in which styles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    pub(crate) ascii: bool,
    styles: Styles,
}

impl Theme {
    pub(crate) fn new(ascii: bool, choice: Choice, depth: Depth, ground: Option<Ground>) -> Self {
        Self { ascii, styles: choice.styles(depth, ground) }
    }

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

    /// Frozen.
    pub(crate) fn cold(self) -> Style {
        self.styles.of(Role::Frozen)
    }

    /// Asked to freeze, and not frozen yet.
    pub(crate) fn waiting(self) -> Style {
        self.styles.of(Role::Freezing)
    }

    pub(crate) fn warning(self) -> Style {
        self.styles.of(Role::Warning)
    }

    pub(crate) fn wrong(self) -> Style {
        self.styles.of(Role::Wrong)
    }

    /// What this run did.
    pub(crate) fn own(self) -> Style {
        self.styles.of(Role::Own)
    }

    pub(crate) fn changed(self) -> Style {
        self.styles.of(Role::Changed)
    }

    pub(crate) fn strong(self) -> Style {
        self.styles.of(Role::Strong)
    }

    pub(crate) fn faint(self) -> Style {
        self.styles.of(Role::Faint)
    }

    /// A key that can be pressed.
    pub(crate) fn key(self) -> Style {
        self.styles.of(Role::Key)
    }

    /// The lines around a part of the screen.
    pub(crate) fn frame(self) -> Style {
        self.styles.of(Role::Frame)
    }

    pub(crate) fn chosen(self) -> Style {
        self.styles.of(Role::Selected)
    }

    /// A style within what is chosen: in its own colour where the theme gives the chosen a ground. Where colours are turned
    /// round, it would be a ground of its own, and look like another choice.
    pub(crate) fn within_chosen(self, style: Style) -> Style {
        let grounded = self.chosen().bg.is_some_and(|ground| ground != Color::Reset);
        if grounded && style.bg.is_none() { style } else { Style::new() }
    }
}
