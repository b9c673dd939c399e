//! The groups of a copy: which ones they will be, and those that its keeper has made.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::record::Record;
use crate::checkpoint::images::ImageSet;
use crate::kernel::dir::vanished;
use crate::kernel::members::pids;
use crate::kernel::processes::Processes;
use crate::kernel::tasks::is_active;
use crate::kernel::{Dir, Filesystem};
use crate::model::{CgroupId, CgroupPath, Hierarchies, Hierarchy, Place, Version, printable};

/// A group that a copy will have.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGroup {
    /// Its hierarchy.
    pub hierarchy: Hierarchy,
    /// Its path below the hierarchy's root.
    pub below: CgroupPath,
}

impl NewGroup {
    /// Its absolute path.
    pub fn absolute(&self) -> PathBuf {
        self.hierarchy.absolute(&self.below)
    }
}

/// The groups for a copy: one in each hierarchy with a freezer, beside the group that the root process was in.
///
/// # Errors
/// What looking at the hierarchies says.
pub(in crate::checkpoint::restore) fn choose(
    set: &ImageSet,
    hosts: &Hierarchies,
) -> io::Result<Vec<NewGroup>> {
    let mut places = Vec::new();
    for hierarchy in hosts.iter() {
        let fs = Filesystem::open(hierarchy.clone())?;
        let above = match group_of_root(set, hierarchy) {
            Some(group) => nearest(&fs, group.parent())?,
            None => CgroupPath::root(),
        };
        places.push((fs, above));
    }
    let name = name(set, hosts);
    // Where one is taken in any hierarchy, they all have the next number.
    for number in 1.. {
        let name = if number == 1 { name.clone() } else { [&name, format!("-{number}").as_bytes()].concat() };
        let mut taken = false;
        for (fs, above) in &places {
            taken |= fs.group(&above.join(&name))?.is_some();
        }
        if !taken {
            let new = |(fs, above): &(Filesystem, CgroupPath)| NewGroup {
                hierarchy: fs.hierarchy().clone(),
                below: above.join(&name),
            };
            return Ok(places.iter().map(new).collect());
        }
    }
    Ok(Vec::new())
}

/// The group of the root process in a hierarchy, where that can be reached from here and is not its root.
fn group_of_root(set: &ImageSet, hierarchy: &Hierarchy) -> Option<CgroupPath> {
    let mut groups = set.cgroups.iter().filter(|group| group.freezer() == Some(hierarchy.version));
    let group = groups.find(|group| group.pids.contains(&set.root_pid))?;
    match hierarchy.root.place(&group.below.clone().into()) {
        Place::Below(below) if !below.is_root() => Some(below),
        _ => None,
    }
}

/// The nearest group of these and all above that is there.
fn nearest(fs: &Filesystem, mut path: Option<CgroupPath>) -> io::Result<CgroupPath> {
    while let Some(at) = path {
        if fs.group(&at)?.is_some() {
            return Ok(at);
        }
        path = at.parent();
    }
    Ok(CgroupPath::root())
}

/// `web.copy` for what was in a group `web`; else by its number.
fn name(set: &ImageSet, hosts: &Hierarchies) -> Vec<u8> {
    let group = hosts.iter().find_map(|hierarchy| group_of_root(set, hierarchy));
    let name = group.map_or_else(|| format!("process-{}", set.root_pid).into_bytes(), |g| g.name().to_vec());
    [&name[..], b".copy"].concat()
}

/// Groups that were made for a copy.
#[derive(Debug)]
pub(super) struct CreatedGroups(Vec<CreatedGroup>);

#[derive(Debug)]
struct CreatedGroup {
    path: PathBuf,
    above: Dir,
    name: Vec<u8>,
    id: CgroupId,
}

/// How long a group whose processes have ended may be in use.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(10);

impl CreatedGroups {
    /// Makes them all, or none; each is added to the record.
    pub(super) fn make(paths: &[PathBuf], record: &mut Record) -> Result<Self, String> {
        let mut groups = Self(Vec::new());
        for path in paths {
            let added = make(path).and_then(|made| {
                let id = made.id;
                groups.0.push(made);
                record.add(path, id)
            });
            if let Err(error) = added {
                groups.remove();
                let path = printable(path.as_os_str().as_bytes()).into_owned();
                return Err(format!("cannot create the group {path}: {error}"));
            }
        }
        Ok(groups)
    }

    /// Those of these that are there: another group that has the name of one by now is none.
    pub(super) fn find(groups: &[(PathBuf, CgroupId)]) -> Self {
        let at = |(path, id): &(PathBuf, CgroupId)| {
            let (above, name) = path.parent().zip(path.file_name())?;
            let group = CreatedGroup {
                path: path.clone(),
                above: Dir::open(above).ok()?,
                name: name.as_bytes().to_vec(),
                id: *id,
            };
            group.open().ok()?.is_some().then_some(group)
        };
        Self(groups.iter().filter_map(at).collect())
    }

    /// Whether none of them is there any more.
    pub(super) fn are_gone(&self) -> bool {
        self.0.iter().all(|group| matches!(group.open(), Ok(None)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their absolute paths.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().map(|group| &group.path)
    }

    /// Whether a process is in one of them, or below, that goes on to live; also where that cannot be read.
    pub(super) fn hold_active_processes(&self) -> bool {
        let mut processes = Processes::default();
        let mut active = false;
        for dir in self.0.iter().filter_map(|group| group.open().ok().flatten()) {
            each(&dir, &mut |dir| {
                let is_active = |pid| processes.read(pid).is_some_and(|process| is_active(process.id));
                active |=
                    pids(dir).map_or_else(|error| !vanished(&error), |pids| pids.into_iter().any(is_active));
            });
        }
        active
    }

    /// Thaws those of v1 and all below: what was killed ends only then.
    pub(super) fn thaw_v1(&self) {
        for made in &self.0 {
            let _ = made.open().map(|dir| dir.map(|dir| each(&dir, &mut thaw_v1)));
        }
    }

    /// Removes them, with the groups that the copy has made below. One with a process of somebody else in it stays.
    pub(super) fn remove(&self) {
        let deadline = Instant::now() + REMOVAL_PATIENCE;
        for made in &self.0 {
            while made.remove().is_err() && Instant::now() < deadline {
                sleep(Duration::from_millis(10));
            }
        }
    }
}

fn make(path: &Path) -> io::Result<CreatedGroup> {
    let (above, name) = path.parent().zip(path.file_name()).ok_or(io::ErrorKind::InvalidInput)?;
    let (above, name) = (Dir::open(above)?, name.as_bytes().to_vec());
    above.make(&name)?;
    let id = above.id_of(&name)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(CreatedGroup { path: path.to_owned(), above, name, id })
}

impl CreatedGroup {
    /// The group, and no other that has its name by now.
    fn open(&self) -> io::Result<Option<Dir>> {
        match self.above.child(&self.name)? {
            Some(dir) if dir.id()? == self.id => Ok(Some(dir)),
            _ => Ok(None),
        }
    }

    fn remove(&self) -> io::Result<()> {
        let Some(dir) = self.open()? else { return Ok(()) };
        remove_below(&dir)?;
        self.above.unmake(&self.name)
    }
}

fn remove_below(dir: &Dir) -> io::Result<()> {
    for name in dir.children()? {
        if let Some(child) = dir.child(&name)? {
            remove_below(&child)?;
        }
        dir.unmake(&name)?;
    }
    Ok(())
}

/// A group of v2 has no such file.
fn thaw_v1(dir: &Dir) {
    let _ = dir.write(Version::V1.control_file(), Version::V1.request(false).as_bytes());
}

/// The group and all below.
fn each(dir: &Dir, act: &mut dyn FnMut(&Dir)) {
    act(dir);
    for name in dir.children().unwrap_or_default() {
        let _ = dir.child(&name).map(|child| child.map(|child| each(&child, act)));
    }
}
