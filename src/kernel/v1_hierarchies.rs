//! The cgroup v1 hierarchies of all controllers, not of the freezer alone (cgroups(7)).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::descriptors::ProcessDir;
use super::dir::{Dir, absent_is_none};
use super::namespaces::{Mount, mounts};
use super::proc;
use crate::model::CgroupPath;

/// A v1 hierarchy that is mounted as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V1Hierarchy {
    /// Its controllers as `/proc/PID/cgroup` names them: `cpu,cpuacct`, `name=systemd`.
    pub controllers: Box<str>,
    /// Where it is mounted.
    pub mount_point: PathBuf,
}

/// The v1 hierarchies that a process is in, each with the path of its group; none where it has ended.
///
/// # Errors
/// What reading `/proc/PID/cgroup` says.
pub fn groups_of(pid: i32) -> io::Result<Vec<(Box<str>, CgroupPath)>> {
    let text = absent_is_none(proc::read(pid, "cgroup"))?.unwrap_or_default();
    Ok(text.split(|&b| b == b'\n').filter_map(line).collect())
}

/// `4:cpu,cpuacct:/path`; `None` for the line of v2. A group outside of this program's cgroup namespace (`/../x`) has no path
/// here.
fn line(line: &[u8]) -> Option<(Box<str>, CgroupPath)> {
    let mut fields = line.splitn(3, |&b| b == b':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let here = !controllers.is_empty() && !path.starts_with(b"/..");
    here.then(|| Some((std::str::from_utf8(controllers).ok()?.into(), CgroupPath::new(path))))?
}

/// The v1 hierarchies that are mounted as a whole where this program sees them, each once.
///
/// # Errors
/// What reading mountinfo says.
pub fn mounted() -> io::Result<Vec<V1Hierarchy>> {
    let own = ProcessDir::open(std::process::id().cast_signed())?.ok_or(io::ErrorKind::NotFound)?;
    let mut devices = BTreeSet::new();
    let whole = mounts(&own)?.into_iter().filter(|mount| &*mount.kind == b"cgroup" && &*mount.root == b"/");
    Ok(whole.filter(|mount| devices.insert(mount.device.clone())).filter_map(hierarchy).collect())
}

fn hierarchy(mount: Mount) -> Option<V1Hierarchy> {
    let options = std::str::from_utf8(&mount.options).ok()?;
    // Behind the controllers stand options of the hierarchy: release_agent=…, clone_children, xattr.
    let named = |option: &&str| {
        !matches!(
            *option,
            "rw" | "ro" | "noprefix" | "clone_children" | "cpuset_v2_mode" | "xattr" | "favordynmods"
        ) && !option.starts_with("release_agent=")
    };
    let controllers: Vec<&str> = options.split(',').filter(named).collect();
    let mount_point = Path::new(OsStr::from_bytes(&mount.point)).to_owned();
    (!controllers.is_empty()).then(|| V1Hierarchy { controllers: controllers.join(",").into(), mount_point })
}

/// The groups below a group, the upper ones first, but no more than `most`.
///
/// # Errors
/// What the directories say; a group that goes away meanwhile is left out.
pub fn below(hierarchy: &V1Hierarchy, path: &CgroupPath, most: usize) -> io::Result<Vec<CgroupPath>> {
    let Some(dir) = Dir::open(&hierarchy.mount_point)?.descendant(path)? else { return Ok(Vec::new()) };
    let (mut found, mut waiting) = (Vec::new(), vec![(path.clone(), dir)]);
    while let Some((path, dir)) = waiting.pop() {
        for name in absent_is_none(dir.children())?.unwrap_or_default() {
            if found.len() == most {
                return Ok(found);
            }
            let below = path.join(&name);
            waiting.extend(dir.child(&name)?.map(|dir| (below.clone(), dir)));
            found.push(below);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_cgroup() {
        assert_eq!(line(b"4:cpu,cpuacct:/a:b"), Some(("cpu,cpuacct".into(), CgroupPath::new(b"/a:b"))));
        assert_eq!(line(b"1:name=systemd:/"), Some(("name=systemd".into(), CgroupPath::root())));
        assert_eq!(line(b"0::/a"), None);
        assert_eq!(line(b"4:cpu:/../a"), None);
        assert_eq!(line(b"x"), None);
    }

    #[test]
    fn controllers_of_a_mount() {
        let of = |options: &str| hierarchy(Mount { options: options.as_bytes().into(), ..Mount::default() });
        assert_eq!(&*of("rw,cpu,cpuacct").unwrap().controllers, "cpu,cpuacct");
        let systemd = "rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd";
        assert_eq!(&*of(systemd).unwrap().controllers, "name=systemd");
        assert_eq!(of("rw"), None);
    }
}
