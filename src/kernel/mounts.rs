//! Which hierarchies this host has: mountinfo, and whether each mount can be seen.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

use crate::model::{CgroupPath, Hierarchies, Hierarchy, Setup, Version};

/// Why no hierarchy is to be had.
#[derive(Debug, thiserror::Error)]
pub enum MountsError {
    /// `/proc` is not readable.
    #[error("cannot read /proc/self/mountinfo: {0}; is /proc mounted?")]
    Mountinfo(io::Error),
    /// No cgroup2 and no v1 freezer is mounted.
    #[error(
        "no cgroup file system with a freezer is mounted; mount one (mount -t cgroup2 none /sys/fs/cgroup) or name it with --root"
    )]
    None,
    /// `--root` is not a cgroup file system.
    #[error("{} is not the root of a cgroup file system with a freezer ({why}); name its mount point", .path.display())]
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
    Hierarchies::from_mountinfo(&text, reachable).ok_or(MountsError::None)
}

/// The one hierarchy that is mounted at a path: what `--root` names. Any folder with the right files will do, so that a
/// program that is tested can be shown a folder of its own.
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
                return Err(fail("it holds neither cgroup.controllers nor cgroup.procs".to_owned()));
            }
        };
    let device = (major(stat.st_dev), minor(stat.st_dev));
    let hierarchy = Hierarchy { version, mount_point, root: CgroupPath::root(), device, read_only: false };
    Ok(match version {
        Version::V2 => Hierarchies { setup: Setup::Unified, v2: Some(hierarchy), v1: None },
        Version::V1 => Hierarchies { setup: Setup::Legacy, v2: None, v1: Some(hierarchy) },
    })
}

/// A mount that a later one covers shows another device at its mount point.
fn reachable(hierarchy: &Hierarchy) -> bool {
    rustix::fs::stat(&hierarchy.mount_point)
        .is_ok_and(|stat| (major(stat.st_dev), minor(stat.st_dev)) == hierarchy.device)
}
