//! A style for each role; and those that come with the program.

use ratatui::style::{Color, Modifier, Style};
use strum::{EnumCount, EnumIter, IntoEnumIterator, IntoStaticStr};

use super::{Depth, NotAStyle, notation};

/// What something on the screen means. Text without a role has the terminal's own colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// Names, titles, messages.
    Strong,
    /// What matters less, and what cannot be done now.
    Faint,
    /// The lines around a part of the screen.
    Frame,
    /// A key that can be pressed.
    Key,
    /// The row, the button, the hierarchy that is chosen.
    Selected,
    /// Frozen.
    Frozen,
    /// Asked to freeze, and not frozen yet.
    Freezing,
    /// What this run did.
    Own,
    /// What has just changed.
    Changed,
    /// What may go wrong.
    Warning,
    /// What has gone wrong.
    Wrong,
}

impl Role {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Its name in the config.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A style for each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Styles([Style; Role::COUNT]);

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

const fn rgb(hex: u32) -> Color {
    Color::from_u32(hex)
}

const fn in_colour(hex: u32) -> Style {
    Style::new().fg(rgb(hex))
}

impl Styles {
    /// For dark grounds.
    pub const DARK: Self = Self([
        BOLD,
        in_colour(0xa8_b2_c1),
        in_colour(0x7d_87_99),
        BOLD.fg(rgb(0x8a_b4_f8)),
        BOLD.fg(rgb(0xff_ff_ff)).bg(rgb(0x2f_4f_7a)),
        in_colour(0x9c_df_ff),
        in_colour(0xff_d7_5f),
        BOLD.fg(rgb(0xa6_e3_a1)),
        BOLD.fg(rgb(0xff_d7_5f)),
        in_colour(0xff_d7_5f),
        BOLD.fg(rgb(0xff_8a_80)),
    ]);

    /// For light grounds.
    pub const LIGHT: Self = Self([
        BOLD,
        in_colour(0x5c_63_70),
        in_colour(0x7a_81_8e),
        BOLD.fg(rgb(0x1a_5f_b4)),
        BOLD.fg(rgb(0x00_00_00)).bg(rgb(0xcd_da_f8)),
        in_colour(0x00_5a_94),
        in_colour(0x6a_52_00),
        BOLD.fg(rgb(0x1e_6b_2d)),
        BOLD.fg(rgb(0x6a_52_00)),
        in_colour(0x6a_52_00),
        BOLD.fg(rgb(0xb3_26_1e)),
    ]);

    /// For any ground: named colours that are neither very light nor very dark on common terminals.
    pub const ANSI: Self = Self([
        BOLD,
        Style::new().add_modifier(Modifier::DIM),
        Style::new(),
        BOLD,
        REVERSED,
        BOLD.fg(Color::LightBlue),
        BOLD.fg(Color::Magenta),
        BOLD,
        BOLD.fg(Color::Magenta),
        Style::new().fg(Color::Magenta),
        BOLD.fg(Color::Red),
    ]);

    /// [`Self::DARK`] where there are sixteen colours. Which of them is nearest says little of how well it can be read.
    const DARK_OF_SIXTEEN: Self = Self([
        BOLD,
        Style::new().fg(Color::DarkGray),
        Style::new(),
        BOLD.fg(Color::LightBlue),
        REVERSED,
        Style::new().fg(Color::LightCyan),
        Style::new().fg(Color::LightYellow),
        BOLD.fg(Color::LightGreen),
        BOLD.fg(Color::LightYellow),
        Style::new().fg(Color::LightYellow),
        BOLD.fg(Color::LightRed),
    ]);

    /// [`Self::LIGHT`] where there are sixteen colours.
    const LIGHT_OF_SIXTEEN: Self = Self([
        BOLD,
        Style::new().fg(Color::DarkGray),
        Style::new(),
        BOLD.fg(Color::Blue),
        REVERSED,
        Style::new().fg(Color::Blue),
        Style::new().fg(Color::Magenta),
        BOLD,
        BOLD.fg(Color::Magenta),
        Style::new().fg(Color::Magenta),
        BOLD.fg(Color::Red),
    ]);

    /// Attributes only.
    pub(super) const MONO: Self = Self([
        BOLD,
        Style::new().add_modifier(Modifier::DIM),
        Style::new(),
        BOLD,
        REVERSED,
        BOLD,
        Style::new().add_modifier(Modifier::UNDERLINED),
        BOLD,
        BOLD,
        Style::new().add_modifier(Modifier::UNDERLINED),
        BOLD.add_modifier(Modifier::UNDERLINED),
    ]);

    /// Those of that name that come with the program.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, styles)| styles)
    }

    /// The names of those that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().map(|(name, _)| name)
    }

    const NAMES: [(&str, Self); 3] = [("dark", Self::DARK), ("light", Self::LIGHT), ("ansi", Self::ANSI)];

    /// Gives a role another style, as a person writes it.
    ///
    /// # Errors
    /// Where the text is no style: which word, and why.
    pub fn set(&mut self, role: Role, text: &str) -> Result<(), NotAStyle> {
        self.0[role as usize] = notation::style(text)?;
        Ok(())
    }

    pub(super) fn of(&self, role: Role) -> Style {
        self.0[role as usize]
    }

    /// The nearest that there is; what is the program's own is chosen by hand where nearest is not good enough.
    pub(super) fn for_depth(self, depth: Depth) -> Self {
        let by_hand = [(Self::DARK, Self::DARK_OF_SIXTEEN), (Self::LIGHT, Self::LIGHT_OF_SIXTEEN)];
        let mut fitted = self.0.map(|style| depth.fit(style));
        for (full, few) in by_hand.iter().filter(|_| depth == Depth::Sixteen) {
            for (at, style) in fitted.iter_mut().enumerate().filter(|(at, _)| self.0[*at] == full.0[*at]) {
                *style = few.0[at];
            }
        }
        Self(fitted)
    }
}

#[cfg(test)]
mod tests;
