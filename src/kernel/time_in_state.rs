//! For how long a thread has been in its state.
//!
//! The kernel does not keep that, but when a thread last ran, and only by running does it come into another state
//! (`se.exec_start` in `/proc/TID/sched`, kernel/sched/debug.c; always there since Linux 6.15, before that with
//! `CONFIG_SCHED_DEBUG`). This is by the clock of the CPU that it ran on, which stands still while interrupts or a hypervisor have
//! that CPU (`rq_clock_task`, kernel/sched/core.c); two CPUs may be a minute apart. So a thread of our own goes to that CPU, and
//! reads when it ran itself: what lies between is never too long.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::proc;
use crate::model::Culprit;

/// How long to wait for the answers: a CPU may be too busy to go to.
const PATIENCE: Duration = Duration::from_millis(200);

/// Says of each thread that does not run for how long, at least, it has been in its state; not where that cannot be known.
pub(super) fn add_to(culprits: &mut [Culprit]) {
    let resting = culprits.iter().map(|culprit| &culprit.thread).filter(|thread| thread.state != 'R');
    let known = measure(resting.map(|thread| thread.tid).collect());
    for culprit in culprits {
        culprit.time_in_state = known.get(&culprit.thread.tid).copied();
    }
}

fn measure(tids: Vec<i32>) -> HashMap<i32, Duration> {
    let (tell, told) = unbounded();
    let body = move || tell_of(tids, &tell);
    if std::thread::Builder::new().name("state".into()).spawn(body).is_err() {
        return HashMap::new();
    }
    let deadline = Instant::now() + PATIENCE;
    std::iter::from_fn(|| told.recv_deadline(deadline).ok()).collect()
}

/// Until nobody listens any more.
fn tell_of(tids: Vec<i32>, tell: &Sender<(i32, Duration)>) {
    let known = tids.into_iter().filter_map(|tid| Some((tid, time_of(tid)?)));
    known.map_while(|time| tell.send(time).ok()).for_each(drop);
}

/// For how long a thread has not run. Goes to the CPU that it ran on.
fn time_of(tid: i32) -> Option<Duration> {
    let cpu = || usize::try_from(proc::stat(tid)?.processor?).ok();
    let last = cpu()?;
    let mut cpus = CpuSet::new();
    cpus.set(last);
    sched_setaffinity(None, &cpus).ok()?;
    // Ours first: where the other one runs meanwhile, no time is between.
    let now = last_ran("thread-self")?;
    let then = last_ran(&tid.to_string())?;
    (cpu()? == last).then(|| now.checked_sub(then))?
}

/// By the clock of its CPU.
fn last_ran(thread: &str) -> Option<Duration> {
    parse(&std::fs::read_to_string(format!("/proc/{thread}/sched")).ok()?)
}

/// `se.exec_start   :      18786752.465856`, in milliseconds.
fn parse(text: &str) -> Option<Duration> {
    let (_, number) = text.lines().find(|line| line.starts_with("se.exec_start"))?.split_once(':')?;
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? / 1000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_it_ran_is_read_in_milliseconds() {
        let text =
            "head (10717, #threads: 1)\n---\nse.exec_start          :      2500.250000\nse.vruntime : 1.0\n";
        assert_eq!(parse(text), Some(Duration::from_micros(2_500_250)));
        assert_eq!(parse("se.exec_start : -1.0\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_process_that_is_gone_is_in_no_state() {
        assert!(measure(vec![i32::MAX]).is_empty());
    }
}
