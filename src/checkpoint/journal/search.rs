//! The journals that there are: those that were left behind, and those of plans that are at work.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{CutOff, Entry, Journal, Line, entries, first_line};
use crate::checkpoint::at_work::{AtWork, By, Claim, Work};
use crate::kernel::host;
use crate::kernel::runtime_folder::{Held, RuntimeFolder};
use crate::kernel::tasks::is_active;
use crate::model::{CgroupId, ProcessId, printable};
use crate::timer::PLAN;

/// How long the lock on a journal may outlive the process that the journal names: one that was forked, and has not become
/// another program yet, has it until then.
pub(super) const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// How long a process must be seen to run until it counts as one that was not killed: one that has taken its SIGKILL has no
/// mark of that for a moment.
const ALIVE: Duration = Duration::from_millis(200);

/// The plans that nobody works on, and those that somebody does.
#[derive(Debug, Default)]
pub(in crate::checkpoint) struct Left {
    /// Each is locked until it is dropped, so that two rescues do not meet.
    pub cut_off: Vec<CutOff>,
    /// What somebody works on, or still has open.
    pub busy: Vec<AtWork>,
}

/// Looks at every journal of this user. One that is locked, and whose process is gone, is waited for: five seconds, for all
/// together, which is told.
pub(in crate::checkpoint) fn left_behind(tell: &mut dyn FnMut(String)) -> io::Result<Left> {
    let (mut left, boot) = (Left::default(), host::boot_id()?);
    let mut deadline = None;
    for folder in folders()? {
        folder.remove_incomplete()?;
        for name in folder.names(PLAN)? {
            match open(&folder, &name, &mut deadline, tell)? {
                Opened::Gone => {}
                Opened::Busy(by) => {
                    let text = folder.read(&name)?;
                    let line = text.and_then(|text| first_line(&text).ok().flatten());
                    left.busy.extend(line.filter(|line| line.boot == boot).map(|line| other(line, by).0));
                }
                Opened::Left(held) => match CutOff::read(Journal(held))? {
                    Ok(cut_off) if cut_off.boot == boot => left.cut_off.push(cut_off),
                    // Of another boot, or cut off before anything was changed.
                    Ok(cut_off) => cut_off.end()?,
                    Err(journal) => journal.end()?,
                },
            }
        }
    }
    Ok(left)
}

/// Also those that were made with another environment. Where this user's own cannot be looked at, that is an error.
fn folders() -> io::Result<Vec<RuntimeFolder>> {
    RuntimeFolder::open(false)?;
    Ok(RuntimeFolder::all())
}

enum Opened {
    Left(Held),
    Busy(By),
    Gone,
}

fn open(
    folder: &RuntimeFolder,
    name: &str,
    deadline: &mut Option<Instant>,
    tell: &mut dyn FnMut(String),
) -> io::Result<Opened> {
    let seen = Instant::now();
    let mut alive_since = seen;
    loop {
        if let Some(held) = folder.hold(name)? {
            return Ok(Opened::Left(held));
        }
        let Some(text) = folder.read(name)? else { return Ok(Opened::Gone) };
        match owner(&text) {
            Some((owner, by)) if is_active(owner) => {
                if alive_since.elapsed() >= ALIVE {
                    return Ok(Opened::Busy(by));
                }
            }
            owner => {
                alive_since = Instant::now();
                let until = *deadline.get_or_insert_with(|| {
                    tell(waiting(owner.map(|(owner, _)| owner)));
                    Instant::now() + LOCK_LIMIT
                });
                if Instant::now() > until {
                    return Ok(Opened::Busy(By::Unknown(folder.openers(name).first().copied())));
                }
            }
        }
        sleep(Duration::from_millis(5));
    }
}

fn waiting(owner: Option<ProcessId>) -> String {
    let who = owner.map_or_else(|| "the process".to_owned(), |owner| format!("process {}", owner.pid));
    let seconds = LOCK_LIMIT.as_secs();
    format!(
        "{who} that ran a checkpoint is gone, but its journal is still locked: waiting for up to {seconds} s"
    )
}

/// Who works on a plan, as its journal says: the last rescue that has taken it over, else who began it.
fn owner(text: &[u8]) -> Option<(ProcessId, By)> {
    let rescue = entries(text).into_iter().rev().find_map(|entry| match entry {
        Entry::Rescue { pid, start } => Some((ProcessId { pid, start }, By::Rescue)),
        _ => None,
    });
    rescue.or_else(|| {
        let line = first_line(text).ok().flatten()?;
        let (pid, start) = line.owner?;
        let by = if line.criu.is_some() { By::Rescue } else { By::Program(pid) };
        Some((ProcessId { pid, start }, by))
    })
}

/// Every plan of this boot that is at work or was cut off, and what it needs for itself.
pub(in crate::checkpoint) fn others() -> io::Result<Vec<(AtWork, Claim)>> {
    let boot = host::boot_id()?;
    let mut found = Vec::new();
    for folder in folders()? {
        for name in folder.names(PLAN)? {
            let free = folder.hold(&name)?.is_some();
            // One that has ended meanwhile, or that this program does not understand, is in nobody's way.
            let Some(text) = folder.read(&name)? else { continue };
            let Ok(Some(line)) = first_line(&text) else { continue };
            let by = match owner(&text) {
                _ if free => By::Nobody,
                Some((owner, by)) if is_active(owner) => by,
                // Its lock is let go soon, or a rescue has just taken it.
                _ => By::Rescue,
            };
            found.extend((line.boot == boot).then(|| other(line, by)));
        }
    }
    Ok(found)
}

pub(super) fn other(line: Line, by: By) -> (AtWork, Claim) {
    let shown = |bytes: crate::kernel::runtime_folder::Bytes| printable(&bytes.into_vec()).into_owned();
    let id = |(dev, ino)| CgroupId { dev, ino };
    let claim = Claim {
        processes: line.processes.iter().map(|&(pid, start)| ProcessId { pid, start }).collect(),
        written: line.flags.iter().map(|flag| id((flag.dev, flag.ino))).collect(),
        bearing: line.bearing.into_iter().map(id).collect(),
    };
    let work = if line.stopped.is_some() { Work::Restore } else { Work::Checkpoint };
    (AtWork { work, group: shown(line.group), folder: shown(line.folder), by }, claim)
}
