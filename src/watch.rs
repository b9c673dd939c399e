//! What changes on a host, as it changes.
//!
//! Announcements of the kernel are hints ([`inotify`]): they name a group to look at, and the truth is read again. So a
//! lost or doubled announcement can't corrupt anything. [`observer`] runs the one that looks: it scans, watches, reads what
//! it is hinted at, and polls only what the kernel does not announce.

mod eye;
pub mod inotify;
pub mod observer;

pub use observer::{Focus, Observer, Told, Watching};
