//! A plan whose program is gone.

use std::io;
use std::time::{Duration, Instant};

use super::RescueError;
use super::follow::follow;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::deserted;
use crate::checkpoint::flag::{Flag, PutBack, bearing, set};
use crate::checkpoint::journal::{Account, CutOff, Due, Why};
use crate::checkpoint::watchdog::Watchdog;
use crate::checkpoint::{Progress, Signal};
use crate::kernel::signals::{await_end, signal};
use crate::kernel::tasks::{lives, sleeps, sleeps_on};
use crate::model::{Hierarchies, ProcessId, Version};

/// How long is waited for processes that are to be frozen, or to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a process is a criu that the plan started, or waits for: known by its PID and start time, as the journal has them.
/// It may have ended since.
pub(super) fn is_criu_of(plan: &CutOff, process: ProcessId) -> bool {
    crius(plan).any(|(criu, _)| criu == process)
}

/// Every criu of the plan, ended or not, with the root that it dumps, if that is known.
fn crius(plan: &CutOff) -> impl Iterator<Item = (ProcessId, Option<i32>)> {
    let started = plan.started.iter().map(|&(criu, root)| (criu, Some(root)));
    started.chain(plan.criu.map(|criu| (criu, None)))
}

/// A criu of the plan that still runs.
struct Running {
    criu: ProcessId,
    /// What it dumps, the root first.
    members: Vec<ProcessId>,
    /// Every flag that bears on the processes, those of the plan as the plan found them.
    flags: Vec<Flag>,
    /// The group that criu freezes and thaws.
    freezes: Option<Arg>,
}

fn running(plan: &CutOff, hosts: &Hierarchies) -> io::Result<Option<Running>> {
    let Some((criu, root)) = crius(plan).find(|&(criu, _)| lives(criu)) else { return Ok(None) };
    let pids: Vec<i32> = plan.processes.iter().map(|process| process.pid).collect();
    let as_found = |flag: Flag| {
        let found = plan.accounts.iter().find(|account| account.flag.id == flag.id);
        found.map_or(flag, |account| account.flag.clone())
    };
    let flags = bearing(hosts, &pids)?.into_iter().map(as_found).collect();
    let members = root.map_or_else(|| plan.processes.clone(), |root| members(plan, root));
    let dump = plan.dumps.iter().find(|dump| Some(dump.root) == root);
    Ok(Some(Running { criu, members, flags, freezes: dump.and_then(|dump| dump.freezes.clone()) }))
}

/// The tree of a root: the plan has one after the other, each with its root first.
fn members(plan: &CutOff, root: i32) -> Vec<ProcessId> {
    let is_other = |process: &&ProcessId| plan.dumps.iter().any(|dump| dump.root == process.pid);
    let from = plan.processes.iter().skip_while(|process| process.pid != root);
    from.enumerate().take_while(|(at, process)| *at == 0 || !is_other(process)).map(|(_, id)| *id).collect()
}

impl Running {
    /// Waits for its end, as long as it does anything, or hangs on a freeze that can be taken away; not longer than
    /// [`Limits::RESCUE`](crate::checkpoint::patience::Limits::RESCUE).
    fn await_end(&self, plan: &mut CutOff, tell: &mut dyn FnMut(Progress)) -> Result<(), RescueError> {
        let mut watchdog = Watchdog::new(&self.flags, self.freezes.as_ref()).with_journal(plan.journal());
        watchdog.follow(self.criu, self.members.clone());
        tell(Progress::Restored(format!(
            "criu (process {}) is still running: waiting for it to finish",
            self.criu.pid
        )));
        follow(self.criu, &mut watchdog, tell)
    }

    /// What it hangs on: a freeze that it does not know of, or one of its own group when it has taken its own away.
    fn origins(&self) -> Vec<&Flag> {
        let root = self.members.first().map(|root| root.pid);
        let waits = root.is_some_and(|root| sleeps_on(self.criu.pid, root));
        let foreign = |flag: &&Flag| waits || self.freezes.as_ref() != Some(&flag.group);
        let asking = self.flags.iter().filter(|flag| flag.asks_now() == Some(true));
        asking.filter(foreign).filter(|flag| flag.holds_traced(self.criu.pid)).collect()
    }

    /// It waits for ever, for all that it dumps is gone.
    fn is_deserted(&self) -> bool {
        let found = deserted::look(self.criu.pid, &self.members, Duration::ZERO);
        sleeps(self.criu.pid).is_some() && found.is_some_and(|found| found.alive.is_empty())
    }

    fn shell(&self) -> Vec<String> {
        if self.is_deserted() {
            return vec![format!("kill {}", self.criu.pid)];
        }
        let origins = self.origins();
        let thaw = origins.iter().map(|flag| flag.line(false));
        let wait = format!("while kill -0 {} 2>/dev/null; do sleep 0.2; done", self.criu.pid);
        thaw.chain([wait]).chain(origins.iter().map(|flag| flag.line(true))).collect()
    }
}

/// Waits for the criu that still runs; then finishes what is dumped, and undoes what is not. Which flags are written then, and
/// which are left as somebody else has made them: [`Account::due`].
pub(super) fn rescue(
    mut plan: CutOff,
    hosts: &Hierarchies,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RescueError> {
    // Who looks meanwhile is told so; the lock is what counts.
    let _ = plan.take_over();
    let mut still_runs = None;
    while let Some(running) = running(&plan, hosts).map_err(RescueError::Wait)? {
        match running.await_end(&mut plan, tell) {
            // A restore has nothing to lose: the groups are frozen again all the same.
            Err(error @ RescueError::StillRuns { .. }) if plan.stopped.is_some() => {
                still_runs = Some(error);
                break;
            }
            ended => ended?,
        }
    }
    plan = plan.read_again().map_err(RescueError::Look)?;
    plan.accounts = found_again(std::mem::take(&mut plan.accounts), tell)?;
    if let Some(which) = plan.signal.filter(|_| plan.dumped) {
        send(&plan, which)?;
    }
    let mut ours = Vec::new();
    for Account { flag, .. } in due(&plan)?.into_iter().filter_map(|(account, due)| match due {
        Due::Theirs => {
            let left = format!("{} is left as somebody else has set it since", account.flag.shown());
            tell(Progress::Restored(left));
            None
        }
        Due::Nothing | Due::Write(_) => Some(account),
    }) {
        ours.push(flag.clone());
    }
    let should: Vec<_> = plan.accounts.iter().map(|a| (a.flag.id, a.should(plan.dumped))).collect();
    let should = |flag: &Flag| should.iter().any(|&(id, should)| id == flag.id && should);
    let journal = plan.journal();
    for done in set(&ours, should, &mut |flag, freeze| journal.write(flag, freeze, Why::Restore)) {
        match done {
            PutBack::Failed(why) => return Err(RescueError::Flag(why)),
            done => tell(Progress::Restored(done.into_text())),
        }
    }
    still_runs.map_or(Ok(()), Err)?;
    plan.end().map_err(RescueError::Look)
}

/// What is due about each flag, as they are now. A group that is gone by now has none.
fn due(plan: &CutOff) -> Result<Vec<(&Account, Due)>, RescueError> {
    let mut all = Vec::new();
    for account in &plan.accounts {
        match account.flag.request_now() {
            Ok(now) => all.extend(now.map(|now| (account, account.due(plan.dumped, now)))),
            Err(error) => {
                let shown = account.flag.shown();
                return Err(RescueError::Flag(format!("cannot read the freeze flag of {shown}: {error}")));
            }
        }
    }
    Ok(all)
}

/// The flags with the open directories of their groups, without those whose groups are gone.
fn found_again(accounts: Vec<Account>, tell: &mut dyn FnMut(Progress)) -> Result<Vec<Account>, RescueError> {
    let mut found = Vec::new();
    for account in accounts {
        let shown = account.flag.shown();
        match account.with_directory() {
            Ok(Some(account)) => found.push(account),
            Ok(None) => tell(Progress::Restored(format!("{shown} is gone: it was removed"))),
            Err(error) => {
                let why = format!("cannot find the freeze flag of {shown}: {error}");
                return Err(RescueError::Flag(why));
            }
        }
    }
    Ok(found)
}

/// One that is to stop is in the freezer before; one that is to end has ended before v1 holds it again, where it would not.
fn send(plan: &CutOff, which: Signal) -> Result<(), RescueError> {
    let flags = || plan.accounts.iter().map(|account| &account.flag);
    if which == Signal::Stop {
        for flag in flags().filter(|flag| flag.asks_now() == Some(true)) {
            let _ = flag.await_frozen(PATIENCE);
        }
    }
    for &process in &plan.processes {
        signal(process, which.into()).map_err(RescueError::Wait)?;
    }
    let again =
        |flag: &Flag| flag.hierarchy == Version::V1 && flag.promised && flag.asks_now() == Some(false);
    if which == Signal::Kill && flags().any(again) {
        let deadline = Instant::now() + PATIENCE;
        for &process in &plan.processes {
            let left = deadline.saturating_duration_since(Instant::now());
            await_end(process, left).map_err(RescueError::Wait)?;
        }
    }
    Ok(())
}

pub(super) fn shell(plan: &CutOff, hosts: &Hierarchies) -> Vec<String> {
    // What cannot be looked at is not written, either.
    let running = running(plan, hosts).ok().flatten();
    let freed: Vec<&Arg> = running.iter().flat_map(Running::origins).map(|flag| &flag.group).collect();
    let signal = plan.signal.filter(|_| plan.dumped).map(|signal| {
        let pids: Vec<String> = plan.processes.iter().map(|process| process.pid.to_string()).collect();
        format!("kill -{} {}", signal.word(), pids.join(" "))
    });
    // While criu runs, what it does to its own group is not known.
    let is_due = |account: &Account, due| {
        due != Due::Theirs
            && (running.is_some() || due != Due::Nothing)
            && !freed.contains(&&account.flag.group)
    };
    let due = due(plan).unwrap_or_default();
    let mut flags: Vec<_> =
        due.into_iter().filter(|&(account, due)| is_due(account, due)).map(|(account, _)| account).collect();
    let asks = |account: &Account| !account.flag.is_over() && account.should(plan.dumped);
    flags.sort_by_key(|account| (!asks(account), account.flag.group.0.len()));
    let lines = flags.into_iter().map(|account| account.flag.line(asks(account)));
    running.iter().flat_map(Running::shell).chain(signal).chain(lines).collect()
}
