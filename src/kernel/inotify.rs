//! The limits of inotify, and how much of them a user's processes take.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;

use super::processes::every_pid;
use super::status::Status;

/// An amount of what the kernel limits for each user. (inotify(7), `/proc` interfaces)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Watches: each is on one file or directory.
    pub watches: u64,
    /// Instances: each is what one inotify_init(2) returned.
    pub instances: u64,
}

impl Amount {
    /// This without another amount; nothing where that is larger.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            watches: self.watches.saturating_sub(other.watches),
            instances: self.instances.saturating_sub(other.instances),
        }
    }
}

/// `fs.inotify.max_user_watches` and `fs.inotify.max_user_instances`; `None` for what cannot be read.
pub fn host_limits() -> (Option<u64>, Option<u64>) {
    (number("/proc/sys/fs/inotify/max_user_watches"), number("/proc/sys/fs/inotify/max_user_instances"))
}

/// What a user may have here: the host's limits, and those of this user namespace (namespaces(7), `/proc/sys/user`). What cannot be
/// read is taken for the kernel's smallest default.
pub fn limits() -> Amount {
    let smaller =
        |host: Option<u64>, here, default| host.into_iter().chain(number(here)).min().unwrap_or(default);
    let (watches, instances) = host_limits();
    Amount {
        watches: smaller(watches, "/proc/sys/user/max_inotify_watches", 8192),
        instances: smaller(instances, "/proc/sys/user/max_inotify_instances", 128),
    }
}

/// What the other processes of this program's user take, as far as it may be seen: the kernel tells it of each descriptor alone
/// (proc_pid_fdinfo(5)).
///
/// That is one look at every descriptor of the user's processes: 0.1 s for a hundred thousand. So it is not done often.
pub fn used_by_others() -> Amount {
    let (me, user) = (std::process::id().cast_signed(), rustix::process::geteuid().as_raw());
    let mut used = Amount::default();
    for pid in every_pid().filter(|&pid| pid != me && is_of(pid, user)) {
        for fd in instances(pid) {
            used.instances += 1;
            used.watches += watches(pid, fd).unwrap_or(0);
        }
    }
    used
}

/// Whether a process is a user's. What it opens is counted for its effective user (inotify_init(2) in fs/notify/inotify).
fn is_of(pid: i32, user: u32) -> bool {
    let status = Status::read(pid).ok().flatten();
    let ids = status.and_then(|status| status.numbers("Uid"));
    ids.and_then(|ids| ids.get(1).copied()).is_some_and(|effective| effective.cast_unsigned() == user)
}

/// The descriptors of a process that are inotify instances; none where they may not be seen.
fn instances(pid: i32) -> BTreeSet<i32> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let is_inotify = |path: &PathBuf| {
        std::fs::read_link(path).is_ok_and(|target| target.as_os_str() == "anon_inode:inotify")
    };
    let paths = entries.map(|entry| entry.path()).filter(is_inotify);
    paths.filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect()
}

/// How many watches an instance has: a line each in its fdinfo.
fn watches(pid: i32, fd: i32) -> std::io::Result<u64> {
    let mut file = std::fs::File::open(format!("/proc/{pid}/fdinfo/{fd}"))?;
    let (mut counter, mut buffer) = (Counter::default(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(counter.lines),
            length => counter.take(&buffer[..length]),
        }
    }
}

/// Counts the lines that begin with `inotify `, piece by piece: there may be a hundred thousand.
#[derive(Debug, Default)]
struct Counter {
    lines: u64,
    /// How many bytes of the present line were taken, and whether all were those of the beginning.
    column: usize,
    fits: bool,
}

impl Counter {
    const BEGINNING: &[u8] = b"inotify ";

    fn take(&mut self, piece: &[u8]) {
        for &byte in piece {
            if byte == b'\n' {
                self.column = 0;
                continue;
            }
            if let Some(&expected) = Self::BEGINNING.get(self.column) {
                self.fits = byte == expected && (self.fits || self.column == 0);
                self.lines += u64::from(self.fits && self.column + 1 == Self::BEGINNING.len());
            }
            self.column += 1;
        }
    }
}

fn number(file: &str) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_are_lines_of_fdinfo() {
        let text = b"pos:\t0\nflags:\t02004000\nmnt_id:\t16\nino:\t1058\ninotify wd:2 ino:1 sdev:1b mask:2 ignored_mask:0\ninotify wd:1 ino:2\nno inotify \n";
        for size in 1..text.len() {
            let mut counter = Counter::default();
            text.chunks(size).for_each(|piece| counter.take(piece));
            assert_eq!(counter.lines, 2, "in pieces of {size}");
        }
    }

    #[test]
    fn a_limit_holds_less_than_the_host() {
        assert!(limits().watches <= host_limits().0.unwrap_or(u64::MAX));
        let few = Amount { watches: 1, instances: 5 };
        assert_eq!(few.without(Amount { watches: 2, instances: 2 }), Amount { watches: 0, instances: 3 });
    }
}
