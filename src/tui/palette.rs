//! The palette: every action by its words.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use tui_input::Input;

use super::keymap::{Bound, Keymap};

/// What is typed, and which of the actions that fit is chosen.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    pub(crate) input: Input,
    chosen: usize,
}

impl Palette {
    /// The actions that fit what is typed, the best first; all in the order of the help where nothing is.
    pub(crate) fn fitting<'a>(&self, keymap: &'a Keymap) -> Vec<&'a Bound> {
        let pattern = Pattern::parse(self.input.value(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let words = keymap.iter().map(Entry::new);
        pattern.match_list(words, &mut matcher).into_iter().map(|(entry, _)| entry.bound).collect()
    }

    /// Which of them is chosen.
    pub(crate) fn chosen(&self, keymap: &Keymap) -> usize {
        self.chosen.min(self.fitting(keymap).len().saturating_sub(1))
    }

    pub(crate) fn turn(&mut self, forward: bool, keymap: &Keymap) {
        let (at, last) = (self.chosen(keymap), self.fitting(keymap).len().saturating_sub(1));
        self.chosen = if forward { (at + 1).min(last) } else { at.saturating_sub(1) };
    }

    /// Something was typed: the best fit is chosen.
    pub(crate) fn typed(&mut self) {
        self.chosen = 0;
    }
}

/// An action as it is looked for: by its help, and by its name in the config.
struct Entry<'a> {
    bound: &'a Bound,
    words: String,
}

impl<'a> Entry<'a> {
    fn new(bound: &'a Bound) -> Self {
        Self { bound, words: format!("{} {}", bound.help, bound.action.name()) }
    }
}

impl AsRef<str> for Entry<'_> {
    fn as_ref(&self) -> &str {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::Action;

    #[test]
    fn words_find_their_action() {
        let keymap = Keymap::default();
        let first = |text: &str| {
            let palette = Palette { input: Input::new(text.to_owned()), chosen: 0 };
            palette.fitting(&keymap).first().map(|bound| bound.action)
        };
        assert_eq!(first("thaw"), Some(Action::Thaw));
        assert_eq!(first("chkpt"), Some(Action::Checkpoint));
        assert_eq!(first("qit"), Some(Action::Quit));
        assert_eq!(first("panel-files"), Some(Action::PanelFiles));
        assert_eq!(first("xyzzy"), None);
        assert_eq!(Palette::default().fitting(&keymap).len(), keymap.len());
    }
}
