//! A process held by a descriptor: signals to it and to no other, its end, and whether a signal has stopped it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;

use super::dir::absent_is_none;
use super::proc;
use super::status::Status;
use super::threads::wchan;
use crate::model::{Process, ProcessId};

/// Whether a process is stopped by a signal, or will be before it runs again. `None` where that may not be seen.
///
/// Its state letter says so only while no freezer holds it. Frozen through v1 it shows D, and waits in `do_signal_stop`,
/// where one that ran waits in `__refrigerator` or in a system call (measured on Linux 6.18); and a SIGSTOP that came while it
/// was frozen waits for it (`ShdPnd` of proc_pid_status(5)).
pub fn is_stopped(process: &Process) -> Option<bool> {
    let pid = process.id.pid;
    let pending = Status::read(pid).ok().flatten().and_then(|status| status.set("ShdPnd"));
    let comes =
        pending.is_some_and(|signals| signals & (1 << (rustix::process::Signal::STOP.as_raw() - 1)) != 0);
    if process.is_stopped() || comes {
        return Some(true);
    }
    if process.state != 'D' {
        return Some(false);
    }
    wchan(pid).map(|at| &*at == b"do_signal_stop")
}

/// Sends a signal to a process, and to no other that has its PID by now (pidfd_send_signal(2)). One that is gone needs none.
///
/// # Errors
/// What the kernel says: EPERM without the right to signal it.
pub fn signal(process: ProcessId, signal: rustix::process::Signal) -> io::Result<()> {
    let Some(fd) = open(process)? else { return Ok(()) };
    let sent = rustix::process::pidfd_send_signal(&fd, signal);
    absent_is_none(sent.map_err(io::Error::from)).map(drop)
}

/// Waits until a process has ended, but no longer than this; true when it has. It need not be a child (pidfd_open(2)).
///
/// # Errors
/// What poll(2) says.
pub fn await_end(process: ProcessId, timeout: Duration) -> io::Result<bool> {
    let Some(fd) = open(process)? else { return Ok(true) };
    let timeout = rustix::event::Timespec::try_from(timeout).map_err(io::Error::other)?;
    let mut wait = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
    match rustix::event::poll(&mut wait, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Holds a process, and no other that has its PID by now; `None` where it is gone.
fn open(process: ProcessId) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = rustix::process::Pid::from_raw(process.pid) else { return Ok(None) };
    let opened = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
    let Some(fd) = absent_is_none(opened.map_err(io::Error::from))? else { return Ok(None) };
    // Looked at after it is held: it is the process that was meant, or it is gone.
    Ok(proc::is_there(process).then_some(fd))
}
