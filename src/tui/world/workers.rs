//! Threads for jobs that may take their time: each job has one, and waits for no other job as long as threads can be had.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// How long a thread waits for another job before it ends. The first one stays: a job can be done where threads are refused.
const IDLE: Duration = Duration::from_secs(5);

/// Threads of one kind, started as they are needed.
pub(super) struct Workers {
    name: &'static str,
    most: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Those that wait for a job.
    idle: usize,
}

impl Workers {
    /// Starts the first thread. `most`: how many jobs go on at once; those that are more wait.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub(super) fn start(name: &'static str, most: usize) -> io::Result<Self> {
        let workers = Self { name, most, shared: Arc::default() };
        let mut state = workers.shared.lock();
        workers.add(&mut state)?;
        drop(state);
        Ok(workers)
    }

    /// Has a job done.
    ///
    /// # Errors
    /// Where no further thread can be had: the job waits until one of those that there are is free.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.jobs.push_back(Box::new(job));
        let is_short = state.jobs.len() > state.idle && state.threads < self.most;
        let added = if is_short { self.add(&mut state) } else { Ok(()) };
        drop(state);
        self.shared.more.notify_one();
        added
    }

    fn add(&self, state: &mut State) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let stays = state.threads == 0;
        let body = move || {
            while let Some(job) = shared.next(stays) {
                job();
            }
        };
        std::thread::Builder::new().name(self.name.into()).spawn(body)?;
        state.threads += 1;
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No job runs under the lock, so nothing half done is behind a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; `None` where the thread is to end.
    fn next(&self, stays: bool) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let is_over;
            (state, is_over) = if stays {
                (self.more.wait(state).unwrap_or_else(PoisonError::into_inner), false)
            } else {
                let waited = self.more.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                (waited.0, waited.1.timed_out())
            };
            state.idle -= 1;
            if is_over && state.jobs.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    #[test]
    fn no_job_waits_for_another_one() {
        let workers = Workers::start("test", 3).unwrap();
        let (open, gate) = unbounded::<()>();
        let (tell, told) = unbounded();
        for _ in 0..2 {
            let (gate, tell) = (gate.clone(), tell.clone());
            let held = move || {
                let _ = gate.recv();
                tell.send("held").unwrap();
            };
            workers.run(held).unwrap();
        }
        workers.run(move || tell.send("quick").unwrap()).unwrap();
        assert_eq!(told.recv(), Ok("quick"));
        drop(open);
        assert_eq!(told.iter().collect::<Vec<_>>(), ["held", "held"]);
    }

    #[test]
    fn what_is_too_much_waits_and_is_done() {
        let workers = Workers::start("test", 2).unwrap();
        let (tell, told) = unbounded();
        for number in 0..100 {
            let tell = tell.clone();
            workers.run(move || tell.send(number).unwrap()).unwrap();
        }
        drop(tell);
        let mut done: Vec<i32> = told.iter().collect();
        done.sort_unstable();
        assert!(done.into_iter().eq(0..100));
        assert!(workers.shared.lock().threads <= 2);
    }
}
