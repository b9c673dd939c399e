//! Search for a group by its name, as it is typed.

use tui_input::Input;

use super::rows::Grove;
use crate::model::printable;
use crate::model::tree::Key;

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

/// The next group whose name holds the text, after `from` (or at it, if `here`), around the end; case does not matter.
pub(crate) fn hit(grove: &Grove, text: &str, from: Option<Key>, here: bool, forward: bool) -> Option<Key> {
    let tree = grove.tree.as_ref()?;
    let text = text.to_lowercase();
    let keys: Vec<Key> = tree.subtree(tree.root()).collect();
    let at = keys.iter().position(|&key| Some(key) == from).unwrap_or(0);
    let is_hit = |&key: &Key| {
        let name = grove.node(key).map(|node| printable(&node.group.name).to_lowercase());
        name.is_some_and(|name| name.contains(&text))
    };
    let n = keys.len();
    let start = usize::from(!here);
    let steps =
        (start..n + start).map(|step| if forward { (at + step) % n } else { (at + n - step % n) % n });
    steps.map(|index| keys[index]).find(is_hit)
}
