//! One thread of a process.

/// One thread, as one look found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its TID; that of a process's main thread is the PID.
    pub tid: i32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5)).
    pub start: u64,
    /// Its state letter: R, S, D, T (stopped), t (stopped by a tracer), Z, X, I.
    pub state: char,
    /// A thread of the kernel: no freezer of a cgroup stops it.
    pub kernel_thread: bool,
    /// The kernel function it waits in; `None` where it runs, or that may not be seen.
    pub wchan: Option<Box<[u8]>>,
}

impl Thread {
    /// Has ended: no freezer counts it any more.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Stopped by a signal or by a tracer.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    /// Waits where a signal does not wake it (uninterruptible, or woken by SIGKILL alone).
    pub fn is_uninterruptible(&self) -> bool {
        self.state == 'D'
    }

    /// Waits in a function of the kernel with one of these names.
    pub fn waits_in(&self, names: &[Box<[u8]>]) -> bool {
        self.wchan.as_ref().is_some_and(|wchan| names.contains(wchan))
    }
}
