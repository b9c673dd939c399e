//! What the images need of the command line, of the terminal, and of the host.

use std::ffi::OsString;

use crate::checkpoint::Finding;
use crate::checkpoint::arg::gives;
use crate::checkpoint::images::{ImageSet, Need};
use crate::model::span::count;

pub(super) fn look(given: &[OsString], on_terminal: bool, sets: &[ImageSet], findings: &mut Vec<Finding>) {
    for set in sets {
        findings.extend(set.needs.iter().map(|need| option(given, need)));
        if set.on_terminal {
            findings.push(terminal(on_terminal, set));
        }
        namespaces(set, sets.len(), findings);
        findings.extend(root_of_mounts(given, set));
        findings.extend(unrestorable(set));
        findings.extend(lost_timers(set));
        security(set, findings);
    }
}

/// The other names of an option, and what contradicts it.
fn others(option: &str) -> &'static [&'static str] {
    match option {
        "--shell-job" => &["-j"],
        "--file-locks" => &["-l"],
        "--ext-unix-sk" => &["-x"],
        "--tcp-established" => &["--tcp-close"],
        "--tcp-close" => &["--tcp-established"],
        _ => &[],
    }
}

/// An option that the images need; the person's own one wins.
fn option(given: &[OsString], need: &Need) -> Finding {
    let (name, why) = (need.option, &need.why);
    if gives(given, others(name)) {
        return Finding::ok("option", format!("{why}: the criu options cover it"));
    }
    match name {
        "--tcp-established" => {
            Finding::warning("tcp", format!("{why} are open"), "the other side may have closed them since")
                .remedy("adding --tcp-established; -- --tcp-close restores them closed")
        }
        _ => Finding::ok("option", format!("{why}: adding {name}")),
    }
    .options([name])
}

fn terminal(on_terminal: bool, set: &ImageSet) -> Finding {
    let what = format!("the tree of process {} had a terminal", set.root_pid);
    if on_terminal {
        let why = "criu gives it this one, and runs on it: Ctrl-C takes effect after it has finished";
        return Finding::warning("terminal", what, why);
    }
    Finding::blocker(
        "terminal",
        what,
        "criu gives it the terminal that criu is started on, and there is none",
    )
    .criu_says("tty: Don't have tty to inherit session from, aborting")
    .remedy("restore from a terminal")
}

fn namespaces(set: &ImageSet, trees: usize, findings: &mut Vec<Finding>) {
    let root = set.root_pid;
    if trees > 1 && set.namespaces.contains(&"pid") {
        let what = format!("the tree of process {root} has its own PID namespace, and is one of several");
        let why = "its processes have other PIDs here, so they cannot be resumed all at once";
        let blocker = Finding::blocker("pid-namespace", what, why);
        return findings.push(blocker.remedy("restore each directory separately"));
    }
    // A time namespace is criu's own doing: every restore makes one (criu/timens.c).
    let others: Vec<&str> =
        set.namespaces.iter().copied().filter(|name| !matches!(*name, "pid" | "time")).collect();
    if !others.is_empty() {
        let what = format!("the tree of process {root} has its own {} namespaces", others.join(", "));
        let why =
            "the images do not contain what a container runtime set up around them (mounts, network, root)";
        let warning = Finding::warning("namespaces", what, why);
        findings.push(
            warning.remedy("restore a container with its runtime; otherwise pass --root and --external"),
        );
    }
}

/// The option that a mount namespace needs: without it criu 4.1.1 finds no place for the mounts, and its first process ends by
/// SIGSEGV (measured: "mnt: BUG at criu/mount.c"). Another root is the person's to name.
fn root_of_mounts(given: &[OsString], set: &ImageSet) -> Option<Finding> {
    if !set.namespaces.contains(&"mnt") {
        return None;
    }
    let what = format!("the tree of process {} has its own mount namespace", set.root_pid);
    if gives(given, &["--root", "-r"]) {
        return Some(Finding::ok("root", format!("{what}: the criu options set its root")));
    }
    let finding =
        Finding::ok("root", format!("{what}: its mounts are created on this host's root (--root /)"));
    Some(finding.options(["--root", "/"]))
}

/// Periodic timers that had expired when the images were made.
pub fn lost_timers(set: &ImageSet) -> Option<Finding> {
    let timers = count(set.lost_timers, "periodic timer", "periodic timers");
    let what = format!(
        "{timers} (timerfd) of the tree of process {} had expired, but had not been read",
        set.root_pid
    );
    let why = "once restored, such a timer is off: criu sets it to the remaining time that the kernel reports, which \
               is zero";
    let remedy = "restart the program after the restore if it hangs; or dump again and retry";
    (set.lost_timers > 0).then(|| Finding::warning("timers", what, why).remedy(remedy))
}

/// Namespaces in which criu makes images, and never restores them.
fn unrestorable(set: &ImageSet) -> Option<Finding> {
    let root = set.root_pid;
    let has = |kind| set.namespaces.contains(&kind);
    if let Some((pid, kind)) = set.unrestorable_below_root {
        let kind = if kind == "net" { "network" } else { "mount" };
        let what =
            format!("process {pid} has its own {kind} namespace, but the root process {root} has none");
        let why =
            "criu restores such a process only below a root process with its own namespace of that kind";
        return Some(Finding::blocker("namespaces", what, why).criu_says("Can't restore sub-task in NS"));
    }
    if has("user") && !has("pid") {
        let what = format!("process {root} has its own user namespace, but the host's PID namespace");
        let why = "once restored, it has no access to the host's /proc";
        return Some(
            Finding::blocker("namespaces", what, why).criu_says("Unable to open the proc file system"),
        );
    }
    None
}

fn security(set: &ImageSet, findings: &mut Vec<Finding>) {
    if set.lsm != "none" {
        let what = format!("the images have {} labels", set.lsm);
        let why = "the host must have the same security module and its profiles";
        findings.push(Finding::warning("security", what, why));
    }
}
