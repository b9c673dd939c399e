//! What is on disk before the first change: the freeze flags as they were found, what was promised, and who works on it.
//!
//! A file for each running checkpoint, for each restore that thaws a group for as long as it takes, and for each rescue of
//! somebody else's criu, in the [runtime folder](crate::kernel::runtime_folder); one that was left behind belongs to a plan that was cut off. Its first
//! line says what is planned. A line is added for each criu before that may do anything, before and after each write of a
//! flag ([`account`]), when all dumps are made, and when a rescue takes the plan over.
//!
//! Whoever works on a plan holds the lock on its journal. A lock alone says nothing about who that is: a process that was
//! forked and has not become another program yet holds it as well. So the journal names its process.

mod account;
mod search;

use std::io;
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};

use super::Plan;
use super::arg::Arg;
use super::at_work::{self, AtWork, Claim};
use super::flag::{Directory, Flag};
use super::step::{Signal, Step};
use crate::kernel::freezer::FreezerError;
use crate::kernel::host;
use crate::kernel::processes::Processes;
use crate::kernel::runtime_folder::{Alone, Bytes, Held, RuntimeFolder};
use crate::model::{CgroupId, CgroupPath, Process, ProcessId, State, Version};
use crate::timer::PLAN;

pub(super) use account::{Account, Due};
use account::{Entry, enter};
pub(super) use search::{Left, left_behind, others};

impl From<&Arg> for Bytes {
    fn from(arg: &Arg) -> Self {
        Self::of(arg.0.as_bytes())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    boot: String,
    /// PID and start time of the process that runs the plan.
    #[serde(default)]
    owner: Option<(i32, u64)>,
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
    /// Where it is a restore: the numbers of the processes that it lets go on at its end, which are stopped until then.
    #[serde(default)]
    stopped: Option<Vec<i32>>,
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
    /// The group for `--freeze-cgroup`.
    #[serde(default)]
    freezes: Option<Bytes>,
}

/// The journal of a running plan.
#[derive(Debug)]
pub(super) struct Journal(Held);

/// Why a flag is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is a step of the plan: nothing is written that cannot be noted before.
    Step,
    /// It is to be again as it was, or as it was promised: it is written all the same.
    Restore,
    /// Somebody else's freeze is taken away for as long as criu needs, or set again: it is written all the same.
    Lend,
}

impl Journal {
    /// Writes a plan down, unless another one that meets it is at work.
    pub(super) fn begin(plan: &Plan) -> Result<Self, NotBegun> {
        let line = line(plan)?;
        let folder = RuntimeFolder::make()?;
        Self::create_unless_met(&folder, &Claim::of(plan), &line)
    }

    /// Writes down what a restore thaws until it has ended, unless another plan that meets it is at work. `stopped`: the
    /// processes that are stopped until they are let go on at the end.
    pub(super) fn begin_restore(
        folder: &Arg,
        thawed: &[Flag],
        bearing: &[Flag],
        stopped: Vec<i32>,
    ) -> Result<Self, NotBegun> {
        let ids = |flags: &[Flag]| flags.iter().map(|flag| flag.id).collect::<Vec<_>>();
        let claim = Claim { processes: Vec::new(), written: ids(thawed), bearing: ids(bearing) };
        let line = Line {
            folder: Bytes::from(folder),
            flags: thawed.iter().map(flag_line).collect(),
            bearing: claim.bearing.iter().map(|id| (id.dev, id.ino)).collect(),
            stopped: Some(stopped),
            ..Line::of(thawed.first().map(|flag| &flag.group))?
        };
        Self::create_unless_met(&RuntimeFolder::make()?, &claim, &line)
    }

    fn create_unless_met(folder: &RuntimeFolder, claim: &Claim, line: &Line) -> Result<Self, NotBegun> {
        // Of two that begin at one moment, one sees the other.
        let alone = folder.alone()?;
        if let Some(other) = at_work::look(claim)? {
            return Err(NotBegun::AtWork(other));
        }
        Ok(Self::create(folder, &alone, line)?)
    }

    /// Writes down what a rescue thaws until a criu has ended that somebody else started.
    pub(super) fn begin_rescue(criu: &Process, flags: &[&Flag], targets: &[ProcessId]) -> io::Result<Self> {
        let line = Line {
            // They request a freeze now, whatever they did when they were read.
            flags: flags.iter().map(|f| FlagLine { found: true, promised: true, ..flag_line(f) }).collect(),
            processes: targets.iter().map(|target| (target.pid, target.start)).collect(),
            criu: Some((criu.id.pid, criu.id.start)),
            ..Line::of(flags.first().map(|flag| &flag.group))?
        };
        let folder = RuntimeFolder::make()?;
        let alone = folder.alone()?;
        Self::create(&folder, &alone, &line)
    }

    fn create(folder: &RuntimeFolder, alone: &Alone, line: &Line) -> io::Result<Self> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        Ok(Self(folder.create_while(alone, PLAN, &text)?))
    }

    fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let mut text = serde_json::to_vec(entry)?;
        text.push(b'\n');
        self.0.write(&text)
    }

    /// A criu that dumps or restores a root; it may start once this has returned.
    pub(super) fn criu(&mut self, criu: ProcessId, root: i32) -> io::Result<()> {
        self.add(&Entry::Criu { pid: criu.pid, start: criu.start, root })
    }

    /// All dumps are made: what is left to do is to be finished, not undone.
    pub(super) fn dumped(&mut self) -> io::Result<()> {
        self.add(&Entry::Dumped)
    }

    /// Writes a flag, and notes that before and afterwards.
    pub(super) fn write(&mut self, flag: &Flag, freeze: bool, why: Why) -> Result<(), FreezerError> {
        let entry = Entry::Writing { flag: flag_line(flag), freeze, lent: why == Why::Lend };
        let noted = self.add(&entry);
        if let (Err(error), Why::Step) = (noted, why) {
            return Err(FreezerError::Io { file: "the journal of the checkpoint".to_owned(), error });
        }
        flag.write(freeze)?;
        // Without it a rescue takes the write for one that may not be done.
        let _ = self.add(&Entry::Written);
        Ok(())
    }

    /// A flag that requests a freeze now does so for somebody else, whatever it was when it was found.
    pub(super) fn is_lent(&mut self, flag: &Flag) {
        let entry = Entry::Writing { flag: flag_line(flag), freeze: true, lent: true };
        // Without it a rescue would take the freeze for criu's.
        let _ = self.add(&entry).and_then(|()| self.add(&Entry::Written));
    }

    /// Everything is as promised, or as it was.
    pub(super) fn end(self) -> io::Result<()> {
        self.0.remove()
    }
}

impl Line {
    /// Of this program, about a group, and nothing else yet.
    fn of(group: Option<&Arg>) -> io::Result<Self> {
        Ok(Self {
            boot: host::boot_id()?,
            owner: Some(me()?),
            group: group.map_or_else(|| Bytes::of(b""), Bytes::from),
            folder: Bytes::of(b""),
            flags: Vec::new(),
            dumps: Vec::new(),
            signal: None,
            processes: Vec::new(),
            bearing: Vec::new(),
            criu: None,
            stopped: None,
        })
    }
}

fn me() -> io::Result<(i32, u64)> {
    let me = Processes::default().read(std::process::id().cast_signed());
    let me = me.ok_or_else(|| io::Error::other("/proc does not show this process"))?;
    Ok((me.id.pid, me.id.start))
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

impl From<FlagLine> for Flag {
    fn from(line: FlagLine) -> Self {
        Self {
            group: line.group.into(),
            hierarchy: if line.v2 { Version::V2 } else { Version::V1 },
            requested: line.found,
            promised: line.promised,
            timed: line.timed,
            state: if line.found { State::Frozen } else { State::Thawed },
            id: CgroupId { dev: line.dev, ino: line.ino },
            path: CgroupPath::new(&line.path.into_vec()),
            directory: Directory::default(),
        }
    }
}

fn line(plan: &Plan) -> io::Result<Line> {
    let signal = plan.steps.iter().find_map(|step| match step {
        Step::Signal { signal, .. } => Some(*signal),
        _ => None,
    });
    let members = plan.trees.iter().flat_map(|tree| &tree.processes);
    let dumps = plan.dumps().map(|dump| DumpLine {
        root: dump.root,
        images: Bytes::from(&dump.images),
        freezes: dump.freeze_cgroup.as_ref().map(Bytes::from),
    });
    Ok(Line {
        folder: Bytes::from(&plan.into),
        flags: plan.written().iter().map(flag_line).collect(),
        dumps: dumps.collect(),
        signal,
        processes: members.filter(|m| !m.was_zombie()).map(|m| (m.pid, m.start)).collect(),
        bearing: plan.flags.iter().map(|flag| (flag.id.dev, flag.id.ino)).collect(),
        ..Line::of(Some(&plan.group))?
    })
}

/// One dump of a plan.
#[derive(Debug, Clone)]
pub(super) struct PlannedDump {
    pub root: i32,
    pub images: Arg,
    /// The group for `--freeze-cgroup`.
    pub freezes: Option<Arg>,
}

/// A plan that was cut off.
#[derive(Debug)]
pub(super) struct CutOff {
    pub group: Arg,
    pub folder: Arg,
    /// The flags that the plan writes, and those that it has lent.
    pub accounts: Vec<Account>,
    pub dumps: Vec<PlannedDump>,
    pub signal: Option<Signal>,
    pub processes: Vec<ProcessId>,
    /// All dumps were made.
    pub dumped: bool,
    /// The runs of criu that it has started, each with the root that it dumps.
    pub started: Vec<(ProcessId, i32)>,
    /// Where it is no plan but a rescue: the criu that it lets finish.
    pub criu: Option<ProcessId>,
    /// Where it is a restore: the processes that are stopped until its end.
    pub stopped: Option<Vec<i32>>,
    /// Every group whose freeze bears on the processes.
    pub bearing: Vec<CgroupId>,
    boot: String,
    journal: Journal,
}

impl CutOff {
    /// Reads a journal; `None` where its first line was not written to the end, which is before any change.
    fn read(mut journal: Journal) -> io::Result<Result<Self, Journal>> {
        let text = journal.0.read()?;
        let Some(line) = first_line(&text)? else { return Ok(Err(journal)) };
        let entries = entries(&text);
        let mut cut_off = Self {
            group: line.group.into(),
            folder: line.folder.into(),
            // What had no owner yet had no entries, either.
            accounts: line
                .flags
                .into_iter()
                .map(|flag| Account::planned(flag.into(), line.owner.is_none() || line.criu.is_some()))
                .collect(),
            dumps: line.dumps.into_iter().map(PlannedDump::from).collect(),
            signal: line.signal,
            processes: line.processes.into_iter().map(process_id).collect(),
            dumped: entries.iter().any(|entry| matches!(entry, Entry::Dumped)),
            started: entries.iter().filter_map(started).collect(),
            criu: line.criu.map(process_id),
            stopped: line.stopped,
            bearing: line.bearing.into_iter().map(|(dev, ino)| CgroupId { dev, ino }).collect(),
            boot: line.boot,
            journal,
        };
        let dumps = cut_off.dumps.clone();
        let freezes =
            |root| dumps.iter().find(|dump| dump.root == root).and_then(|dump| dump.freezes.clone());
        enter(&mut cut_off.accounts, entries, freezes);
        Ok(Ok(cut_off))
    }

    /// Notes that this process works on it from now on.
    pub(super) fn take_over(&mut self) -> io::Result<()> {
        let (pid, start) = me()?;
        self.journal.add(&Entry::Rescue { pid, start })
    }

    /// The journal, to note what is written to flags.
    pub(super) fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Reads the journal again, with what was noted since.
    pub(super) fn read_again(self) -> io::Result<Self> {
        Self::read(self.journal)?.map_err(|_| io::Error::other("the journal has changed unexpectedly"))
    }

    /// It is put right.
    pub(super) fn end(self) -> io::Result<()> {
        self.journal.end()
    }
}

impl From<DumpLine> for PlannedDump {
    fn from(line: DumpLine) -> Self {
        Self { root: line.root, images: line.images.into(), freezes: line.freezes.map(Arg::from) }
    }
}

fn process_id((pid, start): (i32, u64)) -> ProcessId {
    ProcessId { pid, start }
}

fn started(entry: &Entry) -> Option<(ProcessId, i32)> {
    match *entry {
        Entry::Criu { pid, start, root } => Some((ProcessId { pid, start }, root)),
        _ => None,
    }
}

/// What a journal says; `None` where it was not written to the end.
fn first_line(text: &[u8]) -> io::Result<Option<Line>> {
    let Some(end) = text.iter().position(|&b| b == b'\n') else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&text[..end])?))
}

/// The lines behind the first; what was not written to the end, or by another version, is left out.
fn entries(text: &[u8]) -> Vec<Entry> {
    let mut lines: Vec<&[u8]> = text.split(|&b| b == b'\n').skip(1).collect();
    lines.pop();
    lines.into_iter().filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::at_work::By;

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
                entries(&text);
                if let Ok(Some(line)) = first_line(&text) {
                    let (at_work, _) = search::other(line, By::Nobody);
                    let said = at_work.to_string();
                    prop_assert!(!said.chars().any(char::is_control));
                }
            }
        }
    }
}
