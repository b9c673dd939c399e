//! Search for a group by its name, as it is typed.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use super::rows::Grove;
use crate::model::tree::{Key, Node};

/// The search: what is being typed, and what was searched for last.
#[derive(Debug, Default)]
pub(crate) struct Search {
    typing: Option<Typing>,
    last: String,
}

#[derive(Debug)]
struct Typing {
    input: Input,
    /// What was selected before.
    origin: Option<Key>,
}

impl Search {
    pub(crate) fn begin(&mut self, origin: Option<Key>) {
        self.typing = Some(Typing { input: Input::default(), origin });
    }

    /// What is being typed, if the search is open.
    pub(crate) fn input(&self) -> Option<&Input> {
        self.typing.as_ref().map(|typing| &typing.input)
    }

    pub(crate) fn input_mut(&mut self) -> Option<&mut Input> {
        self.typing.as_mut().map(|typing| &mut typing.input)
    }

    /// Where the search started.
    pub(crate) fn origin(&self) -> Option<Key> {
        self.typing.as_ref()?.origin
    }

    /// Closes the search; what was typed is kept for the next hit.
    pub(crate) fn accept(&mut self) {
        if let Some(typing) = self.typing.take().filter(|typing| !typing.input.value().is_empty()) {
            self.last = typing.input.value().to_owned();
        }
    }

    /// Closes the search, and says where it started.
    pub(crate) fn cancel(&mut self) -> Option<Key> {
        self.typing.take()?.origin
    }

    /// What was searched for last.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }
}

/// A group that was looked for, and which of how many it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) key: Key,
    /// Counted from 1, in the order of the tree.
    pub(crate) number: usize,
    pub(crate) all: usize,
}

/// Where to go from a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To itself, or else to the next one; where no name holds what was typed, to the one that fits best.
    Here,
    Next,
    Previous,
}

/// The group to go to from `from`, around the end. Case does not matter.
pub(crate) fn hit(grove: &Grove, text: &str, from: Option<Key>, way: Way) -> Option<Hit> {
    let tree = grove.tree.as_ref()?;
    let keys: Vec<Key> = tree.subtree(tree.root()).collect();
    let scores = scores(grove, &keys, text);
    let at = keys.iter().position(|&key| Some(key) == from).unwrap_or(0);
    let hits: Vec<usize> = (0..keys.len()).filter(|&index| scores[index] > 0).collect();
    let best = scores.iter().copied().max().filter(|&best| best > 0)?;
    let after = |index: usize| hits.partition_point(|&hit| hit < index);
    let number = match way {
        // The first of the best, seen from where one is.
        Way::Here if best < HELD => {
            let (here, before): (Vec<usize>, Vec<usize>) = (0..hits.len()).partition(|&n| hits[n] >= at);
            here.into_iter().chain(before).find(|&n| scores[hits[n]] == best)?
        }
        Way::Here => after(at) % hits.len(),
        Way::Next => after(at + 1) % hits.len(),
        Way::Previous => (after(at) + hits.len() - 1) % hits.len(),
    };
    Some(Hit { key: keys[hits[number]], number: number + 1, all: hits.len() })
}

/// The score of a name that holds the text as it is.
const HELD: u32 = u32::MAX;

/// How well each name fits. A name that holds the text fits; letters in between are only overlooked where none does.
fn scores(grove: &Grove, keys: &[Key], text: &str) -> Vec<u32> {
    let lower = text.to_lowercase();
    let names: Vec<String> =
        keys.iter().map(|&key| grove.node(key).map_or(String::new(), Node::display_name)).collect();
    let holds = |name: &String| if name.to_lowercase().contains(&lower) { HELD } else { 0 };
    let scores: Vec<u32> = names.iter().map(holds).collect();
    if scores.contains(&HELD) {
        return scores;
    }
    let pattern = Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
    let (mut matcher, mut letters) = (Matcher::new(Config::DEFAULT), Vec::new());
    let fuzzy = |name: &String| pattern.score(Utf32Str::new(name, &mut letters), &mut matcher).unwrap_or(0);
    names.iter().map(fuzzy).collect()
}
