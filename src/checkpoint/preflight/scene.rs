//! Everything about processes and hierarchies, read once; which groups request a freeze is read for the trees alone
//! (`requests`).

use std::collections::{BTreeMap, BTreeSet};

use super::Request;
use crate::checkpoint::Finding;
use crate::checkpoint::criu::{Criu, FIRST_WITH_CGROUP_V2, numbers};
use crate::checkpoint::handover::{Scene, Side};
use crate::kernel::Filesystem;
use crate::kernel::guard;
use crate::kernel::membership::group_of;
use crate::kernel::processes::Processes;
use crate::kernel::signals::is_stopped;
use crate::model::{CgroupPath, Hierarchy, Process, Version};

/// What was read.
pub(super) struct Host {
    /// Every process that can be seen.
    pub processes: Vec<Process>,
    pub scene: Scene,
    /// The hierarchies that could be opened.
    pub systems: Vec<Filesystem>,
}

impl Host {
    pub(super) fn process(&self, pid: i32) -> Option<&Process> {
        self.processes.iter().find(|process| process.id.pid == pid)
    }

    pub(super) fn system(&self, version: Version) -> Option<&Filesystem> {
        self.systems.iter().find(|fs| fs.hierarchy().version == version)
    }
}

pub(super) fn read(request: &Request<'_>, criu: Option<&Criu>, findings: &mut Vec<Finding>) -> Host {
    let processes = Processes::default().all();
    let (mut sides, mut systems) = (Vec::new(), Vec::new());
    for hierarchy in request.hierarchies.iter() {
        let members = members(hierarchy, &processes, findings);
        match Filesystem::open(hierarchy.clone()) {
            Ok(fs) => {
                let unusable = unusable(hierarchy, criu);
                let asking = BTreeSet::new();
                sides.push(Side { version: hierarchy.version, unusable, asking, members });
                systems.push(fs);
            }
            Err(error) => {
                let what = format!("what is frozen through {}", hierarchy.version);
                findings.push(Finding::unknown("freeze-state", what, error));
            }
        }
    }
    let (mut stopped, mut perhaps_stopped) = (BTreeSet::new(), BTreeSet::new());
    for process in processes.iter().filter(|process| !process.kernel_thread) {
        match is_stopped(process) {
            Some(true) => drop(stopped.insert(process.id.pid)),
            Some(false) => {}
            None => drop(perhaps_stopped.insert(process.id.pid)),
        }
    }
    let mut vital = BTreeMap::new();
    for refusal in guard::vital() {
        vital.entry(refusal.pid).or_insert_with(|| refusal.to_string());
    }
    Host { processes, scene: Scene { sides, stopped, perhaps_stopped, vital }, systems }
}

/// In which group each process is. One that is outside what is mounted here is in none.
fn members(
    hierarchy: &Hierarchy,
    processes: &[Process],
    findings: &mut Vec<Finding>,
) -> BTreeMap<i32, CgroupPath> {
    let mut members = BTreeMap::new();
    for pid in processes.iter().filter(|process| !process.is_zombie()).map(|process| process.id.pid) {
        match group_of(pid, hierarchy) {
            Ok(found) => members.extend(found.group().map(|path| (pid, path))),
            Err(error) => {
                let what = format!("in which {} group process {pid} is", hierarchy.version);
                findings.push(Finding::unknown("freeze-state", what, error));
            }
        }
    }
    members
}

fn unusable(hierarchy: &Hierarchy, criu: Option<&Criu>) -> Option<String> {
    if hierarchy.read_only {
        return Some("it is mounted read-only".to_owned());
    }
    let version = criu?.version.as_deref()?;
    let old = hierarchy.version == Version::V2 && numbers(version) < FIRST_WITH_CGROUP_V2;
    old.then(|| format!("criu {version} does not know its freezer"))
}
