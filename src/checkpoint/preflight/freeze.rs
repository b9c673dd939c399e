//! Who asks for a freeze, on which hierarchy, and which group criu is to be told of.

use std::collections::BTreeSet;
use std::io;

use super::tree::Targets;
use super::{Finding, Request, filesystems};
use crate::checkpoint::arg::Arg;
use crate::checkpoint::criu::{Criu, numbers};
use crate::checkpoint::origins::{Flag, held, read, subtree};
use crate::kernel::Filesystem;
use crate::kernel::processes::{Processes, group_of, wchan};
use crate::model::{CgroupPath, Process, State, Version};

/// What was found out about freezes.
#[derive(Default)]
pub(super) struct Freeze {
    /// Every flag that bears on the tree.
    pub flags: Vec<Flag>,
    /// The one group that holds the freeze.
    pub origin: Option<Arg>,
    /// The group for `--freeze-cgroup`.
    pub freeze_cgroup: Option<Arg>,
    /// How many processes outside the tree are paused with it.
    pub others: usize,
}

/// Reads every flag that bears on the tree, and decides.
pub(super) fn look(
    request: &Request<'_>,
    targets: &Targets,
    criu: Option<&Criu>,
    findings: &mut Vec<Finding>,
) -> Freeze {
    let mut freeze = Freeze::default();
    let mut unseen =
        |what: String, error: io::Error| findings.push(Finding::unknown("freeze-state", what, error));
    let path = &request.group.path;
    let version = request.group.version;
    let below = subtree(request.fs, path).unwrap_or_else(|error| {
        unseen(format!("the groups below {path}"), error);
        Vec::new()
    });
    let mut places: BTreeSet<(Version, CgroupPath)> = below.into_iter().map(|p| (version, p)).collect();
    places.extend([path.clone()].into_iter().chain(path.ancestors()).map(|p| (version, p)));
    let systems = filesystems(request);
    for (of, fs) in &systems {
        match fs {
            Ok(fs) => targets.tree.iter().for_each(|p| match group_of(p.id.pid, *of) {
                Ok(Some(at)) => match at.below(&fs.hierarchy().root) {
                    Some(at) => {
                        places.extend(at.ancestors().chain([at.clone()]).map(|p| (*of, p)));
                    }
                    None => unseen(
                        format!("the {of} group {at} of process {}", p.id.pid),
                        io::Error::other("it is not below what is mounted here"),
                    ),
                },
                Ok(None) => {}
                Err(error) => unseen(format!("in which {of} group process {} is", p.id.pid), error),
            }),
            Err(error) => unseen(format!("the {of} freezer"), io::Error::from(error.kind())),
        }
    }
    for (of, place) in &places {
        let Some(fs) = system(&systems, *of) else { continue };
        match read(fs, place) {
            Ok(flag) => freeze.flags.extend(flag),
            Err(error) => unseen(format!("the freeze flag of {place} ({of})"), error),
        }
    }
    decide(request, &mut freeze, findings);
    option(request, targets, criu, &mut freeze, findings);
    freeze
}

fn system(systems: &[(Version, io::Result<Filesystem>)], version: Version) -> Option<&Filesystem> {
    systems.iter().find(|(of, _)| *of == version)?.1.as_ref().ok()
}

/// One origin on the path is what criu can be told of; anything else hangs.
fn decide(request: &Request<'_>, freeze: &mut Freeze, findings: &mut Vec<Finding>) {
    let (path, version) = (&request.group.path, request.group.version);
    let lines = |flags: &[&Flag]| flags.iter().map(|f| f.line(false)).collect::<Vec<_>>().join("; ");
    let names = |flags: &[&Flag]| flags.iter().map(|f| f.shown()).collect::<Vec<_>>().join(", ");
    let other: Vec<&Flag> = freeze.flags.iter().filter(|f| f.version != version && held(f)).collect();
    if !other.is_empty() {
        let asking: Vec<&Flag> = other.iter().copied().filter(|f| f.requested).collect();
        let what = format!("frozen through the {} freezer as well: {}", version.other(), names(&other));
        findings.push(
            Finding::blocker(
                "frozen-other-hierarchy",
                what,
                "criu thaws one hierarchy only and would hang on the other",
            )
            .remedy(format!("thaw it there first: {}", lines(&asking))),
        );
    }
    let ours = |f: &&Flag| f.version == version && f.requested;
    let (on_path, aside): (Vec<&Flag>, Vec<&Flag>) =
        freeze.flags.iter().filter(ours).partition(|f| path.is_within(&f.path));
    if !aside.is_empty() {
        findings.push(
            Finding::blocker(
                "frozen-below",
                format!("frozen by requests of their own: {}", names(&aside)),
                "criu does not thaw them, and would hang on their processes",
            )
            .remedy(format!("thaw them first: {}", lines(&aside))),
        );
    }
    match on_path[..] {
        [] if findings.iter().any(|f| f.code == "freeze-state") => {}
        [] => findings.push(Finding::ok("freeze-state", format!("nobody asks for a freeze of {path}"))),
        [one] => {
            let what = format!("frozen by the request of {}", one.shown());
            findings.push(Finding::ok("freeze-state", format!("{what}; criu is told of that group")));
            freeze.origin = Some(one.group.clone());
        }
        _ => findings.push(
            Finding::blocker(
                "frozen-twice",
                format!("frozen by several requests: {}", names(&on_path)),
                "criu thaws one group only and would hang on the others",
            )
            .remedy(format!(
                "thaw all but the topmost, which keeps everything frozen: {}",
                lines(&but_topmost(&on_path))
            )),
        ),
    }
    let freezing = State::Freezing.to_string();
    if let Some(flag) = freeze.flags.iter().find(|f| f.version == version && f.state == freezing) {
        findings.push(
            Finding::blocker(
                "freezing",
                format!("{} is freezing, and not frozen yet", flag.shown()),
                "criu would wait for it",
            )
            .remedy("wait until it is frozen, or thaw it"),
        );
    }
}

fn but_topmost<'a>(flags: &[&'a Flag]) -> Vec<&'a Flag> {
    let top = flags.iter().map(|f| f.path.components().count()).min();
    flags.iter().copied().filter(|f| Some(f.path.components().count()) != top).collect()
}

/// Whether `--freeze-cgroup` is given, with which group, and who is paused through it.
fn option(
    request: &Request<'_>,
    targets: &Targets,
    criu: Option<&Criu>,
    freeze: &mut Freeze,
    findings: &mut Vec<Finding>,
) {
    let v1 = request.group.version == Version::V1;
    let own = Arg::from(request.group.absolute.clone());
    let top = match &freeze.origin {
        Some(origin) => freeze.flags.iter().find(|f| f.group == *origin).map(|f| f.path.clone()),
        None => Some(request.group.path.clone()),
    };
    let mut processes = Processes::default();
    let (mut paused, mut all) = (Vec::new(), true);
    for path in top.iter().flat_map(|top| subtree(request.fs, top).unwrap_or_default()) {
        match request.fs.group(&path).and_then(|g| g.map_or(Ok(Vec::new()), |g| processes.of(&g.dir))) {
            Ok(list) => paused.extend(list),
            Err(_) => all = false,
        }
    }
    if !all {
        findings.push(Finding::unknown(
            "paused",
            "some of the processes that are paused meanwhile",
            "their groups cannot be read",
        ));
    }
    let outside = |pid: i32| targets.tree.iter().all(|p| p.id.pid != pid);
    freeze.others = paused.iter().filter(|p| outside(p.id.pid)).count();
    for process in paused.iter().filter(|p| outside(p.id.pid) && p.tracer.is_some()) {
        let what = format!("process {} of the group is traced by another program", process.id.pid);
        findings.push(
            Finding::blocker("traced", what, "criu takes hold of every process of the group")
                .remedy("end the debugger"),
        );
    }
    if let Some(process) = paused.iter().find(|p| p.kernel_thread) {
        let what = format!("{} in the group is a thread of the kernel", process.id.pid);
        findings.push(Finding::warning("kernel-thread", what, "it cannot be frozen or dumped"));
    }
    let apart = targets.tree.iter().find(|p| !p.is_zombie() && paused.iter().all(|q| q.id.pid != p.id.pid));
    let old = criu.and_then(|c| c.version.as_deref()).is_some_and(|v| numbers(v) < (3, 14)) && !v1;
    let stopped = paused.iter().find(|p| p.is_stopped());
    if let Some(process) =
        paused.iter().filter(|_| v1 && freeze.origin.is_some()).find(|p| perhaps_stopped(p))
    {
        let pid = process.id.pid;
        let what = format!("whether process {pid} was stopped by a signal before it was frozen");
        let unknown = Finding::unknown("stopped-v1", what, "its state letter is D either way");
        findings.push(unknown.remedy(
            "if it was, criu hangs until the group is thawed: thaw it first, or freeze through cgroup v2",
        ));
    }
    let avoid = request.group.path.is_root()
        || request.fs.hierarchy().read_only
        || old
        || (v1 && stopped.is_some())
        || apart.is_some();
    match (&freeze.origin, avoid) {
        (None, true) => {}
        (None, false) => freeze.freeze_cgroup = Some(own),
        (Some(origin), false) => freeze.freeze_cgroup = Some(origin.clone()),
        (Some(_), true) => {
            let finding = match stopped.filter(|_| v1) {
                Some(p) => Finding::blocker(
                    "stopped-v1",
                    format!("process {} is stopped by a signal in a frozen v1 group", p.id.pid),
                    "criu would hang in the kernel",
                )
                .remedy(format!("kill -CONT {}, or freeze through cgroup v2", p.id.pid)),
                None if apart.is_some() => Finding::blocker(
                    "tree-outside",
                    format!(
                        "process {} of the tree is not in the frozen group",
                        apart.map_or(0, |p| p.id.pid)
                    ),
                    "criu expects the whole tree in the group that it is told of, and fails",
                )
                .remedy("thaw the group, or freeze a group that holds the whole tree"),
                None => Finding::blocker(
                    "freeze-cgroup",
                    "this group's freeze cannot be handed to criu",
                    "the hierarchy is read-only, or criu is older than 3.14",
                )
                .remedy("thaw the group first"),
            };
            findings.push(finding);
        }
    }
}

/// A process that was stopped by a signal and then frozen through v1 has state letter D and waits in `__refrigerator`, and so
/// has one that ran when it was frozen (measured on Linux 6.18): which of the two cannot be seen.
fn perhaps_stopped(process: &Process) -> bool {
    process.state == 'D' && wchan(process.id.pid).is_none_or(|at| &*at == b"__refrigerator")
}
