//! Which hierarchies this host has: mountinfo, and whether each mount can be seen.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

use super::cgroupfs::{Filesystem, Group};
use super::membership::find_namespace;
use crate::model::hierarchy::freezer_mounts;
use crate::model::{CgroupPath, Hierarchies, Hierarchy, MountRoot, Place, Setup, Version};

/// Why no hierarchy is to be had.
#[derive(Debug, thiserror::Error)]
pub enum MountsError {
    /// `/proc` is not readable.
    #[error("cannot read /proc/self/mountinfo: {0}; is /proc mounted?")]
    Mountinfo(io::Error),
    /// No cgroup2 and no v1 freezer is mounted.
    #[error(
        "no cgroup file system with a freezer is mounted; mount one (mount -t cgroup2 none /sys/fs/cgroup) or pass \
         its mount point as --root"
    )]
    None,
    /// `--root` is not a cgroup file system.
    #[error("{} is not the root of a cgroup file system with a freezer ({why}); pass its mount point", .path.display())]
    NotCgroup {
        /// What was named.
        path: PathBuf,
        /// What was found there.
        why: String,
    },
}

/// The hierarchies that are mounted and visible in this program's mount namespace.
///
/// # Errors
/// [`MountsError`]: `/proc` cannot be read, or nothing with a freezer is mounted.
pub fn hierarchies() -> Result<Hierarchies, MountsError> {
    let text = std::fs::read("/proc/self/mountinfo").map_err(MountsError::Mountinfo)?;
    let found = Hierarchies::from_mountinfo(&text, reachable).ok_or(MountsError::None)?;
    Ok(Hierarchies { v2: found.v2.map(find_namespace), v1: found.v1.map(find_namespace), ..found })
}

/// `CGROUP_SUPER_MAGIC` and `CGROUP2_SUPER_MAGIC` of linux/magic.h, as statfs(2) gives them.
const CGROUP_MAGIC: [rustix::fs::FsWord; 2] = [0x0027_e0eb, 0x6367_7270];

/// The one hierarchy at a path: what `--root` names, the mount point or a group below it. Any folder with the right files will
/// do, so that a program that is tested can be shown a folder of its own; no process is in that.
///
/// # Errors
/// [`MountsError::NotCgroup`] where neither freezer's files are there.
pub fn at(path: &Path) -> Result<Hierarchies, MountsError> {
    let fail = |why: String| MountsError::NotCgroup { path: path.to_owned(), why };
    let mount_point = path.canonicalize().map_err(|e| fail(e.to_string()))?;
    let stat = rustix::fs::stat(&mount_point).map_err(|e| fail(e.to_string()))?;
    let version =
        match (mount_point.join("cgroup.controllers").exists(), mount_point.join("cgroup.procs").exists()) {
            (true, _) => Version::V2,
            (false, true) => Version::V1,
            (false, false) => {
                return Err(fail("it contains neither cgroup.controllers nor cgroup.procs".to_owned()));
            }
        };
    let kind = rustix::fs::statfs(&mount_point).map_err(|e| fail(e.to_string()))?.f_type;
    let device = (major(stat.st_dev), minor(stat.st_dev));
    let mount = mount_of(&mount_point).map_err(MountsError::Mountinfo)?;
    if mount.is_none() && CGROUP_MAGIC.contains(&kind) {
        return Err(fail("/proc/self/mountinfo does not list it as a hierarchy with a freezer".to_owned()));
    }
    let root = mount.as_ref().map_or_else(MountRoot::no_mount, |(_, root)| root.clone());
    let read_only = mount.is_some_and(|(mount, _)| mount.read_only);
    let hierarchy = find_namespace(Hierarchy { version, mount_point, root, device, read_only });
    Ok(match version {
        Version::V2 => Hierarchies { setup: Setup::Unified, v2: Some(hierarchy), v1: None },
        Version::V1 => Hierarchies { setup: Setup::Legacy, v2: None, v1: Some(hierarchy) },
    })
}

/// Whether a path is in a cgroup file system, or would be if it were there: the nearest that is there above it decides.
pub fn is_in_cgroup_file_system(path: &Path) -> bool {
    let nearest = path.ancestors().find_map(|path| rustix::fs::statfs(path).ok());
    nearest.is_some_and(|found| CGROUP_MAGIC.contains(&found.f_type))
}

/// Which group of which of these hierarchies a path on the file system leads to, by whatever links and mounts; `None` where it
/// leads to none.
///
/// # Errors
/// What reading mountinfo says.
pub fn group_at(path: &Path, hosts: &Hierarchies) -> io::Result<Option<(Hierarchy, Place)>> {
    let Ok(path) = path.canonicalize() else { return Ok(None) };
    let Some((mount, root)) = mount_of(&path)? else { return Ok(None) };
    let hierarchy = hosts.get(mount.version).filter(|hierarchy| hierarchy.device == mount.device);
    let place = |hierarchy: &Hierarchy| Some((hierarchy.clone(), hierarchy.root.place(root.path()?)));
    Ok(hierarchy.and_then(place))
}

/// Where a group is in its hierarchy. That is another path than the one that it was found at where a part of the hierarchy is
/// mounted on one of its own groups.
///
/// # Errors
/// What the reads say, and where it cannot be known.
pub fn true_path(fs: &Filesystem, group: &Group) -> io::Result<CgroupPath> {
    if group.dir.mount_id()? == fs.mount_id()? {
        return Ok(group.path.clone());
    }
    let root = mount_of(&group.absolute)?.map(|(_, root)| root);
    match root.as_ref().and_then(MountRoot::path).map(|path| fs.hierarchy().root.place(path)) {
        Some(Place::Below(path)) => Ok(path),
        _ => Err(io::Error::other("it is on a separate mount, with another path than in the hierarchy")),
    }
}

/// The mount of a freezer's hierarchy that a path without links is on, and the root of what is seen at that path; `None` where it
/// is on none.
fn mount_of(path: &Path) -> io::Result<Option<(Hierarchy, MountRoot)>> {
    let text = std::fs::read("/proc/self/mountinfo")?;
    let Ok(stat) = rustix::fs::stat(path) else { return Ok(None) };
    let device = (major(stat.st_dev), minor(stat.st_dev));
    let around = freezer_mounts(&text).filter(|mount| mount.device == device && reachable(mount));
    // The innermost; of two at one mount point the later one covers the other.
    let mount = around.filter(|mount| path.starts_with(&mount.mount_point));
    let mount = mount.max_by_key(|mount| mount.mount_point.as_os_str().len());
    Ok(mount.and_then(|mount| {
        let root = mount.root.join(&mount.relative(path)?);
        Some((mount, root))
    }))
}

/// A mount that a later one covers shows another device at its mount point.
fn reachable(hierarchy: &Hierarchy) -> bool {
    rustix::fs::stat(&hierarchy.mount_point)
        .is_ok_and(|stat| (major(stat.st_dev), minor(stat.st_dev)) == hierarchy.device)
}
