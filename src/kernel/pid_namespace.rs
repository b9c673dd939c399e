//! A PID namespace that this program makes, with a `/proc` of its own (pid_namespaces(7), mount_namespaces(7)).

use std::io;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

/// The highest number that the kernel gives to a process.
pub const PID_MAX: &str = "/proc/sys/kernel/pid_max";

/// Makes a PID namespace: the next process that this one starts is its PID 1, and there must be no other.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN; EINVAL in a process with several threads.
pub fn make_for_next_child() -> io::Result<()> {
    Ok(unshare(CloneFlags::CLONE_NEWPID)?)
}

/// Has the kernel kill this process when the one that started it ends, however that ends (prctl(2), `PR_SET_PDEATHSIG`).
///
/// # Errors
/// What prctl(2) says.
pub fn end_with_parent() -> io::Result<()> {
    Ok(set_pdeathsig(Signal::SIGKILL)?)
}

/// Gives this process a mount namespace in which `/proc` shows its own PID namespace. What is mounted or unmounted on the host
/// later is so there, too, and nothing is the other way round.
///
/// # Errors
/// What unshare(2) and mount(2) say.
pub fn mount_own_proc() -> io::Result<()> {
    const NOTHING: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_SLAVE, NOTHING)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(Some("proc"), "/proc", Some("proc"), flags, NOTHING)?)
}

/// Has the kernel give the numbers above this one to the next processes of this PID namespace (`ns_last_pid` of
/// proc_sys_kernel(5)).
///
/// # Errors
/// What writing the file says.
pub fn set_last_pid(last: i32) -> io::Result<()> {
    std::fs::write("/proc/sys/kernel/ns_last_pid", last.to_string())
}

/// nsenter(1), which starts a program in the PID and the mount namespace of a process; its arguments, but for the program.
pub fn enter(pid: &str) -> [&str; 6] {
    ["nsenter", "-t", pid, "-p", "-m", "--"]
}

/// Whether nsenter(1) can be started from here.
pub fn can_enter() -> bool {
    let mut command = Command::new("nsenter");
    command.arg("--version").env("PATH", super::trust::search_path());
    command.output().is_ok_and(|output| output.status.success())
}
