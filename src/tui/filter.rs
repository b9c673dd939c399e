//! The filter: what is being typed, and what holds.

use std::collections::HashMap;

use tui_input::Input;

use crate::model::CgroupPath;
use crate::model::filter::Filter;

/// The filter over the groups. What is typed holds at once; a mistake leaves what held before.
#[derive(Debug, Default)]
pub(crate) struct Filtering {
    typing: Option<Typing>,
    text: String,
    filter: Filter,
    mistake: Option<String>,
    /// The filter has changed, and the selection has not gone along yet.
    jump: bool,
    /// In which group the processes of the query are, where that is known; `None` for one that is gone.
    places: HashMap<i32, Option<CgroupPath>>,
}

#[derive(Debug)]
struct Typing {
    input: Input,
    /// What held before.
    before: String,
}

impl Filtering {
    pub(crate) fn begin(&mut self) {
        self.typing = Some(Typing { input: Input::new(self.text.clone()), before: self.text.clone() });
    }

    pub(crate) fn input(&self) -> Option<&Input> {
        self.typing.as_ref().map(|typing| &typing.input)
    }

    pub(crate) fn input_mut(&mut self) -> Option<&mut Input> {
        self.typing.as_mut().map(|typing| &mut typing.input)
    }

    /// What was typed holds from now on.
    pub(crate) fn typed(&mut self) {
        let Some(text) = self.input().map(|input| input.value().to_owned()) else { return };
        self.set(text);
    }

    pub(crate) fn accept(&mut self) {
        self.typing = None;
        self.mistake = None;
    }

    /// What held before holds again.
    pub(crate) fn cancel(&mut self) {
        if let Some(typing) = self.typing.take() {
            self.set(typing.before);
        }
        self.mistake = None;
    }

    /// Takes the filter away; false where there was none.
    pub(crate) fn clear(&mut self) -> bool {
        let was = !self.filter.is_empty();
        self.set(String::new());
        was
    }

    fn set(&mut self, text: String) {
        match Filter::parse(&text) {
            Ok(filter) => {
                (self.filter, self.text, self.mistake, self.jump) = (filter, text, None, true);
                // Processes move: who asks again is answered anew.
                self.places.clear();
            }
            Err(mistake) => self.mistake = Some(mistake),
        }
    }

    /// What holds, unless all groups are shown.
    pub(crate) fn holds(&self) -> Option<&Filter> {
        Some(&self.filter).filter(|filter| !filter.is_empty())
    }

    /// The query that holds, as it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn mistake(&self) -> Option<&str> {
        self.mistake.as_deref()
    }

    /// A process of the query of which nobody has said yet where it is.
    pub(crate) fn sought(&self) -> Option<i32> {
        self.filter.pids().find(|pid| !self.places.contains_key(pid))
    }

    /// True once after the filter has changed.
    pub(crate) fn take_jump(&mut self) -> bool {
        std::mem::take(&mut self.jump)
    }

    pub(crate) fn found(&mut self, pid: i32, place: Option<CgroupPath>) {
        self.jump |= place.is_some();
        self.places.insert(pid, place);
    }

    pub(crate) fn place(&self, pid: i32) -> Option<&CgroupPath> {
        self.places.get(&pid)?.as_ref()
    }
}
