//! Which processes: the tree to dump, and what is special about each.

use super::{Finding, Request};
use crate::checkpoint::origins::subtree;
use crate::kernel::processes::{Processes, pids};
use crate::kernel::{Status, guard};
use crate::model::process::roots;
use crate::model::{Process, printable};

/// The processes of the target.
pub(super) struct Targets {
    /// The root of the tree, then those below it.
    pub tree: Vec<Process>,
}

/// Finds the tree and says what is special about it.
pub(super) fn look(request: &Request<'_>, findings: &mut Vec<Finding>) -> Targets {
    let list = members(request, findings);
    let path = &request.group.path;
    if let Some(refusal) = guard::refusal(path, request.group.version, &request.fs.hierarchy().root) {
        findings.push(
            Finding::blocker(
                "self-inside",
                format!("{path} must keep running: {refusal}"),
                "the dump pauses the whole group",
            )
            .remedy("run this program from a shell in another group, or choose a group below"),
        );
    }
    let Some(root) = choose(request, &list, findings) else {
        return Targets { tree: Vec::new() };
    };
    let tree = Processes::default().descendants(root.clone());
    lineage(&tree, findings);
    for process in &tree {
        special(process, findings);
    }
    session(&tree[0], findings);
    Targets { tree }
}

/// The processes of the group and of all groups below it.
fn members(request: &Request<'_>, findings: &mut Vec<Finding>) -> Vec<Process> {
    let mut unseen = |what: String, error: &dyn std::fmt::Display| {
        findings.push(Finding::unknown("processes", what, error))
    };
    let mut processes = Processes::default();
    let mut list = Vec::new();
    let paths = subtree(request.fs, &request.group.path).unwrap_or_else(|error| {
        unseen(format!("which groups are below {}", request.group.path), &error);
        vec![request.group.path.clone()]
    });
    for path in paths {
        let group = match request.fs.group(&path) {
            Ok(Some(group)) => group,
            Ok(None) => continue,
            Err(error) => {
                unseen(format!("which processes are in {path}"), &error);
                continue;
            }
        };
        match pids(&group.dir) {
            Ok(pids) if pids.contains(&0) => {
                unseen(format!("some processes of {path}"), &"they are outside this PID namespace")
            }
            Ok(pids) => list.extend(pids.into_iter().filter_map(|pid| processes.read(pid))),
            Err(error) => unseen(format!("which processes are in {path}"), &error),
        }
    }
    list
}

/// The one root to dump.
fn choose<'a>(
    request: &Request<'_>,
    list: &'a [Process],
    findings: &mut Vec<Finding>,
) -> Option<&'a Process> {
    let path = &request.group.path;
    let roots: Vec<&Process> = roots(list).into_iter().filter(|p| !p.is_zombie()).collect();
    let name = |p: &Process| format!("{} ({})", p.id.pid, printable(&p.command));
    let zombies = list.iter().filter(|p| p.is_zombie()).count();
    if let Some(pid) = request.pid {
        let Some(chosen) = list.iter().find(|p| p.id.pid == pid) else {
            let finding = Finding::blocker(
                "no-such-process",
                format!("process {pid} is not in {path}"),
                "it is not there to be dumped",
            );
            findings.push(finding.remedy("name a process of the group"));
            return None;
        };
        if roots.iter().any(|p| p.id.pid != pid) {
            let others: Vec<_> = roots.iter().filter(|p| p.id.pid != pid).map(|p| name(p)).collect();
            findings.push(Finding::warning(
                "several-roots",
                format!("only {} is dumped; also in the group: {}", name(chosen), others.join(", ")),
                "criu dumps one tree; the others are paused meanwhile",
            ));
        }
        return Some(chosen);
    }
    match roots[..] {
        [one] => Some(one),
        [] => {
            let what = match zombies {
                0 => format!("{path} holds no process"),
                _ => format!("{path} holds {zombies} zombies and no other process"),
            };
            findings.push(
                Finding::blocker("no-processes", what, "there is nothing to dump")
                    .remedy("choose a group with processes"),
            );
            None
        }
        _ => {
            let all: Vec<_> = roots.iter().map(|p| name(p)).collect();
            findings.push(
                Finding::blocker(
                    "several-roots",
                    format!("{path} holds several process trees: {}", all.join(", ")),
                    "criu dumps one tree",
                )
                .remedy(format!("choose one with --pid, as in --pid {}", roots[0].id.pid)),
            );
            None
        }
    }
}

/// This program and those that it was started from must not be in the tree.
fn lineage(tree: &[Process], findings: &mut Vec<Finding>) {
    let mut processes = Processes::default();
    if let Some(inside) = processes.lineage().find(|p| tree.iter().any(|t| t.id.pid == p.id.pid)) {
        let what =
            format!("process {} of the tree is this program, or what it was started from", inside.id.pid);
        findings.push(
            Finding::blocker("self-inside", what, "it would pause itself and wait for ever")
                .remedy("run this program from another shell"),
        );
    }
}

/// What is special about one process of the tree.
fn special(process: &Process, findings: &mut Vec<Finding>) {
    let (pid, name) = (process.id.pid, printable(&process.command));
    if let Some(tracer) = process.tracer {
        let what = format!("process {pid} ({name}) is traced by process {tracer}");
        findings.push(
            Finding::blocker("traced", what, "criu must trace it, and only one can")
                .remedy(format!("end the debugger, process {tracer}")),
        );
    }
    if process.kernel_thread {
        findings.push(Finding::blocker(
            "kernel-thread",
            format!("{pid} {name} is a thread of the kernel"),
            "criu cannot dump it",
        ));
    }
}

/// A root that does not lead its session belongs to one that is not dumped (`NSsid`, `NSpid` of proc_pid_status(5)).
fn session(root: &Process, findings: &mut Vec<Finding>) {
    let pid = root.id.pid;
    if root.is_zombie() {
        findings.push(
            Finding::blocker(
                "zombie",
                format!("process {pid} has ended already"),
                "a zombie has nothing to dump",
            )
            .remedy("choose another process"),
        );
    }
    let status = Status::read(pid).ok().flatten();
    let ids = |key| status.as_ref().and_then(|status| status.numbers(key));
    let (Some(sid), Some(own)) = (ids("NSsid"), ids("NSpid")) else {
        findings.push(Finding::unknown(
            "session",
            format!("whether process {pid} leads its session"),
            "/proc/PID/status",
        ));
        return;
    };
    if sid == own {
        findings.push(Finding::ok("session", format!("process {pid} leads its session")));
        return;
    }
    let warning = Finding::warning(
        "session",
        format!("process {pid} does not lead its session"),
        "its session's leader is not dumped",
    );
    let remedy = "--shell-job is added; the restored process joins the session that restores it";
    let says = "The root process N is not a session leader. Consider using --shell-job option";
    findings.push(warning.remedy(remedy).options(["--shell-job"]).criu_says(says));
}
