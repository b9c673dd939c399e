//! Where a group is as the kernel writes it: counted from the cgroup namespace of whoever reads, which need not be the root of
//! what is mounted. (cgroup_namespaces(7))

use std::fmt;

use super::CgroupPath;

/// A path of `/proc/PID/cgroup`, or the root of a cgroup mount in mountinfo, as read from a cgroup namespace: so many levels up
/// from the namespace's root (`/../..`), then down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespacePath {
    up: usize,
    down: CgroupPath,
}

impl NamespacePath {
    /// The path that these bytes spell.
    pub fn new(bytes: &[u8]) -> Self {
        let up =
            bytes.split(|&b| b == b'/').filter(|part| !part.is_empty()).take_while(|part| *part == b"..");
        let up = up.count();
        // The kernel writes `..` at the beginning alone, and no group can have that name.
        Self { up, down: CgroupPath::new(bytes) }
    }

    /// The path as the kernel writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = b"/..".repeat(self.up);
        if self.up == 0 || !self.down.is_root() {
            bytes.extend_from_slice(self.down.as_bytes());
        }
        bytes
    }

    /// The path below the namespace's root; `None` for one that leads out of the namespace.
    pub fn inside(&self) -> Option<&CgroupPath> {
        (self.up == 0).then_some(&self.down)
    }
}

impl From<CgroupPath> for NamespacePath {
    /// A group below the namespace's root.
    fn from(down: CgroupPath) -> Self {
        Self { up: 0, down }
    }
}

impl fmt::Display for NamespacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&super::printable(&self.to_bytes()))
    }
}

/// The group at a mount point, and where the reader's cgroup namespace is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountRoot {
    /// `None` where no hierarchy is mounted there, so that no process can be in it.
    mounted: Option<NamespacePath>,
    /// The namespace's root as seen from the mount's root; `None` where that is not known.
    namespace: Option<CgroupPath>,
}

/// Where a group is in relation to what is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At this path below the mount's root.
    Below(CgroupPath),
    /// Not below the mount's root.
    Outside,
    /// Below the mount's root, at a path that depends on where the namespace is.
    Unknown,
}

impl MountRoot {
    /// The root of a mount as mountinfo has it.
    pub fn new(mounted: NamespacePath) -> Self {
        // A mount whose root is the namespace's own, or in it, leaves no question open.
        let namespace = (mounted.up == 0).then(CgroupPath::root);
        Self { mounted: Some(mounted), namespace }
    }

    /// The root of the hierarchy itself, seen from the first namespace.
    pub fn whole() -> Self {
        Self::new(CgroupPath::root().into())
    }

    /// A folder that is no cgroup file system.
    pub fn no_mount() -> Self {
        Self { mounted: None, namespace: None }
    }

    /// A root as [`Self::to_bytes`] writes it. Where the namespace is below it is not part of that.
    pub fn parse(bytes: &[u8]) -> Self {
        if bytes.is_empty() { Self::no_mount() } else { Self::new(NamespacePath::new(bytes)) }
    }

    /// The mounted group as the kernel writes it; empty where there is none.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.mounted.as_ref().map_or(Vec::new(), NamespacePath::to_bytes)
    }

    /// The mounted group; `None` where there is none.
    pub fn path(&self) -> Option<&NamespacePath> {
        self.mounted.as_ref()
    }

    /// Whether a hierarchy is mounted there.
    pub fn is_mounted(&self) -> bool {
        self.mounted.is_some()
    }

    /// The root of what a mount shows at a path below its mount point.
    pub fn join(&self, below: &CgroupPath) -> Self {
        let joined = |mounted: &NamespacePath| {
            let down = below.components().fold(mounted.down.clone(), |path, name| path.join(name));
            Self::new(NamespacePath { up: mounted.up, down })
        };
        self.mounted.as_ref().map_or_else(Self::no_mount, joined)
    }

    /// How many levels below this root the namespace's root is to be looked for; `None` where that is known, or is nowhere
    /// below.
    pub fn search_depth(&self) -> Option<usize> {
        let mounted = self.mounted.as_ref()?;
        (self.namespace.is_none() && mounted.down.is_root()).then_some(mounted.up)
    }

    /// The same, where the namespace's root was found at a path below.
    #[must_use]
    pub fn with_namespace(self, namespace: CgroupPath) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// Where the group at a path of `/proc/PID/cgroup` is.
    pub fn place(&self, path: &NamespacePath) -> Place {
        let Some(mounted) = &self.mounted else { return Place::Outside };
        if path.up == mounted.up {
            return path.down.below(&mounted.down).map_or(Place::Outside, Place::Below);
        }
        if path.up > mounted.up || !mounted.down.is_root() {
            return Place::Outside;
        }
        let Some(namespace) = &self.namespace else { return Place::Unknown };
        let kept = namespace.components().count().saturating_sub(path.up);
        let names = namespace.components().take(kept).chain(path.down.components());
        Place::Below(names.fold(CgroupPath::root(), |path, name| path.join(name)))
    }

    /// Whether more of the hierarchy can be seen at this root than at another.
    pub fn shows_more_than(&self, other: &Self) -> bool {
        // One that leads up and down again does not show the namespace.
        let rank = |root: &Self| {
            root.mounted.as_ref().map(|path| {
                let aside = path.up > 0 && !path.down.is_root();
                (aside, std::cmp::Reverse(path.up), path.down.components().count())
            })
        };
        match (rank(self), rank(other)) {
            (Some(ours), Some(theirs)) => ours < theirs,
            (ours, theirs) => ours.is_some() && theirs.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> NamespacePath {
        NamespacePath::new(text.as_bytes())
    }

    fn root(text: &str) -> MountRoot {
        MountRoot::new(path(text))
    }

    fn below(text: &str) -> Place {
        Place::Below(CgroupPath::new(text.as_bytes()))
    }

    #[test]
    fn spelled_as_the_kernel_spells_it() {
        for text in ["/", "/a/b", "/..", "/../..", "/../../a"] {
            assert_eq!(path(text).to_string(), text);
        }
        assert_eq!(path("/a").inside().unwrap().as_bytes(), b"/a");
        assert_eq!(path("/../a").inside(), None);
    }

    #[test]
    fn without_a_namespace_or_in_the_one_that_is_mounted() {
        assert_eq!(root("/").place(&path("/a")), below("/a"));
        assert_eq!(root("/").place(&path("/../a")), Place::Outside);
        assert_eq!(root("/a").place(&path("/a/b")), below("/b"));
        assert_eq!(root("/a").place(&path("/ab")), Place::Outside);
        assert_eq!(root("/").search_depth(), None);
    }

    /// The host's hierarchy is mounted, and the namespace's root is `/t/ns` of it.
    #[test]
    fn a_mount_that_shows_more_than_the_namespace() {
        let unknown = root("/../..");
        assert_eq!(unknown.search_depth(), Some(2));
        assert_eq!(unknown.place(&path("/x")), Place::Unknown);
        assert_eq!(unknown.place(&path("/../x")), Place::Unknown);
        assert_eq!(unknown.place(&path("/../../x")), below("/x"), "that one is told from the mounted root");
        assert_eq!(unknown.place(&path("/../../..")), Place::Outside);
        let known = unknown.with_namespace(CgroupPath::new(b"/t/ns"));
        assert_eq!(known.place(&path("/x")), below("/t/ns/x"));
        assert_eq!(known.place(&path("/../x")), below("/t/x"));
        assert_eq!(known.place(&path("/../..")), below("/"));
    }

    #[test]
    fn a_mount_beside_the_namespace() {
        let aside = root("/../aside");
        assert_eq!(aside.search_depth(), None);
        assert_eq!(aside.place(&path("/../aside/x")), below("/x"));
        for other in ["/", "/aside", "/..", "/../other", "/../../aside"] {
            assert_eq!(aside.place(&path(other)), Place::Outside, "{other}");
        }
    }

    #[test]
    fn a_folder_that_is_no_mount_has_no_process() {
        assert_eq!(MountRoot::no_mount().place(&path("/")), Place::Outside);
        assert_eq!(MountRoot::no_mount().join(&CgroupPath::new(b"/a")), MountRoot::no_mount());
    }

    #[test]
    fn what_shows_more() {
        for (more, less) in [("/", "/a"), ("/a", "/a/b"), ("/..", "/"), ("/../..", "/.."), ("/", "/../aside")]
        {
            assert!(root(more).shows_more_than(&root(less)), "{more} {less}");
            assert!(!root(less).shows_more_than(&root(more)), "{more} {less}");
        }
        assert_eq!(root("/../..").join(&CgroupPath::new(b"/a")), root("/../../a"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mounted: Vec<u8>, bytes: Vec<u8>, namespace: Vec<u8>) {
            let root = MountRoot::new(NamespacePath::new(&mounted)).with_namespace(CgroupPath::new(&namespace));
            root.place(&NamespacePath::new(&bytes));
        }
    }
}
