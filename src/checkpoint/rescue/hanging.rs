//! A criu that waits for frozen tasks.

use std::io;
use std::time::{Duration, Instant};

use super::RescueError;
use super::follow::follow;
use crate::checkpoint::Progress;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::at_work::Claim;
use crate::checkpoint::dumping::{held, told};
use crate::checkpoint::flag::{Flag, bearing};
use crate::checkpoint::journal::Journal;
use crate::checkpoint::watchdog::Watchdog;
use crate::kernel::command_line::arguments;
use crate::kernel::processes::{Processes, cpu};
use crate::kernel::tasks::lives;
use crate::model::{Hierarchies, Process, ProcessId};

/// How long a criu must do nothing, with its target frozen, until it counts as hanging.
const STILL: Duration = Duration::from_millis(1500);

/// A criu, what it holds, and what holds that.
#[derive(Debug)]
pub(super) struct Hanging {
    pub criu: Process,
    /// The processes that it traces.
    pub targets: Vec<ProcessId>,
    /// Every flag that bears on them.
    flags: Vec<Flag>,
    /// The group that criu was told of.
    told: Option<Arg>,
}

/// Every criu of this host that traces frozen tasks and does not move.
pub(super) fn look(hosts: &Hierarchies) -> io::Result<Vec<Hanging>> {
    let suspects = suspects(hosts)?;
    if suspects.is_empty() {
        return Ok(suspects);
    }
    let state = |hanging: &Hanging| (cpu(hanging.criu.id.pid), hanging.origins().count());
    let before: Vec<_> = suspects.iter().map(state).collect();
    let deadline = Instant::now() + STILL;
    let mut still: Vec<(Hanging, _)> = suspects.into_iter().zip(before).collect();
    while Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
        still.retain(|(hanging, before)| state(hanging) == *before && before.1 > 0);
    }
    Ok(still.into_iter().map(|(hanging, _)| hanging).collect())
}

fn suspects(hosts: &Hierarchies) -> io::Result<Vec<Hanging>> {
    let mut processes = Processes::default();
    let all = processes.all();
    let mut found = Vec::new();
    for (criu, held) in held(&all) {
        let Some(criu) = processes.read(criu) else { continue };
        // What has ended waits for no thaw.
        let targets: Vec<ProcessId> =
            held.into_iter().map(|process| process.id).filter(|&target| lives(target)).collect();
        let pids: Vec<i32> = targets.iter().map(|target| target.pid).collect();
        let told = told(&arguments(criu.id.pid));
        let hanging = Hanging { criu, flags: bearing(hosts, &pids)?, targets, told };
        if hanging.origins().next().is_some() {
            found.push(hanging);
        }
    }
    Ok(found)
}

impl Hanging {
    /// The flags that ask for a freeze now.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Flag> {
        self.flags.iter().filter(|flag| flag.asks_now() == Some(true))
    }

    /// The processes and groups that it concerns.
    pub(super) fn claim(&self) -> Claim {
        Claim {
            processes: self.targets.clone(),
            written: self.origins().map(|flag| flag.id).collect(),
            bearing: self.flags.iter().map(|flag| flag.id).collect(),
        }
    }

    pub(super) fn shell(&self) -> Vec<String> {
        let origins: Vec<&Flag> = self.origins().collect();
        let thaw = origins.iter().map(|flag| flag.line(false));
        let wait = format!("while kill -0 {} 2>/dev/null; do sleep 0.2; done", self.criu.id.pid);
        thaw.chain([wait]).chain(origins.iter().map(|flag| flag.line(true))).collect()
    }

    pub(super) fn rescue(self, tell: &mut dyn FnMut(Progress)) -> Result<(), RescueError> {
        // It may have ended since it was looked at: then what requests a freeze does so for somebody.
        if !lives(self.criu.id) {
            return Ok(());
        }
        let origins: Vec<&Flag> = self.origins().collect();
        // Where nothing can be written down it is freed all the same: criu would hang for ever.
        let mut journal = Journal::begin_rescue(&self.criu, &origins, &self.targets).ok();
        let mut watchdog = Watchdog::new(&self.flags, self.told.as_ref());
        if let Some(journal) = &mut journal {
            watchdog = watchdog.with_journal(journal);
        }
        // What it traces may end meanwhile, too.
        watchdog.follow(self.criu.id, self.targets.clone());
        watchdog.free(tell);
        let followed = follow(self.criu.id, &mut watchdog, tell);
        let ended = journal.map_or(Ok(()), Journal::end).map_err(RescueError::Look);
        followed.and(ended)
    }
}
