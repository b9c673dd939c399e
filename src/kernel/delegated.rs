//! Which groups a user may freeze who is not root: those that were delegated to them (Documentation/admin-guide/cgroup-v2.rst,
//! "Delegation"; Delegate= of systemd.resource-control(5)).

use std::io;

use super::cgroupfs::Filesystem;
use crate::model::CgroupPath;

/// A group, and all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegated {
    /// The highest group of them.
    pub group: CgroupPath,
    /// Whether it can be frozen itself. systemd gives its user only what is below: groups can be made and processes moved there.
    pub itself: bool,
}

/// So many groups are looked at: more than an ordinary host has.
const MAX_GROUPS_LOOKED_AT: usize = 20_000;

/// The groups of a hierarchy that this program may freeze, the highest of each subtree, by name. Nothing is written.
///
/// # Errors
/// What opening the top of the hierarchy says. A group that cannot be read is passed over: this user may not freeze it.
pub fn find(fs: &Filesystem) -> io::Result<Vec<Delegated>> {
    let file = fs.hierarchy().version.control_file();
    let Some(top) = fs.group(&CgroupPath::root())? else { return Ok(Vec::new()) };
    let (mut left, mut looked, mut found) = (vec![(CgroupPath::root(), top.dir)], 0, Vec::new());
    while let Some((group, dir)) = left.pop() {
        looked += 1;
        let itself = dir.may_write(file);
        if itself || (dir.may_write("cgroup.procs") && dir.may_write(".")) {
            found.push(Delegated { group, itself });
            continue;
        }
        if looked + left.len() < MAX_GROUPS_LOOKED_AT {
            let names = dir.children().unwrap_or_default();
            let child = |name: Box<[u8]>| Some((group.join(&name), dir.child(&name).ok()??));
            left.extend(names.into_iter().filter_map(child));
        }
    }
    found.sort_by(|one, other| one.group.cmp(&other.group));
    Ok(found)
}
