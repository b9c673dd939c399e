//! The freeze requests that decide how a checkpoint goes: those that hold the processes, and those below the group that would
//! hold the freeze. A host may have a hundred thousand groups; the others are not read.

use std::collections::BTreeSet;
use std::io;

use super::Finding;
use super::scene::Host;
use crate::checkpoint::handover::{Side, Wanted};
use crate::kernel::Filesystem;
use crate::model::{CgroupPath, Version};

/// Reads them into the scene. A hierarchy where that fails cannot be used.
pub(super) fn read(host: &mut Host, wanted: &Wanted, findings: &mut Vec<Finding>) {
    let mut failed = Vec::new();
    add(host, &mut failed, |fs, side| above(fs, side, &wanted.pids));
    // Which group would hold the freeze is known now: all that it would hold matters, too.
    let mut held = BTreeSet::new();
    for side in &host.scene.sides {
        held.extend(side.holder(wanted).iter().flat_map(|holder| side.inside(holder)));
    }
    add(host, &mut failed, |fs, side| {
        let mut requests = above(fs, side, &held)?;
        if let Some(holder) = side.holder(wanted) {
            requests.append(&mut below(fs, holder)?);
        }
        Ok(requests)
    });
    findings.extend(failed.into_iter().map(|(version, error)| {
        Finding::unknown("freeze-state", format!("what is frozen through {version}"), error)
    }));
}

fn add(
    host: &mut Host,
    failed: &mut Vec<(Version, io::Error)>,
    look: impl Fn(&Filesystem, &Side) -> io::Result<BTreeSet<CgroupPath>>,
) {
    for (side, fs) in host.scene.sides.iter_mut().zip(&host.systems) {
        if failed.iter().any(|(version, _)| *version == side.version) {
            continue;
        }
        match look(fs, side) {
            Ok(requests) => side.asking.extend(requests),
            Err(error) => {
                side.unusable = Some("cannot read what is frozen through it".to_owned());
                failed.push((side.version, error));
            }
        }
    }
}

/// Of the groups that processes are in, and those above these: the ones that request a freeze.
fn above(fs: &Filesystem, side: &Side, pids: &BTreeSet<i32>) -> io::Result<BTreeSet<CgroupPath>> {
    let groups: BTreeSet<&CgroupPath> = pids.iter().filter_map(|pid| side.members.get(pid)).collect();
    let lines = groups.into_iter().flat_map(|group| std::iter::once(group.clone()).chain(group.ancestors()));
    let mut requests = BTreeSet::new();
    for path in lines.collect::<BTreeSet<_>>() {
        let read = fs.group(&path)?.map_or(Ok(None), |group| group.read())?;
        if read.is_some_and(|group| group.freezer.requested()) {
            requests.insert(path);
        }
    }
    Ok(requests)
}

/// Of a group and those below it: the ones that request a freeze.
fn below(fs: &Filesystem, top: CgroupPath) -> io::Result<BTreeSet<CgroupPath>> {
    let (mut requests, mut paths) = (BTreeSet::new(), vec![top]);
    while let Some(path) = paths.pop() {
        let Some(group) = fs.group(&path)? else { continue };
        paths.extend(group.dir.children()?.iter().map(|name| path.join(name)));
        if group.read()?.is_some_and(|group| group.freezer.requested()) {
            requests.insert(path);
        }
    }
    Ok(requests)
}
