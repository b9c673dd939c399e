//! Walking and reading the groups of one hierarchy.

use std::io;
use std::path::PathBuf;

use super::Dir;
use super::dir::absent_is_none;
use crate::model::freezer::{Events, flag, keyed, v1_state};
use crate::model::{Cgroup, CgroupId, CgroupPath, Change, Freezer, Hierarchy, State, Version};

/// A mounted hierarchy with its root directory open.
#[derive(Debug)]
pub struct Filesystem {
    hierarchy: Hierarchy,
    root: Dir,
}

/// One group, held by its directory.
#[derive(Debug)]
pub struct Group {
    /// Its directory.
    pub dir: Dir,
    /// Who it is.
    pub id: CgroupId,
    /// Where it was found, below the hierarchy's root.
    pub path: CgroupPath,
    /// Which freezer it has.
    pub version: Version,
    /// Its absolute path on the cgroup file system.
    pub absolute: PathBuf,
}

/// How many groups of one directory go into one [`Change::Found`]: enough to be cheap, few enough to be on screen soon.
const BATCH: usize = 512;

/// A group that could not be looked into.
#[derive(Debug)]
pub struct Unreadable {
    /// Which group.
    pub path: CgroupPath,
    /// What the kernel said.
    pub error: io::Error,
}

impl Filesystem {
    /// Opens a hierarchy.
    ///
    /// # Errors
    /// What opening its mount point says.
    pub fn open(hierarchy: Hierarchy) -> io::Result<Self> {
        let root = Dir::open(&hierarchy.mount_point)?;
        Ok(Self { hierarchy, root })
    }

    /// The mount that it was opened on; `None` before Linux 5.8.
    ///
    /// # Errors
    /// What statx(2) says.
    pub fn mount_id(&self) -> io::Result<Option<u64>> {
        self.root.mount_id()
    }

    /// Which hierarchy this is.
    pub fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    /// Opens the group at a path; `None` where there is none.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn group(&self, path: &CgroupPath) -> io::Result<Option<Group>> {
        let Some(dir) = self.root.descendant(path)? else { return Ok(None) };
        let id = dir.id()?;
        let absolute = self.hierarchy.absolute(path);
        Ok(Some(Group { dir, id, path: path.clone(), version: self.hierarchy.version, absolute }))
    }

    /// The group at a path if it still is the one with this identity.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn same_group(&self, path: &CgroupPath, id: CgroupId) -> io::Result<Option<Group>> {
        Ok(self.group(path)?.filter(|group| group.id == id))
    }

    /// Reads the root group.
    ///
    /// # Errors
    /// What the reads say; ENOENT where the hierarchy is gone.
    pub fn read_root(&self) -> io::Result<Cgroup> {
        let gone = || io::Error::from(rustix::io::Errno::NOENT);
        read(&self.root, self.root.id()?, self.hierarchy.version, &[], &mut Vec::new())?.ok_or_else(gone)
    }

    /// Reads one directory: its groups, and that these are all. Returns those that could not be read.
    ///
    /// # Errors
    /// What reading the directory says.
    pub fn list_one(&self, group: &Group, tell: &mut impl FnMut(Change)) -> io::Result<Vec<Unreadable>> {
        let listing = self.list(&group.dir, group.id, tell)?;
        let unreadable = |(name, error): (Box<[u8]>, _)| Unreadable { path: group.path.join(&name), error };
        Ok(listing.unreadable.into_iter().map(unreadable).collect())
    }

    /// Tells the groups of a directory, that these are all, and which of them have none in them. One that cannot be read is
    /// listed as present all the same, for it is there.
    pub(super) fn list(
        &self,
        dir: &Dir,
        parent: CgroupId,
        tell: &mut impl FnMut(Change),
    ) -> io::Result<Listing> {
        let (mut groups, mut present, mut listing) = (Vec::new(), Vec::new(), Listing::default());
        let mut leaves = Vec::new();
        let mut buffer = Vec::with_capacity(128);
        for name in dir.children()? {
            match self.look(dir, &name, &mut buffer) {
                Ok(None) => {}
                Ok(Some((group, has_children))) => {
                    present.push(group.id);
                    if has_children {
                        listing.deeper.push((name, group.id));
                    } else {
                        leaves.push(group.id);
                    }
                    groups.push(group);
                }
                Err(error) => {
                    present.extend(dir.id_of(&name).ok().flatten());
                    listing.unreadable.push((name, error));
                }
            }
            if groups.len() == BATCH {
                tell(Change::Found { parent, groups: std::mem::take(&mut groups) });
            }
        }
        if !groups.is_empty() {
            tell(Change::Found { parent, groups });
        }
        tell(Change::Listed { parent, present });
        // Nobody walks into these: whatever was in them is gone.
        leaves.into_iter().for_each(|parent| tell(Change::Listed { parent, present: Vec::new() }));
        Ok(listing)
    }

    /// One group of a directory, and whether there are groups in it.
    fn look(&self, dir: &Dir, name: &[u8], buffer: &mut Vec<u8>) -> io::Result<Option<(Cgroup, bool)>> {
        let Some(child) = dir.child(name)? else { return Ok(None) };
        let (id, has_children) = child.id_and_children()?;
        let group = read(&child, id, self.hierarchy.version, name, buffer)?;
        Ok(group.map(|group| (group, has_children)))
    }
}

/// What reading a directory leaves to do.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The groups that have groups in them.
    pub(super) deeper: Vec<(Box<[u8]>, CgroupId)>,
    /// The groups that could not be read.
    pub(super) unreadable: Vec<(Box<[u8]>, io::Error)>,
}

impl Group {
    /// Looks at the group again; `None` where it is gone.
    ///
    /// # Errors
    /// What the reads say.
    pub fn read(&self) -> io::Result<Option<Cgroup>> {
        read(&self.dir, self.id, self.version, self.path.name(), &mut Vec::with_capacity(128))
    }

    /// For how long the group has been frozen in all, in microseconds: `frozen_usec` of `cgroup.stat.local`, which newer
    /// kernels have. `None` elsewhere.
    pub fn frozen_usec(&self) -> Option<u64> {
        let mut text = Vec::with_capacity(128);
        let there = self.dir.read_into("cgroup.stat.local", &mut text).unwrap_or(false);
        there.then(|| keyed(&text, b"frozen_usec")).flatten()
    }
}

/// Reads one group through its directory; `None` where it is gone.
pub(super) fn read(
    dir: &Dir,
    id: CgroupId,
    version: Version,
    name: &[u8],
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Cgroup>> {
    let found = match version {
        Version::V2 => read_v2(dir, buffer)?,
        Version::V1 => read_v1(dir, buffer)?.map(|freezer| (freezer, None)),
    };
    let group = |(freezer, populated)| Cgroup { id, name: name.into(), freezer, populated };
    match found {
        Some(found) => Ok(Some(group(found))),
        // A root group has no freezer files; a group that is gone has no files at all.
        None if absent_is_none(dir.read("cgroup.procs"))?.flatten().is_some() && name.is_empty() => {
            Ok(Some(group((Freezer::Root, None))))
        }
        None => Ok(None),
    }
}

fn read_v2(dir: &Dir, buffer: &mut Vec<u8>) -> io::Result<Option<(Freezer, Option<bool>)>> {
    if !dir.read_into("cgroup.freeze", buffer)? {
        return Ok(None);
    }
    let Some(requested) = flag(buffer) else { return Ok(None) };
    if !dir.read_into("cgroup.events", buffer)? {
        return Ok(None);
    }
    let events = Events::parse(buffer);
    Ok(Some((Freezer::V2 { requested, frozen: events.frozen }, Some(events.populated))))
}

fn read_v1(dir: &Dir, buffer: &mut Vec<u8>) -> io::Result<Option<Freezer>> {
    // The state first: reading it makes the kernel bring FREEZING up to date.
    if !dir.read_into("freezer.state", buffer)? {
        return Ok(None);
    }
    let Some(state) = v1_state(buffer) else { return Ok(None) };
    if state == State::Thawed {
        return Ok(Some(Freezer::V1 { requested: false, inherited: false, state }));
    }
    let mut one = |file| Ok::<_, io::Error>(dir.read_into(file, buffer)? && flag(buffer) == Some(true));
    let requested = one("freezer.self_freezing")?;
    let inherited = one("freezer.parent_freezing")?;
    Ok(Some(Freezer::V1 { requested, inherited, state }))
}
