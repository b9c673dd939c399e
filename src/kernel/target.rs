//! What a person means by TARGET: a path, `pid:N`, or a unit's name.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::cgroupfs::{Filesystem, Group};
use super::processes::group_of;
use crate::model::printable::unescaped;
use crate::model::{CgroupPath, Change, Hierarchies, Hierarchy, Tree, Version, printable};

/// Why a target was not found.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Nothing of that name.
    #[error("there is no cgroup {0}; see cryoscope list")]
    NoSuchGroup(String),
    /// A path outside the cgroup file systems.
    #[error("{0} is not a cgroup; give a path below {1}, pid:N, or a unit's name")]
    NotCgroup(String, String),
    /// The process has ended, or never was.
    #[error("there is no process {0}")]
    NoSuchProcess(i32),
    /// `pid:` without a number.
    #[error("{0:?} is not a process: write pid: and a number, as in pid:1234")]
    NotPid(String),
    /// Several groups have the name.
    #[error("{name} names several groups: {}; give the path of one", .paths.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The groups that have that name.
        paths: Vec<String>,
    },
    /// The hierarchy that was asked for is not mounted.
    #[error("this host has no {0} freezer; leave --hierarchy out to take the one it has")]
    NoHierarchy(Version),
    /// The process is in a part of the hierarchy that is not mounted here.
    #[error("process {0} is in {1}, which is not below what is mounted here")]
    Outside(i32, CgroupPath),
    /// Another failure.
    #[error("cannot open {0}: {1}")]
    Io(String, io::Error),
}

/// Opens the group that TARGET means. `prefer` is the hierarchy to look in where the target leaves that open; otherwise v2
/// comes before v1.
///
/// # Errors
/// [`TargetError`].
pub fn resolve(
    target: &OsStr,
    hosts: &Hierarchies,
    prefer: Option<Version>,
) -> Result<(Filesystem, Group), TargetError> {
    if let Some(version) = prefer.filter(|&version| hosts.get(version).is_none()) {
        return Err(TargetError::NoHierarchy(version));
    }
    let candidates: Vec<&Hierarchy> =
        hosts.iter().filter(|h| prefer.is_none_or(|v| v == h.version)).collect();
    let bytes = target.as_bytes();
    if let Some(pid) = bytes.strip_prefix(b"pid:") {
        return of_process(pid, &candidates);
    }
    // As typed, and where there is no such group, as this program prints bytes that are not printable.
    for spelling in [bytes.to_vec(), unescaped(bytes)] {
        if let Some(found) = of_path(&spelling, hosts, &candidates)? {
            return Ok(found);
        }
    }
    let name = printable(bytes).into_owned();
    let path = Path::new(target);
    if path.is_absolute() && path.exists() && hosts.containing(path).is_none() {
        let roots: Vec<_> = hosts.iter().map(|h| h.mount_point.display().to_string()).collect();
        return Err(TargetError::NotCgroup(name, roots.join(" or ")));
    }
    if bytes.contains(&b'/') {
        return Err(TargetError::NoSuchGroup(name));
    }
    match of_name(bytes, &candidates) {
        Err(TargetError::NoSuchGroup(_)) => of_name(&unescaped(bytes), &candidates),
        found => found,
    }
}

type Found = (Filesystem, Group);

fn of_process(pid: &[u8], candidates: &[&Hierarchy]) -> Result<Found, TargetError> {
    let text = String::from_utf8_lossy(pid);
    let pid: i32 =
        text.parse().ok().filter(|&pid| pid > 0).ok_or_else(|| TargetError::NotPid(text.into_owned()))?;
    for hierarchy in candidates {
        let failed = |error| TargetError::Io(format!("/proc/{pid}/cgroup"), error);
        let Some(path) = group_of(pid, hierarchy.version).map_err(failed)? else { continue };
        let below = path.below(&hierarchy.root).ok_or(TargetError::Outside(pid, path))?;
        return open(hierarchy, &below)?.ok_or(TargetError::NoSuchProcess(pid));
    }
    Err(TargetError::NoSuchProcess(pid))
}

fn of_path(
    path: &[u8],
    hosts: &Hierarchies,
    candidates: &[&Hierarchy],
) -> Result<Option<Found>, TargetError> {
    let absolute = PathBuf::from(OsString::from_vec(path.to_vec()));
    if let Some((hierarchy, group)) = hosts.containing(&absolute).filter(|_| absolute.is_absolute()) {
        return open(hierarchy, &group);
    }
    let group = CgroupPath::new(path);
    for hierarchy in candidates {
        if let Some(found) = open(hierarchy, &group)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A bare name, as systemd's units have: wherever in the tree it stands.
fn of_name(name: &[u8], candidates: &[&Hierarchy]) -> Result<Found, TargetError> {
    let shown = printable(name).into_owned();
    for hierarchy in candidates {
        let failed = |error| TargetError::Io(hierarchy.mount_point.display().to_string(), error);
        let fs = Filesystem::open((*hierarchy).clone()).map_err(failed)?;
        let mut tree = Tree::new(fs.read_root().map_err(failed)?);
        let mut apply = |change: Change| tree.apply(change, &mut Vec::new());
        fs.walk(&CgroupPath::root(), &mut apply).map_err(failed)?;
        let named = |key: &_| tree.get(*key).is_some_and(|node| *node.group.name == *name);
        let hits: Vec<CgroupPath> =
            tree.subtree(tree.root()).filter(named).map(|key| tree.path(key)).collect();
        match &hits[..] {
            [] => {}
            [one] => return open(hierarchy, one)?.ok_or(TargetError::NoSuchGroup(shown)),
            several => {
                let paths = several.iter().map(ToString::to_string).collect();
                return Err(TargetError::Ambiguous { name: shown, paths });
            }
        }
    }
    Err(TargetError::NoSuchGroup(shown))
}

fn open(hierarchy: &Hierarchy, path: &CgroupPath) -> Result<Option<Found>, TargetError> {
    let failed = |error: io::Error| match error.raw_os_error() {
        // A control file in place of a group.
        Some(code) if code == rustix::io::Errno::NOTDIR.raw_os_error() => {
            TargetError::NotCgroup(path.to_string(), hierarchy.mount_point.display().to_string())
        }
        _ => TargetError::Io(path.to_string(), error),
    };
    let fs = Filesystem::open(hierarchy.clone()).map_err(failed)?;
    let group = fs.group(path).map_err(failed)?;
    Ok(group.map(|group| (fs, group)))
}
