//! Which processes: the trees to dump, and what is special about each process.

use std::collections::BTreeSet;

use super::scene::Host;
use super::{Finding, Request};
use crate::checkpoint::dumping::{Dumping, dumping};
use crate::kernel::members::pids;
use crate::kernel::processes::Processes;
use crate::model::process::{descendants, roots};
use crate::model::{Process, printable};

/// Finds the trees, and says what is special about them. None where nothing can be dumped; a finding says why then.
pub(super) fn look(request: &Request<'_>, host: &Host, findings: &mut Vec<Finding>) -> Vec<Vec<Process>> {
    unseen(request, findings);
    let list = members(request, host);
    let trees = choose(request, host, &list, findings);
    let all: Vec<&Process> = trees.iter().flatten().collect();
    lineage(&all, findings);
    for process in &all {
        special(process, host, findings);
    }
    for root in trees.iter().filter_map(|tree| tree.first()) {
        ended(root, findings);
    }
    trees
}

/// Processes of another PID namespace are in the group, and cannot be named from here: the kernel lists them as 0.
fn unseen(request: &Request<'_>, findings: &mut Vec<Finding>) {
    let path = &request.group.path;
    match pids(&request.group.dir) {
        Ok(pids) if pids.contains(&0) => findings.push(Finding::unknown(
            "processes",
            format!("some processes of {path}"),
            "they are outside this PID namespace",
        )),
        Ok(_) => {}
        Err(error) => {
            findings.push(Finding::unknown("processes", format!("which processes are in {path}"), error))
        }
    }
}

/// The processes of the group and of all groups below it.
fn members(request: &Request<'_>, host: &Host) -> Vec<Process> {
    let Some(side) = host.scene.side(request.group.version) else { return Vec::new() };
    let inside = |pid| side.members.get(&pid).is_some_and(|path| path.is_within(&request.group.path));
    host.processes.iter().filter(|process| inside(process.id.pid)).cloned().collect()
}

/// The trees: the one that was asked for, or all of the group's.
fn choose(
    request: &Request<'_>,
    host: &Host,
    list: &[Process],
    findings: &mut Vec<Finding>,
) -> Vec<Vec<Process>> {
    let path = &request.group.path;
    let tree = |root: i32| descendants(&host.processes, root).into_iter().cloned().collect::<Vec<_>>();
    let mut trees: Vec<Vec<Process>> = roots(list).into_iter().map(|root| tree(root.id.pid)).collect();
    // A child outside the group may have children inside: they belong to its tree.
    let deep: BTreeSet<i32> = trees.iter().flat_map(|tree| tree.iter().skip(1)).map(|p| p.id.pid).collect();
    trees.retain(|tree| tree.first().is_some_and(|root| !deep.contains(&root.id.pid)));
    let names = |trees: &[Vec<Process>]| {
        let name = |p: &Process| format!("{} ({})", p.id.pid, printable(&p.command));
        trees.iter().filter_map(|tree| tree.first().map(name)).collect::<Vec<_>>().join(", ")
    };
    let Some(pid) = request.pid else {
        match trees.len() {
            0 => findings.push(
                Finding::blocker("no-processes", format!("{path} contains no process"), "nothing can be dumped")
                    .remedy("choose a group with processes"),
            ),
            1 => {}
            n => findings.push(Finding::ok(
                "several-roots",
                format!("{path} contains {n} process trees, dumped at one instant, each into its own directory: {}", names(&trees)),
            )),
        }
        return trees;
    };
    if list.iter().all(|process| process.id.pid != pid) {
        let what = format!("process {pid} is not in {path}");
        let finding = Finding::blocker("no-such-process", what, "so it cannot be dumped");
        findings.push(finding.remedy("choose a process of the group"));
        return Vec::new();
    }
    let chosen = tree(pid);
    let inside = |root: &Process| chosen.iter().any(|process| process.id.pid == root.id.pid);
    trees.retain(|tree| tree.first().is_some_and(|root| !inside(root)));
    if !trees.is_empty() {
        let what = format!(
            "only {} is dumped; also in the group: {}",
            names(std::slice::from_ref(&chosen)),
            names(&trees)
        );
        findings.push(Finding::warning("several-roots", what, "the others are at most paused meanwhile"));
    }
    vec![chosen]
}

/// This program and those that it was started from must not be in the tree.
fn lineage(tree: &[&Process], findings: &mut Vec<Finding>) {
    let mut processes = Processes::default();
    if let Some(inside) = processes.lineage().find(|p| tree.iter().any(|t| t.id.pid == p.id.pid)) {
        let what = format!(
            "process {} of the tree is cryoscope itself, or one that it was started from",
            inside.id.pid
        );
        findings.push(
            Finding::blocker("self-inside", what, "it would pause itself and wait forever")
                .remedy("run cryoscope from a shell in another group, or choose one process with --pid"),
        );
    }
}

/// What is special about one process of the tree.
fn special(process: &Process, host: &Host, findings: &mut Vec<Finding>) {
    let (pid, name) = (process.id.pid, printable(&process.command));
    findings.extend(traced(process, host));
    if process.main_thread_ended {
        let what =
            format!("the main thread of process {pid} ({name}) has ended, but its other threads are running");
        findings.push(
            Finding::blocker(
                "main-thread-ended",
                what,
                "criu mistakes a process without its main thread for a zombie",
            )
            .criu_says("Unable to detach from N: No such process")
            .remedy("choose another process"),
        );
    }
    if process.kernel_thread {
        findings.push(Finding::blocker(
            "kernel-thread",
            format!("{pid} {name} is a kernel thread"),
            "criu cannot dump it",
        ));
    }
}

/// Somebody's debugger holds it. Whoever that is: criu really cannot seize the process then.
pub(super) fn traced(process: &Process, host: &Host) -> Option<Finding> {
    let tracer = process.tracer.filter(|_| !process.held_by_criu)?;
    let name = |process: &Process| printable(&process.command).into_owned();
    // It may be a thread: that stands in no list of processes.
    let by = host.process(tracer).cloned().or_else(|| Processes::default().read(tracer));
    let by = by.map_or_else(String::new, |by| format!(" ({}, {})", by.user, name(&by)));
    let what = format!("process {} ({}) is traced by process {tracer}{by}", process.id.pid, name(process));
    Some(
        Finding::blocker("traced", what, "criu must trace it, and a process can have only one tracer")
            .criu_says("Unable to interrupt task: N (Operation not permitted)")
            .remedy(format!("detach process {tracer} from it, or end process {tracer}")),
    )
}

/// Another criu holds processes: only one can. Everything else that could be seen of them now is half criu's own doing.
pub(super) fn dumped(pids: &BTreeSet<i32>, host: &Host) -> Vec<Finding> {
    let finding = |dumping: Dumping| {
        Finding::blocker("being-dumped", dumping.to_string(), "only one criu at a time can trace a process")
            .criu_says("Unable to interrupt task: N (Operation not permitted)")
            .remedy("wait until it has finished; if it does nothing, cryoscope rescue says why")
    };
    dumping(&host.processes, pids).into_iter().map(finding).collect()
}

/// A root that has ended cannot be dumped.
fn ended(root: &Process, findings: &mut Vec<Finding>) {
    let pid = root.id.pid;
    if root.is_zombie() {
        let what = format!("process {pid} has ended already");
        findings.push(
            Finding::blocker("zombie", what, "a zombie has nothing to dump").remedy("choose another process"),
        );
    }
}
