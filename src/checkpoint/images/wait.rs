//! What a thread was waiting for: the system call that it was in, by its registers. Of x86-64 alone.

use serde::Serialize;

use super::message::Registers;

/// A system call that a thread was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// Its name, or `system call N`.
    pub call: String,
    /// The file descriptor that it is about.
    pub fd: Option<u32>,
}

/// `-EINTR` of errno(3): criu writes it for a call that the kernel would go on with by itself (compel: `get_task_regs`).
const INTERRUPTED: u64 = 4_u64.wrapping_neg();
/// `COMPAT` of `user_x86_regs_mode`: system calls have other numbers.
const COMPAT: i32 = 2;

impl Wait {
    /// The call that was interrupted by criu, and begins again after a restore; `None` where the thread was not in one.
    pub(super) fn of(registers: &Registers) -> Option<Self> {
        let number = registers.orig_ax;
        let begins_again = registers.ax == number || registers.ax == INTERRUPTED;
        if number > 1023 || !begins_again || registers.mode == Some(COMPAT) {
            return None;
        }
        let Some((_, name, has_fd)) = CALLS.iter().find(|(known, ..)| *known == number) else {
            return Some(Self { call: format!("system call {number}"), fd: None });
        };
        let fd = u32::try_from(registers.di).ok().filter(|_| *has_fd);
        Some(Self { call: (*name).to_owned(), fd })
    }
}

/// The system calls that wait: number, name, and whether the first argument is a file descriptor
/// (arch/x86/entry/syscalls/syscall_64.tbl).
const CALLS: [(u64, &str, bool); 48] = [
    (0, "read", true),
    (1, "write", true),
    (7, "poll", false),
    (16, "ioctl", true),
    (17, "pread64", true),
    (18, "pwrite64", true),
    (19, "readv", true),
    (20, "writev", true),
    (23, "select", false),
    (34, "pause", false),
    (35, "nanosleep", false),
    (42, "connect", true),
    (43, "accept", true),
    (44, "sendto", true),
    (45, "recvfrom", true),
    (46, "sendmsg", true),
    (47, "recvmsg", true),
    (61, "wait4", false),
    (65, "semop", false),
    (69, "msgsnd", false),
    (70, "msgrcv", false),
    (72, "fcntl", true),
    (73, "flock", true),
    (74, "fsync", true),
    (75, "fdatasync", true),
    (128, "rt_sigtimedwait", false),
    (130, "rt_sigsuspend", false),
    (202, "futex", false),
    (208, "io_getevents", false),
    (219, "restart_syscall", false),
    (220, "semtimedop", false),
    (230, "clock_nanosleep", false),
    (232, "epoll_wait", true),
    (242, "mq_timedsend", true),
    (243, "mq_timedreceive", true),
    (247, "waitid", false),
    (257, "openat", false),
    (270, "pselect6", false),
    (271, "ppoll", false),
    (275, "splice", true),
    (281, "epoll_pwait", true),
    (288, "accept4", true),
    (299, "recvmmsg", true),
    (307, "sendmmsg", true),
    (426, "io_uring_enter", true),
    (441, "epoll_pwait2", true),
    (449, "futex_waitv", false),
    (454, "futex_wait", false),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(orig_ax: u64, ax: u64, di: u64) -> Option<(String, Option<u32>)> {
        let registers = Registers { orig_ax, ax, di, mode: None };
        Wait::of(&registers).map(|wait| (wait.call, wait.fd))
    }

    #[test]
    fn the_call_that_begins_again() {
        assert_eq!(wait(232, 232, 5), Some(("epoll_wait".to_owned(), Some(5))));
        assert_eq!(wait(230, INTERRUPTED, 1), Some(("clock_nanosleep".to_owned(), None)));
        assert_eq!(wait(333, 333, 1), Some(("system call 333".to_owned(), None)));
        assert_eq!(wait(0, 0, u64::MAX), Some(("read".to_owned(), None)), "no file descriptor");
    }

    #[test]
    fn what_was_in_none() {
        assert_eq!(wait(u64::MAX, 7, 5), None, "outside of any");
        assert_eq!(wait(1, 17, 5), None, "it had done its work");
        let registers = Registers { orig_ax: 3, ax: 3, di: 0, mode: Some(COMPAT) };
        assert_eq!(Wait::of(&registers), None);
    }
}
