//! The control files of a group, as far as they are read unasked.

use std::io;

use super::Group;
use crate::model::{Contents, ControlFile, Version};

/// How much of a file is read.
pub const MOST: usize = 4096;

/// What is read of a v2 group, in the order in which it is shown: what the freezer and the group's own bookkeeping say, the
/// limits that were set, and the counters that the kernel keeps anyway, so that a reading costs one load.
///
/// Never among these: what makes the kernel gather numbers from every CPU and every group below (`memory.stat`,
/// `memory.numa_stat`, `io.stat`, `cpu.stat`, the averages in `cpu.pressure` and its like; kernel: `cgroup_rstat_flush`,
/// `psi_show`), and the lists of members, which are as long as the group is large (`cgroup.procs`, `cgroup.threads`) and are
/// the processes' own view.
const V2: &[&str] = &[
    "cgroup.freeze",
    "cgroup.events",
    "cgroup.kill",
    "cgroup.type",
    "cgroup.controllers",
    "cgroup.subtree_control",
    "cgroup.max.depth",
    "cgroup.max.descendants",
    "cgroup.pressure",
    "pids.current",
    "pids.peak",
    "pids.max",
    "pids.events",
    "memory.current",
    "memory.peak",
    "memory.min",
    "memory.low",
    "memory.high",
    "memory.max",
    "memory.events",
    "memory.oom.group",
    "memory.reclaim",
    "memory.swap.current",
    "memory.swap.max",
    "cpu.weight",
    "cpu.max",
    "cpuset.cpus",
    "cpuset.cpus.effective",
    "cpuset.mems",
    "io.weight",
    "io.max",
];

/// What is read of a v1 group: the freezer's files and the group's own.
const V1: &[&str] = &[
    "freezer.state",
    "freezer.self_freezing",
    "freezer.parent_freezing",
    "cgroup.clone_children",
    "notify_on_release",
    "release_agent",
];

/// Reads the files of a group that are there, through its directory. A file that cannot be read is in the list and says why.
pub fn read(group: &Group) -> Vec<ControlFile> {
    let names = match group.version {
        Version::V2 => V2,
        Version::V1 => V1,
    };
    names.iter().filter_map(|name| look(group, name)).collect()
}

/// What is read of a group where the freezer alone is looked at.
fn of_the_freezer(version: Version) -> &'static [&'static str] {
    match version {
        Version::V2 => &["cgroup.freeze", "cgroup.events"],
        Version::V1 => &["freezer.state", "freezer.self_freezing", "freezer.parent_freezing"],
    }
}

/// Reads the freezer's files of a group, as [`read`] does.
pub fn freezer(group: &Group) -> Vec<ControlFile> {
    of_the_freezer(group.version).iter().filter_map(|name| look(group, name)).collect()
}

fn look(group: &Group, name: &'static str) -> Option<ControlFile> {
    let contents =
        contents(group, name).unwrap_or_else(|error| Some(Contents::Unreadable(error.to_string())));
    contents.map(|contents| ControlFile { name, contents })
}

/// `None` where there is no such file.
fn contents(group: &Group, name: &str) -> io::Result<Option<Contents>> {
    // Root may open a file that nobody may read, and is then told EINVAL: the mode says it better.
    match group.dir.is_for_reading(name)? {
        None => return Ok(None),
        Some(false) => return Ok(Some(Contents::WriteOnly)),
        Some(true) => {}
    }
    // One byte more says whether there is more.
    let Some(mut bytes) = group.dir.read_head(name, MOST + 1)? else { return Ok(None) };
    let cut = bytes.len() > MOST;
    bytes.truncate(MOST);
    Ok(Some(Contents::Text { bytes: bytes.into(), cut }))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::kernel::Dir;
    use crate::model::CgroupPath;

    #[test]
    fn a_long_file_is_cut_and_one_that_is_only_written_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("cgroup.freeze"), "0\n").unwrap();
        write(folder.path().join("cgroup.events"), vec![b'x'; MOST + 1]).unwrap();
        write(folder.path().join("cgroup.type"), vec![b'x'; MOST]).unwrap();
        write(folder.path().join("cgroup.procs"), "1\n").unwrap();
        write(folder.path().join("cgroup.kill"), "").unwrap();
        set_permissions(folder.path().join("cgroup.kill"), Permissions::from_mode(0o200)).unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let (id, absolute) = (dir.id().unwrap(), folder.path().to_owned());
        let files = read(&Group { dir, id, path: CgroupPath::root(), version: Version::V2, absolute });
        let text = |bytes: &[u8], cut| Contents::Text { bytes: bytes.into(), cut };
        let expected = [
            ("cgroup.freeze", text(b"0\n", false)),
            ("cgroup.events", text(&[b'x'; MOST], true)),
            ("cgroup.kill", Contents::WriteOnly),
            ("cgroup.type", text(&[b'x'; MOST], false)),
        ];
        assert_eq!(files, expected.map(|(name, contents)| ControlFile { name, contents }));
    }
}
