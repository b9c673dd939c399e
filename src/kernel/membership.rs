//! In which group of a hierarchy a process or a thread is.
//!
//! `/proc/PID/cgroup` counts from the cgroup namespace of whoever reads it, as the root of a mount in mountinfo does
//! (cgroup_namespaces(7)). [`MountRoot`](crate::model::MountRoot) brings the two together. Where that can't be done the answer is
//! [`UnknownGroup`], which is neither "in the group" nor "outside": whoever must be sure refuses then.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use super::cgroupfs::{Filesystem, Group};
use super::dir::{Dir, absent_is_none};

use super::members::pids;
use super::proc::{self, numbers};
use super::processes::every_pid;
use crate::model::{CgroupPath, Hierarchy, NamespacePath, Place, Version};

/// Where a process or thread is in a hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// In the group at this path.
    In(CgroupPath),
    /// In a group that cannot be seen at the mount point; the path is the kernel's.
    Outside(NamespacePath),
    /// In none: it has ended, or no hierarchy is mounted at this place.
    Nowhere,
}

impl Membership {
    /// The group, where it can be seen.
    pub fn group(self) -> Option<CgroupPath> {
        if let Self::In(path) = self { Some(path) } else { None }
    }

    /// Whether it is in a group or in one below.
    pub fn is_within(&self, group: &CgroupPath) -> bool {
        matches!(self, Self::In(path) if path.is_within(group))
    }
}

/// The group of a process cannot be known.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell in which {version} group process {task} is: {why}")]
pub struct UnknownGroup {
    /// Which process or thread.
    pub task: i32,
    /// On which hierarchy.
    pub version: Version,
    /// Why not.
    #[source]
    pub why: Unknown,
}

/// Why the group of a process cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// A file of `/proc` or of the cgroup file system cannot be read.
    #[error("{0}")]
    Io(io::Error),
    /// The process has no line for this hierarchy.
    #[error("/proc does not name a group of this hierarchy")]
    NoLine,
    /// The path depends on where this program's cgroup namespace is, which was not found.
    #[error(
        "{0} is relative to this program's cgroup namespace, whose root group was not found below the mount point"
    )]
    Namespace(NamespacePath),
    /// The group at the path that the kernel named does not list the process.
    #[error("{0} does not list it")]
    Unlisted(CgroupPath),
}

impl From<UnknownGroup> for io::Error {
    fn from(unknown: UnknownGroup) -> Self {
        Self::other(unknown)
    }
}

impl From<io::Error> for Unknown {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The group of a process or thread. A process whose first thread has ended is in the group of another one of its threads.
///
/// # Errors
/// [`UnknownGroup`].
pub fn group_of(task: i32, hierarchy: &Hierarchy) -> Result<Membership, UnknownGroup> {
    if !hierarchy.root.is_mounted() {
        return Ok(Membership::Nowhere);
    }
    let known = of_thread(task, "cgroup", hierarchy).and_then(|found| match found {
        Membership::Nowhere => {
            Ok(of_threads(task, hierarchy)?.into_iter().next().unwrap_or(Membership::Nowhere))
        }
        known => Ok(known),
    });
    known.map_err(|why| UnknownGroup { task, version: hierarchy.version, why })
}

/// The path of a process's group as the kernel writes it: for comparison with what the kernel wrote at another time. `None` where
/// it cannot be read.
pub fn path_of(pid: i32, version: Version) -> Option<NamespacePath> {
    read(pid, "cgroup", version).ok().flatten().map(|(path, _)| NamespacePath::new(&path))
}

/// [`path_of`] this program itself.
pub fn own_path(version: Version) -> Option<NamespacePath> {
    path_of(std::process::id().cast_signed(), version)
}

/// The groups of all threads of a process. In cgroup v1, and in threaded groups of v2, each thread has a group of its own.
/// (kernel: cgroup-v2.rst, "Threads")
///
/// # Errors
/// [`UnknownGroup`].
pub fn groups_of(pid: i32, hierarchy: &Hierarchy) -> Result<Vec<Membership>, UnknownGroup> {
    // A directory for each thread, and two links beside.
    let threads = rustix::fs::stat(format!("/proc/{pid}/task")).map_or(0, |stat| stat.st_nlink);
    if threads <= 3 || !hierarchy.root.is_mounted() {
        return group_of(pid, hierarchy).map(|found| vec![found]);
    }
    of_threads(pid, hierarchy).map_err(|why| UnknownGroup { task: pid, version: hierarchy.version, why })
}

/// The group of a process or thread, opened, and seen to list it; `None` where it is in none that can be seen.
///
/// # Errors
/// [`UnknownGroup`].
pub fn open_group_of(task: i32, fs: &Filesystem) -> Result<Option<Group>, UnknownGroup> {
    let hierarchy = fs.hierarchy();
    let failed = |why| UnknownGroup { task, version: hierarchy.version, why };
    let mut last = None;
    // It may be moved between the two looks.
    for _ in 0..3 {
        let Some(path) = group_of(task, hierarchy)?.group() else { return Ok(None) };
        let group = fs.group(&path).map_err(|error| failed(error.into()))?;
        if let Some(group) = group
            && lists(&group.dir, task, hierarchy.version).map_err(|error| failed(error.into()))?
        {
            return Ok(Some(group));
        }
        last = Some(path);
    }
    match last.filter(|_| !is_dead(task)) {
        Some(path) => Err(failed(Unknown::Unlisted(path))),
        None => Ok(None),
    }
}

/// In which groups of another hierarchy these processes are, and how many in each: one that is thawed here may be frozen
/// there. Those that are gone, outside what is mounted, or in a group that cannot be known, are left out.
pub fn elsewhere(pids: impl IntoIterator<Item = i32>, other: &Hierarchy) -> BTreeMap<CgroupPath, usize> {
    let mut counts = BTreeMap::new();
    for path in pids.into_iter().filter_map(|pid| group_of(pid, other).ok()?.group()) {
        *counts.entry(path).or_default() += 1;
    }
    counts
}

/// Counts the processes of a group and of all below by their groups in another hierarchy. What may not be read, or goes away
/// meanwhile, is left out.
pub fn below_elsewhere(group: &Dir, other: &Hierarchy, counts: &mut HashMap<CgroupPath, usize>) {
    for (path, count) in elsewhere(pids(group).unwrap_or_default(), other) {
        *counts.entry(path).or_default() += count;
    }
    for name in group.children().unwrap_or_default() {
        if let Ok(Some(child)) = group.child(&name) {
            below_elsewhere(&child, other, counts);
        }
    }
}

/// Finds where this program's cgroup namespace is below a mount that shows more than it. Where it is not found, groups that are
/// told from there stay unknown.
pub fn find_namespace(hierarchy: Hierarchy) -> Hierarchy {
    let Some(depth) = hierarchy.root.search_depth() else { return hierarchy };
    let Ok(root) = Dir::open(&hierarchy.mount_point) else { return hierarchy };
    let inside = |pid: i32| {
        let (path, _) = read(pid, "cgroup", hierarchy.version).ok()??;
        Some((pid, NamespacePath::new(&path).inside()?.clone()))
    };
    let me = std::process::id().cast_signed();
    // Any process of the namespace will do, this one as a rule.
    let witness = std::iter::once(me).chain(every_pid()).find_map(inside);
    let found =
        witness.and_then(|witness| search(&root, &CgroupPath::root(), depth, &witness, hierarchy.version));
    match found {
        Some(namespace) => Hierarchy { root: hierarchy.root.with_namespace(namespace), ..hierarchy },
        None => hierarchy,
    }
}

/// The group so many levels below `dir` in which the witness is at its path.
fn search(
    dir: &Dir,
    path: &CgroupPath,
    depth: usize,
    witness: &(i32, CgroupPath),
    version: Version,
) -> Option<CgroupPath> {
    if depth == 0 {
        let group = dir.descendant(&witness.1).ok()??;
        return lists(&group, witness.0, version).ok()?.then(|| path.clone());
    }
    let names = dir.children().ok()?;
    names
        .iter()
        .find_map(|name| search(&dir.child(name).ok()??, &path.join(name), depth - 1, witness, version))
}

/// Whether a group itself lists a thread. A group that is gone lists none.
fn lists(group: &Dir, task: i32, version: Version) -> io::Result<bool> {
    let file = if version == Version::V2 { "cgroup.threads" } else { "tasks" };
    Ok(numbers(&group.read(file)?.unwrap_or_default()).contains(&task))
}

/// The groups of the threads that have not ended, each once.
fn of_threads(pid: i32, hierarchy: &Hierarchy) -> Result<Vec<Membership>, Unknown> {
    let Some(entries) = absent_is_none(std::fs::read_dir(format!("/proc/{pid}/task")))? else {
        return Ok(vec![Membership::Nowhere]);
    };
    let mut lines = BTreeSet::new();
    for entry in entries {
        let Some(tid) = absent_is_none(entry)?.and_then(|entry| entry.file_name().to_str()?.parse().ok())
        else {
            continue;
        };
        let line = read(pid, &format!("task/{tid}/cgroup"), hierarchy.version)?;
        lines.extend(line.filter(|(_, suspect)| !suspect || !is_dead(tid)));
    }
    let found: Result<Vec<_>, _> = lines.into_iter().map(|(path, _)| place(&path, hierarchy)).collect();
    found.map(|found| if found.is_empty() { vec![Membership::Nowhere] } else { found })
}

fn of_thread(task: i32, file: &str, hierarchy: &Hierarchy) -> Result<Membership, Unknown> {
    match read(task, file, hierarchy.version)? {
        Some((path, suspect)) if !suspect || !is_dead(task) => place(&path, hierarchy),
        _ => Ok(Membership::Nowhere),
    }
}

fn place(path: &[u8], hierarchy: &Hierarchy) -> Result<Membership, Unknown> {
    let path = NamespacePath::new(path);
    match hierarchy.root.place(&path) {
        Place::Below(group) => Ok(Membership::In(group)),
        Place::Outside => Ok(Membership::Outside(path)),
        Place::Unknown => Err(Unknown::Namespace(path)),
    }
}

/// The path in a `cgroup` file of `/proc`, and whether it may be what the kernel writes for a thread that has ended; `None` where
/// that is gone.
fn read(pid: i32, file: &str, version: Version) -> Result<Option<(Vec<u8>, bool)>, Unknown> {
    let Some(text) = absent_is_none(proc::read(pid, file))? else { return Ok(None) };
    let path = text.split(|&b| b == b'\n').find_map(|line| in_line(line, version)).ok_or(Unknown::NoLine)?;
    Ok(Some((path.to_vec(), is_suspect(path, version))))
}

/// One line of `/proc/PID/cgroup`: `id:controllers:path`.
fn in_line(line: &[u8], version: Version) -> Option<&[u8]> {
    let mut fields = line.splitn(3, |&b| b == b':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let ours = match version {
        Version::V1 => controllers.split(|&b| b == b',').any(|c| c == b"freezer"),
        Version::V2 => controllers.is_empty(),
    };
    ours.then_some(path)
}

/// The kernel writes `/` on v1 for whatever has ended, wherever that was; on v2 the last group, with a word behind it where that
/// was removed, which may be a part of a living group's name. (kernel/cgroup/cgroup.c, `proc_cgroup_show`)
fn is_suspect(path: &[u8], version: Version) -> bool {
    match version {
        Version::V1 => path == b"/",
        Version::V2 => path.ends_with(b" (deleted)"),
    }
}

/// Whether a thread has ended, or is gone.
fn is_dead(task: i32) -> bool {
    proc::stat(task).is_none_or(|stat| matches!(stat.state, 'Z' | 'X' | 'x'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_proc_cgroup() {
        assert_eq!(in_line(b"0::/a/b", Version::V2), Some(&b"/a/b"[..]));
        assert_eq!(in_line(b"0::/a", Version::V1), None);
        assert_eq!(in_line(b"6:cpu,freezer:/x:y", Version::V1), Some(&b"/x:y"[..]));
        assert_eq!(in_line(b"", Version::V2), None);
    }

    #[test]
    fn what_may_be_said_of_one_that_has_ended() {
        assert!(is_suspect(b"/a (deleted)", Version::V2) && !is_suspect(b"/a (deleted)", Version::V1));
        assert!(is_suspect(b"/", Version::V1) && !is_suspect(b"/", Version::V2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            for version in [Version::V1, Version::V2] {
                in_line(&text, version);
            }
        }
    }
}
