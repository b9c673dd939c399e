//! What is on disk before the first change: the freeze flags as they were found, and what was promised.
//!
//! A file for each running checkpoint, in a folder that is gone with the boot: `/run/cryoscope` as root, else
//! `$XDG_RUNTIME_DIR/cryoscope`. The program that runs the plan holds a lock on it (flock(2)), which the kernel lets go when
//! the program dies: so a file that can be locked belongs to a plan that was cut off. Its first line says everything, a
//! second one that all dumps are made. A first line without an end was cut off before anything was changed.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, mkdirat, openat, unlinkat};
use serde::{Deserialize, Serialize};

use super::Plan;
use super::arg::Arg;
use super::flag::Flag;
use super::step::{Signal, Step};
use crate::kernel::{Dir, host};
use crate::model::{CgroupId, CgroupPath, ProcessId, State, Version};

/// Bytes of a path: text where they are UTF-8, else numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Raw(Vec<u8>),
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        std::str::from_utf8(bytes).map_or_else(|_| Self::Raw(bytes.into()), |text| Self::Text(text.into()))
    }

    fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }
}

impl From<&Arg> for Bytes {
    fn from(arg: &Arg) -> Self {
        Self::of(arg.0.as_bytes())
    }
}

impl From<Bytes> for Arg {
    fn from(bytes: Bytes) -> Self {
        Self(OsString::from_vec(bytes.into_vec()))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    boot: String,
    group: Bytes,
    folder: Bytes,
    flags: Vec<FlagLine>,
    dumps: Vec<DumpLine>,
    signal: Option<Signal>,
    /// PIDs and start times.
    processes: Vec<(i32, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FlagLine {
    v2: bool,
    group: Bytes,
    path: Bytes,
    dev: u64,
    ino: u64,
    found: bool,
    promised: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct DumpLine {
    root: i32,
    images: Bytes,
}

const DUMPED: &[u8] = b"dumped\n";

/// The journal of a running plan.
#[derive(Debug)]
pub(super) struct Journal {
    folder: Dir,
    name: String,
    file: File,
}

impl Journal {
    /// Writes a plan down.
    pub(super) fn begin(plan: &Plan) -> io::Result<Self> {
        let folder = open(true)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let mut text = serde_json::to_vec(&line(plan)?)?;
        text.push(b'\n');
        // A PID is used again, and what its last owner left may still wait for a rescue: the time makes the name new.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let name = format!("checkpoint-{}-{}.{:09}", std::process::id(), now.tv_sec, now.tv_nsec);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(folder.fd(), &name, flags, Mode::from_raw_mode(0o600))?);
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(&text)?;
        Ok(Self { folder, name, file })
    }

    /// All dumps are made: what is left to do is to be finished, not undone.
    pub(super) fn dumped(&mut self) -> io::Result<()> {
        self.file.write_all(DUMPED)
    }

    /// Everything is as promised, or as it was.
    pub(super) fn end(self) -> io::Result<()> {
        Ok(unlinkat(self.folder.fd(), &self.name, AtFlags::empty())?)
    }
}

fn line(plan: &Plan) -> io::Result<Line> {
    let flag = |flag: Flag| FlagLine {
        v2: flag.hierarchy == Version::V2,
        group: Bytes::from(&flag.group),
        path: Bytes::of(flag.path.as_bytes()),
        dev: flag.id.dev,
        ino: flag.id.ino,
        found: flag.requested,
        promised: flag.promised,
    };
    let signal = plan.steps.iter().find_map(|step| match step {
        Step::Signal { signal, .. } => Some(*signal),
        _ => None,
    });
    let members = plan.trees.iter().flat_map(|tree| &tree.processes);
    Ok(Line {
        boot: host::boot_id()?,
        group: Bytes::from(&plan.group),
        folder: Bytes::from(&plan.into),
        flags: plan.written().into_iter().map(flag).collect(),
        dumps: plan.dumps().map(|d| DumpLine { root: d.root, images: Bytes::from(&d.images) }).collect(),
        signal,
        processes: members.filter(|m| !m.was_zombie()).map(|m| (m.pid, m.start)).collect(),
    })
}

/// A plan that was cut off.
#[derive(Debug)]
pub(super) struct CutOff {
    pub group: Arg,
    pub folder: Arg,
    pub flags: Vec<Flag>,
    /// Root and folder of each dump.
    pub dumps: Vec<(i32, Arg)>,
    pub signal: Option<Signal>,
    pub processes: Vec<ProcessId>,
    /// All dumps were made.
    pub dumped: bool,
    journal: Journal,
}

impl CutOff {
    /// It is put right.
    pub(super) fn end(self) -> io::Result<()> {
        self.journal.end()
    }
}

/// The plans that were cut off. Each is locked until it is dropped, so that two rescues do not meet.
pub(super) fn cut_off() -> io::Result<Vec<CutOff>> {
    let Some(folder) = open(false)? else { return Ok(Vec::new()) };
    let boot = host::boot_id()?;
    let mut found = Vec::new();
    for name in folder.files()? {
        let name = String::from_utf8_lossy(&name).into_owned();
        if !name.starts_with("checkpoint-") {
            continue;
        }
        let Some(file) = locked(&folder, &name)? else { continue };
        let journal = Journal { folder: folder.again()?, name, file };
        match read(journal)? {
            Read::CutOff(line, cut_off) if line == boot => found.push(*cut_off),
            // Of another boot, or cut off before anything was changed.
            Read::CutOff(_, cut_off) => cut_off.end()?,
            Read::Nothing(journal) => journal.end()?,
        }
    }
    Ok(found)
}

/// Opens a journal that nobody holds; `None` where somebody does, or it is gone.
fn locked(folder: &Dir, name: &str) -> io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Some(fd) = crate::kernel::dir::absent_is_none(
        openat(folder.fd(), name, flags, Mode::empty()).map_err(io::Error::from),
    )?
    else {
        return Ok(None);
    };
    match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(File::from(fd))),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

enum Read {
    CutOff(String, Box<CutOff>),
    Nothing(Journal),
}

/// Longer than any plan: what is longer was not written by this program.
const LONGEST: u64 = 64 << 20;

fn read(mut journal: Journal) -> io::Result<Read> {
    let mut text = Vec::new();
    (&mut journal.file).take(LONGEST).read_to_end(&mut text)?;
    let Some(end) = text.iter().position(|&b| b == b'\n') else { return Ok(Read::Nothing(journal)) };
    let line: Line = serde_json::from_slice(&text[..end])?;
    let dumped = &text[end + 1..] == DUMPED;
    let flag = |line: FlagLine| Flag {
        group: line.group.into(),
        hierarchy: if line.v2 { Version::V2 } else { Version::V1 },
        requested: line.found,
        promised: line.promised,
        state: if line.found { State::Frozen } else { State::Thawed },
        id: CgroupId { dev: line.dev, ino: line.ino },
        path: CgroupPath::new(&line.path.into_vec()),
    };
    let cut_off = CutOff {
        group: line.group.into(),
        folder: line.folder.into(),
        flags: line.flags.into_iter().map(flag).collect(),
        dumps: line.dumps.into_iter().map(|dump| (dump.root, dump.images.into())).collect(),
        signal: line.signal,
        processes: line.processes.into_iter().map(|(pid, start)| ProcessId { pid, start }).collect(),
        dumped,
        journal,
    };
    Ok(Read::CutOff(line.boot, Box::new(cut_off)))
}

/// The folder for journals; `None` where it is not there and is not to be made.
fn open(make: bool) -> io::Result<Option<Dir>> {
    let path = place().ok_or_else(|| {
        io::Error::other("XDG_RUNTIME_DIR is not set, and there is no other place that is gone with the boot")
    })?;
    if make
        && let Err(error) = mkdirat(rustix::fs::CWD, &path, Mode::from_raw_mode(0o700))
        && error != rustix::io::Errno::EXIST
    {
        return Err(error.into());
    }
    let Some(folder) = crate::kernel::dir::absent_is_none(Dir::open(&path))? else { return Ok(None) };
    if !folder.is_private()? {
        let why = format!("{} belongs to somebody else, or others may write to it", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(Some(folder))
}

fn place() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some(Path::new("/run/cryoscope").to_owned());
    }
    let runtime = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    runtime.is_absolute().then(|| runtime.join("cryoscope"))
}
