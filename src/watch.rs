//! What changes on a host, as it changes.
//!
//! What the kernel announces is a hint ([`hints`]): it names a group to read, and the truth is read again. So a lost or doubled
//! announcement corrupts nothing. An [`Observer`] runs a watcher for each hierarchy. It scans the groups, watches them, follows
//! hints, and polls only what the kernel does not announce; the schedule decides what it does next. What it finds comes as
//! [`Message`]s.
//!
//! The user's inotify watches are shared with everything else that runs as that user: a [`Budget`] leaves half of them, and what
//! cannot be watched is polled: what is on the screen each second, the rest more seldom. Watches are not moved to what is scrolled
//! into view. That would show a change there less than a second earlier, and to give one back takes a look at all others of its
//! inotify instance.

mod budget;
pub mod hints;
mod inotify;
pub mod message;
pub mod observer;
mod schedule;
mod watcher;
mod watches;

pub use budget::Budget;
pub use message::{Focus, Message, Watching};
pub use observer::Observer;

use crate::kernel::inotify::Amount;

/// How many groups can be watched by a program that has these limits, beside others that use so much of them.
pub fn groups_that_fit(limits: Amount, used: Amount) -> u64 {
    budget::allowed(limits, used).watches / budget::WATCHES_PER_GROUP
}
