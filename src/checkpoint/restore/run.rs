//! Runs a plan: all trees, or none.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap};

use super::copy::{Keeper, Numbers, RunningCopy};
use super::pid_mapping::host_pids;
use super::plan::LOG;
use super::reaper::{Reaper, reap, reap_children, reap_group};
use super::scope::OLD_WAY;
use super::stall::{Stall, StallDetector, end_with_descendants};
use super::step::{Restore, Step};
use super::tree::Member;
use super::{Plan, Tree};
use crate::checkpoint::at_work::AtWork;
use crate::checkpoint::criu::{command, meaning, spawn};
use crate::checkpoint::flag::{Flag, PutBack, set, settle};
use crate::checkpoint::gate;
use crate::checkpoint::journal::{Journal, NotBegun, Why};
use crate::checkpoint::log::Log;
use crate::checkpoint::script::processes;
use crate::checkpoint::service::{self, MakeError};
use crate::checkpoint::{Exit, Progress};
use crate::kernel::freezer::FreezerError;
use crate::kernel::processes::Processes;
use crate::kernel::signals::signal;
use crate::model::{ProcessId, Version, printable};

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How long it took.
    pub elapsed: Duration,
    /// The copy that was made.
    pub copy: Option<RunningCopy>,
}

/// Why a run failed. Every sentence says what, why, and what has become of the processes.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// criu cannot be started.
    #[error("cannot start {criu}: {error}; {undone}; pass a working criu with --criu")]
    Start {
        /// Its path.
        criu: String,
        /// Why.
        error: io::Error,
        /// What has become of the trees before.
        undone: Undone,
    },
    /// What systemd removed when the service ended cannot be made again.
    #[error("{0}; nothing was restored")]
    RuntimeFiles(#[from] MakeError),
    /// systemd did not make the scope, or not let criu into it.
    #[error("systemd did not start criu in {scope}: {error}; {undone}; {OLD_WAY}")]
    Scope {
        /// The scope's name.
        scope: String,
        /// What systemd said.
        error: String,
        /// What has become of the trees before.
        undone: Undone,
    },
    /// criu could not be waited for.
    #[error("lost track of criu: {0}; it may still be running: read restore.log beside the images")]
    Wait(io::Error),
    /// The journal cannot be written: without it nothing would freeze again what is thawed, if this program were killed.
    #[error("cannot save the freeze flags for the restore: {0}; nothing was restored")]
    Journal(io::Error),
    /// A checkpoint, or another restore, of the same groups is at work, or was cut off.
    #[error("{other}; nothing was restored; {remedy}", other = .0, remedy = .0.remedy())]
    AtWork(AtWork),
    /// Somebody has thawed a group since.
    #[error("{0} has changed since the plan was made; nothing was restored; try again")]
    Changed(String),
    /// A group cannot be thawed.
    #[error("{0}; nothing was restored")]
    Freezer(#[from] FreezerError),
    /// There is no namespace for a copy.
    #[error("cannot create the copy: {0}; nothing was restored")]
    Namespace(io::Error),
    /// A copy did not freeze.
    #[error("{group} did not freeze in time; {undone}")]
    NotFrozen {
        /// Its group.
        group: String,
        /// What has become of the copy.
        undone: Undone,
    },
    /// A copy has ended before it was left to itself.
    #[error("the copy ended before it was complete: {0}; nothing of it is left; try again")]
    Keep(io::Error),
    /// A process did not go on.
    #[error("could not resume process {pid}: {error}; {undone}")]
    Continue {
        /// Which.
        pid: i32,
        /// Why.
        error: io::Error,
        /// What has become of all trees.
        undone: Undone,
    },
    /// criu did not get on, and was ended.
    #[error("criu made no progress with process {root}: {stall}; cryoscope ended it{}; {undone}; the images may be \
             damaged: its log is {log}", .error.as_ref().map(|error| format!(" (not all of it: {error})")).unwrap_or_default())]
    Stalled {
        /// The root of the tree.
        root: i32,
        /// How that was seen.
        stall: Stall,
        /// Why something of it may still be there.
        error: Option<io::Error>,
        /// What has become of the trees before.
        undone: Undone,
        /// Where its log is.
        log: String,
    },
    /// criu said no.
    #[error("criu failed ({status}) to restore process {root}: {error}{}; {undone}; its log is {log}", .meaning.map(|m| format!(": {m}")).unwrap_or_default())]
    Criu {
        /// The root of the tree.
        root: i32,
        /// How it ended.
        status: ExitStatus,
        /// The first error of its log that means something.
        error: String,
        /// The same in plain words.
        meaning: Option<&'static str>,
        /// What has become of the trees before.
        undone: Undone,
        /// Where its log is.
        log: String,
    },
}

/// What was ended again, so that all or nothing is restored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undone {
    /// The roots of the trees that were restored before.
    pub roots: Vec<i32>,
    /// Processes that are still there.
    pub left: Vec<i32>,
}

impl std::fmt::Display for Undone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.roots[..], &self.left[..]) {
            ([], _) => f.write_str("nothing was restored, and the images are unchanged"),
            ([root], []) => write!(
                f,
                "the tree of process {root}, restored before it, had not run yet and was ended again; all images are \
                 unchanged"
            ),
            (roots, []) => write!(
                f,
                "the trees of {}, restored before it, had not run yet and were ended again; all images are unchanged",
                processes(roots)
            ),
            (_, left) => write!(f, "restored, but could not be ended again: {}", processes(left)),
        }
    }
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
    /// What it means to the program that called.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Start { error, .. } | Self::Journal(error)
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::NotPermitted
            }
            Self::Freezer(FreezerError::NotPermitted { .. }) => Exit::NotPermitted,
            Self::Freezer(FreezerError::Gone(_)) => Exit::Gone,
            Self::AtWork(_) | Self::Changed(_) => Exit::Refused,
            Self::NotFrozen { .. } => Exit::NotFrozen,
            Self::Criu { .. } | Self::Stalled { .. } => Exit::Criu,
            _ => Exit::Failed,
        }
    }
}

/// How often is looked.
const TICK: Duration = Duration::from_millis(20);
/// How long a copy may take to freeze.
const FREEZE_LIMIT: Duration = Duration::from_secs(10);
/// How long the log may stand still, with a freeze asked for, until criu counts as waiting for it.
const STALL: Duration = Duration::from_secs(3);

/// Restores all trees, or none. Signals that would end this program wait meanwhile; what is restored becomes a child of the
/// nearest reaper when this program ends.
///
/// # Errors
/// [`RunError`]; nothing that was restored is left then, or the error says what.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(Progress)) -> Result<Ran, RunError> {
    let start = Instant::now();
    let _reaper = Reaper::new();
    let lent = plan.lent();
    if lent.is_empty() {
        let copy = steps(plan, None, tell)?;
        return Ok(Ran { elapsed: start.elapsed(), copy });
    }
    let mut journal = Journal::begin_restore(&plan.folder, lent, &plan.flags, plan.stopped().to_vec())?;
    // What its owner has thawed since is not to be frozen again.
    let done = match lent.iter().find(|flag| flag.asks_now() != Some(true)) {
        Some(changed) => {
            return journal.end().map_err(RunError::Journal).and(Err(RunError::Changed(changed.shown())));
        }
        None => steps(plan, Some(&mut journal), tell),
    };
    // What could not be frozen again stays in the journal, for a rescue.
    if freeze_again(lent, &mut journal, tell) {
        journal.end().map_err(RunError::Journal)?;
    }
    done.map(|copy| Ran { elapsed: start.elapsed(), copy })
}

/// Freezes what does not ask for a freeze; whether all that could be frozen is.
fn freeze_again(lent: &[Flag], journal: &mut Journal, tell: &mut dyn FnMut(Progress)) -> bool {
    let done = set(lent, |_| true, &mut |flag, freeze| journal.write(flag, freeze, Why::Restore));
    let mut all = true;
    for done in done {
        all &= !matches!(done, PutBack::Failed(_));
        if !matches!(done, PutBack::Done(_)) {
            tell(Progress::Restored(done.into_text()));
        }
    }
    all
}

fn steps(
    plan: &Plan,
    mut journal: Option<&mut Journal>,
    tell: &mut dyn FnMut(Progress),
) -> Result<Option<RunningCopy>, RunError> {
    let mut restored = Vec::new();
    let (mut keeper, mut kept) = (None, None);
    for step in &plan.steps {
        tell(Progress::Step(step.shell()));
        match step {
            Step::MakeRuntimeFiles { files } => service::make(files)?,
            Step::Thaw { flags } => {
                let Some(journal) = &mut journal else { continue };
                flags.iter().try_for_each(|flag| journal.write(flag, false, Why::Step))?;
            }
            Step::FreezeAgain { flags } => {
                let Some(journal) = &mut journal else { continue };
                freeze_again(flags, journal, tell);
                settle(flags, Version::V2);
                settle(flags, Version::V1);
            }
            Step::Namespace(copy) => keeper = Some(Keeper::start(copy).map_err(RunError::Namespace)?),
            Step::Restore(one) => {
                let init = keeper.as_ref().map(|keeper: &Keeper| keeper.init);
                if let Err(failed) = restore(one, init, &plan.flags, journal.as_deref_mut(), tell) {
                    if init.is_none() {
                        reap_children(plan.members(one.root).map(|member| member.pid));
                    }
                    return Err(failed.with(undo(&restored, keeper)));
                }
                restored.push(Restored { root: one.root, processes: identities(plan, one.root, init) });
            }
            Step::Freeze { flag } => {
                if !freeze(flag)? {
                    return Err(RunError::NotFrozen { group: flag.shown(), undone: undo(&restored, keeper) });
                }
            }
            Step::Continue { pids, .. } => {
                if let Err((pid, error)) = resume(pids, &restored) {
                    return Err(RunError::Continue { pid, error, undone: undo(&restored, keeper) });
                }
            }
            Step::Keep => {
                let copy = plan.copy.as_ref().zip(keeper.take());
                kept = copy.map(|(copy, keeper)| keeper.keep(copy)).transpose().map_err(RunError::Keep)?;
            }
        }
    }
    Ok(kept.map(|kept| with_numbers(kept, plan)))
}

/// The copy with the numbers of its processes.
fn with_numbers(kept: RunningCopy, plan: &Plan) -> RunningCopy {
    let of_tree = |tree: &Tree| {
        let here = host_pids(tree, Some(kept.init));
        let of_member = |member: &Member| Some(Numbers { pid: member.pid, here: *here.get(&member.pid)? });
        tree.processes.iter().filter_map(of_member).collect::<Vec<_>>()
    };
    RunningCopy { processes: plan.trees.iter().flat_map(of_tree).collect(), ..kept }
}

/// Freezes the group of a copy, which its keeper has made; whether all of it is frozen.
fn freeze(new: &Flag) -> Result<bool, FreezerError> {
    let gone = || FreezerError::Gone(new.absolute());
    let io = |error| FreezerError::Io { file: new.shown(), error };
    let flag = new.clone().now_there().map_err(io)?.ok_or_else(gone)?;
    flag.write(true)?;
    flag.await_frozen(FREEZE_LIMIT).ok_or_else(gone)
}

/// A tree that is there, and by which its processes are known.
struct Restored {
    root: i32,
    /// By their numbers in the images.
    processes: Vec<(i32, ProcessId)>,
}

fn identities(plan: &Plan, root: i32, init: Option<i32>) -> Vec<(i32, ProcessId)> {
    let Some(tree) = plan.trees.iter().find(|tree| tree.root() == root) else { return Vec::new() };
    let (mut processes, here) = (Processes::default(), host_pids(tree, init));
    let of_member = |member: &Member| Some((member.pid, processes.read(*here.get(&member.pid)?)?.id));
    tree.processes.iter().filter_map(of_member).collect()
}

/// Lets these go on; which one did not, and why.
fn resume(pids: &[i32], restored: &[Restored]) -> Result<(), (i32, io::Error)> {
    let all = restored.iter().flat_map(|tree| &tree.processes);
    let mut wanted = all.filter(|(pid, _)| pids.contains(pid));
    wanted.try_for_each(|&(pid, id)| signal(id, rustix::process::Signal::CONT).map_err(|error| (pid, error)))
}

/// Ends what was restored: of a copy everything, whoever has made it.
fn undo(restored: &[Restored], keeper: Option<Keeper>) -> Undone {
    let Some(mut keeper) = keeper else { return end(restored) };
    let left = if keeper.end() { Vec::new() } else { vec![keeper.init] };
    Undone { roots: restored.iter().map(|tree| tree.root).collect(), left }
}

/// Ends what was restored.
fn end(restored: &[Restored]) -> Undone {
    let all = restored.iter().flat_map(|tree| &tree.processes).map(|(_, id)| id);
    let pids: Vec<i32> = all.clone().map(|id| id.pid).collect();
    for id in all {
        // One that gets no signal is left, and said so.
        let _ = signal(*id, rustix::process::Signal::KILL);
    }
    Undone { roots: restored.iter().map(|tree| tree.root).collect(), left: reap(&pids) }
}

/// Why one run of criu failed.
enum Failed {
    Start(String, io::Error),
    Scope { scope: String, error: String },
    Wait(io::Error),
    Stalled { root: i32, stall: Stall, error: Option<io::Error>, log: String },
    Criu { root: i32, status: ExitStatus, error: String, log: String },
}

impl Failed {
    fn with(self, undone: Undone) -> RunError {
        match self {
            Self::Start(criu, error) => RunError::Start { criu, error, undone },
            Self::Scope { scope, error } => RunError::Scope { scope, error, undone },
            Self::Wait(error) => RunError::Wait(error),
            Self::Stalled { root, stall, error, log } => {
                RunError::Stalled { root, stall, error, undone, log }
            }
            Self::Criu { root, status, error, log } => {
                RunError::Criu { root, status, meaning: meaning(&error), error, undone, log }
            }
        }
    }
}

/// Runs criu to its end, however long it takes.
fn restore(
    one: &Restore,
    init: Option<i32>,
    flags: &[Flag],
    journal: Option<&mut Journal>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), Failed> {
    let failed = |error| Failed::Start(printable(one.criu.0.as_encoded_bytes()).into_owned(), error);
    let images = Path::new(&one.images.0);
    // The log of an earlier try would be told as this one's.
    match std::fs::remove_file(images.join(LOG)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut log = Log::new(images, LOG).map_err(failed)?;
    let mut child = start(one, init, &log, journal).map_err(failed)?;
    tell(Progress::Started(child.id()));
    let criu = child.id().cast_signed();
    let shown = printable(log.path.as_os_str().as_encoded_bytes()).into_owned();
    let mut detector = StallDetector::new(criu, images);
    let (mut moved, mut told) = (Instant::now(), false);
    let status = loop {
        let status = child.try_wait().map_err(Failed::Wait)?;
        if log.follow(tell) {
            (moved, told) = (Instant::now(), false);
            detector.moved();
        }
        if let Some(status) = status {
            break status;
        }
        if moved.elapsed() > STALL && !told {
            told = waits(flags, tell);
        }
        if let Some(stall) = detector.look(log.bytes()).filter(|stall| stall.is_endless() || !is_held(flags))
        {
            let error = end_with_descendants(criu).err();
            child.wait().map_err(Failed::Wait)?;
            return Err(Failed::Stalled { root: one.root, stall, error, log: shown });
        }
        sleep(TICK);
    };
    if status.success() {
        return Ok(());
    }
    if !one.on_terminal {
        reap_group(criu);
    }
    let error = log.error();
    // What criu says before it opens its log has its name in it.
    match &one.scope {
        Some(entry) if log.bytes() == 0 && !error.contains("criu") => {
            Err(Failed::Scope { scope: entry.name().to_owned(), error })
        }
        _ => Err(Failed::Criu { root: one.root, status, error, log: shown }),
    }
}

/// A session of its own; but a terminal can be given away only by who has it. Where a journal is kept criu is in it before it
/// begins, but for one on a terminal: a rescue that does not know of it would have it wait for the next thaw.
fn start(
    one: &Restore,
    init: Option<i32>,
    log: &Log,
    journal: Option<&mut Journal>,
) -> io::Result<Box<dyn ChildWrapper>> {
    let words = one.command(init);
    let Some((program, args)) = words.split_first() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let program = Path::new(program);
    if let (Some(journal), false) = (journal, one.on_terminal) {
        let gate = gate::start(program, args.iter(), Vec::new(), log.messages()?)?;
        journal.criu(gate.id, one.root)?;
        // Waiting for the whole session, as the wrapper does, loses criu's exit code to what it leaves behind.
        return gate.open().map(|child| child.into_inner());
    }
    let mut command = command(program);
    command.args(args).stderr(log.messages()?);
    if one.on_terminal {
        command.stdin(Stdio::inherit());
        return CommandWrap::from(command).spawn();
    }
    // Waiting for the whole session, as the wrapper does, loses criu's exit code to what it leaves behind.
    spawn(command).map(|child| child.into_inner())
}

/// A freeze is asked for: criu waits for its thaw, however long that takes.
fn is_held(flags: &[Flag]) -> bool {
    flags.iter().any(|flag| flag.asks_now() == Some(true))
}

/// Somebody has frozen a group meanwhile: criu waits until it is thawed, which is theirs to do.
fn waits(flags: &[Flag], tell: &mut dyn FnMut(Progress)) -> bool {
    let asking = flags.iter().filter(|flag| flag.asks_now() == Some(true));
    let origins: Vec<String> = asking.map(Flag::shown).collect();
    let waits = !origins.is_empty();
    if waits {
        tell(Progress::Stalled { origins, thawing: false });
    }
    waits
}
