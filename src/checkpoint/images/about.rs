//! What is to be said of an open file beside its name: what it watches, counts or waits for.

use super::message::{EventPoll, FileEntry, Inotify, NamespaceFile, Timer};
use crate::model::printable;

/// So many of what a file watches are named; the others are counted.
const MAX_NAMED: usize = 8;

/// What an entry says beside the name; `None` for most files.
pub(super) fn about(entry: &FileEntry) -> Option<String> {
    let eventfd = entry.efd.as_ref().map(|file| format!("counter {}", file.counter));
    let signalfd = || entry.sgfd.as_ref().map(|file| signals(file.sigmask));
    let pidfd = || {
        entry.pidfd.as_ref().map(|file| match file.nspid {
            ..=0 => "of a process that had ended".to_owned(),
            pid => format!("of process {pid}"),
        })
    };
    let netlink = || entry.nlsk.as_ref().map(|socket| format!("protocol {}", netlink(socket.protocol)));
    eventfd
        .or_else(|| entry.epfd.as_ref().map(polled))
        .or_else(signalfd)
        .or_else(|| entry.tfd.map(timer))
        .or_else(|| entry.ify.as_ref().map(watched))
        .or_else(pidfd)
        .or_else(netlink)
        .or_else(|| entry.nsf.as_ref().map(namespace))
}

fn named(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MAX_NAMED);
    let named = all.take(MAX_NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn polled(file: &EventPoll) -> String {
    match file.tfd.len() {
        0 => "watches nothing".to_owned(),
        _ => format!("watches fd {}", named(file.tfd.iter().map(|polled| polled.tfd.to_string()))),
    }
}

fn watched(file: &Inotify) -> String {
    let name = |watch: &super::message::InotifyWatch| match &watch.f_handle.path {
        Some(path) => printable(path).into_owned(),
        None => format!("inode {}", watch.i_ino),
    };
    match file.wd.len() {
        0 => "watches nothing".to_owned(),
        _ => format!("watches {}", named(file.wd.iter().map(name))),
    }
}

/// The numbers of the signals in a mask.
fn signals(mask: u64) -> String {
    let numbers: Vec<u32> = (0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| bit + 1).collect();
    let name = |number: &u32| {
        let known =
            i32::try_from(*number).ok().and_then(|number| nix::sys::signal::Signal::try_from(number).ok());
        known.map_or_else(|| format!("signal {number}"), |signal| signal.as_str().to_owned())
    };
    match numbers.len() {
        0 => "no signal".to_owned(),
        64 => "every signal".to_owned(),
        _ => named(numbers.iter().map(name)),
    }
}

fn timer(timer: Timer) -> String {
    let seconds = |whole: u64, nano: u64| {
        let text = format!("{whole}.{:03}", nano.min(999_999_999) / 1_000_000);
        format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
    };
    let next = seconds(timer.vsec, timer.vnsec);
    let every = seconds(timer.isec, timer.insec);
    match ((timer.vsec, timer.vnsec), (timer.isec, timer.insec)) {
        ((0, 0), (0, 0)) => "not set".to_owned(),
        ((0, 0), _) => format!("every {every}, had expired"),
        (_, (0, 0)) => format!("in {next}"),
        _ => format!("in {next}, every {every}"),
    }
}

/// `NETLINK_…` of include/uapi/linux/netlink.h.
fn netlink(protocol: u32) -> String {
    match protocol {
        0 => "route".to_owned(),
        4 => "sock-diag".to_owned(),
        9 => "audit".to_owned(),
        11 => "connector".to_owned(),
        12 => "netfilter".to_owned(),
        15 => "uevent".to_owned(),
        16 => "generic".to_owned(),
        other => other.to_string(),
    }
}

/// `CLONE_NEW…` of include/uapi/linux/sched.h.
fn namespace(file: &NamespaceFile) -> String {
    let kind = match file.ns_cflag {
        0x0000_0080 => "time",
        0x0002_0000 => "mnt",
        0x0200_0000 => "cgroup",
        0x0400_0000 => "uts",
        0x0800_0000 => "ipc",
        0x1000_0000 => "user",
        0x2000_0000 => "pid",
        0x4000_0000 => "net",
        _ => return "of an unknown kind".to_owned(),
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::images::message::{PolledFile, SignalFd};

    #[test]
    fn what_a_file_watches_is_named() {
        let tfd = (3..20).map(|tfd| PolledFile { tfd }).collect();
        let poll = FileEntry { epfd: Some(EventPoll { tfd }), ..FileEntry::default() };
        assert_eq!(about(&poll).unwrap(), "watches fd 3, 4, 5, 6, 7, 8, 9, 10 and 9 more");
        let signals =
            |sigmask| about(&FileEntry { sgfd: Some(SignalFd { sigmask }), ..FileEntry::default() }).unwrap();
        assert_eq!(signals(1 << 14 | 1 << 1 | 1 << 40), "SIGINT, SIGTERM, signal 41");
        assert_eq!((signals(0), signals(u64::MAX)), ("no signal".to_owned(), "every signal".to_owned()));
        assert_eq!(about(&FileEntry::default()), None);
    }

    #[test]
    fn when_a_timer_fires() {
        let timer = |vsec, vnsec, isec| timer(Timer { vsec, vnsec, isec, insec: 0 });
        assert_eq!(timer(0, 0, 0), "not set");
        assert_eq!(timer(0, 0, 2), "every 2 s, had expired");
        assert_eq!(timer(1, 500_000_000, 0), "in 1.5 s");
        assert_eq!(timer(10, 0, 60), "in 10 s, every 60 s");
    }
}
