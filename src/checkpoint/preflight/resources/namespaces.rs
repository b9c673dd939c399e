//! Namespaces: those of the root are dumped with it, most of those inside the tree cannot be (`criu/namespaces.c`).

use super::{Finding, Holder, Host, name, several};
use crate::kernel::namespaces::Namespaces;
use crate::runtime::systemd::Cause;

/// The kinds that criu can dump only once for a whole tree.
const SINGLE: [&str; 6] = ["cgroup", "ipc", "pid", "time_for_children", "user", "uts"];

pub(super) fn look(holders: &[Holder<'_>], host: &Host<'_>, own: &Namespaces, findings: &mut Vec<Finding>) {
    let Some((root, below)) = holders.split_first() else { return };
    nested(root, below, findings);
    children(root, below, own, findings);
    user(root, own, findings);
    shared_memory(holders, host, own, findings);
}

/// The kinds that a process below may have one of its own of, where the root has one of its own too (`CLONE_SUBNS` in
/// `criu/include/namespaces.h`).
const OF_CHILDREN: [(&str, &str); 2] = [("mnt", "mount"), ("net", "network")];

/// A process below whose mount or network namespace differs from the root's: the root's or its own is this host's, which is not
/// in the images. criu dumps the first case and cannot restore it (measured with 4.1.1 and 4.2.1).
fn children(root: &Holder<'_>, below: &[Holder<'_>], own: &Namespaces, findings: &mut Vec<Finding>) {
    let mut found = Vec::new();
    for (kind, word) in OF_CHILDREN {
        let of = |holder: &Holder<'_>| holder.namespaces.get(kind);
        let is_here = |holder: &Holder<'_>| of(holder) == own.get(kind);
        let apart = below.iter().filter(|child| of(child) != of(root) && (is_here(root) || is_here(child)));
        found.extend(apart.map(|child| match is_here(root) {
            true => format!(
                "{} has its own {word} namespace, but the root process uses this host's",
                name(child.process)
            ),
            false => format!(
                "{} uses this host's {word} namespace, but the root process has its own",
                name(child.process)
            ),
        }));
    }
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "child-namespace",
                several(&found),
                "criu restores such a namespace only if the root process has its own namespace of that kind, and no \
                 process uses this host's",
            )
            .remedy("start the whole tree in a namespace of that kind (unshare --mount, unshare --net), or checkpoint that process by itself with --pid")
            .caused_by(Cause::Program)
            .criu_says("Can't restore sub-task in NS"),
        );
    }
}

/// A root with a user namespace of its own and this host's PID namespace: criu mounts a proc file system for it at the restore,
/// and the kernel lets only the owner of the PID namespace do so (measured with 4.1.1, with and without a mount namespace).
fn user(root: &Holder<'_>, own: &Namespaces, findings: &mut Vec<Finding>) {
    let is_here = |kind| root.namespaces.get(kind) == own.get(kind);
    if !is_here("user") && is_here("pid") {
        findings.push(
            Finding::blocker(
                "user-namespace",
                format!("{} has its own user namespace, but this host's PID namespace", name(root.process)),
                "criu could dump it, but not restore it: the restore mounts a proc file system inside, which only \
                 the owner of the PID namespace may do",
            )
            .remedy("start it with a PID namespace of its own too, as container runtimes do")
            .caused_by(Cause::Sandbox)
            .criu_says("Unable to open the proc file system: Operation not permitted"),
        );
    }
}

/// A process in another namespace than the root's.
fn nested(root: &Holder<'_>, below: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let time = root.namespaces.get("time_for_children") != root.namespaces.get("time");
    let mut found: Vec<String> = Vec::new();
    if time {
        found.push(format!("the time namespace that {} created for its children", name(root.process)));
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
                "criu dumps only one namespace of that kind for the whole tree",
            )
            .remedy("end that process, or start the whole tree in that namespace")
            .caused_by(Cause::Program)
            .criu_says("Can't dump nested … namespace"),
        );
    }
}

/// System V shared memory is dumped with its IPC namespace only: the host's is not dumped.
fn shared_memory(holders: &[Holder<'_>], host: &Host<'_>, own: &Namespaces, findings: &mut Vec<Finding>) {
    let here = |holder: &&Holder<'_>| host.is_or_comes_here(holder, "ipc", own);
    let holds = |holder: &&Holder<'_>| holder.mapped.iter().any(|mapping| mapping.path.starts_with(b"/SYSV"));
    let users: Vec<&Holder<'_>> = holders.iter().filter(here).filter(holds).collect();
    if !users.is_empty() {
        findings.push(
            Finding::blocker(
                "sysv-memory",
                format!("System V shared memory is attached to {}", super::names(users)),
                "criu does not dump this host's IPC namespace, and systemd makes one of its own only together with mounts",
            )
            .remedy("start them in an IPC namespace of their own: unshare --ipc PROGRAM")
            .caused_by(Cause::SharedMemory)
            .criu_says("Task N with SysVIPC shmem map @… doesn't live in IPC ns"),
        );
    }
}
