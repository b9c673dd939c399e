//! Groups of others that criu writes down with the processes: on each v1 hierarchy all that are below a process's own
//! (`collect_cgroups` in `criu/cgroup.c`). In the root group that is the whole hierarchy.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Finding;
use crate::kernel::v1_hierarchies::{below, groups_of, mounted};
use crate::model::{CgroupPath, Process, printable, shell};

/// So many groups are counted at most.
const MAX_COUNTED: usize = 1000;

/// So many are named.
const MAX_NAMED: usize = 3;

pub(super) fn look(trees: &[Vec<Process>], findings: &mut Vec<Finding>) {
    match others(trees) {
        Ok(found) => findings.extend(finding(&found)),
        Err(error) => {
            findings.push(Finding::unknown("other-groups", "which other groups criu records", error))
        }
    }
}

/// The groups below those of the processes that lead to none of the processes, as paths of directories.
fn others(trees: &[Vec<Process>]) -> io::Result<Vec<String>> {
    let mut own: BTreeMap<Box<str>, BTreeSet<CgroupPath>> = BTreeMap::new();
    for process in trees.iter().flatten().filter(|process| !process.is_zombie()) {
        for (controllers, path) in groups_of(process.id.pid)? {
            own.entry(controllers).or_default().insert(path);
        }
    }
    let mut found = Vec::new();
    for hierarchy in mounted()? {
        let Some(own) = own.get(&hierarchy.controllers) else { continue };
        for path in own.iter().filter(|path| !own.iter().any(|above| above != *path && path.is_within(above)))
        {
            let left = MAX_COUNTED - found.len();
            let foreign = below(&hierarchy, path, left)?.into_iter();
            let foreign = foreign.filter(|group| !own.iter().any(|own| own.is_within(group)));
            found.extend(foreign.map(|group| {
                let mut dir = hierarchy.mount_point.as_os_str().as_encoded_bytes().to_vec();
                dir.extend(group.as_bytes());
                printable(&dir).into_owned()
            }));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn finding(found: &[String]) -> Option<Finding> {
    let mut named: Vec<String> =
        found.iter().take(MAX_NAMED).map(|group| shell::quoted(group.as_ref())).collect();
    match found.len().saturating_sub(MAX_NAMED) {
        0 => {}
        more if found.len() >= MAX_COUNTED => named.push(format!("and at least {more} more")),
        more => named.push(format!("and {more} more")),
    }
    (!found.is_empty()).then(|| {
        Finding::warning(
            "other-groups",
            format!("criu records groups that contain no process of the tree: {}", named.join(", ")),
            "the processes are in a group above these; a restore creates those again that are gone by then, and the \
             dump can fail if one appears or disappears meanwhile",
        )
        .remedy("move the processes into a group of their own on that hierarchy first")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(finding(&[]), None);
        let all: Vec<String> = (0..5).map(|n| format!("/g/{n}")).collect();
        assert!(finding(&all).unwrap().what.ends_with("/g/0, /g/1, /g/2, and 2 more"));
        let many = vec!["/g".to_owned(); MAX_COUNTED];
        assert!(finding(&many).unwrap().what.ends_with("and at least 997 more"));
    }
}
