//! A plan whose program is gone.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use super::RescueError;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::deserted;
use crate::checkpoint::dumping::told;
use crate::checkpoint::flag::{Flag, PutBack, bearing, set};
use crate::checkpoint::journal::CutOff;
use crate::checkpoint::watchdog::{May, Watchdog, sleeps_on};
use crate::checkpoint::{Progress, Signal};
use crate::kernel::processes::{Processes, arguments};
use crate::kernel::signals::{await_end, signal};
use crate::kernel::tasks::sleeps;
use crate::model::criu::root;
use crate::model::{Hierarchies, Process, ProcessId, Version};

/// How long is waited for processes that are to be frozen, or to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a process is a criu that the plan started (it dumps one of its roots into that root's folder), or waits for.
pub(super) fn is_criu_of(plan: &CutOff, pid: i32) -> bool {
    let words = arguments(pid);
    let follows =
        |option: &[u8], value: &[u8]| words.windows(2).any(|pair| pair[0] == option && pair[1] == value);
    plan.criu
        .is_some_and(|criu| criu.pid == pid && Processes::default().read(pid).is_some_and(|p| p.id == criu))
        || plan.dumps.iter().any(|(root, images)| {
            follows(b"-t", root.to_string().as_bytes()) && follows(b"-D", images.0.as_bytes())
        })
}

/// A criu of the plan that still runs.
struct Running {
    criu: Process,
    /// What it dumps, the root first.
    members: Vec<ProcessId>,
    /// Every flag that bears on the processes, those of the plan as the plan found them.
    flags: Vec<Flag>,
    /// The group that criu was told of.
    told: Option<Arg>,
}

fn running(plan: &CutOff, hosts: &Hierarchies) -> io::Result<Option<Running>> {
    let all = Processes::default().all();
    let found = all.into_iter().find(|process| is_criu_of(plan, process.id.pid) && !process.is_zombie());
    let Some(criu) = found else { return Ok(None) };
    let words = arguments(criu.id.pid);
    let pids: Vec<i32> = plan.processes.iter().map(|process| process.pid).collect();
    let as_found = |flag: Flag| plan.flags.iter().find(|of| of.id == flag.id).cloned().unwrap_or(flag);
    let flags = bearing(hosts, &pids)?.into_iter().map(as_found).collect();
    let members = root(&words).map_or_else(Vec::new, |root| members(plan, root));
    Ok(Some(Running { criu, members, flags, told: told(&words) }))
}

/// The tree of a root: the plan has one after the other, each with its root first.
fn members(plan: &CutOff, root: i32) -> Vec<ProcessId> {
    let is_other = |process: &&ProcessId| plan.dumps.iter().any(|(other, _)| *other == process.pid);
    let from = plan.processes.iter().skip_while(|process| process.pid != root);
    from.enumerate().take_while(|(at, process)| *at == 0 || !is_other(process)).map(|(_, id)| *id).collect()
}

impl Running {
    fn await_end(&self, tell: &mut dyn FnMut(Progress)) -> io::Result<Vec<Arg>> {
        let mut watchdog = Watchdog::new(&self.flags, self.told.as_ref());
        watchdog.follow(self.criu.id, self.members.clone());
        tell(Progress::Restored(format!(
            "criu (process {}) still runs: it is left to finish",
            self.criu.id.pid
        )));
        while !await_end(self.criu.id, Duration::from_millis(200))? {
            watchdog.look(May::ALL, tell);
        }
        Ok(watchdog.freeze_again(tell))
    }

    /// What it hangs on: a freeze that it does not know of, or one of its own group when it has taken its own away.
    fn origins(&self) -> Vec<&Flag> {
        let root = self.members.first().map(|root| root.pid);
        let waits = root.is_some_and(|root| sleeps_on(self.criu.id.pid, root));
        let foreign = |flag: &&Flag| waits || self.told.as_ref() != Some(&flag.group);
        self.flags.iter().filter(|flag| flag.asks_now() == Some(true)).filter(foreign).collect()
    }

    /// It waits for ever, for all that it dumps is gone.
    fn is_deserted(&self) -> bool {
        let found = deserted::look(self.criu.id.pid, &self.members, Duration::ZERO);
        sleeps(self.criu.id.pid).is_some() && found.is_some_and(|found| found.alive.is_empty())
    }

    fn shell(&self) -> Vec<String> {
        if self.is_deserted() {
            return vec![format!("kill {}", self.criu.id.pid)];
        }
        let origins = self.origins();
        let thaw = origins.iter().map(|flag| flag.line(false));
        let wait = format!("while kill -0 {} 2>/dev/null; do sleep 0.2; done", self.criu.id.pid);
        thaw.chain([wait]).chain(origins.iter().map(|flag| flag.line(true))).collect()
    }
}

/// Waits for the criu that still runs; then finishes what is dumped, and undoes what is not.
pub(super) fn rescue(
    mut plan: CutOff,
    hosts: &Hierarchies,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RescueError> {
    plan.flags = found_again(std::mem::take(&mut plan.flags), tell)?;
    let mut freed = Vec::new();
    while let Some(running) = running(&plan, hosts).map_err(RescueError::Wait)? {
        freed.extend(running.await_end(tell).map_err(RescueError::Wait)?);
    }
    if let Some(which) = plan.signal.filter(|_| plan.dumped) {
        send(&plan, which)?;
    }
    // What somebody else froze meanwhile, and was frozen again, is not of this plan.
    let ours: Vec<Flag> = plan.flags.iter().filter(|flag| !freed.contains(&flag.group)).cloned().collect();
    for done in set(&ours, |flag| should(&plan, flag), &mut |flag, freeze| flag.write(freeze)) {
        match done {
            PutBack::Failed(why) => return Err(RescueError::Flag(why)),
            done => tell(Progress::Restored(done.into_text())),
        }
    }
    plan.end().map_err(RescueError::Look)
}

/// The flags with the open directories of their groups, without those whose groups are gone.
fn found_again(flags: Vec<Flag>, tell: &mut dyn FnMut(Progress)) -> Result<Vec<Flag>, RescueError> {
    let mut found = Vec::new();
    for flag in flags {
        let shown = flag.shown();
        match flag.with_directory() {
            Ok(Some(flag)) => found.push(flag),
            Ok(None) => tell(Progress::Restored(format!("{shown} is gone: it was removed"))),
            Err(error) => {
                return Err(RescueError::Flag(format!(
                    "the freeze flag of {shown} cannot be looked for: {error}"
                )));
            }
        }
    }
    Ok(found)
}

/// One that is to stop is in the freezer before; one that is to end has ended before v1 holds it again, where it would not.
fn send(plan: &CutOff, which: Signal) -> Result<(), RescueError> {
    if which == Signal::Stop {
        for flag in plan.flags.iter().filter(|flag| flag.asks_now() == Some(true)) {
            let _ = flag.await_frozen(PATIENCE);
        }
    }
    for &process in &plan.processes {
        signal(process, which.into()).map_err(RescueError::Wait)?;
    }
    let again =
        |flag: &Flag| flag.hierarchy == Version::V1 && flag.promised && flag.asks_now() == Some(false);
    if which == Signal::Kill && plan.flags.iter().any(again) {
        let deadline = Instant::now() + PATIENCE;
        for &process in &plan.processes {
            let left = deadline.saturating_duration_since(Instant::now());
            await_end(process, left).map_err(RescueError::Wait)?;
        }
    }
    Ok(())
}

/// Whether a group of the plan is to ask in the end.
fn should(plan: &CutOff, flag: &Flag) -> bool {
    if plan.dumped { flag.promised } else { flag.requested }
}

pub(super) fn shell(plan: &CutOff, hosts: &Hierarchies) -> Vec<String> {
    // What cannot be looked at is not written, either.
    let running = running(plan, hosts).ok().flatten();
    let freed: Vec<&Arg> = running.iter().flat_map(Running::origins).map(|flag| &flag.group).collect();
    let signal = plan.signal.filter(|_| plan.dumped).map(|signal| {
        let pids: Vec<String> = plan.processes.iter().map(|process| process.pid.to_string()).collect();
        format!("kill -{} {}", signal.word(), pids.join(" "))
    });
    let mut flags: Vec<_> = plan.flags.iter().filter(|flag| !freed.contains(&&flag.group)).collect();
    let asks = |flag: &Flag| !flag.is_over() && should(plan, flag);
    flags.sort_by_key(|flag| (!asks(flag), flag.group.0.len()));
    let lines = flags.into_iter().map(|flag| flag.line(asks(flag)));
    running.iter().flat_map(Running::shell).chain(signal).chain(lines).collect()
}
