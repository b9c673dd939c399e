//! What can be known before criu restores anything. Reads only.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::copy::{self, CopyPlan, CopyRequest, NewGroup};
use super::files::GroupsMade;
use super::plan::left_stopped;
use super::scope::{self, Scope};
use super::tree::Tree;
use super::{files, groups, numbers, options, ports, runtime_files, stored, units};
use crate::checkpoint::Finding;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::criu::{self, Criu};
use crate::checkpoint::flag::Flag;
use crate::checkpoint::images::{ImageSet, State};
use crate::checkpoint::rights::Rights;
use crate::checkpoint::service::RuntimeFile;
use crate::kernel::{Filesystem, Group, host};
use crate::model::Hierarchies;

/// What is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The folder with the images, or with a folder of images for each tree.
    pub folder: PathBuf,
    /// The hierarchies with a freezer.
    pub hierarchies: &'a Hierarchies,
    /// The criu to use; found in PATH where it is left out.
    pub criu: Option<PathBuf>,
    /// Options handed on to criu.
    pub extra: Vec<OsString>,
    /// The standard input is a terminal.
    pub on_terminal: bool,
    /// What would hold the processes is thawed for the restore, and frozen again.
    pub thaw: bool,
    /// The group that the processes come into, in place of those of the images.
    pub into_group: Option<(&'a Filesystem, &'a Group)>,
    /// The processes are restored as a copy.
    pub copy: Option<CopyRequest>,
}

/// What the preflight found.
#[derive(Debug, Clone)]
pub struct Preflight {
    /// What is in order, and what is not.
    pub findings: Vec<Finding>,
    /// The folder, absolute.
    pub folder: Arg,
    /// What is restored; nothing where the images cannot be read.
    pub trees: Vec<Tree>,
    /// The criu that was found.
    pub criu: Option<Criu>,
    /// The kernel's release.
    pub kernel: String,
    /// The copy that was asked for.
    pub(super) copy: Option<CopyPlan>,
    /// What is made again before them.
    pub(super) runtime_files: Vec<RuntimeFile>,
    /// The scope that the processes come into.
    pub(super) scope: Option<Scope>,
    /// The freeze flags of the groups that the processes come into, and of those above.
    pub(super) flags: Vec<Flag>,
}

/// Looks at everything that decides whether the restore will work.
pub fn preflight(request: &Request<'_>) -> Preflight {
    let mut findings = vec![permission()];
    let kernel = host::release();
    let (criu, of_criu) = criu::look(request.criu.as_deref(), &kernel);
    let folder = std::path::absolute(&request.folder).unwrap_or_else(|_| request.folder.clone());
    let version = criu.as_ref().and_then(|criu| criu.version.as_deref());
    let (sets, service) = stored::look(&folder, version, &kernel, &mut findings);
    let new = new_groups(request, &sets, &mut findings);
    let scope = scope::choose(request, &sets, service.as_ref(), &mut findings);
    let destination = groups::destination(request, &new, scope.as_ref());
    let tree = |set: &ImageSet| {
        let within = groups::within(set, destination, request);
        Tree::of(set, request.hierarchies, destination, within)
    };
    let trees: Vec<Tree> = sets.iter().map(tree).collect();
    findings.extend(of_criu);
    match request.copy {
        Some(_) => numbers::of_copy(&trees, &mut findings),
        None => numbers::look(&trees, &mut findings),
    }
    let is_copy = request.copy.is_some();
    // Beside a unit's processes a copy is where it was meant to be.
    if !is_copy {
        units::look(&sets, destination, service.as_ref(), &mut findings);
    }
    let flags = groups::look(request, destination, &sets, &trees, &mut findings);
    ports::look(&sets, request.hierarchies, is_copy, &mut findings);
    let groups_made = trees.iter().map(|tree| groups::made(destination, tree));
    files::look(&request.extra, sets.iter().zip(groups_made), is_copy, &mut findings);
    // What a copy says of a terminal is another thing.
    options::look(&request.extra, request.on_terminal || is_copy, &sets, &mut findings);
    if is_copy {
        copy::check(request, &sets, &mut findings);
    }
    // A copy runs beside the original, which has them.
    let service = service.filter(|_| !is_copy);
    let runtime_files = runtime_files::look(service.as_ref(), &trees, &mut findings);
    runtime_files::look_at_sockets(&sets, &runtime_files, &mut findings);
    memory(&trees, &mut findings);
    let copy = request.copy.map(|wanted| copy::plan_copy(wanted, &new, &trees, &mut findings));
    let is_lent = request.thaw && flags.iter().any(|flag| flag.requested);
    let is_frozen = copy.as_ref().is_some_and(|copy| copy.frozen.is_some());
    stop_signals(&left_stopped(&trees, is_frozen, is_lent), &mut findings);
    Preflight { findings, folder: folder.into(), trees, criu, kernel, copy, scope, runtime_files, flags }
}

/// The groups for a copy, where nobody names one.
fn new_groups(request: &Request<'_>, sets: &[ImageSet], findings: &mut Vec<Finding>) -> Vec<NewGroup> {
    let (Some(_), None, Some(set)) = (request.copy, request.into_group, sets.first()) else {
        return Vec::new();
    };
    copy::groups::choose(set, request.hierarchies).unwrap_or_else(|error| {
        let what = "--copy creates its own group";
        findings.push(Finding::blocker("group", what, error.to_string()));
        Vec::new()
    })
}

/// What of that is so whether the processes still live or not: the images, the files that they had open, and what they need.
/// `options`: the names of those for criu.
pub fn look_at_images(folder: &Path, options: &[impl AsRef<str>]) -> Vec<Finding> {
    let given: Vec<OsString> = options.iter().map(|option| option.as_ref().into()).collect();
    let mut findings = Vec::new();
    let (sets, _) = stored::look(folder, None, &host::release(), &mut findings);
    // The processes live: their groups are there.
    files::look(&given, sets.iter().map(|set| (set, GroupsMade::None)), false, &mut findings);
    // Whether there will be a terminal is not known yet.
    options::look(&given, true, &sets, &mut findings);
    findings
}

impl Preflight {
    /// The findings that are in the way.
    pub fn blockers(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.blocks())
    }
}

/// What was stopped by another signal than the one that all of its tree get.
fn stop_signals(left_stopped: &[&Tree], findings: &mut Vec<Finding>) {
    let members = left_stopped.iter().flat_map(|tree| &tree.processes);
    let others = members.filter_map(|member| {
        let signal = Signal::try_from(i32::try_from(member.stop_signal?).ok()?).ok()?;
        let is_other = member.state == State::Stopped && signal != Signal::SIGSTOP;
        is_other.then(|| format!("process {} ({}) by {signal}", member.pid, member.name))
    });
    let others: Vec<String> = others.collect();
    if others.is_empty() {
        return;
    }
    findings.push(Finding::warning(
        "stop-signal",
        format!("stopped when they were dumped: {}; they come back stopped by SIGSTOP", others.join(", ")),
        "criu leaves all of their tree stopped until everything is there, and does that with SIGSTOP: a parent that asks is told of that signal; SIGCONT lets them go on as before",
    ));
}

fn permission() -> Finding {
    match Rights::read() {
        Ok(rights) => rights.for_restore(),
        Err(error) => Finding::unknown("not-permitted", "the permissions of cryoscope", error),
    }
}

fn memory(trees: &[Tree], findings: &mut Vec<Finding>) {
    let wanted = trees.iter().fold(0_u64, |sum, tree| sum.saturating_add(tree.memory_bytes));
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    findings.push(match host::available_memory() {
        Err(error) => Finding::unknown("memory", "the available memory", error),
        Ok(free) if free < wanted => Finding::warning(
            "memory",
            format!("{} of memory is available, but the images contain {}", mib(free), mib(wanted)),
            "the kernel may end processes when memory runs out",
        )
        .remedy("end something else first"),
        Ok(free) => {
            Finding::ok("memory", format!("{} of memory is available for {}", mib(free), mib(wanted)))
        }
    });
}
