//! The display, held: what happens meanwhile waits, in its order.

use super::Event;

/// More than this is not kept waiting.
const MOST: usize = 20_000;

/// Events that wait.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    waiting: Option<Vec<Event>>,
}

impl Hold {
    pub(crate) fn is_on(&self) -> bool {
        self.waiting.is_some()
    }

    pub(crate) fn begin(&mut self) {
        self.waiting.get_or_insert_default();
    }

    /// What has waited, to be taken in now.
    pub(crate) fn end(&mut self) -> Vec<Event> {
        self.waiting.take().unwrap_or_default()
    }

    /// Keeps an event that would change what is shown of the host; gives back every other one, and all where nothing is held.
    pub(crate) fn keep(&mut self, event: Event) -> Option<Event> {
        let Some(waiting) = &mut self.waiting else { return Some(event) };
        let shown = matches!(
            event,
            Event::Root { .. }
                | Event::Changes { .. }
                | Event::Scanned { .. }
                | Event::Processes { .. }
                | Event::Owners(_)
                | Event::Files { .. }
                | Event::Happened { .. }
        );
        if !shown {
            return Some(event);
        }
        waiting.push(event);
        None
    }

    /// True where too much waits for the display to be held any longer.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.len() > MOST)
    }
}
