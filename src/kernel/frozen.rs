//! Whether the freezer of a cgroup holds a thread.
//!
//! cgroup v2 counts a thread as frozen that waits in its trap, and just so one that is stopped by a signal or a tracer and one
//! that waits for its `vfork` child (kernel/signal.c and kernel/fork.c, `cgroup_enter_frozen`). A freeze wakes every thread
//! that sleeps where a signal wakes it, so one that sleeps so again (S) is in the trap, or was not reached by the signal.
//!
//! The v1 freezer holds a thread in `__refrigerator`. From Linux 6.1 on it leaves a thread where it is that sleeps in a few
//! system calls, is stopped, or waits for its `vfork` child (kernel/freezer.c, `__set_task_frozen`): it shows D, and waits
//! where it waited before. What tells it from a thread that cannot be frozen is the system call.

use nix::libc;

use super::descriptors::ProcessDir;
use super::symbols::Symbols;
use super::threads::{Syscall, syscall};
use crate::model::{Thread, Version};

/// Whether the freezer of a group that is to freeze holds this thread of it, or has nothing to do with it.
pub fn is_held(thread: &Thread, version: Version) -> bool {
    let symbols = Symbols::of_this_kernel();
    if thread.has_ended() {
        return true;
    }
    if thread.kernel_thread {
        return false;
    }
    match version {
        Version::V2 => is_held_by_v2(thread, symbols),
        Version::V1 => is_held_by_v1(thread, symbols, syscall),
    }
}

fn is_held_by_v2(thread: &Thread, symbols: &Symbols) -> bool {
    match thread.state {
        'S' => thread.wchan.is_none() || thread.waits_in(&symbols.v2_trap),
        // Stopped, and held by the v1 freezer too, it shows D.
        'D' => thread.waits_in(&symbols.vfork_wait) || thread.waits_in(&symbols.stops),
        _ => thread.is_stopped(),
    }
}

fn is_held_by_v1(thread: &Thread, symbols: &Symbols, syscall: impl Fn(i32) -> Option<Syscall>) -> bool {
    if !thread.is_uninterruptible() {
        return false;
    }
    [&symbols.v1_refrigerator, &symbols.vfork_wait, &symbols.stops].iter().any(|names| thread.waits_in(names))
        || syscall(thread.tid).is_some_and(|call| sleeps_freezable(call, thread.tid))
}

/// The system calls in which the v1 freezer leaves a sleeping thread where it is (`TASK_FREEZABLE` in the kernel's source).
const FREEZABLE: &[i64] = &[
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_rt_sigtimedwait,
    // Waits for children: on Linux 6.12 of Debian.
    libc::SYS_wait4,
    libc::SYS_waitid,
    // One of these that a signal has interrupted before.
    libc::SYS_restart_syscall,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
];

/// Reading from a socket: only that of a Unix stream leaves a thread where it is, and no other waits uninterruptibly for long.
const READS: &[i64] =
    &[libc::SYS_read, libc::SYS_readv, libc::SYS_recvfrom, libc::SYS_recvmsg, libc::SYS_recvmmsg];

fn sleeps_freezable(call: Syscall, tid: i32) -> bool {
    FREEZABLE.contains(&call.number) || READS.contains(&call.number) && is_socket(tid, call.arguments[0])
}

fn is_socket(tid: i32, descriptor: u64) -> bool {
    let link = |process: ProcessDir| process.link(&format!("fd/{descriptor}")).ok();
    let link = ProcessDir::open(tid).ok().flatten().and_then(link);
    link.is_some_and(|link| link.starts_with(b"socket:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(state: char, wchan: &str) -> Thread {
        let wchan = (!wchan.is_empty()).then(|| wchan.as_bytes().into());
        Thread { tid: 7, start: 1, state, kernel_thread: false, wchan }
    }

    fn symbols() -> Symbols {
        let one = |name: &str| vec![name.as_bytes().into()];
        Symbols {
            v2_trap: one("get_signal"),
            v1_refrigerator: one("__refrigerator"),
            vfork_wait: one("kernel_clone"),
            stops: one("do_signal_stop"),
        }
    }

    #[test]
    fn by_v2() {
        let held = |state, wchan| is_held_by_v2(&thread(state, wchan), &symbols());
        assert!(held('S', "get_signal") && held('S', ""));
        assert!(held('T', "do_signal_stop") && held('t', "ptrace_stop") && held('D', "kernel_clone"));
        assert!(!held('S', "do_wait_without_signals") && !held('D', "fuse_get_req") && !held('R', ""));
        // The v1 freezer has it: it can't come to the trap.
        assert!(!held('D', "__refrigerator"));
    }

    #[test]
    fn by_v1() {
        let call = |number| move |_| Some(Syscall { number, arguments: [u64::MAX; 6] });
        let held = |state, wchan, number| is_held_by_v1(&thread(state, wchan), &symbols(), call(number));
        assert!(held('D', "__refrigerator", libc::SYS_read) && held('D', "do_signal_stop", libc::SYS_read));
        assert!(held('D', "hrtimer_nanosleep", libc::SYS_clock_nanosleep));
        assert!(held('D', "do_wait", libc::SYS_wait4) && held('D', "do_wait", libc::SYS_waitid));
        assert!(!held('D', "request_wait_answer", libc::SYS_openat) && !held('D', "x", libc::SYS_read));
        assert!(!held('R', "", libc::SYS_futex) && !held('T', "do_signal_stop", libc::SYS_read));
    }

    #[test]
    fn whoever_it_is() {
        let thread = thread('S', "");
        assert!(is_held(&Thread { state: 'Z', ..thread.clone() }, Version::V1));
        assert!(!is_held(&Thread { kernel_thread: true, ..thread }, Version::V2));
    }
}
