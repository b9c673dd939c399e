//! The groups that the processes were in: `cgroup.img`.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use prost::{DecodeError, Message};

use serde::Serialize;

use super::ImagesError;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{CgroupController, CgroupDir, CgroupMember, CgroupProperty, CgroupSet, Cgroups};
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

    /// True for a group of a hierarchy in which systemd has the units: cgroup v2, and its own one of v1, by which it goes where v2 is
    /// not all there is.
    pub fn is_of_units(&self) -> bool {
        matches!(&*self.controller, "v2" | "name=systemd")
    }

    /// The freezer of its hierarchy. The v1 freezer may share its hierarchy with other controllers.
    pub fn freezer(&self) -> Option<Version> {
        Self::freezer_of(&self.controller)
    }

    /// The same of a hierarchy by its [`Self::controller`].
    pub fn freezer_of(controller: &str) -> Option<Version> {
        match controller {
            "v2" => Some(Version::V2),
            list if list.split(',').any(|controller| controller == "freezer") => Some(Version::V1),
            _ => None,
        }
    }
}

/// The most memberships (a process in a group of one hierarchy) that are kept: a million, far beyond any host.
const MAX_MEMBERSHIPS: usize = 1 << 20;
/// The longest path of a group, in bytes (`PATH_MAX` of linux/limits.h): criu could not make a longer one.
const MAX_PATH_BYTES: usize = 4096;

/// A group that criu makes again though none of the processes is in it or below it: it saves all groups below a group of a
/// process in each v1 hierarchy (criu/cgroup.c: `collect_cgroups`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherGroup {
    /// As in [`Group::controller`].
    pub controller: String,
    /// Below the hierarchy's root.
    pub below: CgroupPath,
}

/// Where the message begins, behind the two magic numbers.
const MESSAGE_OFFSET: u64 = 8;

/// The most groups of others that are kept: more are in nobody's sentence.
const MAX_OTHER_GROUPS: usize = 1000;

/// What the image holds.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The groups of the processes; those that criu itself was in are not kept by criu.
    pub own: Vec<Group>,
    /// Those of others, a thousand at most.
    pub others: Vec<OtherGroup>,
}

/// Reads it.
pub(super) fn read(folder: &Folder, processes: &[Process]) -> Result<Groups, ImagesError> {
    let Some(mut image) = Image::open(folder, "cgroup.img", Magic::Cgroup)? else {
        return Ok(Groups::default());
    };
    let Cgroups { sets, controllers } = image.one()?;
    let mut members: HashMap<u32, Vec<i32>> = HashMap::new();
    for process in processes {
        if let Some(set) = process.cg_set {
            members.entry(set).or_default().push(process.pid);
        }
    }
    let mut memberships = Memberships::default();
    for set in &sets {
        // Of two sets with one number criu takes the first (criu/cgroup.c: `get_cg_set_by_id`).
        if let Some(pids) = members.remove(&set.id)
            && !memberships.enter(set, &pids)
        {
            return Err(image.unfit(format!("more than {MAX_MEMBERSHIPS} group memberships")));
        }
    }
    let mut groups = memberships.groups;
    let v1: HashSet<&CgroupPath> = groups
        .iter()
        .filter(|group| group.freezer() == Some(Version::V1))
        .map(|group| &group.below)
        .collect();
    let damaged = |error: DecodeError| image.damaged(MESSAGE_OFFSET, error.to_string());
    let frozen = frozen(&controllers, &v1).map_err(damaged)?;
    for group in groups.iter_mut().filter(|group| group.freezer() == Some(Version::V1)) {
        group.made_frozen = frozen.contains(&group.below);
    }
    let mut others = Vec::new();
    for controller in &controllers {
        add_others(controller, &groups, &mut others).map_err(damaged)?;
    }
    Ok(Groups { own: groups, others })
}

/// Those groups of a hierarchy that hold no process of the tree, in them or below.
fn add_others(
    controller: &CgroupController,
    own: &[Group],
    others: &mut Vec<OtherGroup>,
) -> Result<(), DecodeError> {
    let name = controller_name(&controller.names.join(&b','));
    let members = own.iter().filter(|group| group.controller == name);
    let mut members: Vec<&[u8]> = members.map(|group| group.below.as_bytes()).collect();
    members.sort_unstable();
    let is_above = |path: &CgroupPath| {
        let below = [path.as_bytes(), b"/"].concat();
        let first = members.partition_point(|member| *member < &below[..]);
        path.is_root() || members.get(first).is_some_and(|member| member.starts_with(&below))
    };
    let is_needed = |path: &CgroupPath| members.binary_search(&path.as_bytes()).is_ok() || is_above(path);
    each_dir(&controller.dirs, |path, _| {
        if !is_needed(path) && others.len() < MAX_OTHER_GROUPS {
            others.push(OtherGroup { controller: name.clone(), below: path.clone() });
        }
    })
}

/// Those of the `wanted` groups of the v1 freezer that are made again frozen (criu/cgroup.c: `prepare_cgroup_dir_properties`).
fn frozen(
    controllers: &[CgroupController],
    wanted: &HashSet<&CgroupPath>,
) -> Result<HashSet<CgroupPath>, DecodeError> {
    let freezer = controllers.iter().filter(|c| c.names.iter().any(|name| name == b"freezer"));
    let mut frozen = HashSet::new();
    for controller in freezer {
        each_dir(&controller.dirs, |path, dir| {
            let is_frozen = |p: &CgroupProperty| p.name == b"freezer.state" && p.value.starts_with(b"FROZEN");
            if wanted.contains(path) && dir.properties.iter().any(is_frozen) {
                frozen.insert(path.clone());
            }
        })?;
    }
    Ok(frozen)
}

/// Looks at each of these groups, and at those below; but at none whose path criu could not make.
fn each_dir(dirs: &[CgroupDir], mut look: impl FnMut(&CgroupPath, &CgroupDir)) -> Result<(), DecodeError> {
    let root = Rc::new(CgroupPath::root());
    let mut waiting: Vec<(Rc<CgroupPath>, CgroupDir)> =
        dirs.iter().map(|dir| (root.clone(), dir.clone())).collect();
    while let Some((above, dir)) = waiting.pop() {
        if above.as_bytes().len() + dir.name.len() >= MAX_PATH_BYTES {
            continue;
        }
        let path = Rc::new(CgroupPath::new(&[above.as_bytes(), b"/", &dir.name[..]].concat()));
        look(&path, &dir);
        for child in dir.children {
            waiting.push((path.clone(), CgroupDir::decode(child)?));
        }
    }
    Ok(())
}

/// A hierarchy by its controllers as [`Group::controller`] has it: `v2`, or the v1 controllers, printable.
pub fn controller_name(name: &[u8]) -> String {
    if name.is_empty() { "v2".into() } else { printable(name).into_owned() }
}

/// The groups that were seen so far.
#[derive(Default)]
struct Memberships {
    groups: Vec<Group>,
    /// Where a group stands in `groups`, by controller and path.
    index: HashMap<(Vec<u8>, Vec<u8>), usize>,
    count: usize,
}

impl Memberships {
    /// Enters the processes into every group of a set: two sets may share a group. False where there are too many.
    fn enter(&mut self, set: &CgroupSet, pids: &[i32]) -> bool {
        for member in &set.ctls {
            self.count = self.count.saturating_add(pids.len());
            if self.count > MAX_MEMBERSHIPS {
                return false;
            }
            let at = *self.index.entry((member.name.clone(), member.path.clone())).or_insert_with(|| {
                self.groups.push(group(member));
                self.groups.len() - 1
            });
            self.groups[at].pids.extend(pids);
        }
        true
    }
}

fn group(member: &CgroupMember) -> Group {
    Group {
        controller: controller_name(&member.name),
        path: printable(&member.path).into_owned(),
        pids: Vec::new(),
        below: CgroupPath::new(&member.path),
        made_frozen: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str, state: &str, children: Vec<CgroupDir>) -> CgroupDir {
        let state = CgroupProperty { name: b"freezer.state".to_vec(), value: state.into() };
        let children = children.iter().map(|child| child.encode_to_vec().into()).collect();
        CgroupDir { name: name.into(), children, properties: vec![state] }
    }

    #[test]
    fn a_group_is_made_frozen_by_its_own_property() {
        let inner = directory("inner", "FROZEN\n", Vec::new());
        let outer = directory("/outer", "THAWED\n", vec![inner]);
        let controllers = [CgroupController { names: vec![b"freezer".to_vec()], dirs: vec![outer] }];
        let (outer, inner) = (CgroupPath::new(b"/outer"), CgroupPath::new(b"/outer/inner"));
        assert_eq!(frozen(&controllers, &[&outer, &inner].into()).unwrap(), [inner.clone()].into());
        assert!(frozen(&controllers, &[&outer].into()).unwrap().is_empty());
    }

    #[test]
    fn groups_of_others_hold_none_of_the_processes() {
        let own = directory("own", "", vec![directory("below", "", Vec::new())]);
        let beside = ["beside", "own-too"].map(|name| directory(name, "", Vec::new()));
        let outer = directory("/outer", "", [own].into_iter().chain(beside).collect());
        let freezer = CgroupController { names: vec![b"freezer".to_vec()], dirs: vec![outer] };
        let member = |name: &str| group(&CgroupMember { name: name.into(), path: b"/outer/own".to_vec() });
        let mut found = Vec::new();
        add_others(&freezer, &[member("freezer"), member("")], &mut found).unwrap();
        let mut found: Vec<String> = found.iter().map(|group| group.below.to_string()).collect();
        found.sort_unstable();
        assert_eq!(found, ["/outer/beside", "/outer/own-too", "/outer/own/below"]);
    }

    #[test]
    fn groups_nested_deeper_than_messages_are() {
        let nest = |inner, _| directory("d", "FROZEN\n", vec![inner]);
        let dirs = vec![(0..1500).fold(directory("d", "FROZEN\n", Vec::new()), nest)];
        let controllers = [CgroupController { names: vec![b"freezer".to_vec()], dirs }];
        let deepest = CgroupPath::new("/d".repeat(1501).as_bytes());
        assert_eq!(frozen(&controllers, &[&deepest].into()).unwrap(), [deepest].into());
        let broken = CgroupDir { children: vec![vec![0xff; 9].into()], ..directory("d", "", Vec::new()) };
        assert!(each_dir(&[broken], |_, _| {}).is_err());
    }

    #[test]
    fn two_sets_share_a_group_and_too_many_are_refused() {
        let member = |path: &str| CgroupMember { name: Vec::new(), path: path.into() };
        let mut memberships = Memberships::default();
        let set =
            |id, paths: &[&str]| CgroupSet { id, ctls: paths.iter().map(|path| member(path)).collect() };
        assert!(memberships.enter(&set(1, &["/a", "/b"]), &[7]));
        assert!(memberships.enter(&set(2, &["/a"]), &[8]));
        let seen: Vec<_> = memberships.groups.iter().map(|g| (g.path.as_str(), &g.pids[..])).collect();
        assert_eq!(seen, [("/a", &[7, 8][..]), ("/b", &[7][..])]);
        let pids = vec![1; 1 << 19];
        assert!(!memberships.enter(&set(3, &["/c", "/d", "/e"]), &pids));
    }
}
