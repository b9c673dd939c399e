//! The processes: `pstree.img` has who there is, `core-N.img` each thread, `mm-N.img` and `pagemap-N.img` the memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::ImagesError;
use super::arguments::{CommandLine, EnvironmentPlace};
use super::files::{Files, OpenFiles};
use super::folder::Folder;
use super::image::{Image, Magic};
use super::lineage::Lineage;
use super::mapping::{self, Mapping, Walk};
use super::message::{Core, Fs, MemoryMap, ObjectIds, ThreadInfo, TreeEntry};
use super::pagemap::Ranges;
use super::pages::Pages;
use super::wait::Wait;
use crate::kernel::processes::user_name;
use crate::model::printable;

/// What a process was doing (compel/include/uapi/task-state.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It ran or slept.
    Running,
    /// By a signal.
    Stopped,
    /// It had ended, and nobody had asked how.
    Zombie,
    /// Something else.
    Unknown,
}

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Thread {
    /// Its number.
    pub tid: i32,
    /// Its name, printable; empty where criu did not keep it (before 3.16).
    pub name: String,
    /// The system call that it was in; `None` where it was in none, or on machines other than x86-64.
    pub waits_in: Option<Wait>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its number, in its own PID namespace: the one that it gets again.
    pub pid: i32,
    /// Its parent's; zero for the root of the tree.
    pub ppid: i32,
    /// Its process group.
    pub pgid: i32,
    /// Its session.
    pub sid: i32,
    /// The kernel's name for it, printable.
    pub name: String,
    /// What it was doing.
    pub state: State,
    /// The number of the signal that stopped it; `None` where it was not stopped, or criu did not keep it.
    pub stop_signal: Option<u32>,
    /// Its effective user; `None` where criu did not keep it.
    pub uid: Option<u32>,
    /// The name that this user has on this host; the number where it has none.
    pub user: Option<String>,
    /// How many threads it has.
    pub threads: usize,
    /// The threads, the main one among them.
    pub thread_list: Vec<Thread>,
    /// How much of its memory the images hold, those that these are built on included.
    pub memory_bytes: u64,
    /// The command line, as the process left it; printable.
    pub command: Option<String>,
    /// The program's path, printable.
    pub exe: Option<String>,
    /// Its working directory, printable.
    pub cwd: Option<String>,
    /// Its open files.
    pub files: OpenFiles,
    /// How much it has mapped, whether it is in memory or not.
    pub mapped_bytes: u64,
    /// How many mappings it has.
    pub mapping_count: usize,
    /// The mappings, in ascending order.
    pub mappings: Vec<Mapping>,
    /// The variables that it was started with; only where they were asked for ([`super::Memory::environment`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<String>>,
    #[serde(skip)]
    pub(super) environment_place: EnvironmentPlace,
    /// How deep it is in the tree.
    #[serde(skip)]
    pub depth: usize,
    /// criu's number for the groups that it is in.
    #[serde(skip)]
    pub(super) cg_set: Option<u32>,
    /// Its namespaces and what else it may share.
    #[serde(skip)]
    pub(super) ids: Option<ObjectIds>,
}

impl Process {
    /// The numbers of the process and of its threads.
    pub fn numbers(&self) -> impl Iterator<Item = i32> {
        std::iter::once(self.pid).chain(self.thread_list.iter().map(|thread| thread.tid))
    }
}

/// So many images may be missing until nothing more is read: each missing one is named.
const MAX_MISSING_IMAGES: usize = 1000;
/// How much the open files of all processes may take, in bytes of [`Reader::open_files_bytes`].
const MAX_OPEN_FILES_BYTES: usize = 512 << 20;

/// So many mappings of all processes are kept.
const MAX_MAPPINGS: usize = 2 << 20;
/// So many bytes of the command lines of all processes are kept; those behind it have none.
const MAX_COMMANDS_BYTES: usize = 64 << 20;

/// Everything that the reading of a process needs, and what was seen on the way.
pub(super) struct Reader<'a> {
    folder: &'a Folder,
    lineage: &'a Lineage,
    files: &'a Files,
    /// The images that were looked for in vain.
    pub missing: Vec<String>,
    /// The tables of open files that have no image: criu writes none where a process has no file open.
    tables_without_image: Vec<u32>,
    /// The files that some table of open files refers to, by their number in `files.img`.
    referenced: HashSet<u32>,
    /// About how much memory the open files take that were read so far.
    open_files_bytes: usize,
    /// The names of users and mappings that occurred.
    users: HashMap<u32, String>,
    mapping_names: HashMap<String, Arc<str>>,
    mapping_count: usize,
    commands_bytes: usize,
}

/// The processes in `pstree.img`, each behind its parent; `None` where that image is not there.
pub(super) fn tree(folder: &Folder) -> Result<Option<Vec<(TreeEntry, usize)>>, ImagesError> {
    let Some(mut image) = Image::open(folder, "pstree.img", Magic::Pstree)? else {
        return Ok(None);
    };
    let mut entries = vec![image.one::<TreeEntry>()?];
    entries.extend(image.each(|entry| entry)?);
    let mut seen = HashSet::new();
    for entry in &entries {
        if entry.pid == 0 || i32::try_from(entry.pid).is_err() || !seen.insert(entry.pid) {
            let why = format!("PID {} cannot be there, or occurs twice", entry.pid);
            return Err(image.unfit(why));
        }
    }
    Ok(Some(ordered(entries)))
}

/// Depth first. A process whose parent is not in the tree (the root; in a damaged image, any) begins a tree of its own.
fn ordered(entries: Vec<TreeEntry>) -> Vec<(TreeEntry, usize)> {
    let mut children: std::collections::HashMap<u32, Vec<usize>> = Default::default();
    for (index, entry) in entries.iter().enumerate().rev() {
        children.entry(entry.ppid).or_default().push(index);
    }
    let known: HashSet<u32> = entries.iter().map(|entry| entry.pid).collect();
    let roots = entries.iter().enumerate().rev().filter(|(_, e)| !known.contains(&e.ppid));
    let mut waiting: Vec<(usize, usize)> = roots.map(|(index, _)| (index, 0)).collect();
    let mut left: Vec<Option<TreeEntry>> = entries.into_iter().map(Some).collect();
    let mut order = Vec::with_capacity(left.len());
    let mut first = 0;
    loop {
        while let Some((index, depth)) = waiting.pop() {
            let Some(entry) = left.get_mut(index).and_then(Option::take) else { continue };
            waiting.extend(children.get(&entry.pid).into_iter().flatten().map(|&child| (child, depth + 1)));
            order.push((entry, depth));
        }
        // What is left has parents in a circle.
        let Some(index) = left.iter().skip(first).position(Option::is_some) else { return order };
        first += index;
        waiting.push((first, 0));
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(lineage: &'a Lineage, files: &'a Files) -> Self {
        Self {
            folder: lineage.first(),
            lineage,
            files,
            missing: Vec::new(),
            tables_without_image: Vec::new(),
            referenced: HashSet::new(),
            open_files_bytes: 0,
            users: HashMap::new(),
            mapping_names: HashMap::new(),
            mapping_count: 0,
            commands_bytes: 0,
        }
    }

    fn open(&mut self, name: &str, magic: Magic) -> Result<Option<Image>, ImagesError> {
        let image = Image::open(self.folder, name, magic)?;
        if image.is_none() {
            if self.missing.len() == MAX_MISSING_IMAGES {
                return Err(ImagesError::TooManyMissing(self.folder.path.clone(), MAX_MISSING_IMAGES));
            }
            self.missing.push(name.to_owned());
        }
        Ok(image)
    }

    /// The images that are missing, once all processes are read. A table of open files without an image is an empty one, but
    /// where `files.img` has pipes, sockets and the like that no other table refers to.
    pub(super) fn into_missing(mut self) -> Vec<String> {
        if !self.files.there {
            self.missing.push("files.img".to_owned());
        }
        if !self.files.only_in_tables().all(|id| self.referenced.contains(&id)) {
            self.missing.extend(self.tables_without_image.iter().map(|table| format!("fdinfo-{table}.img")));
        }
        self.missing
    }

    /// The process that an entry of the tree stands for.
    pub(super) fn process(&mut self, entry: &TreeEntry, depth: usize) -> Result<Process, ImagesError> {
        let core = self.core(entry.pid)?.unwrap_or_default();
        let task = core.tc.unwrap_or_default();
        let thread = core.thread_core.unwrap_or_default();
        let ids = self.ids(entry.pid)?.or(core.ids);
        let uid = thread.creds.map(|creds| creds.euid);
        let mut process = Process {
            pid: signed(entry.pid),
            ppid: signed(entry.ppid),
            pgid: signed(entry.pgid),
            sid: signed(entry.sid),
            name: printable(&task.comm).into_owned(),
            state: state(task.task_state),
            stop_signal: task.stop_signo,
            uid,
            user: uid.map(|uid| self.users.entry(uid).or_insert_with(|| user_name(uid)).clone()),
            threads: 1,
            thread_list: Vec::new(),
            memory_bytes: 0,
            command: None,
            exe: None,
            cwd: None,
            files: OpenFiles::default(),
            mapped_bytes: 0,
            mapping_count: 0,
            mappings: Vec::new(),
            environment: None,
            environment_place: EnvironmentPlace::default(),
            depth,
            cg_set: thread.cg_set.or(task.cg_set),
            ids,
        };
        // A zombie has nothing else, and its list of threads means nothing.
        if process.state != State::Zombie {
            self.living(entry, core.thread_info, &mut process)?;
        }
        Ok(process)
    }

    fn living(
        &mut self,
        entry: &TreeEntry,
        main: Option<ThreadInfo>,
        process: &mut Process,
    ) -> Result<(), ImagesError> {
        let pid = entry.pid;
        let name = process.name.clone();
        process.thread_list.push(Thread { tid: process.pid, name, waits_in: main.and_then(waits_in) });
        for &tid in entry.threads.iter().filter(|&&tid| tid != pid) {
            let core = self.core(tid)?.unwrap_or_default();
            let comm = core.thread_core.and_then(|core| core.comm).unwrap_or_default();
            let name = printable(&comm).into_owned();
            let waits_in = core.thread_info.and_then(waits_in);
            process.thread_list.push(Thread { tid: signed(tid), name, waits_in });
        }
        process.threads = process.thread_list.len();
        let mut memory = MemoryMap::default();
        if let Some(mut image) = self.open(&format!("mm-{pid}.img"), Magic::Mm)? {
            memory = image.one()?;
            process.exe = self.files.name(memory.exe_file_id);
            self.mappings(&memory, process)?;
        }
        if let Some(mut image) = self.open(&format!("fs-{pid}.img"), Magic::Fs)? {
            process.cwd = self.files.name(image.one::<Fs>()?.cwd_id);
        }
        self.memory(pid, &memory, process)?;
        if let Some(ids) = &process.ids {
            match self.files.of_table(self.folder, ids.files_id, &mut self.referenced)? {
                Some(files) => process.files = files,
                None => self.tables_without_image.push(ids.files_id),
            }
            self.open_files_bytes += process.files.bytes();
            if self.open_files_bytes > MAX_OPEN_FILES_BYTES {
                return Err(ImagesError::TooManyFiles(self.folder.path.clone()));
            }
        }
        Ok(())
    }

    fn core(&mut self, tid: u32) -> Result<Option<Core>, ImagesError> {
        self.open(&format!("core-{tid}.img"), Magic::Core)?.map(|mut image| image.one()).transpose()
    }

    /// A zombie has none, so that it is missing says nothing.
    fn ids(&self, pid: u32) -> Result<Option<ObjectIds>, ImagesError> {
        let image = Image::open(self.folder, &format!("ids-{pid}.img"), Magic::Ids)?;
        image.map(|mut image| image.one()).transpose()
    }

    fn mappings(&mut self, memory: &MemoryMap, process: &mut Process) -> Result<(), ImagesError> {
        self.mapping_count += memory.vmas.len();
        if self.mapping_count > MAX_MAPPINGS {
            return Err(ImagesError::TooManyMappings(self.folder.path.clone()));
        }
        process.mappings = mapping::mappings(memory, self.files, &mut self.mapping_names);
        process.mapping_count = process.mappings.len();
        let add = |sum: u64, mapping: &Mapping| sum.saturating_add(mapping.bytes);
        process.mapped_bytes = process.mappings.iter().fold(0, add);
        process.environment_place = EnvironmentPlace::new(memory);
        Ok(())
    }

    /// How much memory a process's pagemap describes, where it is mapped, and the command line in it.
    fn memory(&mut self, pid: u32, memory: &MemoryMap, process: &mut Process) -> Result<(), ImagesError> {
        let name = pagemap(pid);
        let mapped = Ranges::of(memory.vmas.iter().map(|vma| (vma.start, vma.end)));
        let Some(mut pages) = Pages::open(self.lineage.folders(), &name, Some(&mapped))? else {
            self.open(&name, Magic::Pagemap)?;
            return Ok(());
        };
        process.memory_bytes = pages.checked.bytes;
        self.missing.extend(pages.checked.missing_pages.take());
        let (mut walk, mut command) = (Walk::default(), CommandLine::new(memory));
        while let Some(extent) = pages.next()? {
            mapping::add_held(&mut process.mappings, &mut walk, extent.start, extent.end);
            if self.commands_bytes < MAX_COMMANDS_BYTES {
                command.window.take(&pages, &extent)?;
            }
        }
        process.command = command.text();
        self.commands_bytes += process.command.as_ref().map_or(0, String::len);
        Ok(())
    }
}

/// The name of the pagemap of a process.
pub(super) fn pagemap(pid: u32) -> String {
    format!("pagemap-{pid}.img")
}

fn waits_in(thread: ThreadInfo) -> Option<Wait> {
    Wait::of(&thread.gpregs)
}

fn state(number: u32) -> State {
    match number {
        1 => State::Running,
        3 => State::Stopped,
        // What criu calls dead is a zombie; newer ones have a number for that as well.
        2 | 6 => State::Zombie,
        _ => State::Unknown,
    }
}

/// No process has a number beyond; from a damaged image one may come out as zero.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(pid: u32, ppid: u32) -> TreeEntry {
        TreeEntry { pid, ppid, ..TreeEntry::default() }
    }

    fn order(entries: &[(u32, u32)]) -> Vec<(u32, usize)> {
        let entries = entries.iter().map(|&(pid, ppid)| entry(pid, ppid)).collect();
        ordered(entries).into_iter().map(|(entry, depth)| (entry.pid, depth)).collect()
    }

    #[test]
    fn parents_come_first() {
        assert_eq!(order(&[(10, 0), (11, 10), (12, 10), (13, 11)]), [(10, 0), (11, 1), (13, 2), (12, 1)]);
        assert_eq!(order(&[(5, 9), (9, 5), (7, 7)]), [(5, 0), (9, 1), (7, 0)]);
    }

    proptest! {
        #[test]
        fn everybody_is_in_the_order_once(parents in prop::collection::vec(0_u32..20, 0..20)) {
            let entries: Vec<_> = parents.iter().enumerate().map(|(i, &p)| (i as u32 + 1, p)).collect();
            let mut pids: Vec<u32> = order(&entries).into_iter().map(|(pid, _)| pid).collect();
            pids.sort_unstable();
            prop_assert!(pids.into_iter().eq(1..=parents.len() as u32));
        }
    }
}
