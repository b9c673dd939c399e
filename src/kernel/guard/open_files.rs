//! What processes have open, as far as it ties them to a terminal or to each other.

use std::ffi::OsStr;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, RawDir};

use crate::kernel::descriptors::{Facts, Info, ProcessDir};
use crate::kernel::namespaces::{Mount, mounts};
use crate::kernel::proc;
use crate::kernel::processes::every_pid;

/// `TTYAUX_MAJOR` and `UNIX98_PTY_SLAVE_MAJOR` of linux/major.h: `/dev/ptmx` is 5:2, `/dev/pts/N` is 136:N.
const PTMX: (u32, u32) = (5, 2);
const PTS_MAJOR: u32 = 136;
/// `INPUT_MAJOR` of linux/major.h: keyboards and mice.
const INPUT_MAJOR: u32 = 13;

/// A terminal's device file. Each instance of devpts numbers its terminals from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Terminal {
    /// The file system that the device file is on.
    pub file_system: (u32, u32),
    /// The device that it stands for.
    pub device: (u32, u32),
}

/// The master of a pseudo-terminal.
#[derive(Debug)]
struct Master {
    index: u32,
    facts: Facts,
}

/// What one process has open.
#[derive(Debug)]
pub(super) struct OpenFiles {
    pub pid: i32,
    /// Its controlling terminal.
    pub controlling: Option<Terminal>,
    /// The terminals that it has open, and whether as its input, output or errors.
    terminals: Vec<(Terminal, bool)>,
    /// The inodes of its sockets.
    pub sockets: Vec<u64>,
    /// Whether it reads a keyboard or a mouse itself, as a display server does.
    pub has_input: bool,
    masters: Vec<Master>,
}

impl OpenFiles {
    /// Reads the open files of a process; `None` where it is gone, or they may not be seen. What is closed meanwhile is left out.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let process = ProcessDir::open(pid).ok()??;
        let (terminals, sockets, masters) = Default::default();
        let mut found = Self { pid, controlling: None, terminals, sockets, has_input: false, masters };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, format!("/proc/{pid}/fd"), flags, Mode::empty()).ok()?;
        let mut buffer = Vec::with_capacity(8 * 1024);
        let mut entries = RawDir::new(&folder, buffer.spare_capacity_mut());
        let mut link = Vec::new();
        while let Some(Ok(entry)) = entries.next() {
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Ok(target) = rustix::fs::readlinkat(&folder, name, link) else {
                link = Vec::new();
                continue;
            };
            link = target.into_bytes();
            found.add(&process, name, &link);
        }
        found.controlling = found.controlling_terminal();
        Some(found)
    }

    /// The open files of every process that can be looked at, read on as many CPUs as there are.
    pub(super) fn of_all() -> Vec<Self> {
        let pids: Vec<i32> = every_pid().collect();
        let readers = thread::available_parallelism().map_or(1, NonZero::get);
        let part = pids.len().div_ceil(readers).max(1);
        thread::scope(|scope| {
            let read = |pids: &[i32]| pids.iter().filter_map(|&pid| Self::of(pid)).collect::<Vec<_>>();
            let start = |pids| (pids, thread::Builder::new().spawn_scoped(scope, move || read(pids)));
            let readers: Vec<_> = pids.chunks(part).map(start).collect();
            let found = readers.into_iter().flat_map(|(pids, reader)| match reader {
                // A reader that panics has been reported by the panic hook.
                Ok(reader) => reader.join().unwrap_or_default(),
                // No thread is to be had: this one reads.
                Err(_) => read(pids),
            });
            found.collect()
        })
    }

    fn add(&mut self, process: &ProcessDir, number: &str, link: &[u8]) {
        if let Some(inode) = link.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]")) {
            self.sockets.extend(std::str::from_utf8(inode).ok().and_then(|inode| inode.parse::<u64>().ok()));
            return;
        }
        let name = link.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let is_device = name == b"ptmx"
            || [&b"tty"[..], b"event", b"hvc", b"console"].iter().any(|start| name.starts_with(start))
            || name.iter().all(u8::is_ascii_digit);
        if !is_device || !link.starts_with(b"/") {
            return;
        }
        let Ok(facts) = process.facts(&format!("fd/{number}")) else { return };
        let info =
            || process.read(&format!("fdinfo/{number}")).map(|text| Info::parse(&text)).unwrap_or_default();
        match facts.device {
            PTMX => self.masters.extend(info().terminal.map(|index| Master { index, facts })),
            // `/dev/tty` stands for the controlling terminal, which is known.
            (5, 0) => {}
            (INPUT_MAJOR, _) => self.has_input = true,
            device @ (4 | 5 | PTS_MAJOR | 188 | 204 | 229, _)
                if facts.kind == rustix::fs::FileType::CharacterDevice =>
            {
                let (major, minor, _) = facts.id;
                let terminal = Terminal { file_system: (major, minor), device };
                self.terminals.push((terminal, matches!(number, "0" | "1" | "2")));
            }
            _ => {}
        }
    }

    /// The kernel tells the device alone (field 7 of proc_pid_stat(5)); on which file system it is, is seen on its open files.
    fn controlling_terminal(&self) -> Option<Terminal> {
        let (major, minor) = proc::stat(self.pid)?.tty_nr();
        let device = (u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
        if device == (0, 0) {
            return None;
        }
        let open = self.terminals().find(|terminal| terminal.device == device);
        open.or_else(|| Terminal::here(device))
    }

    /// The terminals that it has open.
    pub(super) fn terminals(&self) -> impl Iterator<Item = Terminal> {
        self.terminals.iter().map(|(terminal, _)| *terminal)
    }

    /// The terminals that it sits at: the controlling one, and those of its input, output and errors.
    pub(super) fn sits_at(&self) -> impl Iterator<Item = Terminal> {
        let standard = self.terminals.iter().filter(|(_, standard)| *standard).map(|(terminal, _)| *terminal);
        standard.chain(self.controlling)
    }

    /// Whether it holds the other end of a pseudo-terminal.
    pub(super) fn is_master_of(&self, terminal: Terminal) -> bool {
        let (PTS_MAJOR, index) = terminal.device else { return false };
        self.masters.iter().any(|master| {
            let (major, minor, _) = master.facts.id;
            master.index == index
                && ((major, minor) == terminal.file_system || self.leads_to(master, terminal.file_system))
        })
    }

    /// Whether a master that was opened beside a devpts, as `/dev/ptmx` is beside `/dev/pts`, belongs to this instance: the one
    /// that is mounted there on top. (fs/devpts/inode.c, `devpts_mntget`)
    fn leads_to(&self, master: &Master, devpts: (u32, u32)) -> bool {
        let Ok(Some(process)) = ProcessDir::open(self.pid) else { return false };
        let Ok(all) = mounts(&process) else { return false };
        let device = format!("{}:{}", devpts.0, devpts.1);
        let upon =
            |below: &Mount| all.iter().find(|mount| mount.parent == below.id && mount.point == below.point);
        let beside = all
            .iter()
            .find(|mount| Some(mount.parent) == master.facts.mount && mount.point.ends_with(b"/pts"));
        let top = std::iter::successors(beside, |mount| upon(mount)).take(all.len()).last();
        top.is_some_and(|mount| *mount.device == *device)
    }
}

impl Terminal {
    /// A terminal of this program's own `/dev`.
    fn here(device: (u32, u32)) -> Option<Self> {
        let folder = if device.0 == PTS_MAJOR { "/dev/pts" } else { "/dev" };
        let stat = rustix::fs::stat(OsStr::from_bytes(folder.as_bytes())).ok()?;
        Some(Self { file_system: (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev)), device })
    }
}
