//! Where a timer runs: out of the reach of the freeze that it ends.

use std::io;

use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::asking_ancestor;
use crate::kernel::membership::groups_of;
use crate::kernel::mounts;
use crate::model::CgroupPath;

/// Goes into the root group of every hierarchy where that may be done: there nothing freezes it, and nobody ends it together
/// with the session or the unit that it was started from. In the target's hierarchy it must at least be outside of the target.
///
/// # Errors
/// A sentence, where it is in the target and can't leave it.
pub(super) fn leave(fs: &Filesystem, target: &Group) -> Result<(), String> {
    let hosts = mounts::hierarchies().ok();
    let others = hosts.iter().flat_map(|hosts| hosts.iter().cloned());
    for other in others.filter(|other| other.version != target.version) {
        let moved = Filesystem::open(other).and_then(|other| enter(&other, &CgroupPath::root()));
        tracing::debug!(?moved, "to the root of the other hierarchy");
    }
    // The outermost first. Where it is not in the target, only the root is better than where it is.
    let mut above: Vec<CgroupPath> = target.path.ancestors().collect();
    above.reverse();
    let mut refused = None;
    for group in above {
        match enter(fs, &group) {
            Ok(()) => return Ok(()),
            Err(_) if is_outside(fs, target) => return Ok(()),
            Err(error) => refused = Some(format!("{group}: {error}")),
        }
    }
    let why = refused.unwrap_or_else(|| "it has no parent group".to_owned());
    Err(format!(
        "it can't leave {}, with which it would be frozen ({why}); start cryoscope from outside that group",
        target.path
    ))
}

/// Moves this process into a group that nobody freezes.
fn enter(fs: &Filesystem, path: &CgroupPath) -> io::Result<()> {
    let group = fs.group(path)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let asks = group.read()?.is_some_and(|read| read.freezer.requested());
    if asks || asking_ancestor(fs, path).is_some() {
        return Err(io::Error::other("it is frozen itself"));
    }
    // 0 is whoever writes. (kernel: cgroup-v2.rst, "Processes")
    group.dir.write("cgroup.procs", b"0")
}

/// What cannot be known counts as inside.
fn is_outside(fs: &Filesystem, target: &Group) -> bool {
    // One that is not below what is mounted here is not in the target, which is.
    groups_of(std::process::id().cast_signed(), fs.hierarchy())
        .is_ok_and(|at| !at.iter().any(|at| at.is_within(&target.path)))
}
