//! This program as a job of a shell: stopped, continued, in the foreground or behind. (credentials(7), tcgetpgrp(3))

use std::io::{self, stdin};

use nix::sys::signal::{Signal, raise};
use nix::unistd::{Pid, getpgid, getpgrp, getpid, getsid, tcgetpgrp};

use super::proc;

/// Whether the terminal on standard input is this program's to read and set. True where it has no jobs.
pub fn is_in_foreground() -> bool {
    tcgetpgrp(stdin()).map_or(true, |foreground| foreground == getpgrp())
}

/// Stops this program as SIGTSTP does where it is not handled, and returns when it is continued. False where nobody could continue
/// it: then it is not stopped.
///
/// # Errors
/// What raise(3) says.
pub fn stop() -> io::Result<bool> {
    if is_orphaned() {
        return Ok(false);
    }
    // To this thread: it returns when the program has been stopped and continued. One to the process may stop it later.
    raise(Signal::SIGSTOP)?;
    Ok(true)
}

/// Whether no process of another job in this session started this job: the kernel stops no such job for SIGTSTP. (setpgid(2),
/// "orphaned process group")
fn is_orphaned() -> bool {
    let (group, session) = (getpgrp(), getsid(None).ok());
    let parent = |pid: &Pid| Some(Pid::from_raw(proc::stat(pid.as_raw())?.ppid));
    // sudo, for one, may stand between the shell and this program, in the same job.
    let mut above = std::iter::successors(parent(&getpid()), parent);
    let outside = above.find(|pid| getpgid(Some(*pid)) != Ok(group));
    outside.is_none_or(|starter| getsid(Some(starter)).ok() != session)
}
