//! Freeze state: three facts a group, never one flag.
//!
//! A group's **own request** (`cgroup.freeze`, `freezer.self_freezing`), the **inherited request** of an ancestor, and the
//! **effective state**. An ancestor's freeze leaves the group's own flag alone, and thawing the group alone then does nothing.

use std::fmt;

use super::Version;

/// A group's effective state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nobody asks for a freeze; its processes run.
    Thawed,
    /// A freeze is asked for, and some process is not stopped yet.
    Freezing,
    /// Every process in it and below is stopped by the freezer.
    Frozen,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Thawed => "thawed",
            Self::Freezing => "freezing",
            Self::Frozen => "frozen",
        })
    }
}

/// What a group's own freezer files say, as one look found them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freezer {
    /// A root group: it has no freezer files and cannot be frozen.
    Root,
    /// cgroup v2.
    V2 {
        /// `cgroup.freeze`.
        requested: bool,
        /// `frozen` in `cgroup.events`.
        frozen: bool,
    },
    /// The v1 freezer.
    V1 {
        /// `freezer.self_freezing`.
        requested: bool,
        /// `freezer.parent_freezing`: an ancestor asks.
        inherited: bool,
        /// `freezer.state`.
        state: State,
    },
}

impl Freezer {
    /// The group's own request.
    pub fn requested(self) -> bool {
        match self {
            Self::Root => false,
            Self::V2 { requested, .. } | Self::V1 { requested, .. } => requested,
        }
    }

    /// Which freezer; `None` for a root group.
    pub fn version(self) -> Option<Version> {
        match self {
            Self::Root => None,
            Self::V2 { .. } => Some(Version::V2),
            Self::V1 { .. } => Some(Version::V1),
        }
    }

    /// The effective state, given whether any ancestor asks for a freeze (v2 has no file that says so, v1 has one).
    /// `None` for a root group.
    pub fn state(self, inherited: bool) -> Option<State> {
        match self {
            Self::Root => None,
            Self::V2 { frozen: true, .. } => Some(State::Frozen),
            Self::V2 { requested, .. } if requested || inherited => Some(State::Freezing),
            Self::V2 { .. } => Some(State::Thawed),
            Self::V1 { state, .. } => Some(state),
        }
    }
}

/// The lines of `cgroup.events` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events {
    /// `populated`: a process is in the group or below.
    pub populated: bool,
    /// `frozen`: the freeze is complete.
    pub frozen: bool,
}

impl Events {
    /// Reads the text of `cgroup.events`; a line that is missing counts as 0, as in groups without that feature.
    pub fn parse(text: &[u8]) -> Self {
        let one = |key| keyed(text, key) == Some(1);
        Self { populated: one(b"populated"), frozen: one(b"frozen") }
    }
}

/// The number behind a key in a flat keyed file (`cgroup.events`, `cgroup.stat.local`).
pub fn keyed(text: &[u8], key: &[u8]) -> Option<u64> {
    let line = text.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(key)?.strip_prefix(b" "))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// A file that holds 0 or 1: `cgroup.freeze`, `freezer.self_freezing`, `freezer.parent_freezing`.
pub fn flag(text: &[u8]) -> Option<bool> {
    match text.trim_ascii() {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

/// The text of `freezer.state`.
pub fn v1_state(text: &[u8]) -> Option<State> {
    match text.trim_ascii() {
        b"THAWED" => Some(State::Thawed),
        b"FREEZING" => Some(State::Freezing),
        b"FROZEN" => Some(State::Frozen),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn events_file() {
        assert_eq!(Events::parse(b"populated 1\nfrozen 0\n"), Events { populated: true, frozen: false });
        assert_eq!(Events::parse(b"populated 0\nfrozen 1"), Events { populated: false, frozen: true });
        assert_eq!(Events::parse(b""), Events::default());
    }

    #[test]
    fn keyed_matches_whole_keys() {
        assert_eq!(keyed(b"frozen_usec 5\nfrozen 1\n", b"frozen"), Some(1));
        assert_eq!(keyed(b"frozen_usec 5\n", b"frozen_usec"), Some(5));
        assert_eq!(keyed(b"frozen x\n", b"frozen"), None);
    }

    #[test]
    fn v2_is_freezing_while_asked_and_not_there() {
        let group = |requested, frozen| Freezer::V2 { requested, frozen };
        assert_eq!(group(false, false).state(false), Some(State::Thawed));
        assert_eq!(group(true, false).state(false), Some(State::Freezing));
        assert_eq!(group(false, false).state(true), Some(State::Freezing));
        assert_eq!(group(false, true).state(true), Some(State::Frozen));
        assert_eq!(Freezer::Root.state(false), None);
    }

    #[test]
    fn v1_files() {
        assert_eq!(v1_state(b"FREEZING\n"), Some(State::Freezing));
        assert_eq!(v1_state(b"?"), None);
        assert_eq!(flag(b"1\n"), Some(true));
        assert_eq!(flag(b""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            Events::parse(&text);
            flag(&text);
            v1_state(&text);
        }
    }
}
