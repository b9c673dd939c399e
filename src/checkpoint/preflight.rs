//! What can be known before criu runs. Reads only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
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
use super::hook;
use super::outcome::closed_connections;
use super::plan::handed_over;
use super::rights::Rights;
use super::service::ServiceRecord;
use super::tree::{Member, Tree};
use crate::kernel::{Filesystem, Group};
use crate::model::{Hierarchies, Process};

mod clocks;
mod freeze;
mod groups;
mod owner;
mod preparation;
mod requests;
mod resources;
mod scene;
mod service;
mod tree;
mod waits;

pub use preparation::Preparation;

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
    /// This program, as criu finds it.
    pub(super) program: Arg,
    /// Every freeze flag that bears on the trees, of both hierarchies.
    pub(super) flags: BTreeMap<Place, Flag>,
    /// How the freeze is handed over; `None` where it cannot be.
    pub(super) choice: Option<Choice>,
    /// Some request holds some process of the trees.
    pub(super) held: bool,
    /// What is kept of the service that the trees are of.
    pub(super) service: Option<ServiceRecord>,
    /// The requests that were found, and one of the named group, hold every process of the trees.
    pub(super) kept: bool,
    /// The change of the unit's settings that takes away what they have put in the way.
    pub preparation: Option<Preparation>,
}

/// Looks at everything that decides whether the checkpoint will work.
pub fn preflight(request: &Request<'_>) -> Preflight {
    let kernel = crate::kernel::host::release();
    let (criu, of_criu) = criu::found(request.criu.as_deref(), &kernel);
    let rights = Rights::read();
    // Without the rights to dump it fails for want of them, and says so in words of its own.
    let can_check = rights.as_ref().map_or(true, |rights| rights.can_dump());
    let check = || criu.as_ref().filter(|_| can_check).map(|criu| criu::check(criu, &kernel));
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
        look_around(request, criu.clone(), &kernel, &rights, checked)
    })
}

/// All but criu itself; what that said is asked for last.
fn look_around(
    request: &Request<'_>,
    criu: Option<Criu>,
    kernel: &str,
    rights: &io::Result<Rights>,
    checked: impl FnOnce() -> Vec<Finding>,
) -> Preflight {
    let mut findings = vec![permission(rights)];
    let mut host = scene::read(request, criu.as_ref(), &mut findings);
    let settings = owner::look(request, &mut findings);
    let trees = tree::look(request, &host, &mut findings);
    let service = service::look(request, &trees, &mut findings);
    let mut of_freeze = Vec::new();
    let freeze = freeze::look(request, &mut host, &trees, &mut of_freeze);
    let taken = taken(&trees, &freeze, &host);
    let mut more = Vec::new();
    let version = criu.as_ref().and_then(|criu| criu.version.as_deref()).map(criu::numbers);
    let host = resources::Host {
        criu: version,
        kernel: criu::numbers(kernel),
        extra: &request.extra,
        program: criu.as_ref().map(|criu| &*criu.path),
        rights,
        unit: settings.as_ref(),
    };
    if !taken.iter().any(Finding::blocks) {
        more.extend(of_freeze);
        trees.iter().for_each(|tree| resources::look(tree, &host, &mut more));
        waits::look(&trees, &request.group.path, &mut more);
        groups::look(&trees, &mut more);
    }
    let preparation = settings.as_ref().and_then(|settings| preparation::remedies(settings, &mut more));
    // What is there besides is half the other dump's doing: its freeze, its code in the processes, its sockets.
    more.extend(taken);
    let into = std::path::absolute(&request.into).unwrap_or_else(|_| request.into.clone());
    let rss = trees.iter().flatten().map(|process| process.rss).sum();
    clocks::look(request, rss, &mut more);
    let (of_folder, folder_exists) = folder::look(&into, rss);
    more.extend(of_folder);
    findings.extend(checked());
    findings.extend(more);
    let mut found = Preflight {
        findings,
        trees: to_dump(&trees, &into),
        criu,
        kernel: kernel.to_owned(),
        folder_exists,
        into: into.into(),
        program: hook::program(),
        flags: freeze.flags,
        choice: freeze.choice,
        held: freeze.held,
        service,
        kept: freeze.kept,
        preparation,
    };
    let closed = closed_connections(request.after, &found, (request.group.version, &request.group.path));
    found.findings.extend(closed);
    found
}

impl Preflight {
    /// The findings that are in the way.
    pub fn blockers(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.blocks())
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
            let what = "whether another checkpoint of these processes is running";
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

fn permission(rights: &io::Result<Rights>) -> Finding {
    match rights {
        Ok(rights) => rights.for_dump(),
        Err(error) => Finding::unknown("not-permitted", "the permissions of cryoscope", error),
    }
}
