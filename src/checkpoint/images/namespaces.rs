//! Namespaces in which processes differ, by criu's numbers for them.

use super::message::ObjectIds;
use super::process::Process;

/// The namespaces in which two differ, by their names in `/proc/PID/ns`.
pub(super) fn differing(criu: Option<&ObjectIds>, root: Option<&ObjectIds>) -> Vec<&'static str> {
    let (Some(criu), Some(root)) = (criu, root) else { return Vec::new() };
    let all = [
        ("pid", criu.pid_ns_id, root.pid_ns_id),
        ("net", criu.net_ns_id, root.net_ns_id),
        ("ipc", criu.ipc_ns_id, root.ipc_ns_id),
        ("uts", criu.uts_ns_id, root.uts_ns_id),
        ("mnt", criu.mnt_ns_id, root.mnt_ns_id),
        ("user", criu.user_ns_id, root.user_ns_id),
        ("cgroup", criu.cgroup_ns_id, root.cgroup_ns_id),
        ("time", criu.time_ns_id, root.time_ns_id),
    ];
    all.into_iter().filter(|(_, criu, root)| root.is_some() && criu != root).map(|(name, ..)| name).collect()
}

/// The first process below the root that has a net or mount namespace of its own, and that namespace, where the root has criu's:
/// criu restores such a one only below a root that has its own namespace of that kind, too (`prepare_namespace` in
/// `criu/cr-restore.c`, "Can't restore sub-task in NS").
pub(super) fn unrestorable_below_root(
    criu: Option<&ObjectIds>,
    processes: &[Process],
) -> Option<(i32, &'static str)> {
    let root = processes.first()?.ids.as_ref();
    let own = differing(criu, root);
    let of = |process: &Process| {
        let below = differing(root, process.ids.as_ref());
        let kind = ["net", "mnt"].into_iter().find(|kind| below.contains(kind) && !own.contains(kind))?;
        Some((process.pid, kind))
    };
    processes.iter().skip(1).find_map(of)
}
