//! A control file of a group, as it was read.

/// A file of a group's directory with what was in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFile {
    /// Its name: `cgroup.freeze`.
    pub name: &'static str,
    /// What is in it.
    pub contents: Contents,
}

/// What a look at a control file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// What it holds: untrusted bytes, for a subtree may be another user's.
    Text {
        /// The beginning of it, or all.
        bytes: Box<[u8]>,
        /// There is more.
        cut: bool,
    },
    /// It can be written and not read: `cgroup.kill`.
    WriteOnly,
    /// It could not be read, and why.
    Unreadable(String),
}
