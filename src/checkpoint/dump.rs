//! One run of `criu dump`, followed to its end.

use std::fmt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::arg::Arg;
use super::control::{Control, FREEZE_TIMEOUT};
use super::criu::{is_vanished_group, meaning};
use super::deserted::waits_for_others;
use super::flag::Flag;
use super::gate;
use super::held_pair::HeldPairs;
use super::hook::Hook;
use super::journal::{Journal, Why};
use super::log::Log;
use super::patience::{Over, Patience};
use super::progress::Progress;
use super::run_error::RunError;
use super::step::Dump;
use super::watchdog::Watchdog;
use super::{Plan, fate, folder, proof};
use crate::kernel::signals::await_end;
use crate::kernel::tasks::has_children;
use crate::model::shell::quoted;
use crate::model::{ProcessId, printable};

/// How often is looked.
const TICK: Duration = Duration::from_millis(50);

const FULL: &str = "the file system of the images is full; free some space there, or use another directory";

/// For how long criu is started anew because it met a `vfork` pair. One try takes a fraction of a second.
const VFORK_TRIES: Duration = Duration::from_secs(30);

/// Has criu make the images. It is started anew where another try may well go better: see [`Chance`].
pub(super) fn dump(
    plan: &Plan,
    dump: &Dump,
    control: &Control,
    journal: &mut Journal,
    rescued: &mut Vec<Arg>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RunError> {
    let held = holder(plan, dump).filter(|flag| flag.asks_now() == Some(true));
    let images = Path::new(&dump.images.0);
    let (begun, mut met) = (Instant::now(), Vec::new());
    loop {
        let Err(error) = run_criu(plan, dump, control, journal, rescued, tell) else { return Ok(()) };
        let Some(chance) = Chance::after(&error) else { return Err(error) };
        let tried = met.contains(&chance);
        let ends = match chance {
            Chance::VanishedGroup => tried,
            // Frozen, the pair stays as it is.
            Chance::VforkPair => {
                begun.elapsed() >= VFORK_TRIES || plan.flags.iter().any(|flag| flag.asks_now() == Some(true))
            }
        };
        if ends || control.is_cancelled() {
            if chance == Chance::VforkPair {
                // Its log says nothing more; an empty folder can be used again.
                let _ = folder::remove_files(images);
            }
            return Err(error);
        }
        if !tried {
            tell(Progress::Restored(format!("{chance}; starting criu once more")));
            met.push(chance);
        }
        folder::remove_files(images).map_err(|error| RunError::unwritable(images, error))?;
        if let Some(flag) = held.filter(|flag| flag.asks_now() == Some(false)) {
            journal.write(flag, true, Why::Step)?;
            flag.await_frozen(FREEZE_TIMEOUT);
        }
    }
}

/// What criu has met by chance, so that another try may well go better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chance {
    /// A group of others went while criu wrote it down: it writes down every group at and below those of the processes, in each
    /// hierarchy.
    VanishedGroup,
    /// A process had just started another one with `vfork`, and can't stop before that runs a program of its own.
    VforkPair,
}

impl Chance {
    fn after(error: &RunError) -> Option<Self> {
        match error {
            RunError::Criu { error, .. } if is_vanished_group(error) => Some(Self::VanishedGroup),
            RunError::HeldPair { .. } => Some(Self::VforkPair),
            _ => None,
        }
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VanishedGroup => "a group vanished while criu recorded it",
            Self::VforkPair => {
                "a process was just starting a program (vfork) when criu came, so criu gave up"
            }
        })
    }
}

/// Runs criu to its end, however long it takes as long as it gets on; or until it is plain that it hangs on a freeze that is set
/// again and again. A criu that is not waited for any longer is left alone, and what was thawed for it is frozen again.
/// `rescued` collects the groups whose freeze is somebody else's, however criu ends.
fn run_criu(
    plan: &Plan,
    dump: &Dump,
    control: &Control,
    journal: &mut Journal,
    rescued: &mut Vec<Arg>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RunError> {
    if let Some(moved) = holder(plan, dump).filter(|flag| !flag.is_at_its_path()) {
        return Err(RunError::Moved(moved.shown()));
    }
    let images = Path::new(&dump.images.0);
    let failed = |error| RunError::Start(printable(dump.criu.0.as_encoded_bytes()).into_owned(), error);
    let mut log = Log::new(images, "dump.log").map_err(|error| RunError::unwritable(images, error))?;
    let args = dump.args.iter().map(|arg| &arg.0);
    let messages = log.messages().map_err(failed)?;
    let environment = dump.hook.as_ref().map(Hook::environment).unwrap_or_default();
    let gate = gate::start(Path::new(&dump.criu.0), args, environment, messages).map_err(failed)?;
    let criu = gate.id;
    journal.criu(criu, dump.root).map_err(RunError::Note)?;
    let mut child = gate.open().map_err(failed)?;
    tell(Progress::Started(child.id()));
    let members = members(plan, dump);
    let mut watchdog = Watchdog::new(&plan.flags, dump.freeze_cgroup.as_ref()).with_journal(journal);
    watchdog.follow(criu, members.clone());
    let mut pairs = HeldPairs::new(criu, members.first().copied());
    let mut patience = Patience::new(control.limits(), Instant::now());
    let (mut written, mut ended) = (0, false);
    let status = loop {
        let status = child.try_wait().map_err(RunError::Wait)?;
        if log.follow(tell) {
            watchdog.moved();
            patience.progress(Instant::now());
        }
        let bytes = folder::bytes(plan.folder());
        if bytes != written {
            written = bytes;
            watchdog.moved();
            patience.progress(Instant::now());
            tell(Progress::Written { bytes, of: plan.rss() });
        }
        if let Some(status) = status {
            break status;
        }
        pairs.look().map_err(RunError::Wait)?;
        watchdog.look(control.may(), tell);
        if let Some(groups) = watchdog.gave_up() {
            return Err(RunError::FrozenAgain { criu: criu.pid, groups: groups.join(", ") });
        }
        if let Some(over) = patience.look(criu.pid) {
            if matches!(over, Over::Idle(_)) && others_work(criu.pid) {
                patience.excuse(Instant::now());
                continue;
            }
            rescued.extend(watchdog.freeze_again(tell));
            let log = printable(log.path.as_os_str().as_encoded_bytes()).into_owned();
            return Err(RunError::StillRuns { criu: criu.pid, why: over.to_string(), log });
        }
        ended = tick((!ended).then_some(criu));
    };
    rescued.extend(watchdog.freeze_again(tell));
    if status.success() {
        return Ok(());
    }
    let said = dump.hook.as_ref().and_then(|_| proof::read(images));
    if let Some(said) = said.filter(|said| !said.restorable) {
        return Err(RunError::unproved(&said.why_not, images, &members));
    }
    if let Some(pair) = pairs.gave_up() {
        return Err(RunError::HeldPair { pair, target: fate::words(&members, "alive") });
    }
    let error = match watchdog.ended() {
        Some(deserted) => format!("{deserted}; cryoscope ended it"),
        None => log.error(),
    };
    Err(RunError::Criu {
        status,
        meaning: if folder::is_full(images) { Some(FULL) } else { meaning(&error) },
        error,
        target: fate::words(&members, "alive"),
        log: printable(log.path.as_os_str().as_encoded_bytes()).into_owned(),
        folder: quoted(&plan.into.0),
    })
}

/// The flag of the group that criu is told of.
fn holder<'a>(plan: &'a Plan, dump: &Dump) -> Option<&'a Flag> {
    plan.flags.iter().find(|flag| dump.freeze_cgroup.as_ref() == Some(&flag.group))
}

/// Whether a program that criu has started, or a client that it serves, may work while it does nothing itself.
fn others_work(criu: i32) -> bool {
    has_children(criu) || waits_for_others(criu)
}

/// Lets a tick go by, or less where criu ends within it; whether it has ended.
fn tick(criu: Option<ProcessId>) -> bool {
    if let Some(Ok(ended)) = criu.map(|criu| await_end(criu, TICK)) {
        return ended;
    }
    sleep(TICK);
    criu.is_none()
}

/// What is dumped, the root first.
fn members(plan: &Plan, dump: &Dump) -> Vec<ProcessId> {
    let tree = plan.trees.iter().find(|tree| tree.root() == dump.root);
    let living = tree.into_iter().flat_map(|tree| &tree.processes).filter(|member| !member.was_zombie());
    living.map(|member| ProcessId { pid: member.pid, start: member.start }).collect()
}
