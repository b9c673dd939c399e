//! What changes on a host, as it changes.
//!
//! Announcements of the kernel are hints ([`hints`]): they name a group to look at, and the truth is read again. So a
//! lost or doubled announcement can't corrupt anything. [`observer`] runs the one that looks: it scans, watches, reads what
//! it is hinted at, and polls only what the kernel does not announce.
//!
//! The user's inotify watches are shared with everything else that runs as that user: a [`Budget`] leaves half of them, and what
//! cannot be watched is polled: what is on the screen each second, the rest more seldom. Watches are not moved to what is scrolled
//! into view. That would show a change there less than a second earlier, and to give one back takes a look at all others of its
//! inotify instance.

mod budget;
mod eye;
pub mod hints;
mod inotify;
pub mod observer;
mod watches;

pub use budget::Budget;
pub use observer::{Focus, Observer, Told, Watching};

use crate::kernel::inotify::Amount;

/// How many groups can be watched by a program that has these limits, beside others that use so much of them.
pub fn groups_that_fit(limits: Amount, used: Amount) -> u64 {
    budget::allowed(limits, used).watches / budget::WATCHES_PER_GROUP
}
