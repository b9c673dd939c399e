//! A plan whose program is gone.

use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use super::RescueError;
use crate::checkpoint::flag::{Flag, PutBack, bearing, set};
use crate::checkpoint::journal::CutOff;
use crate::checkpoint::watchdog::Watchdog;
use crate::checkpoint::{Progress, Signal};
use crate::kernel::processes::{Processes, arguments};
use crate::kernel::signals::{await_end, signal};
use crate::model::{Hierarchies, Process, Version};

/// How long is waited for processes that are to be frozen, or to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a process is a criu that the plan started: it dumps one of its roots into that root's folder.
pub(super) fn is_criu_of(plan: &CutOff, pid: i32) -> bool {
    let words = arguments(pid);
    let follows =
        |option: &[u8], value: &[u8]| words.windows(2).any(|pair| pair[0] == option && pair[1] == value);
    plan.dumps.iter().any(|(root, images)| {
        follows(b"-t", root.to_string().as_bytes()) && follows(b"-D", images.0.as_bytes())
    })
}

fn running(plan: &CutOff) -> Option<Process> {
    Processes::default()
        .all()
        .into_iter()
        .find(|process| is_criu_of(plan, process.id.pid) && !process.is_zombie())
}

/// Waits for the criu that still runs; then finishes what is dumped, and undoes what is not.
pub(super) fn rescue(
    plan: CutOff,
    hosts: &Hierarchies,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), RescueError> {
    while let Some(criu) = running(&plan) {
        let pids: Vec<i32> = plan.processes.iter().map(|process| process.pid).collect();
        let flags = bearing(hosts, &pids).map_err(RescueError::Wait)?;
        let mut watchdog = Watchdog::new(&flags, None);
        tell(Progress::Restored(format!("criu (process {}) still runs: it is left to finish", criu.id.pid)));
        while !await_end(criu.id, Duration::from_millis(200)).map_err(RescueError::Wait)? {
            watchdog.look(true, tell);
        }
        watchdog.freeze_again(tell);
    }
    if let Some(which) = plan.signal.filter(|_| plan.dumped) {
        send(&plan, which)?;
    }
    for done in set(&plan.flags, |flag| if plan.dumped { flag.promised } else { flag.requested }) {
        match done {
            PutBack::Failed(why) => return Err(RescueError::Flag(why)),
            done => tell(Progress::Restored(done.into_text())),
        }
    }
    plan.end().map_err(RescueError::Look)
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

pub(super) fn shell(plan: &CutOff) -> Vec<String> {
    let criu = running(plan);
    let wait = criu.map(|criu| format!("while kill -0 {} 2>/dev/null; do sleep 0.2; done", criu.id.pid));
    let signal = plan.signal.filter(|_| plan.dumped).map(|signal| {
        let pids: Vec<String> = plan.processes.iter().map(|process| process.pid.to_string()).collect();
        format!("kill -{} {}", signal.word(), pids.join(" "))
    });
    let mut flags: Vec<_> = plan.flags.iter().collect();
    let should = |flag: &Flag| !flag.is_over() && if plan.dumped { flag.promised } else { flag.requested };
    flags.sort_by_key(|flag| (!should(flag), flag.group.0.len()));
    let lines = flags.into_iter().map(|flag| flag.line(should(flag)));
    wait.into_iter().chain(signal).chain(lines).collect()
}
