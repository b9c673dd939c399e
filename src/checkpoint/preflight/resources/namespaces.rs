//! Namespaces: those of the root are dumped with it, most of those inside the tree cannot be (`criu/namespaces.c`).

use super::{Finding, Holder, name, several};
use crate::kernel::namespaces::Namespaces;

/// The kinds that criu can dump only once for a whole tree.
const SINGLE: [&str; 6] = ["cgroup", "ipc", "pid", "time_for_children", "user", "uts"];

pub(super) fn look(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let Some((root, below)) = holders.split_first() else { return };
    nested(root, below, findings);
    match super::own_namespaces() {
        Ok(own) => shared_memory(holders, &own, findings),
        Err(error) => {
            findings.push(Finding::unknown("namespaces", "which namespaces criu will run in", error))
        }
    }
}

/// A process in another namespace than the root's.
fn nested(root: &Holder<'_>, below: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let time = root.namespaces.get("time_for_children") != root.namespaces.get("time");
    let mut found: Vec<String> = Vec::new();
    if time {
        found.push(format!("the time namespace that {} made for its children", name(root.process)));
    }
    for holder in below {
        let kinds = holder.namespaces.differences(&root.namespaces);
        let kinds: Vec<&str> = kinds.into_iter().filter(|kind| SINGLE.contains(kind)).collect();
        if !kinds.is_empty() {
            found.push(format!("{} of {}", kinds.join(", "), name(holder.process)));
        }
    }
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "nested-namespace",
                format!("a namespace inside the tree: {}", several(&found)),
                "criu dumps one namespace of that kind for the whole tree",
            )
            .remedy("end that process, or start the whole tree in that namespace")
            .criu_says("Can't dump nested … namespace"),
        );
    }
}

/// System V shared memory is dumped with its IPC namespace only: the host's is not dumped.
fn shared_memory(holders: &[Holder<'_>], own: &Namespaces, findings: &mut Vec<Finding>) {
    let here = |holder: &&Holder<'_>| holder.namespaces.get("ipc") == own.get("ipc");
    let holds = |holder: &&Holder<'_>| holder.mapped.iter().any(|mapping| mapping.path.starts_with(b"/SYSV"));
    let users: Vec<&Holder<'_>> = holders.iter().filter(here).filter(holds).collect();
    if !users.is_empty() {
        findings.push(
            Finding::blocker(
                "sysv-memory",
                format!("System V shared memory is attached to {}", super::names(users)),
                "it lives in this host's IPC namespace, which criu does not dump",
            )
            .remedy("start the processes in an IPC namespace of their own: unshare --ipc, or PrivateIPC=yes in the unit")
            .criu_says("Task N with SysVIPC shmem map @… doesn't live in IPC ns"),
        );
    }
}
