//! What this run does itself, so that what comes of it is known to be ours.

use std::time::Duration;

use crate::checkpoint::flag::Flag;
use crate::model::tree::What;
use crate::model::{CgroupPath, Version};
use crate::tui::{Command, FreezeAction};

/// For how long after a freeze or a thaw of ours has ended what comes of it may still be announced.
const GRACE: Duration = Duration::from_secs(2);

/// Those that go on, and those that have just ended.
#[derive(Debug, Default)]
pub(super) struct Deeds(Vec<Deed>);

/// A freeze, a thaw, or what a checkpoint does to a flag on its way.
#[derive(Debug)]
struct Deed {
    version: Version,
    /// What is done to this group is done to all below.
    path: CgroupPath,
    what: &'static [What],
    checkpoint: bool,
    /// `None` as long as it goes on.
    until: Option<Duration>,
}

impl Deeds {
    /// Remembers what this run is about to do.
    pub(super) fn begin(&mut self, command: &Command) {
        let (version, path, what): (_, _, &[What]) = match command {
            // One that is not complete in time is taken back.
            Command::Freeze { version, path, .. } => (version, path, &[What::Frozen, What::Thawed]),
            Command::Thaw { version, path, .. } => (version, path, &[What::Thawed]),
            Command::Run { plan, .. } => {
                return self.0.extend(plan.written().into_iter().map(Deed::of_checkpoint));
            }
            _ => return,
        };
        self.0.push(Deed { version: *version, path: path.clone(), what, checkpoint: false, until: None });
    }

    /// A freeze or a thaw is done, or has failed: then a freeze was taken back.
    pub(super) fn end(
        &mut self,
        action: FreezeAction,
        version: Version,
        path: &CgroupPath,
        done: bool,
        now: Duration,
    ) {
        let goes_on = |deed: &Deed| !deed.checkpoint && deed.until.is_none();
        self.0.retain(|deed| !goes_on(deed) || deed.version != version || deed.path != *path);
        let what: &[What] = match (action, done) {
            (FreezeAction::Freeze, true) => &[What::Frozen],
            (FreezeAction::Freeze, false) | (FreezeAction::Thaw, true) => &[What::Thawed],
            (FreezeAction::Thaw, false) => return,
        };
        let (path, until) = (path.clone(), Some(now + GRACE));
        self.0.push(Deed { version, path, what, checkpoint: false, until });
    }

    /// The checkpoint is over, and its flags are put back.
    pub(super) fn end_checkpoint(&mut self, now: Duration) {
        let running = self.0.iter_mut().filter(|deed| deed.checkpoint && deed.until.is_none());
        running.for_each(|deed| deed.until = Some(now + GRACE));
    }

    /// Forgets what ended a while ago.
    pub(super) fn forget_old(&mut self, now: Duration) {
        self.0.retain(|deed| deed.until.is_none_or(|until| now <= until));
    }

    /// Whether one of them made this happen, as far as anybody can tell: the kernel names nobody.
    pub(super) fn caused(&self, version: Version, what: What, path: &CgroupPath) -> bool {
        let is_cause =
            |deed: &Deed| deed.version == version && deed.what.contains(&what) && path.is_within(&deed.path);
        self.0.iter().any(is_cause)
    }
}

impl Deed {
    /// A group that a checkpoint thaws and freezes on its way.
    fn of_checkpoint(flag: Flag) -> Self {
        let what = &[What::Frozen, What::Thawed];
        Self { version: flag.hierarchy, path: flag.path, what, checkpoint: true, until: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CgroupId;

    #[test]
    fn what_comes_of_our_own_deed_is_ours_before_and_soon_after_its_end() {
        let mut deeds = Deeds::default();
        let second = Duration::from_secs;
        let (version, path) = (Version::V2, CgroupPath::new(b"/a"));
        let id = CgroupId { dev: 1, ino: 7 };
        let caused =
            |deeds: &Deeds, what, path: &str| deeds.caused(version, what, &CgroupPath::new(path.as_bytes()));

        deeds.begin(&Command::Freeze { version, id, path: path.clone(), force: false, span: None });
        assert!(caused(&deeds, What::Frozen, "/a/below") && !caused(&deeds, What::Frozen, "/ab"));
        assert!(caused(&deeds, What::Thawed, "/a"), "it may be taken back");
        assert!(!deeds.caused(Version::V1, What::Frozen, &path));
        deeds.end(FreezeAction::Freeze, version, &path, true, second(1));
        deeds.forget_old(second(3));
        assert!(caused(&deeds, What::Frozen, "/a") && !caused(&deeds, What::Thawed, "/a"));
        deeds.forget_old(second(4));
        assert!(!caused(&deeds, What::Frozen, "/a"));

        deeds.begin(&Command::Thaw { version, id, path: path.clone() });
        assert!(caused(&deeds, What::Thawed, "/a") && !caused(&deeds, What::Removed, "/a"));
        deeds.end(FreezeAction::Thaw, version, &path, false, second(9));
        assert!(!caused(&deeds, What::Thawed, "/a"), "it has failed");
    }
}
