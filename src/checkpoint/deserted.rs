//! A criu whose target has ended in the middle of the dump: it waits for ever, and what it waits for will not come.
//!
//! It is ended only where nothing that it holds lives: a process that has criu's code in it does not survive criu's end.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::fate::list;
use crate::kernel::command_line::arguments;
use crate::kernel::signals::{await_end, signal};
use crate::kernel::tasks::{has_children, held_by, lives, sleeps};
use crate::model::{ProcessId, span};

/// How long criu must not have run at all, until it counts as standing still.
pub(super) const STILL: Duration = Duration::from_secs(5);

/// How long criu may take to end.
const END: Duration = Duration::from_secs(2);

/// What serves pages to somebody else may have all that is left of the target.
const SERVES: [&[u8]; 3] = [b"--lazy-pages", b"--page-server", b"--stream"];

/// A criu that stands still, and has lost processes that it dumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deserted {
    /// criu's PID.
    pub criu: i32,
    /// The processes that have ended.
    pub gone: Vec<i32>,
    /// Those that live, and are dumped or held by it.
    pub alive: Vec<i32>,
    /// For how long it has stood still.
    pub still: Duration,
}

impl fmt::Display for Deserted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { criu, gone, alive, still } = self;
        let (are, span) = (if gone.len() == 1 { "is" } else { "are" }, span::short(*still));
        write!(f, "{} {are} gone (ended during the dump), and criu (process {criu})", list(gone))?;
        write!(f, " has done nothing for {span}")?;
        if alive.is_empty() {
            return Ok(());
        }
        let (held, live) = (list(alive), if alive.len() == 1 { "lives" } else { "live" });
        let pids: Vec<String> = alive.iter().map(ToString::to_string).collect();
        write!(
            f,
            "; cryoscope does not end it, because it holds {held}, which {live} and might not survive that: wait; if \
             it never continues and they may end, kill -KILL {}: then criu can be ended",
            pids.join(" ")
        )
    }
}

/// Whether criu has lost processes that it dumps. It need not stand still: that is `still`'s to say.
pub(super) fn look(criu: i32, members: &[ProcessId], still: Duration) -> Option<Deserted> {
    let (alive, gone): (Vec<ProcessId>, Vec<ProcessId>) = members.iter().partition(|&&member| lives(member));
    if gone.is_empty() || waits_for_others(criu) {
        return None;
    }
    let mut alive: Vec<i32> = alive.iter().map(|member| member.pid).chain(held_by(criu)).collect();
    alive.sort_unstable();
    alive.dedup();
    let gone = gone.iter().map(|member| member.pid).collect();
    // A process that criu has started is what it waits for.
    (!alive.is_empty() || !has_children(criu)).then_some(Deserted { criu, gone, alive, still })
}

/// Whether a criu was told to serve somebody else: how long that takes is not its own doing.
pub(super) fn waits_for_others(criu: i32) -> bool {
    arguments(criu).iter().any(|word| SERVES.contains(&&word[..]))
}

/// Ends criu, which holds nothing any more: asked first, made to where it does not.
pub(super) fn end(criu: ProcessId) -> io::Result<()> {
    for which in [rustix::process::Signal::TERM, rustix::process::Signal::KILL] {
        signal(criu, which)?;
        if await_end(criu, END)? {
            return Ok(());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Since when a process has not run.
#[derive(Debug)]
pub(super) struct Stillness {
    pid: i32,
    seen: Option<i64>,
    since: Instant,
}

impl Stillness {
    pub(super) fn of(pid: i32) -> Self {
        Self { pid, seen: None, since: Instant::now() }
    }

    /// Whether it has slept ever since it was looked at first.
    pub(super) fn lasts(&mut self) -> bool {
        let before = self.seen;
        self.look();
        self.seen.is_some() && (before.is_none() || before == self.seen)
    }

    /// Looks; for how long it has slept and not run.
    pub(super) fn look(&mut self) -> Duration {
        let now = sleeps(self.pid);
        if now.is_none() || now != self.seen {
            (self.seen, self.since) = (now, Instant::now());
        }
        self.since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::processes::Processes;

    fn deserted(gone: &[i32], alive: &[i32]) -> String {
        let still = Duration::from_secs(7);
        Deserted { criu: 9, gone: gone.into(), alive: alive.into(), still }.to_string()
    }

    #[test]
    fn words() {
        let all = deserted(&[7], &[]);
        assert!(all.starts_with("process 7 is gone (ended during the dump), and criu (process 9)"), "{all}");
        let some = deserted(&[7, 8], &[5]);
        assert!(some.contains("processes 7, 8 are gone") && some.contains("does not end it"), "{some}");
        assert!(some.contains("process 5, which lives") && some.contains("kill -KILL 5"), "{some}");
    }

    #[test]
    fn what_lives_is_not_deserted() {
        let me = Processes::default().read(std::process::id().cast_signed()).unwrap().id;
        let gone = ProcessId { start: me.start + 1, ..me };
        assert_eq!(look(i32::MAX, &[me], STILL), None);
        assert!(look(i32::MAX, &[gone], STILL).unwrap().alive.is_empty());
        assert_eq!(look(i32::MAX, &[me, gone], STILL).unwrap().alive, [me.pid]);
    }
}
