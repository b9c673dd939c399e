//! What has just come, changed or gone: shown for a moment, so that it is not missed.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::tree::{Key, Occurrence, What};
use crate::model::{CgroupId, Tree};

/// For how long.
const LASTS: Duration = Duration::from_secs(3);
/// How many of those that have gone from a group are shown.
const SHOWN: usize = 3;
/// More than this at one time nobody reads.
const MOST: usize = 500;

/// A group that has just gone, by the one that it was in.
#[derive(Debug)]
pub(crate) struct Gone {
    parent: Key,
    pub(crate) name: Box<[u8]>,
    at: Duration,
}

/// The newest of what happened to the groups of a hierarchy.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    changed: HashMap<CgroupId, (What, Duration)>,
    gone: Vec<Gone>,
}

impl Recent {
    /// Takes in what happened, at a time since the start; the tree has it already.
    pub(super) fn take(&mut self, tree: &Tree, occurrences: Vec<Occurrence>, now: Duration) {
        // What comes in thousands is a scan or the freeze of a parent: no single group is looked for.
        for Occurrence { what, id, path } in occurrences.into_iter().take(MOST) {
            match what {
                What::Removed => {
                    self.changed.remove(&id);
                    let parent = path.ancestors().next().and_then(|above| tree.at(&above));
                    let name = path.name().into();
                    // None is taken out here: the rows on the screen know them by number.
                    let gone = parent.filter(|_| self.gone.len() < MOST);
                    self.gone.extend(gone.map(|parent| Gone { parent, name, at: now }));
                }
                What::Created | What::Frozen | What::Thawed => {
                    self.changed.insert(id, (what, now));
                }
                What::Populated | What::Emptied => {}
            }
        }
    }

    /// Forgets what is not new any more; true where a row goes with it.
    pub(super) fn forget_old(&mut self, now: Duration) -> bool {
        self.changed.retain(|_, (_, at)| now < *at + LASTS);
        let before = self.gone.len();
        self.gone.retain(|gone| now < gone.at + LASTS);
        self.gone.len() < before
    }

    /// What has just happened to a group that is there.
    pub(crate) fn of(&self, id: CgroupId) -> Option<What> {
        self.changed.get(&id).map(|(what, _)| *what)
    }

    /// The newest of the groups that have just gone from a group, by their number; a few, so that where groups come and go all
    /// the time there is room for those that are there.
    pub(super) fn gone_from(&self, parent: Key) -> impl Iterator<Item = (usize, &Gone)> {
        self.gone.iter().enumerate().rev().filter(move |(_, gone)| gone.parent == parent).take(SHOWN)
    }

    /// One of them.
    pub(crate) fn gone(&self, number: usize) -> Option<&Gone> {
        self.gone.get(number)
    }

    /// How long from now until something is not new any more.
    pub(crate) fn next_end(&self, now: Duration) -> Option<Duration> {
        let times = self.changed.values().map(|(_, at)| *at).chain(self.gone.iter().map(|gone| gone.at));
        times.min().map(|at| (at + LASTS).saturating_sub(now))
    }
}
