//! The namespaces of a process (namespaces(7)).

use std::io;

use super::descriptors::ProcessDir;

/// A kind of namespace, by its name in `/proc/PID/ns`.
pub const KINDS: [&str; 9] =
    ["cgroup", "ipc", "mnt", "net", "pid", "time", "time_for_children", "user", "uts"];

/// The namespaces of a process: the kind's name and the inode. A kind that the kernel does not have is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespaces(Vec<(&'static str, u64)>);

impl Namespaces {
    /// Reads them.
    ///
    /// # Errors
    /// EACCES without the right to look at the process.
    pub fn of(process: &ProcessDir) -> io::Result<Self> {
        let mut all = Vec::new();
        for kind in KINDS {
            match process.link(&format!("ns/{kind}")) {
                Ok(link) => all.extend(inode(&link).map(|inode| (kind, inode))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(all))
    }

    /// The inode of one.
    pub fn get(&self, kind: &str) -> Option<u64> {
        self.0.iter().find(|(name, _)| *name == kind).map(|(_, inode)| *inode)
    }

    /// The kinds in which two processes differ.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        self.0.iter().map(|(kind, _)| *kind).filter(|kind| self.get(kind) != other.get(kind)).collect()
    }
}

/// A mount that a process sees (proc_pid_mountinfo(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// Its number.
    pub id: u64,
    /// The number of the mount that it is mounted on.
    pub parent: u64,
    /// The device, as `major:minor`.
    pub device: Box<str>,
    /// Which folder of the file system it shows, with the kernel's escapes: `/` for all of it.
    pub root: Box<[u8]>,
    /// Where it is mounted, with the kernel's escapes (`\040` for a space).
    pub point: Box<[u8]>,
    /// The peer group that it shares mounts with (mount_namespaces(7)).
    pub shared: Option<u64>,
    /// The peer group that it follows.
    pub master: Option<u64>,
    /// The type of its file system.
    pub kind: Box<[u8]>,
    /// The user that serves a FUSE file system (`user_id=`, mount.fuse(8)).
    pub served_by: Option<u32>,
    /// The options of the file system: `rw,cpu,cpuacct`.
    pub options: Box<[u8]>,
    /// What is mounted, in that file system's words, with the kernel's escapes.
    pub source: Box<[u8]>,
}

/// The mounts that a process sees.
///
/// # Errors
/// What reading `/proc/PID/mountinfo` says.
pub fn mounts(process: &ProcessDir) -> io::Result<Vec<Mount>> {
    Ok(parse(&process.read("mountinfo")?))
}

fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|&b| b == b'\n').filter_map(mount).collect()
}

/// `36 35 98:0 /root /point rw,noatime shared:1 master:2 - ext3 /dev/root rw`
fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|&b| b == b' ');
    let mut text = || std::str::from_utf8(words.next()?).ok();
    let (id, parent, device) = (text()?.parse().ok()?, text()?.parse().ok()?, text()?.into());
    let (root, point) = (words.next()?.into(), words.next()?.into());
    let mut mount = Mount { id, parent, device, root, point, ..Mount::default() };
    for tag in words.by_ref().skip(1).take_while(|word| *word != b"-") {
        let Some((kind, group)) = std::str::from_utf8(tag).ok().and_then(|tag| tag.split_once(':')) else {
            continue;
        };
        match kind {
            "shared" => mount.shared = group.parse().ok(),
            "master" => mount.master = group.parse().ok(),
            _ => {}
        }
    }
    mount.kind = words.next()?.into();
    let user = |option: &[u8]| std::str::from_utf8(option.strip_prefix(b"user_id=")?).ok()?.parse().ok();
    mount.source = words.next()?.into();
    mount.options = words.next().unwrap_or_default().into();
    mount.served_by = mount.options.split(|&b| b == b',').find_map(user);
    Some(mount)
}

/// `net:[4026531833]`
fn inode(link: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(link).ok()?;
    text.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_and_lines() {
        assert_eq!(inode(b"net:[4026531833]"), Some(4_026_531_833));
        assert_eq!(inode(b"net:4"), None);
    }

    #[test]
    fn lines_of_mountinfo() {
        let text = b"36 35 98:0 / / rw,noatime - ext3 /dev/root rw\n37 36 0:5 /x /a\xff rw shared:3 master:2 - tmpfs a rw\nnonsense\n";
        let found = parse(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].id, &*found[0].device, found[0].master), (36, "98:0", None));
        assert_eq!(
            (found[1].shared, found[1].master, &*found[1].point),
            (Some(3), Some(2), b"/a\xff".as_slice())
        );
        assert_eq!((&*found[0].root, &*found[1].root), (b"/".as_slice(), b"/x".as_slice()));
        assert_eq!((&*found[0].kind, &*found[0].source), (b"ext3".as_slice(), b"/dev/root".as_slice()));
    }

    #[test]
    fn kinds_that_differ() {
        let one = Namespaces(vec![("pid", 1), ("net", 2)]);
        let other = Namespaces(vec![("pid", 1), ("net", 3)]);
        assert_eq!(one.differences(&other), ["net"]);
        assert_eq!(other.get("net"), Some(3));
    }

    #[test]
    fn this_process_has_namespaces_and_mounts() {
        let own = ProcessDir::open(std::process::id().cast_signed()).unwrap().unwrap();
        assert!(Namespaces::of(&own).unwrap().get("pid").is_some());
        assert!(!mounts(&own).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            inode(&bytes);
            parse(&bytes);
        }
    }
}
