//! What happened, in both hierarchies: kept as far as there is room, shown for the selected group and below.

mod deeds;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::ZonedDateTime;

use self::deeds::Deeds;
use super::{Command, FreezeAction};
use crate::model::tree::{Occurrence, What};
use crate::model::{CgroupId, CgroupPath, Version};

/// How many are kept for each hierarchy.
pub(crate) const KEPT: usize = 4000;
/// Something that happened.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Counted up over both hierarchies.
    pub(crate) number: u64,
    pub(crate) at: ZonedDateTime,
    pub(crate) what: What,
    pub(crate) path: CgroupPath,
    /// This run did it.
    pub(crate) ours: bool,
}

/// All that is kept.
#[derive(Debug, Default)]
pub(crate) struct Events {
    kept: HashMap<Version, VecDeque<Entry>>,
    next: u64,
    deeds: Deeds,
    /// The last one on the screen, by its number; `None` for the newest there is.
    pub(crate) bottom: Option<u64>,
}

impl Events {
    /// Takes in what was seen to happen, at a time on the clock, and since the start. Gives back what others did.
    pub(crate) fn take(
        &mut self,
        version: Version,
        at: &ZonedDateTime,
        occurred: Vec<Occurrence>,
        now: Duration,
    ) -> Vec<(CgroupId, What)> {
        self.deeds.forget_old(now);
        let (kept, mut others) = (self.kept.entry(version).or_default(), Vec::new());
        for Occurrence { what, path, id } in occurred {
            let ours = self.deeds.caused(version, what, &path);
            others.extend((!ours).then_some((id, what)));
            kept.push_back(Entry { number: self.next, at: at.clone(), what, path, ours });
            self.next += 1;
        }
        kept.drain(..kept.len().saturating_sub(KEPT));
        others
    }

    /// Remembers what this run is about to do.
    pub(crate) fn about_to(&mut self, commands: &[Command]) {
        commands.iter().for_each(|command| self.deeds.begin(command));
    }

    /// A freeze or a thaw of ours is done, or has failed.
    pub(crate) fn done(
        &mut self,
        action: FreezeAction,
        version: Version,
        path: &CgroupPath,
        done: bool,
        now: Duration,
    ) {
        self.deeds.end(action, version, path, done, now);
    }

    /// Our checkpoint is over.
    pub(crate) fn checkpoint_ended(&mut self, now: Duration) {
        self.deeds.end_checkpoint(now);
    }

    /// Shows the newest again.
    pub(crate) fn show_newest(&mut self) {
        self.bottom = None;
    }

    /// What happened to a group and below, oldest first.
    pub(crate) fn of(&self, version: Version, group: &CgroupPath) -> Vec<&Entry> {
        let kept = self.kept.get(&version).into_iter().flatten();
        kept.filter(|entry| entry.path.is_within(group)).collect()
    }

    /// How many of these stand on the screen or above it, where `height` have room.
    pub(crate) fn shown(&self, entries: &[&Entry], height: usize) -> usize {
        let Some(bottom) = self.bottom else { return entries.len() };
        entries.partition_point(|entry| entry.number <= bottom).max(height).min(entries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(what: What, path: &str) -> Vec<Occurrence> {
        let id = CgroupId { dev: 1, ino: 7 };
        vec![Occurrence { what, id, path: CgroupPath::new(path.as_bytes()) }]
    }

    #[test]
    fn only_so_many_are_kept() {
        let (mut events, at) = (Events::default(), ZonedDateTime::default());
        for _ in 0..3 {
            let many = (0..KEPT - 1).flat_map(|_| happened(What::Created, "/a")).collect();
            events.take(Version::V2, &at, many, Duration::ZERO);
        }
        let kept = events.of(Version::V2, &CgroupPath::root());
        assert_eq!((kept.len(), kept[0].number), (KEPT, 3 * (KEPT as u64 - 1) - KEPT as u64));
        assert!(events.of(Version::V1, &CgroupPath::root()).is_empty());
    }
}
