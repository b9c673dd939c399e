//! Runs a plan, step by step; whatever happens, every freeze flag comes back as it was found.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::arg::Arg;
use super::at_work::AtWork;
use super::deserted::Deserted;
use super::dump::dump;
use super::flag::{Flag, PutBack, set};
use super::folder::ImageFolder;
use super::hook::Hook;
use super::journal::{Journal, NotBegun, Why};
use super::patience::Limits;
use super::plan::Plan;
use super::proof::Unproved;
use super::step::Step;
use super::tree::Member;
use super::watchdog::May;
use super::{After, Exit, Signal, fate, folder, proof};
use crate::kernel::freezer::FreezerError;
use crate::kernel::processes::Processes;
use crate::kernel::signals::{await_end, signal};
use crate::kernel::vfork::HeldPair;
use crate::model::process::descendants;
use crate::model::{Process, ProcessId, printable};

/// What is told while a plan runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step begins: the line for a shell that does the same.
    Step(String),
    /// criu runs, with this PID.
    Started(u32),
    /// A line of its log, printable.
    Log(String),
    /// How many bytes of images there are, and about how many there will be.
    Written {
        /// Bytes in the folder.
        bytes: u64,
        /// Resident memory of the trees.
        of: u64,
    },
    /// criu hangs: these groups ask for a freeze. They are thawed now, or as soon as it is said that they may be
    /// ([`Control::rescue`]); criu is left to finish, and they are frozen again.
    Stalled {
        /// Absolute paths of the groups, printable.
        origins: Vec<String>,
        /// They are thawed now.
        thawing: bool,
    },
    /// Processes that criu dumps have ended, and it stands still. Where nothing that it holds lives, it waits for ever: it is
    /// ended now, or as soon as it is said that it may be ([`Control::end_criu`]).
    Deserted {
        /// Which processes, and which criu.
        found: Deserted,
        /// It is ended now.
        ending: bool,
    },
    /// Something that was put back, or could not be.
    Restored(String),
}

/// What a person says while a plan runs.
#[derive(Debug)]
pub struct Control {
    rescue: AtomicBool,
    end: AtomicBool,
    cancel: AtomicBool,
    limits: Limits,
}

impl Default for Control {
    fn default() -> Self {
        let [rescue, end, cancel] = std::array::from_fn(|_| AtomicBool::new(false));
        Self { rescue, end, cancel, limits: Limits::CHECKPOINT }
    }
}

impl Control {
    /// What criu hangs on is thawed without a question, and a criu that waits for ever for what is gone is ended.
    pub fn automatic() -> Self {
        Self { rescue: AtomicBool::new(true), end: AtomicBool::new(true), ..Self::default() }
    }

    /// The same, but a criu that does nothing for so long is left alone: ten minutes otherwise.
    #[must_use]
    pub fn with_idle_limit(self, idle: Duration) -> Self {
        Self { limits: Limits { idle, ..self.limits }, ..self }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// What criu hangs on may be thawed.
    pub fn rescue(&self) {
        self.rescue.store(true, Ordering::Relaxed);
    }

    /// A criu that waits for ever, for all that it dumps is gone, may be ended.
    pub fn end_criu(&self) {
        self.end.store(true, Ordering::Relaxed);
    }

    /// No further criu is to be started. One that runs is left to finish: its code is in the target already.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    pub(super) fn may(&self) -> May {
        May { thaw: self.rescue.load(Ordering::Relaxed), end: self.end.load(Ordering::Relaxed) }
    }
}

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

/// Why a run failed. Every sentence says what, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target is not what was planned for any more.
    #[error("{0} has changed since the plan was made; nothing was done; make the plan again")]
    Changed(String),
    /// criu would find another group, or none, at the path of the one that it is to freeze.
    #[error(
        "{0} was renamed or removed since the plan was made; the freeze flags are put back, and no checkpoint was made; make the plan again"
    )]
    Moved(String),
    /// The root process ended.
    #[error("process {0} is gone; nothing was done")]
    Gone(i32),
    /// The person said so, before criu was started for the last tree.
    #[error("cancelled; the freeze flags are put back, and the processes live")]
    Cancelled,
    /// Another checkpoint of the same processes or groups is at work, or was cut off.
    #[error("{other}; nothing was done; {remedy}", other = .0, remedy = .0.remedy())]
    AtWork(AtWork),
    /// The journal cannot be written: without it nothing could put the flags back if this program were killed.
    #[error("cannot write down the freeze flags before the first change: {0}; nothing was done")]
    Journal(io::Error),
    /// The journal cannot be written in the middle of the plan.
    #[error(
        "cannot write to the journal of the checkpoint: {0}; the freeze flags are put back; make room in the runtime folder and try again"
    )]
    Note(io::Error),
    /// criu hangs, and thawing does not help: somebody freezes again and again.
    #[error(
        "criu (process {criu}) hangs, because {groups} was frozen again each time that it was thawed; criu waits for a thaw, and must not be killed: stop what freezes it, and then run cryoscope rescue"
    )]
    FrozenAgain {
        /// criu's PID.
        criu: i32,
        /// The groups, printable.
        groups: String,
    },
    /// criu does not end, whatever it waits for.
    #[error(
        "criu (process {criu}) {why}; it is left alone, and must not be killed as long as it holds processes; the freeze flags are put back; see its log, {log}, and run cryoscope rescue when it can go on"
    )]
    StillRuns {
        /// criu's PID.
        criu: i32,
        /// Why it is not waited for any longer: a sentence without its subject.
        why: String,
        /// Where its log is.
        log: String,
    },
    /// The folder cannot be made.
    #[error("cannot make {0}: {1}; nothing was done; name another folder")]
    Folder(String, io::Error),
    /// The folder cannot be written to when criu is to be started.
    #[error(
        "cannot write into {0}: {1}; the freeze flags are put back, and no checkpoint was made; see who has removed or replaced it, or name another folder"
    )]
    Images(String, io::Error),
    /// A freeze request cannot be written.
    #[error("{0}; the freeze flags are put back, and no checkpoint was made")]
    Freezer(#[from] FreezerError),
    /// A process does not stop.
    #[error(
        "{group} did not freeze within {timeout:?}; the freeze flags are put back, and no checkpoint was made; see which process still runs with cryoscope show {group}"
    )]
    NotFrozen {
        /// The group.
        group: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// criu cannot be started.
    #[error("cannot start {0}: {1}; nothing was done; name a working criu with --criu")]
    Start(String, io::Error),
    /// criu could not be waited for.
    #[error("lost sight of criu: {0}; it may still run: look at its log before anything is frozen or killed")]
    Wait(io::Error),
    /// A signal could not be sent.
    #[error("the images are made, but process {0} got no signal: {1}; the freeze flags are put back")]
    Signal(i32, io::Error),
    /// The images of processes that were to be ended cannot be restored.
    #[error(
        "nothing was killed, for the images could not be restored on this host: {why_not}; {target}; the freeze flags are put back; the images are kept, marked by {}: {folder}",
        proof::FILE
    )]
    Unproved {
        /// Why not.
        why_not: String,
        /// What has become of the target.
        target: String,
        /// The folder with the images, printable.
        folder: String,
    },
    /// Whenever criu came, a process was just starting another one.
    #[error(
        "criu gave up each time: process {parent} waits for process {child}, which it has just started with vfork, and can't stop before that runs a program of its own; {target}, and no checkpoint was made; freeze the group first (cryoscope freeze GROUP) and try again", parent = .pair.parent, child = .pair.child
    )]
    HeldPair {
        /// The two processes.
        pair: HeldPair,
        /// What has become of the target.
        target: String,
    },
    /// criu said no.
    #[error(
        "criu failed ({status}): {error}{}; {target}; its log is {log}; another try needs another folder, or this one removed when the log was read: rm -r {folder}", .meaning.map(|m| format!(": {m}")).unwrap_or_default())]
    Criu {
        /// How it ended.
        status: ExitStatus,
        /// The first error of its log that means something.
        error: String,
        /// The same in plain words.
        meaning: Option<&'static str>,
        /// What has become of the target.
        target: String,
        /// Where its log is.
        log: String,
        /// The folder that holds it, as a word for a shell.
        folder: String,
    },
}

impl From<NotBegun> for RunError {
    fn from(error: NotBegun) -> Self {
        match error {
            NotBegun::Io(error) => Self::Journal(error),
            NotBegun::AtWork(other) => Self::AtWork(other),
        }
    }
}

impl RunError {
    pub(super) fn unwritable(images: &Path, error: io::Error) -> Self {
        Self::Images(printable(images.as_os_str().as_encoded_bytes()).into_owned(), error)
    }

    pub(super) fn unproved(why_not: &str, images: &Path, members: &[ProcessId]) -> Self {
        Self::Unproved {
            why_not: printable(why_not.as_bytes()).into_owned(),
            target: fate::words(members, "alive"),
            folder: printable(images.as_os_str().as_encoded_bytes()).into_owned(),
        }
    }

    /// What it means to the program that called.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Changed(_) | Self::Moved(_) | Self::AtWork(_) | Self::Unproved { .. } => Exit::Refused,
            // Somebody made it meanwhile.
            Self::Folder(_, e) if e.kind() == io::ErrorKind::AlreadyExists => Exit::Refused,
            Self::Gone(_) | Self::Freezer(FreezerError::Gone(_)) => Exit::Gone,
            Self::Folder(_, e)
            | Self::Images(_, e)
            | Self::Start(_, e)
            | Self::Journal(e)
            | Self::Note(e)
                if e.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::NotPermitted
            }
            Self::Freezer(FreezerError::NotPermitted { .. }) => Exit::NotPermitted,
            Self::NotFrozen { .. } => Exit::NotFrozen,
            Self::Criu { .. } | Self::HeldPair { .. } | Self::FrozenAgain { .. } | Self::StillRuns { .. } => {
                Exit::Criu
            }
            _ => Exit::Failed,
        }
    }
}

/// How long a group may take to freeze.
pub(super) const FREEZE: Duration = Duration::from_secs(10);

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
    match flag.await_frozen(FREEZE) {
        Some(true) => Ok(()),
        None => Err(FreezerError::Gone(flag.absolute()).into()),
        Some(false) => Err(RunError::NotFrozen { group: flag.shown(), timeout: FREEZE }),
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
    let deadline = Instant::now() + FREEZE;
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
