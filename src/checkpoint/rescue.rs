//! Puts right what was cut off, and frees a criu that hangs on frozen tasks, whoever started it.
//!
//! A criu that hangs is never killed: its code is in the target already, and the target does not survive that. It is let
//! finish: everything that holds its target frozen is thawed, and frozen again when criu has ended.

mod cut_off;
mod follow;
mod hanging;
mod left;
mod left_groups;
mod orphaned_timer;
mod outcome;

use std::io;
use std::path::PathBuf;

use super::at_work::Claim;
use super::dumping::images;
use super::journal::{self, CutOff};
use super::restore::copy::left_groups;
use super::{AtWork, Progress, fate};
use crate::model::{Hierarchies, ProcessId, printable};
use crate::timer::{OrphanError, forget_finished};
use hanging::Hanging;
use left::Left;
pub use left_groups::CopyGroups;
pub use orphaned_timer::OrphanedTimer;

/// Something to put right.
#[derive(Debug)]
pub enum Case {
    /// The program that ran a plan is gone, and the plan is not at its end.
    CutOff(CutOffPlan),
    /// A criu waits for frozen tasks.
    Hanging(HangingCriu),
    /// A criu waits for ever: all that it dumps is gone.
    Left(LeftCriu),
    /// A freeze for a time is not ended by its timer.
    Timer(OrphanedTimer),
    /// The keeper of a copy was killed: its groups are left.
    Copy(CopyGroups),
}

/// A plan whose program is gone.
#[derive(Debug)]
pub struct CutOffPlan(CutOff);

/// A criu that waits for frozen tasks.
#[derive(Debug)]
pub struct HangingCriu(Hanging);

/// A criu that waits for ever.
#[derive(Debug)]
pub struct LeftCriu(Left);

/// Why something could not be put right.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    /// What is to be rescued cannot be looked for.
    #[error("cannot look for interrupted checkpoints: {0}")]
    Look(io::Error),
    /// A flag could not be written.
    #[error("{0}; it is kept for another rescue")]
    Flag(String),
    /// A criu that waits for ever could not be ended.
    #[error("could not end criu: {0}; it holds no living process: end it with kill -KILL")]
    End(io::Error),
    /// A criu does not end.
    #[error(
        "criu (process {criu}) {why}; the groups thawed for it are frozen again: see its log, and run cryoscope \
         rescue again when it can continue"
    )]
    StillRuns {
        /// Its PID.
        criu: i32,
        /// Why it is not waited for any longer: a sentence without its subject.
        why: String,
    },
    /// A freeze that its timer does not end did not get its end.
    #[error(transparent)]
    Timer(#[from] OrphanError),
    /// The groups of a copy were not removed.
    #[error("{shown} cannot be removed: {error}; it is kept for another rescue")]
    Groups {
        /// Their paths.
        shown: String,
        /// Why.
        error: io::Error,
    },
    /// criu, or its target, could not be followed.
    #[error("lost track of criu: {0}; it may still be running: run cryoscope rescue again")]
    Wait(io::Error),
}

/// What is to be put right, and what somebody works on.
#[derive(Debug, Default)]
pub struct Stranded {
    /// Each can be rescued for itself.
    pub cases: Vec<Case>,
    /// Checkpoints that are left alone: the process that makes them lives, or may.
    pub at_work: Vec<AtWork>,
}

/// Everything on this host that is to be put right. Takes a moment: a criu hangs only if it does nothing meanwhile, and a
/// journal that its dead owner's lock is still on is waited for, which is told.
///
/// # Errors
/// [`RescueError::Look`].
pub fn stranded(hosts: &Hierarchies, tell: &mut dyn FnMut(String)) -> Result<Stranded, RescueError> {
    let journal::Left { cut_off, busy } = journal::left_behind(tell).map_err(RescueError::Look)?;
    let hanging = hanging::look(hosts).map_err(RescueError::Look)?;
    // A criu of a plan that was cut off is freed with that plan.
    let planned = |criu: ProcessId| cut_off.iter().any(|plan| cut_off::is_criu_of(plan, criu));
    let hanging: Vec<Hanging> = hanging.into_iter().filter(|one| !planned(one.criu.id)).collect();
    let left: Vec<Left> = left::look().into_iter().filter(|one| !planned(one.criu)).collect();
    let cases = cut_off.into_iter().map(|plan| Case::CutOff(CutOffPlan(plan)));
    let cases = cases.chain(hanging.into_iter().map(|hanging| Case::Hanging(HangingCriu(hanging))));
    let cases = cases.chain(left.into_iter().map(|left| Case::Left(LeftCriu(left))));
    let timers = orphaned_timer::look(hosts).map_err(RescueError::Look)?;
    let copies = left_groups().map_err(RescueError::Look)?;
    let cases = cases.chain(timers.into_iter().map(Case::Timer));
    let copies = copies.into_iter().map(|groups| Case::Copy(CopyGroups(groups)));
    Ok(Stranded { cases: cases.chain(copies).collect(), at_work: busy })
}

impl Case {
    /// What it is, in a sentence.
    pub fn what(&self) -> String {
        match self {
            Self::CutOff(CutOffPlan(CutOff { criu: Some(criu), .. })) => format!(
                "the rescue of criu (process {}) was interrupted: the groups that it thawed are frozen again when \
                 criu has finished",
                criu.pid
            ),
            Self::CutOff(CutOffPlan(plan)) => {
                let group = printable(plan.group.0.as_encoded_bytes());
                let folder = printable(plan.folder.0.as_encoded_bytes());
                match plan.dumped {
                    _ if plan.stopped.is_some() => format!(
                        "the restore of {folder} was interrupted: {group}, which it thawed, is frozen again when its \
                         criu has finished"
                    ),
                    true => format!(
                        "the checkpoint of {group} was interrupted after its dumps into {folder} were complete: the \
                         remaining steps will be done"
                    ),
                    false => format!(
                        "the checkpoint of {group} into {folder} was interrupted: the freeze flags will be restored"
                    ),
                }
            }
            Self::Hanging(HangingCriu(hanging)) => {
                let origins: Vec<_> = hanging.origins().map(super::flag::Flag::shown).collect();
                format!(
                    "criu (process {}) hangs: its target, process {}, is frozen by {}; these will be thawed until \
                     criu has finished, and frozen again",
                    hanging.criu.id.pid,
                    hanging.targets.first().map_or(0, |target| target.pid),
                    origins.join(", ")
                )
            }
            Self::Left(LeftCriu(left)) => {
                let gone: Vec<i32> = left.targets.iter().map(|target| target.pid).collect();
                let (gone, are) = (fate::list(&gone), if gone.len() == 1 { "is" } else { "are" });
                let criu = left.criu.pid;
                format!(
                    "criu (process {criu}) waits forever, because {gone}, which it dumped, {are} gone: it will be \
                     ended, which affects no living process"
                )
            }
            Self::Timer(timer) => timer.what(),
            Self::Copy(groups) => groups.what(),
        }
    }

    /// The processes and groups that it concerns.
    fn claim(&self) -> Claim {
        match self {
            Self::CutOff(CutOffPlan(plan)) => Claim {
                processes: plan.processes.clone(),
                written: plan.accounts.iter().map(|account| account.flag.id).collect(),
                bearing: plan.bearing.clone(),
            },
            Self::Hanging(HangingCriu(hanging)) => hanging.claim(),
            Self::Timer(timer) => timer.claim(),
            Self::Copy(groups) => groups.claim(),
            Self::Left(LeftCriu(left)) => {
                Claim { processes: left.targets.clone(), written: Vec::new(), bearing: Vec::new() }
            }
        }
    }

    /// What is or was dumped, and where the images go, as far as that is known.
    fn subject(&self) -> (Vec<ProcessId>, Vec<PathBuf>) {
        match self {
            Self::CutOff(CutOffPlan(plan)) => {
                let folders = plan.dumps.iter().map(|dump| PathBuf::from(&dump.images.0));
                (plan.processes.clone(), folders.collect())
            }
            Self::Hanging(HangingCriu(hanging)) => {
                (hanging.targets.clone(), images(hanging.criu.id.pid).into_iter().collect())
            }
            Self::Left(LeftCriu(left)) => (left.targets.clone(), images(left.criu.pid).into_iter().collect()),
            Self::Timer(_) | Self::Copy(_) => (Vec::new(), Vec::new()),
        }
    }

    /// The lines for a shell that do the same, as far as a shell can.
    pub fn shell(&self, hosts: &Hierarchies) -> Vec<String> {
        match self {
            Self::CutOff(CutOffPlan(plan)) => cut_off::shell(plan, hosts),
            Self::Hanging(HangingCriu(hanging)) => hanging.shell(),
            Self::Left(LeftCriu(left)) => left.shell(),
            Self::Timer(timer) => timer.shell(),
            Self::Copy(groups) => groups.shell(),
        }
    }
}

/// Cases that do not meet can be rescued at the same time. Those that do stand in one list, to be rescued one after the other:
/// each would take what the other writes for somebody's.
pub fn independent(cases: Vec<Case>) -> Vec<Vec<Case>> {
    let mut lists: Vec<(Vec<Claim>, Vec<Case>)> = Vec::new();
    for case in cases {
        let claim = case.claim();
        let (meet, apart): (Vec<_>, Vec<_>) =
            lists.into_iter().partition(|(claims, _)| claims.iter().any(|other| claim.meets(other)));
        lists = apart;
        let (claims, before): (Vec<_>, Vec<_>) = meet.into_iter().unzip();
        let claims = claims.into_iter().flatten().chain([claim]).collect();
        lists.push((claims, before.into_iter().flatten().chain([case]).collect()));
    }
    lists.into_iter().map(|(_, cases)| cases).collect()
}

/// Puts one thing right, however long its criu takes; says what became of the processes and of the images, a sentence each.
///
/// # Errors
/// [`RescueError`].
pub fn rescue(
    case: Case,
    hosts: &Hierarchies,
    tell: &mut dyn FnMut(Progress),
) -> Result<Vec<String>, RescueError> {
    let (processes, folders) = case.subject();
    let stopped = match &case {
        Case::CutOff(CutOffPlan(plan)) => plan.stopped.clone(),
        _ => None,
    };
    let done = put_right(case, hosts, tell);
    // What its timer has left of a freeze that is over by now. Where that cannot be removed, looks go on showing nothing of it.
    if let Err(error) = forget_finished(hosts) {
        tracing::error!(%error, "could not remove the record of an earlier freeze");
    }
    let lines = done?;
    if let Some(stopped) = stopped {
        return Ok(vec![outcome::restored(&stopped)]);
    }
    let said = (!processes.is_empty()).then(|| outcome::processes(hosts, &processes));
    Ok(lines.into_iter().chain(said).chain(folders.iter().map(|folder| outcome::images(folder))).collect())
}

fn put_right(
    case: Case,
    hosts: &Hierarchies,
    tell: &mut dyn FnMut(Progress),
) -> Result<Vec<String>, RescueError> {
    match case {
        Case::CutOff(CutOffPlan(plan)) => cut_off::rescue(plan, hosts, tell)?,
        Case::Hanging(HangingCriu(hanging)) => hanging.rescue(tell)?,
        Case::Left(LeftCriu(left)) => left.rescue(tell)?,
        Case::Timer(timer) => return Ok(timer.rescue(hosts)?),
        Case::Copy(groups) => return groups.rescue(),
    }
    Ok(Vec::new())
}
