//! The groups that the processes were in: `cgroup.img`.

use std::collections::HashSet;

use serde::Serialize;

use super::ImagesError;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{CgroupController, CgroupDir, CgroupProperty, CgroupSet, Cgroups};
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
    /// A v1 group that criu freezes when it makes it again.
    #[serde(skip)]
    pub made_frozen: bool,
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
    let Cgroups { sets, controllers } = image.one()?;
    let mut groups: Vec<Group> = Vec::new();
    for set in &sets {
        let pids: Vec<i32> = processes.iter().filter(|p| p.cg_set == Some(set.id)).map(|p| p.pid).collect();
        if !pids.is_empty() {
            enter(set, &pids, &mut groups);
        }
    }
    let frozen = frozen(&controllers);
    for group in groups.iter_mut().filter(|group| group.freezer() == Some(Version::V1)) {
        group.made_frozen = frozen.contains(&group.below);
    }
    Ok(groups)
}

/// The groups of the v1 freezer that are made again frozen (criu/cgroup.c: `prepare_cgroup_dir_properties`).
fn frozen(controllers: &[CgroupController]) -> HashSet<CgroupPath> {
    let freezer = controllers.iter().filter(|c| c.names.iter().any(|name| name == b"freezer"));
    let mut waiting: Vec<(CgroupPath, &CgroupDir)> =
        freezer.flat_map(|c| &c.dirs).map(|dir| (CgroupPath::root(), dir)).collect();
    let mut frozen = HashSet::new();
    while let Some((above, dir)) = waiting.pop() {
        let path = CgroupPath::new(&[above.as_bytes(), b"/", &dir.name[..]].concat());
        waiting.extend(dir.children.iter().map(|child| (path.clone(), child)));
        let is_frozen = |p: &CgroupProperty| p.name == b"freezer.state" && p.value.starts_with(b"FROZEN");
        if dir.properties.iter().any(is_frozen) {
            frozen.insert(path);
        }
    }
    frozen
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
                made_frozen: false,
            }),
        }
    }
}
