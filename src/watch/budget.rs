//! How much of its user's inotify limits this program takes: at most half of what others leave.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::kernel::inotify::{Amount, limits, used_by_others};

/// How many inotify watches a group takes: on its directory, and on its `cgroup.events`.
pub(super) const WATCHES_PER_GROUP: u64 = 2;
/// How long what others use is taken for known.
const MEASURED_FOR: Duration = Duration::from_secs(60);

/// The inotify watches and instances that this program may have, shared by all that watch in it. Others of the same user (criu,
/// systemd, udev, a log shipper) need some too, and fail without: so half of what is left is never taken.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Share>);

#[derive(Debug, Default)]
struct Share {
    taken: Amount,
    allowed: Amount,
    measured: Option<Instant>,
}

impl Budget {
    /// How many watches can still be taken. Where they are too few for a group, others' use is measured again once in a while.
    pub(super) fn watches_left(&self) -> u64 {
        self.share(|share| share.left().watches)
    }

    /// Takes watches, as many as there are up to this number; how many that is.
    pub(super) fn take_watches(&self, wanted: u64) -> u64 {
        self.share(|share| {
            let taken = wanted.min(share.left().watches);
            share.taken.watches += taken;
            taken
        })
    }

    /// Takes an instance, where there is one.
    pub(super) fn take_instance(&self) -> bool {
        self.share(|share| {
            let taken = share.left().instances > 0;
            share.taken.instances += u64::from(taken);
            taken
        })
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, amount: Amount) {
        self.share(|share| share.taken = share.taken.without(amount));
    }

    /// The kernel refused one more watch: others have taken theirs meanwhile. No more are taken until that is measured again.
    pub(super) fn refused(&self) {
        self.share(|share| {
            share.allowed = share.taken;
            share.measured = Some(Instant::now());
        });
    }

    fn share<T>(&self, with: impl FnOnce(&mut Share) -> T) -> T {
        let mut share = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let short = share.left().watches < WATCHES_PER_GROUP || share.left().instances == 0;
        if share.measured.is_none_or(|at| short && at.elapsed() > MEASURED_FOR) {
            share.allowed = allowed(limits(), used_by_others());
            share.measured = Some(Instant::now());
        }
        with(&mut share)
    }
}

impl Share {
    fn left(&self) -> Amount {
        self.allowed.without(self.taken)
    }
}

/// How much this program may have in all.
pub(super) fn allowed(limits: Amount, used: Amount) -> Amount {
    let left = limits.without(used);
    Amount { watches: left.watches / 2, instances: left.instances / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(watches: u64, instances: u64) -> Budget {
        let allowed = Amount { watches, instances };
        Budget(Mutex::new(Share { allowed, measured: Some(Instant::now()), ..Share::default() }))
    }

    #[test]
    fn half_of_what_others_leave() {
        let limits = Amount { watches: 100, instances: 128 };
        assert_eq!(
            allowed(limits, Amount { watches: 40, instances: 3 }),
            Amount { watches: 30, instances: 62 }
        );
        assert_eq!(allowed(limits, Amount { watches: 101, instances: 127 }), Amount::default());
    }

    #[test]
    fn with_too_few_for_a_group_others_are_measured_again() {
        for (watches, is_measured) in [(0, true), (1, true), (2, false)] {
            let long_ago = Instant::now().checked_sub(MEASURED_FOR + Duration::from_secs(1));
            let budget = budget(watches, 1);
            budget.0.lock().unwrap().measured = long_ago;
            budget.watches_left();
            assert_eq!(budget.0.lock().unwrap().measured != long_ago, is_measured, "{watches} left");
        }
    }

    #[test]
    fn no_more_is_taken_than_there_is() {
        let budget = budget(10, 1);
        assert_eq!((budget.take_watches(7), budget.take_watches(7), budget.take_watches(7)), (7, 3, 0));
        assert!(budget.take_instance() && !budget.take_instance());
        budget.give_back(Amount { watches: 4, instances: 1 });
        assert!(budget.watches_left() == 4 && budget.take_instance());
        budget.refused();
        assert_eq!(budget.watches_left(), 0);
    }
}
