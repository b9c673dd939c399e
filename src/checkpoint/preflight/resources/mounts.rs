//! Files on mounts that criu cannot find again (`criu/files-reg.c`).

use std::collections::{BTreeSet, HashSet};
use std::io;

use super::files::is_internal;
use super::{Finding, Holder, Host, held, name, several};
use crate::kernel::descriptors::{Facts, ProcessDir};
use crate::kernel::namespaces::Mount;
use crate::kernel::{mappings, namespaces};
use crate::model::printable;

pub(super) fn look(holders: &[Holder<'_>], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let seen = match seen(holders) {
        Ok(seen) => seen,
        Err(error) => {
            findings.push(Finding::unknown("file-outside", "which mounts the processes see", error));
            return;
        }
    };
    followers(holders, &seen, host, findings);
    lost(holders, &seen.iter().map(|mount| mount.id).collect(), findings);
}

/// What to do about a unit with a mount namespace.
const UNIT: &str = "systemctl edit the unit (systemctl --user edit where it is a user's) and turn its sandboxing off for the checkpoint (PrivateTmp=no, ProtectSystem=no, …), or checkpoint a container with its own runtime";

/// Mounts of a namespace of its own that follow mounts outside (`resolve_shared_mounts` in `criu/mount.c`).
fn followers(holders: &[Holder<'_>], seen: &[Mount], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let Some(root) = holders.first() else { return };
    let own = match super::own_namespaces() {
        Ok(own) => own,
        Err(error) => {
            findings.push(Finding::unknown("mount-sharing", "which mounts criu will see", error));
            return;
        }
    };
    let given = ["--external", "--enable-external-masters", "-M", "--ext-mount-map"];
    if root.namespaces.get("mnt") == own.get("mnt") || given.iter().any(|option| host.is_given(option)) {
        return;
    }
    let found: Vec<String> = unreachable(seen).map(|mount| printable(&mount.point).into_owned()).collect();
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "mount-sharing",
                format!("{} has a mount namespace whose mounts follow those outside: {}", name(root.process), several(&found)),
                "criu cannot make such mounts again, as they are with PrivateTmp=yes and other sandboxing of systemd",
            )
            .remedy(UNIT)
            .criu_says("Mount N … has unreachable sharing. Try --enable-external-masters."),
        );
    }
}

/// Mounts that follow a group of which no mount is there. The root's own is taken as it is found.
fn unreachable(seen: &[Mount]) -> impl Iterator<Item = &Mount> {
    let root = seen.iter().find(|mount| &*mount.point == b"/");
    let as_root =
        move |mount: &Mount| root.is_some_and(|r| r.master == mount.master && r.device == mount.device);
    let reached = |group| seen.iter().any(|mount| mount.shared == Some(group));
    seen.iter().filter(move |mount| mount.master.is_some_and(|group| !reached(group)) && !as_root(mount))
}

fn lost(holders: &[Holder<'_>], seen: &BTreeSet<u64>, findings: &mut Vec<Finding>) {
    let lost = |path: &[u8], facts: &Facts| is_lost(path, facts, seen);
    let mut found = Vec::new();
    for holder in holders {
        let open = holder.open.iter().filter(|open| lost(&open.link, &open.facts));
        found.extend(open.map(|open| held(holder, open)));
        for mapping in &holder.mapped {
            // What cannot be looked at is said where its kind is asked for.
            if mappings::facts(&holder.dir, mapping).is_ok_and(|facts| lost(&mapping.path, &facts)) {
                found.push(format!("{} mapped by {}", printable(&mapping.path), name(holder.process)));
            }
        }
    }
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "file-outside",
                format!("a file is open on a mount that the tree's mount namespaces do not have: {}", several(&found)),
                "it was opened before the process got a mount namespace of its own, or is on no mount at all, so criu cannot open it again",
            )
            .remedy(UNIT)
            .criu_says("Can't lookup mount=N for fd=M path=…"),
        );
    }
}

/// The mounts of every mount namespace of the tree, and of this program's where it is one of them: a process that changed
/// its root sees only a part.
fn seen(holders: &[Holder<'_>]) -> io::Result<Vec<Mount>> {
    let mut all = Vec::new();
    let mut done = HashSet::new();
    let own = ProcessDir::open(std::process::id().cast_signed())?;
    let own_namespace = super::own_namespaces()?.get("mnt");
    for holder in holders {
        let namespace = holder.namespaces.get("mnt");
        if done.insert(namespace) {
            all.extend(namespaces::mounts(&holder.dir)?);
            if let Some(own) = own.as_ref().filter(|_| namespace == own_namespace) {
                all.extend(namespaces::mounts(own)?);
            }
        }
    }
    Ok(all)
}

/// A file with a path, but on none of these mounts.
fn is_lost(path: &[u8], facts: &Facts, seen: &BTreeSet<u64>) -> bool {
    path.starts_with(b"/") && !is_internal(path) && facts.mount.is_some_and(|mount| !seen.contains(&mount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::FileType;

    #[test]
    fn mounts_that_follow() {
        let mount = |point: &[u8], shared, master| Mount {
            id: 1,
            device: "0:1".into(),
            point: point.into(),
            shared,
            master,
            parent: 0,
            kind: b"ext4".as_slice().into(),
            served_by: None,
            source: b"/dev/sda1".as_slice().into(),
        };
        let seen = [
            mount(b"/", Some(9), Some(1)),
            mount(b"/a", None, Some(9)),
            mount(b"/b", Some(8), Some(3)),
            mount(b"/c", None, Some(1)),
        ];
        assert_eq!(unreachable(&seen).map(|mount| &*mount.point).collect::<Vec<_>>(), [b"/b"]);
        assert_eq!(unreachable(&[mount(b"/", None, None)]).count(), 0);
    }

    #[test]
    fn files_without_a_mount() {
        let seen = BTreeSet::from([7]);
        let facts = |mount| Facts {
            kind: FileType::RegularFile,
            id: (0, 0, 1),
            links: 1,
            bytes: 0,
            device: (0, 0),
            mount,
        };
        assert!(is_lost(b"/a", &facts(Some(8)), &seen));
        assert!(!is_lost(b"/a", &facts(Some(7)), &seen));
        assert!(!is_lost(b"/a", &facts(None), &seen), "an old kernel does not say");
        assert!(!is_lost(b"/memfd:x (deleted)", &facts(Some(8)), &seen));
        assert!(!is_lost(b"socket:[1]", &facts(Some(8)), &seen));
    }
}
