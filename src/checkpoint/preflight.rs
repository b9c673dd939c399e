//! What can be known before criu runs. Reads only.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use super::criu::{self, Criu};
use super::finding::Finding;
use super::origins::Flag;
use super::{arg::Arg, folder};
use crate::kernel::{Filesystem, Group, Status};
use crate::model::{Hierarchies, Process, Version, printable};

mod freeze;
mod tree;

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
    /// The root of the process tree, where the group holds several.
    pub pid: Option<i32>,
    /// What is to become of the processes; as they were found where it is left out.
    pub after: Option<After>,
    /// The criu to use; found in PATH where it is left out.
    pub criu: Option<PathBuf>,
    /// Options handed on to criu.
    pub extra: Vec<OsString>,
}

/// A process of the tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Its PID.
    pub pid: i32,
    /// Its start time in clock ticks since boot (proc_pid_stat(5)).
    pub start: u64,
    /// Its state letter.
    pub state: char,
    /// Its command line, printable.
    pub command: String,
    /// Its PID in its own PID namespace: the one in the names of the images (`NSpid` of proc_pid_status(5)).
    pub inner: i32,
}

/// What the preflight found.
#[derive(Debug, Clone, Serialize)]
pub struct Preflight {
    /// What is in order, and what is not.
    pub findings: Vec<Finding>,
    /// The root of the tree to dump first, then those below it; empty where there is none.
    pub tree: Vec<Member>,
    /// Resident memory of the tree in bytes.
    pub rss: u64,
    /// Every freeze flag that bears on the tree, of both hierarchies.
    pub flags: Vec<Flag>,
    /// The one group that holds the freeze.
    pub origin: Option<Arg>,
    /// The group to hand to `--freeze-cgroup`.
    pub freeze_cgroup: Option<Arg>,
    /// Whether the freeze covers processes that are not in the tree.
    pub others: usize,
    /// The criu that was found.
    pub criu: Option<Criu>,
    /// The kernel's release.
    pub kernel: String,
    /// Whether the folder for the images exists already.
    pub folder_exists: bool,
    /// The folder for the images, absolute.
    pub into: Arg,
}

/// Looks at everything that decides whether the checkpoint will work.
pub fn preflight(request: &Request<'_>) -> Preflight {
    let mut findings = vec![permission()];
    let targets = tree::look(request, &mut findings);
    let kernel = release();
    let (criu, of_criu) = criu::look(request.criu.as_deref(), &kernel);
    let freeze = freeze::look(request, &targets, criu.as_ref(), &mut findings);
    findings.extend(of_criu);
    let rss = targets.tree.iter().map(|p| p.rss).sum();
    let into = std::path::absolute(&request.into).unwrap_or_else(|_| request.into.clone());
    let (of_folder, folder_exists) = folder::look(&into, rss);
    findings.extend(of_folder);
    Preflight {
        findings,
        tree: targets.tree.iter().map(member).collect(),
        rss,
        flags: freeze.flags,
        origin: freeze.origin,
        freeze_cgroup: freeze.freeze_cgroup,
        others: freeze.others,
        criu,
        kernel,
        folder_exists,
        into: into.into(),
    }
}

impl Preflight {
    /// The findings that are in the way.
    pub fn blockers(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.blocks())
    }
}

fn member(process: &Process) -> Member {
    let status = Status::read(process.id.pid).ok().flatten();
    let inner = status.and_then(|status| status.numbers("NSpid")?.last().copied());
    Member {
        pid: process.id.pid,
        start: process.id.start,
        state: process.state,
        command: printable(&process.command).into_owned(),
        inner: inner.unwrap_or(process.id.pid),
    }
}

/// `CAP_SYS_PTRACE` and `CAP_SYS_ADMIN` of linux/capability.h: criu needs both unless it runs with `--unprivileged`.
const NEEDED: u64 = 1 << 19 | 1 << 21;

fn permission() -> Finding {
    let status = Status::read(std::process::id().cast_signed()).ok().flatten();
    match status.and_then(|status| status.capabilities("CapEff")) {
        None => Finding::unknown("not-permitted", "which rights this program has", "/proc/self/status"),
        Some(held) if held & NEEDED == NEEDED => Finding::ok("permitted", "this program may dump processes"),
        Some(_) => Finding::blocker(
            "not-permitted",
            "CAP_SYS_ADMIN or CAP_SYS_PTRACE is missing",
            "criu takes hold of every process and reads its memory",
        )
        .remedy("run as root"),
    }
}

/// The hierarchies with the one of the request first, each opened.
fn filesystems(request: &Request<'_>) -> Vec<(Version, std::io::Result<Filesystem>)> {
    request.hierarchies.iter().map(|h| (h.version, Filesystem::open(h.clone()))).collect()
}

/// The kernel's release, as uname(2) says it.
pub fn release() -> String {
    printable(rustix::system::uname().release().to_bytes()).into_owned()
}
