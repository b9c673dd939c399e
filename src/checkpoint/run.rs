//! Runs a plan, step by step; whatever happens, every freeze flag comes back as it was found.

use std::path::Path;
use std::time::{Duration, Instant};

use super::arg::Arg;
use super::control::{Control, FREEZE_TIMEOUT};
use super::dump::dump;
use super::flag::{Flag, PutBack, set};
use super::folder::ImageFolder;
use super::hook::Hook;
use super::journal::{Journal, Why};
use super::plan::Plan;
use super::progress::Progress;
use super::proof::Unproved;
use super::run_error::RunError;
use super::step::Step;
use super::tree::Member;
use super::{After, Signal, folder, proof};
use crate::kernel::freezer::FreezerError;
use crate::kernel::processes::Processes;
use crate::kernel::signals::{await_end, signal};
use crate::model::process::descendants;
use crate::model::{Process, printable};

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How long it took, from the first step to the last.
    pub elapsed: Duration,
    /// How many bytes the images have.
    pub bytes: u64,
    /// The folder for the images, as it was made; `None` for a plan that makes none.
    pub folder: Option<ImageFolder>,
    /// The groups that were thawed so that criu could finish, and frozen again.
    pub rescued: Vec<Arg>,
    /// What was done about flags that were not as promised after the last step.
    pub put_back: Vec<PutBack>,
}

/// Runs the plan to its end, however long criu takes as long as it gets on.
///
/// # Errors
/// [`RunError`]; the freeze flags are as before then, or [`Progress::Restored`] has said which are not.
pub fn run(plan: &Plan, control: &Control, tell: &mut dyn FnMut(Progress)) -> Result<Ran, RunError> {
    unchanged(plan)?;
    let start = Instant::now();
    let mut journal = Journal::begin(plan)?;
    // The timer of a freeze for a time waits from here on; it may have thawed just before.
    if let Err(changed) = unchanged(plan) {
        journal.end().map_err(RunError::Journal)?;
        return Err(changed);
    }
    let mut made = Made::default();
    let done = steps(plan, control, &mut journal, &mut made, tell);
    let Made { folder, rescued } = made;
    // What the watchdog found frozen by somebody else, and froze again, is not of this plan.
    let written: Vec<Flag> =
        plan.written().into_iter().filter(|flag| !rescued.contains(&flag.group)).collect();
    let mut write = |flag: &Flag, freeze| journal.write(flag, freeze, Why::Restore);
    let put_back = match &done {
        Ok(()) => set(&written, |flag| flag.promised, &mut write),
        Err(_) => set(&written, |flag| flag.requested, &mut write),
    };
    // What could not be put back, and a criu that still runs, stay in the journal, for a rescue.
    let runs = matches!(done, Err(RunError::FrozenAgain { .. } | RunError::StillRuns { .. }));
    if !runs && !put_back.iter().any(|done| matches!(done, PutBack::Failed(_))) {
        journal.end().map_err(RunError::Journal)?;
    }
    if let Err(error) = done {
        folder::tidy(plan);
        put_back.into_iter().for_each(|said| tell(Progress::Restored(said.into_text())));
        return Err(error);
    }
    let bytes = folder::bytes(plan.folder());
    Ok(Ran { elapsed: start.elapsed(), bytes, folder, rescued, put_back })
}

/// Whether the roots and the flags are still those of the plan. What is below a root may come and go as long as it runs: criu
/// takes what is there.
fn unchanged(plan: &Plan) -> Result<(), RunError> {
    let mut processes = Processes::default();
    let mut same =
        |root: &Member| processes.read(root.pid).is_some_and(|process| process.id.start == root.start);
    let roots = plan.trees.iter().filter_map(|tree| tree.processes.first());
    if let Some(gone) = roots.into_iter().find(|root| !same(root)) {
        return Err(RunError::Gone(gone.pid));
    }
    let changed = plan.flags.iter().find(|flag| flag.asks_now() != Some(flag.requested));
    changed.map_or(Ok(()), |flag| Err(RunError::Changed(flag.shown())))
}

/// What the steps leave, however they end.
#[derive(Default)]
struct Made {
    /// The folder for the images.
    folder: Option<ImageFolder>,
    /// The groups whose freeze is somebody else's.
    rescued: Vec<Arg>,
}

fn steps(
    plan: &Plan,
    control: &Control,
    journal: &mut Journal,
    made: &mut Made,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RunError> {
    let last = plan.steps.iter().rposition(|step| matches!(step, Step::Dump(_)));
    for (index, step) in plan.steps.iter().enumerate() {
        if control.is_cancelled() && Some(index) <= last {
            return Err(RunError::Cancelled);
        }
        tell(Progress::Step(step.shell()));
        // Whoever made a group removes it: systemd does so with that of a unit whose processes were killed.
        let may_be_gone = Some(index) > last && plan.after == Some(After::Killed);
        match step {
            Step::MakeFolder { path, exists } => {
                let shown = || printable(path.0.as_encoded_bytes()).into_owned();
                let folder = folder::make(Path::new(&path.0), *exists);
                let folder = folder.map_err(|error| RunError::Folder(shown(), error))?;
                // The first one is that of the whole plan.
                made.folder.get_or_insert(folder);
            }
            Step::Freeze { flag } | Step::Thaw { flag } => {
                let freezes = matches!(step, Step::Freeze { .. });
                match journal.write(flag, freezes, Why::Step) {
                    Err(FreezerError::Gone(_)) if may_be_gone => {}
                    written => written?,
                }
            }
            Step::AwaitFrozen { flag } => match await_frozen(flag) {
                Err(RunError::Freezer(FreezerError::Gone(_))) if may_be_gone => {}
                // The images are made: what is left is done all the same, and the state is looked at afterwards.
                Err(RunError::NotFrozen { .. }) if Some(index) > last => {}
                awaited => awaited?,
            },
            Step::AwaitEnded { processes } => await_ended(processes)?,
            Step::Prove { images, hook } => {
                images.iter().try_for_each(|folder| prove(Path::new(&folder.0), hook, plan))?;
            }
            Step::Dump(one) => dump(plan, one, control, journal, &mut made.rescued, tell)?,
            Step::Signal { signal, processes } => send(*signal, &with_new(plan, processes))?,
        }
        if Some(index) == last {
            journal.dumped().map_err(RunError::Note)?;
        }
    }
    Ok(())
}

fn await_frozen(flag: &Flag) -> Result<(), RunError> {
    match flag.await_frozen(FREEZE_TIMEOUT) {
        Some(true) => Ok(()),
        None => Err(FreezerError::Gone(flag.absolute()).into()),
        Some(false) => Err(RunError::NotFrozen { group: flag.shown(), timeout: FREEZE_TIMEOUT }),
    }
}

/// The same as the hook does where criu ends the processes.
fn prove(images: &Path, hook: &Hook, plan: &Plan) -> Result<(), RunError> {
    proof::prove(images, &hook.options).map_err(|unproved| match unproved {
        Unproved::Unwritable(error) => RunError::unwritable(images, error),
        Unproved::Unrestorable(why) => {
            let all = plan.trees.iter().flat_map(|tree| &tree.processes);
            let living = all.filter(|member| !member.was_zombie()).map(Member::id);
            RunError::unproved(&why, images, &living.collect::<Vec<_>>())
        }
    })
}

/// One that does not end in time is seen by whoever looks afterwards.
fn await_ended(processes: &[Member]) -> Result<(), RunError> {
    let deadline = Instant::now() + FREEZE_TIMEOUT;
    for member in processes {
        await_end(member.id(), deadline.saturating_duration_since(Instant::now())).map_err(RunError::Wait)?;
    }
    Ok(())
}

/// These, and those that have come into the trees since the plan was made; they are frozen now, and no more come.
fn with_new(plan: &Plan, processes: &[Member]) -> Vec<Member> {
    let all = Processes::default().all();
    let known = |process: &Process| processes.iter().any(|member| member.id() == process.id);
    let now = plan.trees.iter().flat_map(|tree| descendants(&all, tree.root()));
    let new = now.filter(|process| !process.is_zombie() && !known(process)).map(Member::of);
    processes.iter().cloned().chain(new).collect()
}

fn send(which: Signal, processes: &[Member]) -> Result<(), RunError> {
    for member in processes {
        signal(member.id(), which.into()).map_err(|error| RunError::Signal(member.pid, error))?;
    }
    Ok(())
}
