//! What will run, as a value: it is shown, printed as a script, and run.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::copy::CopyPlan;
use super::preflight::{Preflight, Request};
use super::scope::{Entry, Scope};
use super::step::{LEAVE_STOPPED, Restore, Step};
use super::tree::{Member, Tree};
use crate::checkpoint::arg::{Arg, first_of_ours};
use crate::checkpoint::criu::Criu;
use crate::checkpoint::flag::Flag;
use crate::checkpoint::plan::proposed;
use crate::checkpoint::{Finding, Refused};
use crate::model::Version;

/// The name of criu's log, beside the images; the dump's is `dump.log`.
pub const LOG: &str = "restore.log";
/// Where criu writes the number that a root with a PID namespace of its own has here, beside the images.
pub(super) const PID_FILE: &str = "restore.pid";

/// A restore, ready to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The folder that was named.
    pub folder: Arg,
    /// What is restored.
    pub trees: Vec<Tree>,
    /// Where the processes are restored as a copy: how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyPlan>,
    /// The scope of systemd that the processes come into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The freeze flags of the groups that the processes come into, as they were found.
    pub flags: Vec<Flag>,
    /// The criu version.
    pub criu_version: Option<String>,
    /// The kernel's release.
    pub kernel: String,
    /// What runs, in this order.
    pub steps: Vec<Step>,
}

/// The options that decide what is restored, how it is left, and where the log goes.
const OURS: [&str; 18] = [
    "-t",
    "--tree",
    "-D",
    "--images-dir",
    "-o",
    "--log-file",
    "-W",
    "--work-dir",
    "-d",
    "--restore-detached",
    "-s",
    "--leave-stopped",
    "-S",
    "--restore-sibling",
    "--pidfile",
    "--exec-cmd",
    "--action-script",
    "-v0",
];

/// Makes the plan.
///
/// # Errors
/// [`Refused`].
pub fn plan(found: &Preflight, request: &Request<'_>) -> Result<Plan, Refused> {
    let blockers: Vec<Finding> = found.blockers().cloned().collect();
    let (Some(criu), true) = (&found.criu, blockers.is_empty()) else {
        return Err(Refused::Blocked { so: "nothing was restored", blockers });
    };
    if let Some(ours) = first_of_ours(&request.extra, &OURS) {
        return Err(Refused::Option(ours));
    }
    let lent = if request.thaw { lent(&found.flags) } else { Vec::new() };
    let frozen = found.copy.as_ref().and_then(|copy| copy.frozen.as_ref());
    let stopped = left_stopped(&found.trees, frozen.is_some(), !lent.is_empty());
    let is_stopped = |tree: &Tree| stopped.iter().any(|other| other.root() == tree.root());
    let restore = |tree: &Tree| Step::Restore(restore(tree, found, criu, &request.extra, is_stopped(tree)));
    let mut steps: Vec<Step> = found.trees.iter().map(restore).collect();
    let of_copy = found.copy.is_some();
    let pids = stopped.iter().flat_map(|tree| tree.running()).map(|member| member.pid).collect();
    let go_on = (!stopped.is_empty()).then_some(Step::Continue { pids, of_copy });
    if let Some(copy) = &found.copy {
        steps.insert(0, Step::Namespace(copy.clone()));
        steps.extend(frozen.map(|flag| Step::Freeze { flag: flag.clone() }));
        steps.extend(go_on);
        steps.push(Step::Keep);
    } else if lent.is_empty() {
        steps.extend(go_on);
    } else {
        steps.insert(0, Step::Thaw { flags: lent.clone() });
        // What is let go on while v1 holds it can no longer be told from what is stopped (wchan stays `do_signal_stop`).
        let on_v1 = lent.iter().any(|flag| flag.hierarchy == Version::V1);
        let freeze = Step::FreezeAgain { flags: lent };
        match on_v1 {
            true => steps.extend(go_on.into_iter().chain([freeze])),
            false => steps.extend([freeze].into_iter().chain(go_on)),
        }
    }
    let missing = &found.runtime_files;
    if !missing.is_empty() {
        steps.insert(0, Step::MakeRuntimeFiles { files: missing.clone() });
    }
    Ok(Plan {
        folder: found.folder.clone(),
        trees: found.trees.clone(),
        copy: found.copy.clone(),
        scope: found.scope.clone(),
        flags: found.flags.clone(),
        criu_version: criu.version.clone(),
        kernel: found.kernel.clone(),
        steps,
    })
}

/// The flags that hold what is restored, those of groups below before those above.
fn lent(flags: &[Flag]) -> Vec<Flag> {
    let mut lent: Vec<Flag> = flags.iter().filter(|flag| flag.requested).cloned().collect();
    lent.sort_by_key(|flag| std::cmp::Reverse(flag.group.0.len()));
    lent
}

fn restore(tree: &Tree, found: &Preflight, criu: &Criu, extra: &[OsString], stopped: bool) -> Restore {
    let mut args: Vec<Arg> = vec!["restore".into(), "-D".into(), tree.images.clone()];
    args.extend(["-d", "-o", LOG, "-v4"].map(Arg::from));
    args.extend(stopped.then(|| Arg::from(LEAVE_STOPPED)));
    args.extend(tree.within.is_some().then(|| Arg::from("--manage-cgroups=ignore")));
    if tree.own_pids {
        args.extend(["--pidfile", PID_FILE].map(Arg::from));
    }
    args.extend(proposed(&found.findings, extra).into_iter().map(Arg::from));
    args.extend(extra.iter().cloned().map(Arg::from));
    let (criu, images) = (criu.path.clone().into(), tree.images.clone());
    let within = tree.within.clone().unwrap_or_default();
    let of_copy = found.copy.is_some();
    let scope = found.scope.as_ref().map(|scope| match found.trees.first() {
        Some(first) if first.root() != tree.root() => Entry::Join(scope.name.clone()),
        _ => Entry::New(scope.clone()),
    });
    Restore { root: tree.root(), criu, args, images, on_terminal: tree.on_terminal, within, scope, of_copy }
}

/// The trees that criu leaves stopped until all are there: where what was restored is frozen at the end it is to run as little as
/// may be. Numbers in another PID namespace cannot be let go on. criu itself stops what was stopped, by the signal that did it:
/// a tree that has nothing else is not left so, for criu does that with SIGSTOP (`catch_tasks` of criu/cr-restore.c).
pub(super) fn left_stopped(trees: &[Tree], is_frozen_copy: bool, is_lent: bool) -> Vec<&Tree> {
    let own_pids = trees.iter().any(|tree| tree.own_pids);
    if trees.len() < 2 && !is_frozen_copy && (!is_lent || own_pids) {
        return Vec::new();
    }
    trees.iter().filter(|tree| tree.running().next().is_some()).collect()
}

impl Plan {
    /// The folder that was named.
    pub fn folder(&self) -> &Path {
        Path::new(&self.folder.0)
    }

    /// The processes of all trees.
    pub fn processes(&self) -> impl Iterator<Item = &Member> {
        self.trees.iter().flat_map(|tree| &tree.processes)
    }

    /// The processes of the tree with this root.
    pub(super) fn members(&self, root: i32) -> impl Iterator<Item = &Member> {
        let tree = self.trees.iter().find(|tree| tree.root() == root);
        tree.into_iter().flat_map(|tree| &tree.processes)
    }

    /// The flags that are thawed for the restore, and frozen again.
    pub(super) fn lent(&self) -> &[Flag] {
        let lent = self.steps.iter().find_map(|step| match step {
            Step::Thaw { flags } => Some(&flags[..]),
            _ => None,
        });
        lent.unwrap_or_default()
    }

    /// The flag that holds a copy before it runs.
    pub(super) fn frozen_copy(&self) -> Option<&Flag> {
        self.copy.as_ref()?.frozen.as_ref()
    }

    /// The processes that are stopped until they are let go on.
    pub(super) fn stopped(&self) -> &[i32] {
        let pids = self.steps.iter().find_map(|step| match step {
            Step::Continue { pids, .. } => Some(&pids[..]),
            _ => None,
        });
        pids.unwrap_or_default()
    }

    /// The lines for a shell that do the same.
    pub fn command(&self) -> String {
        self.steps.iter().map(Step::shell).collect::<Vec<_>>().join("\n")
    }
}
