//! `cryoscope doctor`: what this host can do.

use std::io::Write;

use serde::Serialize;

use super::args::Doctor;
use super::{Context, Failure};
use crate::checkpoint::{Finding, criu, rights};
use crate::kernel::delegated::{self, Delegated};
use crate::kernel::{Dir, Filesystem, host, inotify};
use crate::model::{Hierarchy, Version, printable};
use crate::watch::groups_that_fit;

#[derive(Serialize)]
struct Report {
    setup: String,
    hierarchies: Vec<HierarchyReport>,
    criu: Criu,
    rights: Rights,
    inotify: Inotify,
}

#[derive(Serialize)]
struct Criu {
    path: Option<String>,
    version: Option<String>,
    works: bool,
    problem: Option<String>,
    /// What to do about the problem.
    remedy: Option<String>,
    /// What this criu does not do on this kernel.
    limits: Vec<String>,
}

#[derive(Serialize)]
struct HierarchyReport {
    version: String,
    mount_point: String,
    read_only: bool,
    writable: bool,
    /// What an ordinary user may freeze; empty where everything can be frozen.
    delegated: Vec<DelegatedReport>,
}

/// A group that was delegated to this user.
#[derive(Serialize)]
struct DelegatedReport {
    /// Its absolute path, printable.
    group: String,
    /// Whether it can be frozen itself, and not only what is below it.
    itself: bool,
}

#[derive(Serialize)]
struct Rights {
    root: bool,
    missing: Vec<String>,
}

#[derive(Serialize)]
struct Inotify {
    max_user_watches: Option<u64>,
    max_user_instances: Option<u64>,
    /// What other processes of this user use.
    used_watches: u64,
    used_instances: u64,
    /// In the part of the rest that this program takes.
    groups_that_fit: Option<u64>,
}

/// So many delegated groups are named; the others are counted.
const MAX_DELEGATED_SHOWN: usize = 5;

/// Prints the report.
pub(super) fn run(context: &Context, options: &Doctor, out: &mut impl Write) -> Result<(), Failure> {
    let report = report(context);
    if options.json {
        serde_json::to_writer(&mut *out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "cgroups   {}", report.setup)?;
    for h in &report.hierarchies {
        let rights = match (h.writable, h.delegated.is_empty()) {
            (true, _) => "groups can be frozen",
            (false, true) => "read only for you",
            (false, false) => "read only for you, except for what was delegated to you",
        };
        writeln!(out, "  {}      {} ({rights})", h.version, h.mount_point)?;
    }
    let delegated: Vec<_> = report.hierarchies.iter().flat_map(|h| &h.delegated).collect();
    for DelegatedReport { group, itself } in delegated.iter().take(MAX_DELEGATED_SHOWN) {
        let which = if *itself {
            "it and all groups below can be frozen"
        } else {
            "the groups below it can be frozen"
        };
        writeln!(out, "yours     {group}: {which}")?;
    }
    if let Some(more @ 1..) = delegated.len().checked_sub(MAX_DELEGATED_SHOWN) {
        writeln!(out, "yours     {more} more; --json names them all")?;
    }
    match &report.criu {
        Criu { works: true, path, version, .. } => {
            let (path, version) =
                (path.as_deref().unwrap_or("criu"), version.as_deref().unwrap_or("unknown"));
            writeln!(out, "criu      {path}, version {version}, works")?;
        }
        criu => {
            let which = criu.path.iter().map(|path| match &criu.version {
                Some(version) => format!("{path}, version {version}: "),
                None => format!("{path}: "),
            });
            let problem = criu.problem.as_deref().unwrap_or("not found");
            let remedy = criu.remedy.iter().map(|remedy| format!("; {remedy}")).collect::<String>();
            writeln!(out, "criu      {}{problem}{remedy}", which.collect::<String>())?;
        }
    }
    for missing in report.criu.limits.iter().chain(&report.rights.missing) {
        writeln!(out, "missing   {missing}")?;
    }
    let number = |n: Option<u64>| n.map_or("unknown".to_owned(), |n| n.to_string());
    let Inotify { max_user_watches, used_watches, groups_that_fit, .. } = report.inotify;
    writeln!(
        out,
        "inotify   {} watches, {used_watches} in use; half of the rest is enough for {} groups",
        number(max_user_watches),
        number(groups_that_fit)
    )?;
    Ok(())
}

/// What this user may not do, and what that takes.
pub(super) fn missing(context: &Context) -> Vec<String> {
    let mut missing = Vec::new();
    if !nix::unistd::geteuid().is_root() {
        missing.push("freezing other users' groups needs root".to_owned());
        missing.push("seeing where other users' processes are blocked needs root".to_owned());
    }
    for hierarchy in context.hosts.iter().filter(|h| h.read_only) {
        missing.push(format!("{} is mounted read-only", hierarchy.mount_point.display()));
    }
    missing
}

fn hierarchy(found: &Hierarchy) -> HierarchyReport {
    let writable =
        !found.read_only && Dir::open(&found.mount_point).is_ok_and(|dir| dir.may_write("cgroup.procs"));
    let delegated = match Filesystem::open(found.clone()) {
        Ok(fs) if !writable && !found.read_only => delegated::find(&fs).unwrap_or_default(),
        _ => Vec::new(),
    };
    let shown = |one: &Delegated| DelegatedReport {
        group: printable(found.absolute(&one.group).as_os_str().as_encoded_bytes()).into_owned(),
        itself: one.itself,
    };
    HierarchyReport {
        version: found.version.to_string(),
        mount_point: found.mount_point.display().to_string(),
        read_only: found.read_only,
        writable,
        delegated: delegated.iter().map(shown).collect(),
    }
}

fn report(context: &Context) -> Report {
    let hierarchies = context.hosts.iter().map(hierarchy).collect();
    let root = nix::unistd::geteuid().is_root();
    let mut missing = missing(context);
    for version in [Version::V1, Version::V2].into_iter().filter(|&v| context.hosts.get(v).is_none()) {
        missing.push(format!("no {version} freezer is mounted"));
    }
    missing.extend(rights::limits());
    Report {
        setup: context.hosts.setup.to_string(),
        hierarchies,
        criu: found_criu(),
        rights: Rights { root, missing },
        inotify: inotify(),
    }
}

fn inotify() -> Inotify {
    let ((max_user_watches, max_user_instances), used) = (inotify::host_limits(), inotify::used_by_others());
    Inotify {
        max_user_watches,
        max_user_instances,
        used_watches: used.watches,
        used_instances: used.instances,
        groups_that_fit: max_user_watches.map(|_| groups_that_fit(inotify::limits(), used)),
    }
}

/// The criu in PATH, as a checkpoint would find it.
fn found_criu() -> Criu {
    let kernel = host::release();
    let (found, findings) = criu::look(None, &kernel);
    let blocker = findings.into_iter().find(Finding::blocks);
    let (problem, remedy) = blocker.map(|finding| (finding.what, finding.remedy)).unzip();
    let remedy = remedy.flatten();
    let path = found.as_ref().map(|criu| printable(criu.path.as_os_str().as_encoded_bytes()).into_owned());
    let works = found.is_some() && problem.is_none();
    let version = found.and_then(|criu| criu.version);
    let limits =
        version.iter().filter(|_| works).flat_map(|version| criu::limits(version, &kernel)).collect();
    Criu { path, version, works, problem, remedy, limits }
}
