//! The groups that the processes were in: `cgroup.img`.

use serde::Serialize;

use super::ImagesError;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{CgroupSet, Cgroups};
use super::process::Process;
use crate::model::{CgroupPath, Version, printable};

/// A group that processes were in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// `v2`, or the v1 controller: `freezer`, `memory`, `name=systemd`, …
    pub controller: String,
    /// Below the hierarchy's root, printable.
    pub path: String,
    /// The processes in it.
    pub pids: Vec<i32>,
    /// The path as bytes.
    #[serde(skip)]
    pub below: CgroupPath,
}

impl Group {
    /// True for a group of a hierarchy that has a freezer.
    pub fn has_freezer(&self) -> bool {
        self.freezer().is_some()
    }

    /// The freezer of its hierarchy. The v1 freezer may share its hierarchy with other controllers.
    pub fn freezer(&self) -> Option<Version> {
        match self.controller.as_str() {
            "v2" => Some(Version::V2),
            list if list.split(',').any(|controller| controller == "freezer") => Some(Version::V1),
            _ => None,
        }
    }
}

/// The groups of the processes; those that criu itself was in are not kept by criu.
pub(super) fn read(folder: &Folder, processes: &[Process]) -> Result<Vec<Group>, ImagesError> {
    let Some(mut image) = Image::open(folder, "cgroup.img", Magic::Cgroup)? else {
        return Ok(Vec::new());
    };
    let sets = image.one::<Cgroups>()?.sets;
    let mut groups: Vec<Group> = Vec::new();
    for set in &sets {
        let pids: Vec<i32> = processes.iter().filter(|p| p.cg_set == Some(set.id)).map(|p| p.pid).collect();
        if !pids.is_empty() {
            enter(set, &pids, &mut groups);
        }
    }
    Ok(groups)
}

/// Two sets may share a group.
fn enter(set: &CgroupSet, pids: &[i32], groups: &mut Vec<Group>) {
    for member in &set.ctls {
        let controller = if member.name.is_empty() { "v2".into() } else { printable(&member.name) };
        let path = printable(&member.path);
        match groups.iter_mut().find(|group| group.controller == controller && group.path == path) {
            Some(group) => group.pids.extend(pids),
            None => groups.push(Group {
                controller: controller.into_owned(),
                path: path.into_owned(),
                pids: pids.to_vec(),
                below: CgroupPath::new(&member.path),
            }),
        }
    }
}
