//! What can be known before criu runs. Reads only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

use serde::Serialize;

use super::arg::Arg;
use super::at_work::{self, Claim};
use super::criu::{self, Criu};
use super::finding::Finding;
use super::flag::Flag;
use super::folder;
use super::handover::{Choice, Place};
use super::plan::handed_over;
use super::tree::{Member, Tree};
use crate::kernel::{Filesystem, Group, Status};
use crate::model::{Hierarchies, Process};

mod clocks;
mod freeze;
mod owner;
mod requests;
mod resources;
mod scene;
mod tree;
mod waits;

/// What is to become of the processes afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// They run on.
    Running,
    /// They are frozen.
    Frozen,
    /// They are stopped, as by SIGSTOP.
    Stopped,
    /// They are gone.
    Killed,
}

/// What is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The hierarchy of the group.
    pub fs: &'a Filesystem,
    /// The group.
    pub group: &'a Group,
    /// All hierarchies of the host: a process may be frozen through the other one.
    pub hierarchies: &'a Hierarchies,
    /// The folder for the images.
    pub into: PathBuf,
    /// The root of one process tree; all trees of the group where it is left out.
    pub pid: Option<i32>,
    /// What is to become of the processes; as they were found where it is left out.
    pub after: Option<After>,
    /// The criu to use; found in PATH where it is left out.
    pub criu: Option<PathBuf>,
    /// Options handed on to criu.
    pub extra: Vec<OsString>,
}

/// What the preflight found.
#[derive(Debug, Clone)]
pub struct Preflight {
    /// What is in order, and what is not.
    pub findings: Vec<Finding>,
    /// The trees to dump; none where there is nothing to dump.
    pub trees: Vec<Tree>,
    /// The criu that was found.
    pub criu: Option<Criu>,
    /// The kernel's release.
    pub kernel: String,
    /// Whether the folder for the images exists already.
    pub folder_exists: bool,
    /// The folder for the images, absolute.
    pub into: Arg,
    /// Every freeze flag that bears on the trees, of both hierarchies.
    pub(super) flags: BTreeMap<Place, Flag>,
    /// How the freeze is handed over; `None` where it cannot be.
    pub(super) choice: Option<Choice>,
    /// Some request holds some process of the trees.
    pub(super) held: bool,
    /// The requests that were found, and one of the named group, hold every process of the trees.
    pub(super) kept: bool,
}

/// Looks at everything that decides whether the checkpoint will work.
pub fn preflight(request: &Request<'_>) -> Preflight {
    let kernel = crate::kernel::host::release();
    let (criu, of_criu) = criu::found(request.criu.as_deref());
    let check = || criu.as_ref().map(|criu| criu::check(criu, &kernel));
    thread::scope(|scope| {
        // It takes as long as all the rest. Where no thread is to be had, it is done after that.
        let beside = thread::Builder::new().name("criu-check".into()).spawn_scoped(scope, check);
        let checked = || {
            let looked = beside.map_or_else(
                |_| check(),
                |thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            );
            of_criu.into_iter().chain(looked).collect()
        };
        look_around(request, criu.clone(), &kernel, checked)
    })
}

/// All but criu itself; what that said is asked for last.
fn look_around(
    request: &Request<'_>,
    criu: Option<Criu>,
    kernel: &str,
    checked: impl FnOnce() -> Vec<Finding>,
) -> Preflight {
    let mut findings = vec![permission()];
    let mut host = scene::read(request, criu.as_ref(), &mut findings);
    let settings = owner::look(request, &mut findings);
    let trees = tree::look(request, &host, &mut findings);
    let mut of_freeze = Vec::new();
    let freeze = freeze::look(request, &mut host, &trees, &mut of_freeze);
    let taken = taken(&trees, &freeze, &host);
    let mut more = Vec::new();
    let version = criu.as_ref().and_then(|criu| criu.version.as_deref()).map(criu::numbers);
    let host = resources::Host { criu: version, kernel: criu::numbers(kernel), extra: &request.extra };
    if !taken.iter().any(Finding::blocks) {
        more.extend(of_freeze);
        trees.iter().for_each(|tree| resources::look(tree, &host, &mut more));
        waits::look(&trees, &request.group.path, &mut more);
    }
    settings.into_iter().for_each(|setting| add_setting(setting, &mut more));
    // What is there besides is half the other dump's doing: its freeze, its code in the processes, its sockets.
    more.extend(taken);
    let into = std::path::absolute(&request.into).unwrap_or_else(|_| request.into.clone());
    let rss = trees.iter().flatten().map(|process| process.rss).sum();
    clocks::look(request, rss, &mut more);
    let (of_folder, folder_exists) = folder::look(&into, rss);
    more.extend(of_folder);
    findings.extend(checked());
    findings.extend(more);
    Preflight {
        findings,
        trees: to_dump(&trees, &into),
        criu,
        kernel: kernel.to_owned(),
        folder_exists,
        into: into.into(),
        flags: freeze.flags,
        choice: freeze.choice,
        held: freeze.held,
        kept: freeze.kept,
    }
}

impl Preflight {
    /// The findings that are in the way.
    pub fn blockers(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.blocks())
    }
}

/// What a setting of the unit does is told once: where it is in the way, with what to write where.
fn add_setting(setting: Finding, findings: &mut Vec<Finding>) {
    match findings.iter_mut().find(|finding| finding.blocks() && finding.code == setting.code) {
        Some(blocker) => blocker.remedy = setting.remedy,
        None => findings.push(setting),
    }
}

/// Another checkpoint of the same processes, or another criu that holds them.
fn taken(trees: &[Vec<Process>], freeze: &freeze::Freeze, host: &scene::Host) -> Vec<Finding> {
    let all = || trees.iter().flatten();
    let written = freeze.choice.iter().flat_map(handed_over).filter_map(|place| freeze.flags.get(place));
    let claim = Claim {
        processes: all().map(|process| process.id).collect(),
        written: written.map(|flag| flag.id).collect(),
        bearing: freeze.flags.values().map(|flag| flag.id).collect(),
    };
    let dumped = || tree::dumped(&all().map(|process| process.id.pid).collect(), host);
    match at_work::look(&claim) {
        Ok(None) => dumped(),
        Ok(Some(other)) => vec![other.finding()],
        Err(error) => {
            let what = "whether another checkpoint of these processes is at work";
            dumped().into_iter().chain([Finding::unknown("at-work", what, error)]).collect()
        }
    }
}

/// The images of one tree go into the folder itself, those of several into a folder each, named by the root's PID.
fn to_dump(trees: &[Vec<Process>], into: &std::path::Path) -> Vec<Tree> {
    let images = |tree: &[Process]| match (trees.len(), tree.first()) {
        (0 | 1, _) | (_, None) => into.to_owned(),
        (_, Some(root)) => into.join(root.id.pid.to_string()),
    };
    let tree = |tree: &Vec<Process>| Tree {
        processes: tree.iter().map(Member::of).collect(),
        rss: tree.iter().map(|process| process.rss).sum(),
        images: images(tree).into(),
    };
    trees.iter().map(tree).collect()
}

/// What criu needs unless it runs with `--unprivileged`, by the bit in linux/capability.h.
const NEEDED: [(u8, &str); 2] = [(21, "CAP_SYS_ADMIN"), (19, "CAP_SYS_PTRACE")];

/// `CAP_CHECKPOINT_RESTORE`: enough for `criu --unprivileged` only (criu(8)).
const CHECKPOINT_RESTORE: u8 = 40;

fn permission() -> Finding {
    let status = Status::read(std::process::id().cast_signed()).ok().flatten();
    match status.and_then(|status| status.set("CapEff")) {
        None => Finding::unknown("not-permitted", "which rights this program has", "/proc/self/status"),
        Some(held) => permitted(held),
    }
}

fn permitted(held: u64) -> Finding {
    let has = |bit: u8| held & 1 << bit != 0;
    let missing: Vec<&str> = NEEDED.iter().filter(|(bit, _)| !has(*bit)).map(|(_, name)| *name).collect();
    if missing.is_empty() {
        return Finding::ok("permitted", "this program may dump processes");
    }
    let why = if has(CHECKPOINT_RESTORE) {
        "criu takes hold of every process and reads its memory, and CAP_CHECKPOINT_RESTORE alone is enough for criu --unprivileged only"
    } else {
        "criu takes hold of every process and reads its memory"
    };
    Finding::blocker("not-permitted", format!("missing: {}", missing.join(", ")), why).remedy("run as root")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights() {
        assert!(!permitted(u64::MAX).blocks());
        assert_eq!(permitted(0).what, "missing: CAP_SYS_ADMIN, CAP_SYS_PTRACE");
        let some = permitted(1 << 19 | 1 << CHECKPOINT_RESTORE);
        assert!(some.blocks() && some.what == "missing: CAP_SYS_ADMIN" && some.why.contains("alone"));
    }
}
