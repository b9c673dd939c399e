//! What will run, as a value: it is shown, printed as a script, kept in the journal, and run.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use super::arg::{Arg, first_of_ours, given};
use super::criu::Criu;
use super::flag::Flag;
use super::handover::{Choice, HandOver, Place};
use super::hook::{GIVE_OTHER_FILES, Hook};
use super::outcome::{Flags, Outcome, holds_before, outcome};
use super::preflight::{After, Preflight, Request};
use super::service::ServiceRecord;
use super::step::{Dump, Signal, Step};
use super::tree::{Member, Tree};
use super::{Finding, Refused};
use crate::model::Version;

/// A checkpoint, ready to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The group.
    pub group: Arg,
    /// What is dumped.
    pub trees: Vec<Tree>,
    /// Where the images go.
    pub into: Arg,
    /// What is to become of the processes; as they were found where it is `None`.
    pub after: Option<After>,
    /// What is kept of the service that they are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceRecord>,
    /// The freeze flags that bear on the processes, as they were found, and as they will be afterwards.
    pub flags: Vec<Flag>,
    /// Those among them that the plan, or criu, writes.
    pub written: Vec<Arg>,
    /// The criu version.
    pub criu_version: Option<String>,
    /// The kernel's release.
    pub kernel: String,
    /// What runs, in this order.
    pub steps: Vec<Step>,
}

/// The options that decide what becomes of the target.
const OURS: [&str; 17] = [
    "-t",
    "--tree",
    "-D",
    "--images-dir",
    "-o",
    "--log-file",
    "-R",
    "--leave-running",
    "-s",
    "--leave-stopped",
    "--freeze-cgroup",
    "-W",
    "--work-dir",
    "--timeout",
    "-v0",
    "--pidfile",
    "-d",
];

/// Makes the plan.
///
/// # Errors
/// [`Refused`].
pub fn plan(found: &Preflight, request: &Request<'_>) -> Result<Plan, Refused> {
    let blockers: Vec<Finding> = found.blockers().cloned().collect();
    let (Some(criu), Some(choice), true) = (&found.criu, &found.choice, blockers.is_empty()) else {
        return Err(Refused::Blocked { so: "the checkpoint would not work", blockers });
    };
    if let Some(ours) = first_of_ours(&request.extra, &OURS) {
        return Err(Refused::Option(ours));
    }
    let named = (request.group.version, &request.group.path);
    let outcome = outcome(request.after, found, named).map_err(Refused::After)?;
    let named: Place = (named.0, named.1.clone());
    let flags = promised(found, choice, outcome, &named);
    let draft = Draft {
        found,
        after: request.after,
        extra: &request.extra,
        criu,
        outcome,
        flags: &flags,
        named: &named,
    };
    let steps = match choice {
        Choice::Plain => draft.folders().chain(draft.dumps(None, false)).collect(),
        Choice::Through(hand_over) => draft.through(hand_over),
    };
    let written = written(choice, outcome, &named);
    let written = written.into_iter().filter_map(|at| Some(found.flags.get(at)?.group.clone())).collect();
    Ok(Plan {
        group: request.group.absolute.clone().into(),
        trees: found.trees.clone(),
        into: found.into.clone(),
        after: request.after,
        service: found.service.clone(),
        flags,
        written,
        criu_version: criu.version.clone(),
        kernel: found.kernel.clone(),
        steps,
    })
}

/// The groups that a hand-over writes to, the top first.
pub(super) fn handed_over(choice: &Choice) -> Vec<&Place> {
    let Choice::Through(hand_over) = choice else { return Vec::new() };
    std::iter::once(&hand_over.top).chain(&hand_over.aside).collect()
}

/// All groups that are written to, the top first.
fn written<'a>(choice: &'a Choice, outcome: Outcome, named: &'a Place) -> Vec<&'a Place> {
    let mut written = handed_over(choice);
    if matches!(choice, Choice::Through(_))
        && matches!(outcome.flags, Flags::NamedAsks { .. })
        && !written.contains(&named)
    {
        written.push(named);
    }
    written
}

/// The flags, with what each is to be afterwards.
fn promised(found: &Preflight, choice: &Choice, outcome: Outcome, named: &Place) -> Vec<Flag> {
    let written = written(choice, outcome, named);
    let promise = |(place, flag): (&Place, &Flag)| {
        let promised = match outcome.flags {
            Flags::NamedAsks { .. } if place == named => true,
            Flags::NamedAsks { top: true } if written.first() == Some(&place) => true,
            Flags::NobodyAsks if written.contains(&place) => false,
            _ => flag.requested,
        };
        Flag { promised, ..flag.clone() }
    };
    found.flags.iter().map(promise).collect()
}

/// Everything that the steps are made from.
struct Draft<'a> {
    found: &'a Preflight,
    after: Option<After>,
    extra: &'a [OsString],
    criu: &'a Criu,
    outcome: Outcome,
    flags: &'a [Flag],
    named: &'a Place,
}

impl Draft<'_> {
    fn folders(&self) -> impl Iterator<Item = Step> {
        let found = self.found;
        let top = Step::MakeFolder { path: found.into.clone(), exists: found.folder_exists };
        let each = found.trees.iter().filter(|tree| tree.images != found.into);
        let each = each.map(|tree| Step::MakeFolder { path: tree.images.clone(), exists: false });
        std::iter::once(top).chain(each)
    }

    /// criu ends the processes itself.
    fn ends(&self) -> bool {
        self.outcome.criu.is_none()
    }

    fn hook(&self, freeze_again: Option<&Arg>) -> Hook {
        Hook {
            program: self.found.program.clone(),
            freeze_again: freeze_again.cloned(),
            options: given(self.extra, &GIVE_OTHER_FILES).collect(),
        }
    }

    /// `freeze_again`: the hook asks for the freeze of the group again, before criu ends the processes in it.
    fn dumps(&self, freeze_cgroup: Option<&Arg>, freeze_again: bool) -> impl Iterator<Item = Step> {
        self.found.trees.iter().map(move |tree| {
            let root = tree.root();
            let mut args: Vec<Arg> = ["dump", "-t"].map(Arg::from).into();
            args.extend([root.to_string().into(), "-D".into(), tree.images.clone()]);
            args.extend(["-o", "dump.log", "-v4"].map(Arg::from));
            args.extend(self.outcome.criu.map(Arg::from));
            if let Some(group) = freeze_cgroup {
                args.extend(["--freeze-cgroup".into(), group.clone()]);
            }
            args.extend(proposed(&self.found.findings, self.extra).into_iter().map(Arg::from));
            let hook = self.ends().then(|| self.hook(freeze_cgroup.filter(|_| freeze_again)));
            args.extend(hook.iter().flat_map(Hook::args));
            args.extend(self.extra.iter().cloned().map(Arg::from));
            let (criu, images) = (self.criu.path.clone().into(), tree.images.clone());
            Step::Dump(Dump { root, criu, args, freeze_cgroup: freeze_cgroup.cloned(), images, hook })
        })
    }

    fn flag(&self, place: &Place) -> Option<Flag> {
        self.flags.iter().find(|flag| (flag.hierarchy, &flag.path) == (place.0, &place.1)).cloned()
    }

    /// The top freezes first and thaws last; what is set aside is thawed after that and set again before it.
    fn through(&self, hand_over: &HandOver) -> Vec<Step> {
        let mut steps: Vec<Step> = self.folders().collect();
        // A flag that is gone meanwhile has no place in the plan; the run looks at it again first.
        let Some(top) = self.flag(&hand_over.top) else { return steps };
        let aside: Vec<Flag> = hand_over.aside.iter().filter_map(|place| self.flag(place)).collect();
        let before = holds_before(hand_over, self.found, self.after);
        if before {
            steps.extend((!hand_over.asks).then(|| Step::Freeze { flag: top.clone() }));
            steps.extend(aside.iter().map(|flag| Step::Thaw { flag: flag.clone() }));
            steps.push(Step::AwaitFrozen { flag: top.clone() });
        }
        let others = !hand_over.paused.is_empty();
        steps.extend(self.dumps(Some(&top.group), before && others && top.hierarchy == Version::V2));
        if !before {
            return steps;
        }
        steps.extend(self.afterwards(&top, aside));
        steps.extend((!top.promised).then_some(Step::Thaw { flag: top }));
        steps
    }

    /// From the dumps to the moment when the top may be let go: what is to be held again, is.
    ///
    /// v2 comes first, for its freeze cannot complete while v1 holds. v1 must be FROZEN before anything else lets go, and
    /// before a signal is sent that stops: a process that stops on its way into the v1 freezer never arrives there (measured
    /// on Linux 6.18). One that dies there does not end before it is thawed: it must have ended before.
    fn afterwards(&self, top: &Flag, aside: Vec<Flag>) -> Vec<Step> {
        let named = self.flag(self.named).filter(|flag| flag.promised && !flag.requested && flag != top);
        let mut again: Vec<Flag> = aside.into_iter().chain(named).filter(|flag| flag.promised).collect();
        again.sort_by_key(|flag| (flag.hierarchy == Version::V1, flag.group.0.len()));
        // criu leaves the group thawed where it ends the processes itself.
        let ends = self.ends();
        again.splice(0..0, (ends && top.promised).then(|| top.clone()));
        let (v1, v2): (Vec<Flag>, Vec<Flag>) = again.into_iter().partition(|f| f.hierarchy == Version::V1);
        let kills = ends || self.outcome.signal == Some(Signal::Kill);
        let await_frozen = |flag: &Flag| Step::AwaitFrozen { flag: flag.clone() };
        let mut steps = Vec::new();
        if let Some(signal) = self.outcome.signal.filter(|_| kills) {
            let images = self.found.trees.iter().map(|tree| tree.images.clone()).collect();
            steps.extend([Step::Prove { images, hook: self.hook(None) }, self.signal(signal)]);
        }
        if kills && !v1.is_empty() {
            steps.push(Step::AwaitEnded { processes: self.living() });
        }
        let stops = self.outcome.signal == Some(Signal::Stop);
        steps.extend((!kills && (stops || !v1.is_empty())).then(|| await_frozen(top)));
        steps.extend(v2.into_iter().map(|flag| Step::Freeze { flag }));
        steps.extend(v1.iter().map(|flag| Step::Freeze { flag: flag.clone() }));
        steps.extend(v1.iter().filter(|flag| *flag != top).map(await_frozen));
        steps.extend(stops.then(|| self.signal(Signal::Stop)));
        steps
    }

    fn living(&self) -> Vec<Member> {
        let all = self.found.trees.iter().flat_map(|tree| &tree.processes);
        all.filter(|member| !member.was_zombie()).cloned().collect()
    }

    fn signal(&self, signal: Signal) -> Step {
        Step::Signal { signal, processes: self.living() }
    }
}

/// The options that answer findings, each once; one that the person gives in their own way is theirs.
pub(super) fn proposed(findings: &[Finding], extra: &[OsString]) -> Vec<String> {
    let name = |word: &[u8]| word.split(|&b| b == b'=').next().unwrap_or_default().to_vec();
    let mut seen: Vec<Vec<u8>> = extra.iter().map(|word| name(word.as_bytes())).collect();
    let mut words = Vec::new();
    for finding in findings {
        let Some(option) = finding.options.first().map(|word| name(word.as_bytes())) else { continue };
        if !seen.contains(&option) {
            seen.push(option);
            words.extend(finding.options.iter().cloned());
        }
    }
    words
}

impl Plan {
    /// Where the images go.
    pub fn folder(&self) -> &Path {
        Path::new(&self.into.0)
    }

    /// How many processes are dumped.
    pub fn processes(&self) -> usize {
        self.trees.iter().map(|tree| tree.processes.len()).sum()
    }

    /// Resident memory of all trees, in bytes: about what will be written.
    pub fn rss(&self) -> u64 {
        self.trees.iter().map(|tree| tree.rss).sum()
    }

    /// The runs of criu.
    pub fn dumps(&self) -> impl Iterator<Item = &Dump> {
        self.steps.iter().filter_map(|step| match step {
            Step::Dump(dump) => Some(dump),
            _ => None,
        })
    }

    /// The line for a shell that runs criu; several where there are several trees.
    pub fn command(&self) -> String {
        self.dumps().map(Dump::shell).collect::<Vec<_>>().join("\n")
    }

    /// The flags that the plan, or criu, writes.
    pub fn written(&self) -> Vec<Flag> {
        self.flags.iter().filter(|flag| self.written.contains(&flag.group)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
