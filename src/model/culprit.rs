//! Culprits: the threads that keep a group from freezing, each with what it waits for and what to do.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CgroupPath, Thread, printable, span};

/// A thread that keeps its group from freezing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    /// The process that it is part of.
    pub pid: i32,
    /// The thread.
    pub thread: Thread,
    /// The command line of the process, with spaces between the arguments.
    pub command: Box<[u8]>,
    /// The group that it is in, below the hierarchy's root.
    pub group: CgroupPath,
    /// For how long, at least, it has been in its state; `None` where it runs, and where that is not known.
    pub time_in_state: Option<Duration>,
    /// Why it does not stop.
    pub cause: Cause,
    /// The kernel functions that it is in, innermost first; empty where they may not be read.
    pub stack: Vec<String>,
}

/// Why a thread does not stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It waits for a file system.
    FileSystem {
        /// Which kind.
        kind: FileSystem,
        /// The mount that it waits for; several where it may be any of them, none where that could not be found out.
        mounts: Vec<MountPoint>,
        /// The processes that serve a FUSE mount.
        servers: Vec<Server>,
    },
    /// It waits for its `vfork` child to run another program, or to end.
    Vfork {
        /// The child.
        child: Option<i32>,
    },
    /// A debugger has stopped it.
    Traced {
        /// The debugger's PID.
        tracer: Option<i32>,
    },
    /// A signal has stopped it.
    Stopped,
    /// The other hierarchy holds it frozen, so that it cannot come to this freezer.
    HeldElsewhere {
        /// The group that holds it, absolute.
        group: PathBuf,
    },
    /// A thread of the kernel, which no cgroup freezer stops.
    KernelThread,
    /// It runs, and has not come to the freezer.
    Running,
    /// It waits in the kernel; for what could not be found out.
    Unknown,
}

/// A kind of file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// A process serves it.
    Fuse,
    /// Another machine serves it.
    Network,
    /// It is on a block device.
    Disk,
}

/// A mount, as the process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPoint {
    /// Where it is mounted.
    pub point: Box<[u8]>,
    /// What is mounted: a device, `server:/path`.
    pub source: Box<[u8]>,
    /// The number of its connection in `/sys/fs/fuse/connections`.
    pub connection: Option<u32>,
}

/// A process that serves a FUSE mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its PID.
    pub pid: i32,
    /// Its command line.
    pub command: Box<[u8]>,
    /// It is in the group that is to freeze, or below: frozen first, it can't answer those that wait for it.
    pub is_inside: bool,
}

/// The culprits of a group that is freezing, those that hold it up most first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Culprits {
    /// The first of them.
    pub list: Vec<Culprit>,
    /// How many there are beyond the list.
    pub more: usize,
    /// The group has more threads than were looked at: there may be more culprits.
    pub is_cut: bool,
}

/// A shorter time in a state says nothing.
const MIN_SAID_TIME: Duration = Duration::from_secs(1);
/// So many characters of a command line stand in a sentence at most.
const MAX_COMMAND_CHARS: usize = 80;

fn cut(command: &[u8]) -> String {
    let text = printable(command);
    let mut cut: String = text.chars().take(MAX_COMMAND_CHARS).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    cut
}

impl Culprit {
    /// One sentence: what to do about it.
    pub fn remedy(&self) -> String {
        let tid = self.thread.tid;
        match &self.cause {
            Cause::FileSystem { kind, mounts, servers } => file_system_remedy(*kind, mounts, servers, tid),
            Cause::Vfork { child: Some(child) } => {
                format!("check what its child, process {child}, waits for")
            }
            Cause::Traced { tracer: Some(tracer) } => format!("detach or end the debugger, process {tracer}"),
            Cause::HeldElsewhere { group } => {
                format!("thaw {} first", printable(group.as_os_str().as_encoded_bytes()))
            }
            Cause::Stopped => format!("kill -CONT {}", self.pid),
            Cause::KernelThread => "move it to the root group".to_owned(),
            Cause::Running => format!("wait; if it continues, /proc/{tid}/stack shows what it does"),
            Cause::Unknown | Cause::Vfork { child: None } | Cause::Traced { tracer: None } => {
                format!("/proc/{tid}/stack shows what it waits for: end that, or end process {}", self.pid)
            }
        }
    }

    /// A few words beside a row: `4711 backup.sh (D, FUSE mount /mnt)`.
    pub fn short(&self) -> String {
        let program = self.command.split(|&b| b == b' ').next().unwrap_or_default();
        let program = program.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let who = if self.thread.tid == self.pid {
            self.pid.to_string()
        } else {
            format!("{}/{}", self.pid, self.thread.tid)
        };
        let why = match &self.cause {
            Cause::FileSystem { kind, mounts, .. } => format!(", {}", named(*kind, mounts)),
            Cause::HeldElsewhere { .. } => ", frozen elsewhere".to_owned(),
            _ => self.thread.wchan.as_ref().map_or(String::new(), |at| format!(", in {}", printable(at))),
        };
        format!("{who} {} ({}{why})", cut(program), self.thread.state)
    }
}

/// Who, its state, where it waits, and why: `4711 backup.sh (state D, in fuse_get_req) waits for the FUSE mount /mnt`.
impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.thread.tid != self.pid {
            write!(f, "thread {} of ", self.thread.tid)?;
        }
        write!(f, "{} {} (state {}", self.pid, cut(&self.command), self.thread.state)?;
        if let Some(at) = &self.thread.wchan {
            write!(f, ", in {}", printable(at))?;
        }
        if let Some(time) = self.time_in_state.filter(|time| *time >= MIN_SAID_TIME) {
            write!(f, ", for at least {}", span::short(time))?;
        }
        write!(f, ") {}", self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileSystem { kind, mounts, servers } => {
                write!(f, "waits for {}", named(*kind, mounts))?;
                match &servers[..] {
                    [] => Ok(()),
                    [one] if one.is_inside => {
                        write!(f, ", whose server {} {} is in this group too", one.pid, cut(&one.command))
                    }
                    [one] => write!(f, ", served by {} {}", one.pid, cut(&one.command)),
                    [one, ..] => write!(f, ", served by one of {} processes, as {}", servers.len(), one.pid),
                }
            }
            Self::Vfork { child: Some(child) } => write!(f, "waits for its vfork child, process {child}"),
            Self::Vfork { child: None } => f.write_str("waits for its vfork child"),
            Self::Traced { tracer: Some(tracer) } => write!(f, "is stopped by its tracer, process {tracer}"),
            Self::Traced { tracer: None } => f.write_str("is stopped by its tracer"),
            Self::Stopped => f.write_str("is stopped by a signal"),
            Self::HeldElsewhere { group } => {
                write!(f, "is already frozen by {}", printable(group.as_os_str().as_encoded_bytes()))
            }
            Self::KernelThread => f.write_str("is a kernel thread, which no cgroup freezer stops"),
            Self::Running => f.write_str("is running and has not reached the freezer yet"),
            Self::Unknown => f.write_str("is blocked in the kernel"),
        }
    }
}

/// `the FUSE mount /mnt`, `the NFS mount /home (server:/home)`.
fn named(kind: FileSystem, mounts: &[MountPoint]) -> String {
    let kind = match kind {
        FileSystem::Fuse => "FUSE mount",
        FileSystem::Network => "network mount",
        FileSystem::Disk => "disk mount",
    };
    match mounts {
        [] => format!("a {kind}"),
        [one] => {
            let (point, source) = (printable(&one.point), printable(&one.source));
            // What a FUSE mount calls its source says nothing that its server does not say better.
            if one.connection.is_some() {
                format!("the {kind} {point}")
            } else {
                format!("the {kind} {point} ({source})")
            }
        }
        [first, second, ..] => {
            let more = if mounts.len() > 2 { ", ..." } else { "" };
            format!("a {kind}, one of {}, {}{more}", printable(&first.point), printable(&second.point))
        }
    }
}

fn file_system_remedy(kind: FileSystem, mounts: &[MountPoint], servers: &[Server], tid: i32) -> String {
    let connection = match mounts {
        [one] => one.connection,
        _ => None,
    };
    match (kind, connection, servers) {
        (FileSystem::Fuse, _, [server]) if server.is_inside => format!(
            "thaw, and move the server, process {}, to another group before the next freeze",
            server.pid
        ),
        (FileSystem::Fuse, Some(number), [server]) => format!(
            "check why process {} does not answer, or abort all requests to it: echo 1 > \
             /sys/fs/fuse/connections/{number}/abort",
            server.pid
        ),
        (FileSystem::Fuse, Some(number), _) => {
            format!("abort all requests to it: echo 1 > /sys/fs/fuse/connections/{number}/abort")
        }
        (FileSystem::Fuse, None, _) => "end the server of that mount".to_owned(),
        (FileSystem::Network, ..) => "bring its server back, or umount -f the mount".to_owned(),
        (FileSystem::Disk, ..) => {
            format!(
                "wait for the disk; if it takes long, dmesg shows its errors and /proc/{tid}/stack the kernel \
                 function"
            )
        }
    }
}

impl Culprits {
    /// The group of the other hierarchy that holds the first of them, where all are held so: then nothing is stuck.
    pub fn held_by(&self) -> Option<&Path> {
        let holder = |culprit: &'_ Culprit| matches!(culprit.cause, Cause::HeldElsewhere { .. });
        match &self.list.first()?.cause {
            Cause::HeldElsewhere { group } if self.list.iter().all(holder) => Some(group),
            _ => None,
        }
    }

    /// Those in a group and below.
    pub fn within(&self, group: &CgroupPath) -> Self {
        let list = self.list.iter().filter(|culprit| culprit.group.is_within(group)).cloned().collect();
        Self { list, ..*self }
    }

    /// A few words beside a row; `None` where there is none.
    pub fn short(&self) -> Option<String> {
        let first = self.list.first()?;
        let more = self.list.len() - 1 + self.more;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!("{}{more}", first.short()))
    }
}

/// So many culprits stand in one sentence at most.
const MAX_NAMED: usize = 3;

/// One sentence: who keeps the group from freezing, and what to do about the first.
impl fmt::Display for Culprits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(holder) = self.held_by() {
            let holder = printable(holder.as_os_str().as_encoded_bytes());
            return write!(
                f,
                "nothing is stuck: {holder} already holds its processes frozen; thaw that first"
            );
        }
        let Some(first) = self.list.first() else {
            return f.write_str("could not find out what is still running");
        };
        f.write_str("blocked by ")?;
        let named = &self.list[..self.list.len().min(MAX_NAMED)];
        for (at, culprit) in named.iter().enumerate() {
            write!(f, "{}{culprit}", if at > 0 { ", and by " } else { "" })?;
        }
        let more = self.list.len() - named.len() + self.more;
        if more > 0 {
            write!(f, ", and by {more} more")?;
        }
        write!(f, "; {}", first.remedy())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn culprit(pid: i32, tid: i32, cause: Cause) -> Culprit {
        let wchan = Some(b"request_wait_answer".as_slice().into());
        Culprit {
            pid,
            thread: Thread { tid, start: 7, state: 'D', kernel_thread: false, wchan },
            command: b"/usr/bin/backup.sh --all".as_slice().into(),
            group: CgroupPath::new(b"/shop/web"),
            time_in_state: None,
            cause,
            stack: Vec::new(),
        }
    }

    pub(crate) fn fuse(server_inside: bool) -> Cause {
        let (point, source) = (b"/mnt/x".as_slice().into(), b"sshfs".as_slice().into());
        let command = b"sshfs host:".as_slice().into();
        Cause::FileSystem {
            kind: FileSystem::Fuse,
            mounts: vec![MountPoint { point, source, connection: Some(40) }],
            servers: vec![Server { pid: 812, command, is_inside: server_inside }],
        }
    }

    #[test]
    fn a_sentence_each() {
        let one = culprit(4711, 4711, fuse(false));
        assert_eq!(
            one.to_string(),
            "4711 /usr/bin/backup.sh --all (state D, in request_wait_answer) waits for the FUSE mount /mnt/x, served by 812 sshfs host:"
        );
        assert_eq!(one.short(), "4711 backup.sh (D, FUSE mount /mnt/x)".replace("(D, ", "(D, the "));
        assert!(one.remedy().contains("/sys/fs/fuse/connections/40/abort"));
        assert!(culprit(4711, 4712, Cause::Unknown).to_string().starts_with("thread 4712 of 4711 /usr"));
        assert!(culprit(1, 1, fuse(true)).remedy().contains("move the server, process 812"));
    }

    #[test]
    fn all_of_them() {
        let held = || culprit(1, 1, Cause::HeldElsewhere { group: "/v1/g".into() });
        let of = |list: Vec<Culprit>| Culprits { list, ..Default::default() };
        assert!(of(vec![held(), held()]).to_string().starts_with("nothing is stuck: /v1/g already holds"));
        let mixed = of(vec![culprit(2, 2, Cause::Unknown), held()]);
        assert_eq!(mixed.held_by(), None);
        assert!(mixed.to_string().starts_with("blocked by 2 "), "{mixed}");
        let many = of((1..=5).map(|pid| culprit(pid, pid, Cause::Unknown)).collect());
        assert!(many.to_string().contains(", and by 2 more; /proc/1/stack"), "{many}");
        assert!(many.within(&CgroupPath::new(b"/shop")).list.len() == 5);
        assert!(many.within(&CgroupPath::new(b"/other")).list.is_empty());
    }

    #[test]
    fn untrusted_words_are_harmless() {
        let mut one = culprit(1, 1, Cause::Unknown);
        one.command = [b"\x1b[2J".as_slice(), &[b'a'; 300]].concat().into();
        let text = format!("{one} {}", one.short());
        assert!(!text.contains('\x1b') && text.len() < 300, "{text}");
    }
}
