//! A cgroup: who it is, what it is called, what was read of it.

use std::fmt;

use super::{Freezer, printable};

/// A group's identity: device and inode of its directory.
///
/// The kernel gives a new group a new inode, so a group that is removed and made again under the same name is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CgroupId {
    /// `st_dev` of the directory.
    pub dev: u64,
    /// `st_ino` of the directory: on cgroup v2 the group's id in the kernel.
    pub ino: u64,
}

/// A group's path below the root of its hierarchy, as bytes: `/`, `/system.slice/ssh.service`.
///
/// Starts with a slash, has none at its end, no empty component, no `.` and no `..`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CgroupPath(Box<[u8]>);

impl CgroupPath {
    /// The path that these bytes spell: slashes are put right, `.` is left out, `..` goes up one (and stops at the root).
    pub fn new(bytes: &[u8]) -> Self {
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in bytes.split(|&b| b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        Self([&b"/"[..], &parts.join(&b'/')].concat().into())
    }

    /// The root group of a hierarchy.
    pub fn root() -> Self {
        Self(b"/"[..].into())
    }

    /// The bytes, from the first slash on.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for `/`.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.components().next_back().unwrap_or_default()
    }

    /// The components from the root down; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|part| !part.is_empty())
    }

    /// The child of this group with a name.
    pub fn join(&self, name: &[u8]) -> Self {
        let base = if self.is_root() { &[] } else { &self.0[..] };
        Self([base, b"/", name].concat().into())
    }

    /// The group above; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let end = self.0.iter().rposition(|&b| b == b'/').filter(|_| !self.is_root())?;
        Some(if end == 0 { Self::root() } else { Self(self.0[..end].into()) })
    }

    /// The groups above, nearest first, up to and with the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// True where this group is `other` or somewhere below it.
    pub fn is_within(&self, other: &Self) -> bool {
        other.is_root() || self.rest_below(other).is_some()
    }

    /// This path as seen from `other`, where it is `other` or below it.
    pub fn below(&self, other: &Self) -> Option<Self> {
        if other.is_root() {
            return Some(self.clone());
        }
        self.rest_below(other).map(Self::new)
    }

    fn rest_below(&self, other: &Self) -> Option<&[u8]> {
        self.0.strip_prefix(&other.0[..]).filter(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

impl fmt::Display for CgroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&printable(&self.0))
    }
}

impl fmt::Debug for CgroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CgroupPath({self})")
    }
}

/// What one look at a group found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    /// Its identity.
    pub id: CgroupId,
    /// The name of its directory; empty for a root group.
    pub name: Box<[u8]>,
    /// What its freezer files say.
    pub freezer: Freezer,
    /// Whether any process is in it or below; `None` where the kernel does not say (v1, and root groups).
    pub populated: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> CgroupPath {
        CgroupPath::new(text.as_bytes())
    }

    #[test]
    fn spelled_as_the_kernel_spells_it() {
        assert_eq!(path("a//b/./c/..").as_bytes(), b"/a/b");
        assert_eq!(path("../..").as_bytes(), b"/");
        assert_eq!(path("").as_bytes(), b"/");
    }

    #[test]
    fn up_and_down() {
        let group = path("/a/b");
        assert_eq!(group.name(), b"b");
        assert_eq!(group.join(b"c").as_bytes(), b"/a/b/c");
        assert_eq!(CgroupPath::root().join(b"a").as_bytes(), b"/a");
        let above: Vec<_> = group.ancestors().map(|p| p.to_string()).collect();
        assert_eq!(above, ["/a", "/"]);
        assert_eq!(CgroupPath::root().parent(), None);
    }

    #[test]
    fn within_is_by_component() {
        assert!(path("/a/b").is_within(&path("/a")));
        assert!(path("/a").is_within(&path("/a")));
        assert!(path("/a").is_within(&path("/")));
        assert!(!path("/ab").is_within(&path("/a")));
        assert_eq!(path("/a/b").below(&path("/a")), Some(path("/b")));
    }

    #[test]
    fn shown_harmlessly() {
        assert_eq!(CgroupPath::root().join(b"x\x1b[2J\n").to_string(), "/x\\x1b[2J\\x0a");
    }
}
