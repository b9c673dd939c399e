//! Which cgroup hierarchies with a freezer a host has: `/proc/self/mountinfo`, read as text.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::{CgroupPath, MountRoot, NamespacePath, Version};

/// One mounted hierarchy that has a freezer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Which freezer it has.
    pub version: Version,
    /// Where it is mounted, absolute: `/sys/fs/cgroup`, `/sys/fs/cgroup/unified`, `/sys/fs/cgroup/freezer`.
    pub mount_point: PathBuf,
    /// Which group of the hierarchy is mounted there: `/`, or another one in a container.
    pub root: MountRoot,
    /// The file system's device number, major and minor as in mountinfo.
    pub device: (u32, u32),
    /// Mounted read-only: nothing can be frozen through it.
    pub read_only: bool,
}

impl Hierarchy {
    /// The absolute path of a group of this hierarchy on the cgroup file system.
    pub fn absolute(&self, group: &CgroupPath) -> PathBuf {
        let mut path = self.mount_point.as_os_str().as_bytes().to_vec();
        if !group.is_root() {
            if path.ends_with(b"/") {
                path.pop();
            }
            path.extend_from_slice(group.as_bytes());
        }
        PathBuf::from(OsString::from_vec(path))
    }

    /// The group that an absolute path names, or `None` where the path is not below this mount point.
    pub fn relative(&self, path: &Path) -> Option<CgroupPath> {
        let below = path.strip_prefix(&self.mount_point).ok()?;
        Some(CgroupPath::new(below.as_os_str().as_bytes()))
    }
}

/// How a host's hierarchies are set up, in systemd's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// cgroup v1 alone.
    Legacy,
    /// v1 controllers, and v2 beside them.
    Hybrid,
    /// cgroup v2 alone.
    Unified,
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Legacy => "legacy",
            Self::Hybrid => "hybrid",
            Self::Unified => "unified",
        })
    }
}

/// The hierarchies of a host that have a freezer: at most one of each version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchies {
    /// How the host is set up.
    pub setup: Setup,
    /// The cgroup v2 hierarchy.
    pub v2: Option<Hierarchy>,
    /// The v1 hierarchy that holds the freezer controller.
    pub v1: Option<Hierarchy>,
}

impl Hierarchies {
    /// Reads the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). `reachable` says whether a mount can be seen at its
    /// mount point, or is covered by a later one; of several mounts of one hierarchy the first that shows most of it is taken.
    ///
    /// `None` where no hierarchy with a freezer is mounted.
    pub fn from_mountinfo(text: &[u8], reachable: impl Fn(&Hierarchy) -> bool) -> Option<Self> {
        let mut v1_mounted = false;
        let (mut v1, mut v2) = (None, None);
        for mount in text.split(|&b| b == b'\n').filter_map(mount) {
            v1_mounted |= mount.v1;
            let Some(hierarchy) = mount.freezer.filter(&reachable) else { continue };
            let slot = if hierarchy.version == Version::V1 { &mut v1 } else { &mut v2 };
            if slot.as_ref().is_none_or(|held: &Hierarchy| hierarchy.root.shows_more_than(&held.root)) {
                *slot = Some(hierarchy);
            }
        }
        let setup = match (&v2, v1_mounted) {
            (Some(_), false) => Setup::Unified,
            (Some(_), true) => Setup::Hybrid,
            (None, _) => Setup::Legacy,
        };
        (v1.is_some() || v2.is_some()).then_some(Self { setup, v2, v1 })
    }

    /// The hierarchy of one version.
    pub fn get(&self, version: Version) -> Option<&Hierarchy> {
        match version {
            Version::V1 => self.v1.as_ref(),
            Version::V2 => self.v2.as_ref(),
        }
    }

    /// v2 first, then v1: the order in which they are offered.
    pub fn iter(&self) -> impl Iterator<Item = &Hierarchy> {
        self.v2.iter().chain(&self.v1)
    }

    /// The hierarchy below whose mount point a path lies: the innermost, where one mount is inside another.
    pub fn containing(&self, path: &Path) -> Option<(&Hierarchy, CgroupPath)> {
        let depth = |h: &Hierarchy| h.mount_point.as_os_str().len();
        let hierarchy = self.iter().filter(|h| path.starts_with(&h.mount_point)).max_by_key(|h| depth(h))?;
        hierarchy.relative(path).map(|group| (hierarchy, group))
    }
}

/// The mounts of hierarchies that have a freezer, in the kernel's order: those that are covered by later ones among them.
pub fn freezer_mounts(mountinfo: &[u8]) -> impl Iterator<Item = Hierarchy> {
    mountinfo.split(|&b| b == b'\n').filter_map(mount).filter_map(|mount| mount.freezer)
}

struct Mount {
    v1: bool,
    freezer: Option<Hierarchy>,
}

/// One line of mountinfo; `None` for what is not a cgroup mount. Lines are bytes: anybody who may mount a FUSE file system
/// can put a mount point that is not UTF-8 there.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&b| b == b' ');
    let device = device(fields.nth(2)?)?;
    let root = MountRoot::new(NamespacePath::new(&unescaped(fields.next()?)));
    let mount_point = PathBuf::from(OsString::from_vec(unescaped(fields.next()?)));
    let options = fields.next()?;
    let mut after = fields.skip_while(|&f| f != b"-").skip(1);
    let kind = after.next()?;
    let super_options = after.nth(1).unwrap_or_default();
    let has = |options: &[u8], wanted: &[u8]| options.split(|&b| b == b',').any(|o| o == wanted);
    let version = match kind {
        b"cgroup2" => Some(Version::V2),
        b"cgroup" if has(super_options, b"freezer") => Some(Version::V1),
        b"cgroup" => None,
        _ => return None,
    };
    let read_only = has(options, b"ro") || has(super_options, b"ro");
    let freezer = version.map(|version| Hierarchy { version, mount_point, root, device, read_only });
    Some(Mount { v1: kind == b"cgroup", freezer })
}

fn device(field: &[u8]) -> Option<(u32, u32)> {
    let (major, minor) = std::str::from_utf8(field).ok()?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Mountinfo writes space, tab, newline and backslash as `\ooo`.
pub(crate) fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let octal = rest.get(1..4).filter(|_| first == b'\\').and_then(octal);
        bytes.push(octal.unwrap_or(first));
        rest = if octal.is_some() { &rest[4..] } else { tail };
    }
    bytes
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HYBRID: &[u8] = b"\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    fn read(text: &[u8]) -> Option<Hierarchies> {
        Hierarchies::from_mountinfo(text, |_| true)
    }

    #[test]
    fn hybrid_has_both() {
        let found = read(HYBRID).unwrap();
        assert_eq!(found.setup, Setup::Hybrid);
        assert_eq!(found.v1.unwrap().mount_point, Path::new("/sys/fs/cgroup/freezer"));
        assert_eq!(found.v2.unwrap().device, (0, 38));
    }

    #[test]
    fn unified_and_legacy() {
        let unified =
            read(b"30 23 0:26 / /sys/fs/cgroup ro,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate").unwrap();
        assert_eq!(unified.setup, Setup::Unified);
        assert!(unified.v2.unwrap().read_only);
        let legacy = read(b"37 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer").unwrap();
        assert_eq!(legacy.setup, Setup::Legacy);
        assert_eq!(read(b"37 31 0:34 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"), None);
    }

    #[test]
    fn a_covered_mount_is_passed_over_and_the_root_is_preferred() {
        let text = b"1 0 0:9 /a /mnt/part rw - cgroup2 c rw\n2 0 0:9 / /cg rw - cgroup2 c rw\n3 0 0:9 / /x rw - cgroup2 c rw";
        assert_eq!(read(text).unwrap().v2.unwrap().mount_point, Path::new("/cg"));
        let found = Hierarchies::from_mountinfo(text, |h| h.mount_point != Path::new("/cg")).unwrap();
        assert_eq!(found.v2.unwrap().mount_point, Path::new("/x"));
    }

    #[test]
    fn escaped_mount_points_and_paths() {
        let found = read(b"2 0 0:9 / /my\\040cg\\134x rw - cgroup2 c rw").unwrap().v2.unwrap();
        assert_eq!(found.mount_point, Path::new("/my cg\\x"));
        let group = found.relative(Path::new("/my cg\\x/a/b")).unwrap();
        assert_eq!(group.as_bytes(), b"/a/b");
        assert_eq!(found.absolute(&group), Path::new("/my cg\\x/a/b"));
        assert_eq!(found.absolute(&CgroupPath::root()), Path::new("/my cg\\x"));
    }

    #[test]
    fn a_path_belongs_to_the_innermost_mount() {
        let found = read(HYBRID).unwrap();
        let (hierarchy, group) = found.containing(Path::new("/sys/fs/cgroup/freezer/a")).unwrap();
        assert_eq!((hierarchy.version, group.as_bytes()), (Version::V1, &b"/a"[..]));
        assert!(found.containing(Path::new("/tmp")).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            read(&text);
        }
    }
}
