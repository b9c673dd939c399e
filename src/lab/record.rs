//! What a lab leaves behind when it is killed: written down before it is made, found by the next lab.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::kernel::runtime_folder::{Bytes, Held, RuntimeFolder};
use crate::kernel::{Filesystem, Group};
use crate::model::{CgroupId, CgroupPath, Hierarchy, MountRoot, ProcessId, Version};

const KIND: &str = "lab";

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// The first: the lab's process, and its folder.
    Lab { pid: i32, start: u64, folder: Bytes },
    /// A group is about to be made, or has been: then it says which.
    Group { v1: bool, mount: Bytes, path: Bytes, id: Option<(u64, u64)> },
}

/// The file, held by this lab.
#[derive(Debug)]
pub(super) struct Record(Held);

impl Record {
    /// Begins it, with the folder for counts and images.
    pub(super) fn begin(lab: ProcessId, folder: &std::path::Path) -> io::Result<Self> {
        let folder = Bytes::of(folder.as_os_str().as_encoded_bytes());
        let line = line(&Line::Lab { pid: lab.pid, start: lab.start, folder })?;
        RuntimeFolder::make()?.create(KIND, &line).map(Self)
    }

    /// A group of this path is about to be made.
    pub(super) fn intend(&mut self, hierarchy: &Hierarchy, path: &CgroupPath) -> io::Result<()> {
        self.group(hierarchy, path, None)
    }

    /// It is made.
    pub(super) fn made(&mut self, hierarchy: &Hierarchy, group: &Group) -> io::Result<()> {
        self.group(hierarchy, &group.path, Some((group.id.dev, group.id.ino)))
    }

    fn group(&mut self, at: &Hierarchy, path: &CgroupPath, id: Option<(u64, u64)>) -> io::Result<()> {
        let mount = Bytes::of(at.mount_point.as_os_str().as_encoded_bytes());
        let path = Bytes::of(path.as_bytes());
        self.0.write(&line(&Line::Group { v1: at.version == Version::V1, mount, path, id })?)
    }

    /// Everything is removed.
    pub(super) fn end(self) -> io::Result<()> {
        self.0.remove()
    }
}

fn line(line: &Line) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    Ok(text)
}

/// A lab that was killed.
#[derive(Debug)]
pub(super) struct LeftBehind {
    pub(super) lab: ProcessId,
    pub(super) folder: PathBuf,
    /// Those that are still the groups which were made, and those that are empty and were about to be written down.
    pub(super) groups: Vec<(Filesystem, Group)>,
    held: Held,
}

impl LeftBehind {
    /// Everything is removed.
    pub(super) fn end(self) -> io::Result<()> {
        self.held.remove()
    }
}

/// The labs that are gone and have left something behind.
pub(super) fn left_behind() -> io::Result<Vec<LeftBehind>> {
    let Some(folder) = RuntimeFolder::open(false)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for name in folder.names(KIND)? {
        let Some(mut held) = folder.hold(&name)? else { continue };
        let text = held.read()?;
        let lines: Vec<Line> =
            text.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        match lab_of(&lines) {
            Some((lab, folder)) => {
                let groups = groups_of(lines)?;
                found.push(LeftBehind { lab, folder, groups, held });
            }
            // What does not read so was not written by a lab.
            None => held.remove()?,
        }
    }
    Ok(found)
}

fn lab_of(lines: &[Line]) -> Option<(ProcessId, PathBuf)> {
    let Line::Lab { pid, start, folder } = lines.first()? else { return None };
    Some((ProcessId { pid: *pid, start: *start }, PathBuf::from(std::ffi::OsString::from(folder.clone()))))
}

fn groups_of(lines: Vec<Line>) -> io::Result<Vec<(Filesystem, Group)>> {
    let mut found: Vec<(Filesystem, Group)> = Vec::new();
    // The last word on a path comes first.
    for line in lines.into_iter().rev() {
        let Line::Group { v1, mount, path, id } = line else { continue };
        let path = CgroupPath::new(&path.into_vec());
        let mount_point = PathBuf::from(std::ffi::OsString::from(mount));
        if found.iter().any(|(fs, group)| fs.hierarchy().mount_point == mount_point && group.path == path) {
            continue;
        }
        let version = if v1 { Version::V1 } else { Version::V2 };
        let root = MountRoot::whole();
        let Ok(fs) =
            Filesystem::open(Hierarchy { version, mount_point, root, device: (0, 0), read_only: false })
        else {
            continue;
        };
        let Some(group) = fs.group(&path)? else { continue };
        let same = id.map(|(dev, ino)| CgroupId { dev, ino } == group.id);
        // One that was made and not written down is empty: this lab put nothing into it.
        let empty = || crate::kernel::members::pids(&group.dir).is_ok_and(|pids| pids.is_empty());
        if same.unwrap_or_else(empty) {
            found.push((fs, group));
        }
    }
    Ok(found)
}
