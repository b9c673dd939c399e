//! What can be known before a copy is made, and is not so of a restore in place of the original.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::fs::FileType;

use super::{CopyPlan, CopyRequest, NewGroup, before_free_run, wanted_numbers};
use crate::checkpoint::Finding;
use crate::checkpoint::arg::gives;
use crate::checkpoint::hook::program;
use crate::checkpoint::images::ImageSet;
use crate::checkpoint::restore::preflight::Request;
use crate::checkpoint::restore::tree::Tree;
use crate::kernel::pid_namespace::{PID_MAX, can_enter};
use crate::kernel::unix_sockets;
use crate::model::printable;

/// How many are named in a sentence.
const FEW: usize = 3;

/// Looks at what the copy would share with the original, and at what it needs besides criu.
pub(in crate::checkpoint::restore) fn check(
    request: &Request<'_>,
    sets: &[ImageSet],
    findings: &mut Vec<Finding>,
) {
    if !can_enter() {
        let why = "it starts criu in the namespace of the copy";
        let blocker = Finding::blocker("copy", "cannot run the program nsenter", why);
        findings.push(blocker.remedy("install util-linux"));
    }
    for set in sets {
        own_namespace(set, findings);
        terminal(set, findings);
        locks(set, findings);
        connections(request, set, findings);
    }
    shared_files(sets, findings);
    unix_sockets(sets, findings);
}

/// A restore makes such a namespace again, with or without an original.
fn own_namespace(set: &ImageSet, findings: &mut Vec<Finding>) {
    if set.namespaces.contains(&"pid") {
        let what = format!("the tree of process {} had its own PID namespace", set.root_pid);
        let why = "a restore creates a new one for it, where its PIDs are free even while the original lives";
        let remedy = "omit --copy; --into-group puts it into a different group than the original's";
        findings.push(Finding::blocker("copy", what, why).remedy(remedy));
    }
}

/// The session of a terminal is not of the namespace.
fn terminal(set: &ImageSet, findings: &mut Vec<Finding>) {
    if set.on_terminal {
        let what = format!("the tree of process {} had a terminal", set.root_pid);
        let why = "a copy is in a session without one, which survives when this terminal is closed";
        findings.push(Finding::blocker("terminal", what, why).remedy("end the original, and omit --copy"));
    }
}

fn locks(set: &ImageSet, findings: &mut Vec<Finding>) {
    if let Some(need) = set.needs.iter().find(|need| need.option == "--file-locks") {
        let why = "the copy takes them on the same files, and criu fails if the original still has them";
        findings.push(Finding::warning("locks", need.why.clone(), why));
    }
}

/// Two processes cannot be one end of a connection.
fn connections(request: &Request<'_>, set: &ImageSet, findings: &mut Vec<Finding>) {
    let need = set.needs.iter().find(|need| need.option == "--tcp-established");
    if let Some(need) = need.filter(|_| !gives(&request.extra, &["--tcp-close"])) {
        let why = "the original has them, and a copy cannot share them";
        let blocker = Finding::blocker("tcp", format!("{} are open in the images", need.why), why);
        findings.push(blocker.remedy("restore them closed: -- --tcp-close"));
    }
}

fn shared_files(sets: &[ImageSet], findings: &mut Vec<Finding>) {
    let is_regular =
        |mode: Option<u32>| mode.is_none_or(|mode| FileType::from_raw_mode(mode) == FileType::RegularFile);
    let files = sets.iter().filter(|set| !set.namespaces.contains(&"mnt")).flat_map(|set| &set.on_disk);
    let written: BTreeSet<&Path> =
        files.filter(|file| file.is_written && is_regular(file.mode)).map(|file| &*file.path).collect();
    if written.is_empty() {
        return;
    }
    let shown = written.iter().map(|path| printable(path.as_os_str().as_encoded_bytes()).into_owned());
    let what =
        format!("the copy writes to files that the original also has open: {}", named(shown.collect()));
    let why = "both change the same content";
    let remedy = "let only one of them run, or put a copy of each file at its path before the restore: the original \
                  keeps its own";
    findings.push(Finding::warning("shared-files", what, why).remedy(remedy));
}

fn named(names: Vec<String>) -> String {
    let more = names.len().saturating_sub(FEW);
    let first = names.into_iter().take(FEW).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

/// Names of unix sockets that somebody has: criu takes away the path of another's socket, and binds its own there, without a word
/// (measured with criu 4.1.1).
fn unix_sockets(sets: &[ImageSet], findings: &mut Vec<Finding>) {
    let here = sets.iter().filter(|set| !set.namespaces.contains(&"net"));
    let open = here.flat_map(|set| &set.processes).flat_map(|process| &process.files.list);
    let sockets = open.filter_map(|open| open.file.socket.as_ref());
    let wanted: BTreeSet<&str> = sockets
        .filter(|socket| socket.protocol.starts_with("unix-") && !socket.local.is_empty())
        .map(|socket| &*socket.local)
        .collect();
    if wanted.is_empty() {
        return;
    }
    let in_use = match unix_sockets::all(std::process::id().cast_signed()) {
        Ok(all) => all,
        Err(error) => {
            let what = "whether the unix sockets of the images are in use";
            return findings.push(Finding::unknown("unix-socket", what, error));
        }
    };
    let names = in_use.values().filter_map(|socket| socket.name.as_deref()).map(shown);
    let taken: BTreeSet<String> = names.filter(|name| wanted.contains(&**name)).collect();
    if taken.is_empty() {
        return;
    }
    let what = format!("unix sockets of the images are in use: {}", named(taken.into_iter().collect()));
    let why = "criu removes their paths and binds those of the copy there, so their current owner would become \
               unreachable";
    let remedy = "end the original first, and omit --copy";
    findings.push(Finding::blocker("unix-socket", what, why).remedy(remedy));
}

/// A name as the images have it.
fn shown(name: &[u8]) -> String {
    match name {
        [0, rest @ ..] => format!("@{}", printable(rest)),
        path => printable(path).into_owned(),
    }
}

/// The copy that was asked for.
pub(in crate::checkpoint::restore) fn plan_copy(
    wanted: CopyRequest,
    new: &[NewGroup],
    trees: &[Tree],
    findings: &mut Vec<Finding>,
) -> CopyPlan {
    let frozen =
        new.iter().find(|group| wanted.freezer.is_none_or(|version| version == group.hierarchy.version));
    let frozen = frozen.filter(|_| wanted.frozen).map(NewGroup::frozen);
    if wanted.frozen && frozen.is_none() {
        let why = "the copy is frozen through its own group";
        findings.push(Finding::blocker("copy", "there is no hierarchy to freeze the copy through", why));
    }
    let max = std::fs::read_to_string(PID_MAX).ok().and_then(|max| max.trim().parse().ok());
    CopyPlan {
        groups: new.iter().map(|group| group.absolute().into()).collect(),
        frozen,
        new: new.to_vec(),
        // 32768: the smallest that the kernel sets by itself (proc_sys_kernel(5)).
        last_pid: before_free_run(wanted_numbers(trees), max.unwrap_or(32_768)),
        program: program(),
    }
}
