//! The palette: every action by its words.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use tui_input::Input;

use super::keymap::{Binding, TABLE};

/// What is typed, and which of the actions that fit is chosen.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    pub(crate) input: Input,
    chosen: usize,
}

impl Palette {
    /// The actions that fit what is typed, the best first; all in the order of the help where nothing is.
    pub(crate) fn fitting(&self) -> Vec<&'static Binding> {
        let pattern = Pattern::parse(self.input.value(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let words = TABLE.iter().map(Entry);
        pattern.match_list(words, &mut matcher).into_iter().map(|(Entry(binding), _)| binding).collect()
    }

    /// Which of them is chosen.
    pub(crate) fn chosen(&self) -> usize {
        self.chosen.min(self.fitting().len().saturating_sub(1))
    }

    pub(crate) fn turn(&mut self, forward: bool) {
        let (at, last) = (self.chosen(), self.fitting().len().saturating_sub(1));
        self.chosen = if forward { (at + 1).min(last) } else { at.saturating_sub(1) };
    }

    /// Something was typed: the best fit is chosen.
    pub(crate) fn typed(&mut self) {
        self.chosen = 0;
    }
}

struct Entry(&'static Binding);

impl AsRef<str> for Entry {
    fn as_ref(&self) -> &str {
        self.0.help
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::Action;

    #[test]
    fn words_find_their_action() {
        let first = |text: &str| {
            let palette = Palette { input: Input::new(text.to_owned()), chosen: 0 };
            palette.fitting().first().map(|binding| binding.action)
        };
        assert_eq!(first("thaw"), Some(Action::Thaw));
        assert_eq!(first("chkpt"), Some(Action::Checkpoint));
        assert_eq!(first("qit"), Some(Action::Quit));
        assert_eq!(first("xyzzy"), None);
        assert_eq!(Palette::default().fitting().len(), TABLE.len());
    }
}
