//! What is on disk before the first change: the freeze flags as they were found, and what was promised.
//!
//! A file for each running checkpoint, and for each rescue of somebody else's criu, in the [runtime folder](crate::kernel::runtime_folder): one that was left behind
//! belongs to a plan that was cut off. Its first line says everything, a second one that all dumps are made.

use std::io;
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};

use super::Plan;
use super::arg::Arg;
use super::at_work::{self, AtWork, By, Claim};
use super::flag::{Directory, Flag};
use super::step::{Signal, Step};
use crate::kernel::host;
use crate::kernel::processes::Processes;
use crate::kernel::runtime_folder::{Bytes, Held, RuntimeFolder};
use crate::model::{CgroupId, CgroupPath, Process, ProcessId, State, Version, printable};
use crate::timer::PLAN;

impl From<&Arg> for Bytes {
    fn from(arg: &Arg) -> Self {
        Self::of(arg.0.as_bytes())
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
    /// Device and inode of every group whose freeze bears on them.
    #[serde(default)]
    bearing: Vec<(u64, u64)>,
    /// Where it is no plan but a rescue: the criu that it lets finish.
    #[serde(default)]
    criu: Option<(i32, u64)>,
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
    #[serde(default)]
    timed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct DumpLine {
    root: i32,
    images: Bytes,
}

const DUMPED: &[u8] = b"dumped\n";

/// The journal of a running plan.
#[derive(Debug)]
pub(super) struct Journal(Held);

impl Journal {
    /// Writes a plan down, unless another one that meets it is at work.
    pub(super) fn begin(plan: &Plan) -> Result<Self, NotBegun> {
        let line = line(plan)?;
        let folder = RuntimeFolder::make()?;
        // Of two that begin at one moment, one sees the other.
        let _alone = folder.alone()?;
        if let Some(other) = at_work::look(&Claim::of(plan))? {
            return Err(NotBegun::AtWork(other));
        }
        Ok(Self::write(&folder, &line)?)
    }

    /// Writes down what a rescue thaws until a criu has ended that somebody else started.
    pub(super) fn begin_rescue(criu: &Process, flags: &[&Flag], targets: &[ProcessId]) -> io::Result<Self> {
        let line = Line {
            boot: host::boot_id()?,
            group: flags.first().map_or_else(|| Bytes::of(b""), |flag| Bytes::from(&flag.group)),
            folder: Bytes::of(b""),
            // They ask now, whatever they did when they were read.
            flags: flags.iter().map(|f| FlagLine { found: true, promised: true, ..flag_line(f) }).collect(),
            dumps: Vec::new(),
            signal: None,
            processes: targets.iter().map(|target| (target.pid, target.start)).collect(),
            bearing: Vec::new(),
            criu: Some((criu.id.pid, criu.id.start)),
        };
        Self::write(&RuntimeFolder::make()?, &line)
    }

    fn write(folder: &RuntimeFolder, line: &Line) -> io::Result<Self> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        Ok(Self(folder.create(PLAN, &text)?))
    }

    /// All dumps are made: what is left to do is to be finished, not undone.
    pub(super) fn dumped(&mut self) -> io::Result<()> {
        self.0.write(DUMPED)
    }

    /// Everything is as promised, or as it was.
    pub(super) fn end(self) -> io::Result<()> {
        self.0.remove()
    }
}

/// Why a plan was not written down.
#[derive(Debug)]
pub(super) enum NotBegun {
    /// It could not be.
    Io(io::Error),
    /// Another one is at work on the same processes or groups.
    AtWork(AtWork),
}

impl From<io::Error> for NotBegun {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn flag_line(flag: &Flag) -> FlagLine {
    FlagLine {
        v2: flag.hierarchy == Version::V2,
        group: Bytes::from(&flag.group),
        path: Bytes::of(flag.path.as_bytes()),
        dev: flag.id.dev,
        ino: flag.id.ino,
        found: flag.requested,
        promised: flag.promised,
        timed: flag.timed,
    }
}

fn line(plan: &Plan) -> io::Result<Line> {
    let signal = plan.steps.iter().find_map(|step| match step {
        Step::Signal { signal, .. } => Some(*signal),
        _ => None,
    });
    let members = plan.trees.iter().flat_map(|tree| &tree.processes);
    Ok(Line {
        boot: host::boot_id()?,
        group: Bytes::from(&plan.group),
        folder: Bytes::from(&plan.into),
        flags: plan.written().iter().map(flag_line).collect(),
        dumps: plan.dumps().map(|d| DumpLine { root: d.root, images: Bytes::from(&d.images) }).collect(),
        signal,
        processes: members.filter(|m| !m.was_zombie()).map(|m| (m.pid, m.start)).collect(),
        bearing: plan.flags.iter().map(|flag| (flag.id.dev, flag.id.ino)).collect(),
        criu: None,
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
    /// Where it is no plan but a rescue: the criu that it lets finish.
    pub criu: Option<ProcessId>,
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
    let Some(folder) = RuntimeFolder::open(false)? else { return Ok(Vec::new()) };
    let boot = host::boot_id()?;
    let mut found = Vec::new();
    for name in folder.names(PLAN)? {
        let Some(held) = folder.hold(&name)? else { continue };
        let journal = Journal(held);
        match read(journal)? {
            Read::CutOff(line, cut_off) if line == boot => found.push(*cut_off),
            // Of another boot, or cut off before anything was changed.
            Read::CutOff(_, cut_off) => cut_off.end()?,
            Read::Nothing(journal) => journal.end()?,
        }
    }
    Ok(found)
}

/// Every plan of this boot that is at work or was cut off, and what it needs for itself.
pub(super) fn others() -> io::Result<Vec<(AtWork, Claim)>> {
    let Some(folder) = RuntimeFolder::open(false)? else { return Ok(Vec::new()) };
    let boot = host::boot_id()?;
    let mut found = Vec::new();
    for name in folder.names(PLAN)? {
        let by = if folder.hold(&name)?.is_some() { By::Nobody } else { holder(&name) };
        // One that has ended meanwhile, or that this program does not understand, is in nobody's way.
        let line = folder.read(&name)?.and_then(|text| first_line(&text).ok().flatten());
        found.extend(line.filter(|line| line.boot == boot).map(|line| other(line, by)));
    }
    Ok(found)
}

/// Who holds a journal: the process in its name made it; where that is gone, a rescue has taken it over.
fn holder(name: &str) -> By {
    let pid = name.split('-').nth(1).and_then(|pid| pid.parse().ok());
    pid.filter(|&pid| Processes::default().read(pid).is_some()).map_or(By::Rescue, By::Program)
}

fn other(line: Line, by: By) -> (AtWork, Claim) {
    let shown = |bytes: Bytes| printable(&bytes.into_vec()).into_owned();
    let id = |(dev, ino)| CgroupId { dev, ino };
    let claim = Claim {
        processes: line.processes.iter().map(|&(pid, start)| ProcessId { pid, start }).collect(),
        written: line.flags.iter().map(|flag| id((flag.dev, flag.ino))).collect(),
        bearing: line.bearing.into_iter().map(id).collect(),
    };
    let by = if line.criu.is_some() && by != By::Nobody { By::Rescue } else { by };
    (AtWork { group: shown(line.group), folder: shown(line.folder), by }, claim)
}

/// What a journal says; `None` where it was not written to the end.
fn first_line(text: &[u8]) -> io::Result<Option<Line>> {
    let Some(end) = text.iter().position(|&b| b == b'\n') else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&text[..end])?))
}

enum Read {
    CutOff(String, Box<CutOff>),
    Nothing(Journal),
}

fn read(mut journal: Journal) -> io::Result<Read> {
    let text = journal.0.read()?;
    let Some(line) = first_line(&text)? else { return Ok(Read::Nothing(journal)) };
    let dumped = text.ends_with(&[b"\n", DUMPED].concat());
    let flag = |line: FlagLine| Flag {
        group: line.group.into(),
        hierarchy: if line.v2 { Version::V2 } else { Version::V1 },
        requested: line.found,
        promised: line.promised,
        timed: line.timed,
        state: if line.found { State::Frozen } else { State::Thawed },
        id: CgroupId { dev: line.dev, ino: line.ino },
        path: CgroupPath::new(&line.path.into_vec()),
        directory: Directory::default(),
    };
    let cut_off = CutOff {
        group: line.group.into(),
        folder: line.folder.into(),
        flags: line.flags.into_iter().map(flag).collect(),
        dumps: line.dumps.into_iter().map(|dump| (dump.root, dump.images.into())).collect(),
        signal: line.signal,
        processes: line.processes.into_iter().map(|(pid, start)| ProcessId { pid, start }).collect(),
        dumped,
        criu: line.criu.map(|(pid, start)| ProcessId { pid, start }),
        journal,
    };
    Ok(Read::CutOff(line.boot, Box::new(cut_off)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"{"boot":"b","group":"/a","folder":[47,255],"flags":[{"v2":true,"group":"/a","path":"/a","dev":1,"ino":2,"found":true,"promised":false}],"dumps":[{"root":7,"images":"/i"}],"signal":null,"processes":[[7,8]]}"#;

    #[test]
    fn a_line_is_read_only_where_it_is_whole() {
        let text = format!("{WHOLE}\n");
        let line = first_line(text.as_bytes()).unwrap().unwrap();
        assert_eq!((line.processes, line.dumps[0].root), (vec![(7, 8)], 7));
        assert!(first_line(WHOLE.as_bytes()).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_no_control_byte_is_shown(text: Vec<u8>, at in 0..WHOLE.len(), byte: u8) {
            let mut broken = format!("{WHOLE}\n").into_bytes();
            broken[at] = byte;
            for text in [text, broken] {
                if let Ok(Some(line)) = first_line(&text) {
                    let (at_work, _) = other(line, By::Nobody);
                    let said = at_work.to_string();
                    prop_assert!(!said.chars().any(char::is_control));
                }
            }
        }
    }
}
