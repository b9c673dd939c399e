//! What is restored: a tree of processes from a folder of images each.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::copy::NewGroup;
use super::scope::Scope;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::images::{self, ImageSet, Process, State};
use crate::kernel::{Filesystem, cgroupfs};
use crate::model::{CgroupPath, Hierarchies, Hierarchy, NamespacePath, Place, Version};

/// A group that a process is in again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Its absolute path.
    pub path: Arg,
    /// Its hierarchy.
    #[serde(skip)]
    pub version: Version,
    /// Its path below what is mounted here.
    #[serde(skip)]
    pub below: CgroupPath,
    /// Its path as `/proc/PID/cgroup` says it.
    #[serde(skip)]
    pub member: NamespacePath,
}

/// A process, as the images have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Its PID, in its own PID namespace.
    pub pid: i32,
    /// The kernel's name for it, printable.
    pub name: String,
    /// What it was doing.
    pub state: State,
    /// The signal that stopped it ([`Process::stop_signal`]).
    #[serde(skip)]
    pub stop_signal: Option<u32>,
    /// The numbers of its threads, its own among them; of a zombie only that.
    pub threads: Vec<i32>,
    /// Its session; `None` where it joins the one that it is restored in.
    pub sid: Option<i32>,
    /// Its groups in the hierarchies with a freezer, as far as they are mounted here.
    pub groups: Vec<Group>,
}

/// What one `criu restore` brings back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tree {
    /// The folder with its images.
    pub images: Arg,
    /// Its processes, each behind its parent.
    pub processes: Vec<Member>,
    /// How much memory the images hold.
    pub memory_bytes: u64,
    /// It has a PID namespace of its own: its numbers are free there, and other ones here.
    pub own_pids: bool,
    /// It must be restored on a terminal.
    pub on_terminal: bool,
    /// The groups that criu is started in, where it is to make none: all processes come into these. `None` where criu itself
    /// puts each into its own.
    pub within: Option<Vec<Arg>>,
}

/// Where the processes come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Destination<'a> {
    /// Into the groups of the images.
    Images,
    /// Into this group, of this hierarchy.
    Group(&'a Filesystem, &'a cgroupfs::Group),
    /// Into these groups, which are made first.
    New(&'a [NewGroup]),
    /// Into this scope of systemd, which is made first.
    Scope(&'a Scope),
    /// An option for criu decides that.
    Unknown,
}

impl Tree {
    pub(super) fn of(
        set: &ImageSet,
        hierarchies: &Hierarchies,
        destination: Destination<'_>,
        within: Option<Vec<Arg>>,
    ) -> Self {
        let pids: HashSet<i32> = set.processes.iter().map(|process| process.pid).collect();
        let mut groups = match destination {
            Destination::Images => groups_by_process(set, hierarchies),
            Destination::Group(fs, group) => {
                in_all(set, &given(fs.hierarchy(), &group.path).into_iter().collect::<Vec<_>>())
            }
            Destination::New(groups) => {
                let new = groups.iter().filter_map(|group| given(&group.hierarchy, &group.below));
                in_all(set, &new.collect::<Vec<_>>())
            }
            Destination::Scope(scope) => {
                in_all(set, &beside_scope(set, scope, within.as_deref().unwrap_or_default(), hierarchies))
            }
            Destination::Unknown => HashMap::new(),
        };
        let mut member = |process: &Process| Member {
            pid: process.pid,
            name: process.name.clone(),
            state: process.state,
            stop_signal: process.stop_signal,
            threads: match process.thread_list.is_empty() {
                true => vec![process.pid],
                false => process.thread_list.iter().map(|thread| thread.tid).collect(),
            },
            sid: Some(process.sid).filter(|sid| pids.contains(sid)),
            groups: groups.remove(&process.pid).unwrap_or_default(),
        };
        Self {
            images: set.place.clone().into(),
            processes: set.processes.iter().map(&mut member).collect(),
            memory_bytes: set.memory_bytes,
            own_pids: set.namespaces.contains(&"pid"),
            on_terminal: set.on_terminal,
            within,
        }
    }

    /// Those that ran when they were dumped: the others stay stopped.
    pub(super) fn running(&self) -> impl Iterator<Item = &Member> {
        self.processes.iter().filter(|member| matches!(member.state, State::Running | State::Unknown))
    }

    /// The PID of the process at the top.
    pub fn root(&self) -> i32 {
        self.processes.first().map_or(0, |root| root.pid)
    }
}

/// The groups of each process in the hierarchies with a freezer, as far as they are mounted here.
fn groups_by_process(set: &ImageSet, hierarchies: &Hierarchies) -> HashMap<i32, Vec<Group>> {
    let mut groups: HashMap<i32, Vec<Group>> = HashMap::new();
    for stored in &set.cgroups {
        let Some(group) = group(stored, hierarchies) else { continue };
        stored.pids.iter().for_each(|&pid| groups.entry(pid).or_default().push(group.clone()));
    }
    groups
}

fn group(stored: &images::Group, hierarchies: &Hierarchies) -> Option<Group> {
    let version = stored.freezer()?;
    let hierarchy = hierarchies.get(version)?;
    let Place::Below(below) = hierarchy.root.place(&stored.below.clone().into()) else { return None };
    let path = hierarchy.absolute(&below).into();
    Some(Group { path, version, below, member: stored.below.clone().into() })
}

/// The scope's group, where v2 is mounted, and those of the v1 freezer that criu is started in.
fn beside_scope(set: &ImageSet, scope: &Scope, within: &[Arg], hierarchies: &Hierarchies) -> Vec<Group> {
    let v2 = hierarchies.get(Version::V2).and_then(|hierarchy| {
        let member: NamespacePath = scope.group().into();
        let Place::Below(below) = hierarchy.root.place(&member) else { return None };
        given(hierarchy, &below)
    });
    let v1 = set.cgroups.iter().filter_map(|stored| group(stored, hierarchies));
    v2.into_iter().chain(v1.filter(|group| within.contains(&group.path))).collect()
}

/// Every process is in all of these.
fn in_all(set: &ImageSet, groups: &[Group]) -> HashMap<i32, Vec<Group>> {
    set.processes.iter().map(|process| (process.pid, groups.to_vec())).collect()
}

/// A group by its path below what is mounted; `None` where it is no group of a mounted hierarchy.
fn given(hierarchy: &Hierarchy, below: &CgroupPath) -> Option<Group> {
    let root = hierarchy.root.join(below);
    let (path, version) = (hierarchy.absolute(below).into(), hierarchy.version);
    Some(Group { path, version, below: below.clone(), member: root.path()?.clone() })
}
