//! The one that looks: a thread a hierarchy that keeps a tree equal to the kernel's.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select, unbounded};

use super::inotify::{Hint, Inotify};
use crate::kernel::Filesystem;
use crate::kernel::processes::{Processes, count};
use crate::model::tree::{Key, Occurrence, What};
use crate::model::{Cgroup, CgroupId, CgroupPath, Change, Process, State, Tree, Version};

/// What an observer tells.
#[derive(Debug)]
pub enum Told {
    /// The tree begins, or begins anew: this is its root.
    Root(Cgroup),
    /// Facts, in the order in which they were read.
    Changes(Vec<Change>),
    /// What these facts mean; nothing before the first scan is complete.
    Happened(Vec<Occurrence>),
    /// The first scan is complete.
    Scanned,
    /// The processes of the group that is looked at, or why they can't be read.
    Processes {
        /// Which group.
        id: CgroupId,
        /// What was read.
        list: Result<Vec<Process>, String>,
    },
    /// How the changes are learnt.
    Watching {
        /// How many groups are watched.
        groups: usize,
        /// Why everything is polled instead; `None` where the kernel announces.
        polling: Option<String>,
    },
    /// The hierarchy cannot be read any more.
    Failed(String),
}

/// What is on screen: only that is read again where the kernel announces nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Focus {
    /// The groups whose rows are shown.
    pub visible: Vec<CgroupId>,
    /// The group whose processes are shown.
    pub selected: Option<CgroupId>,
}

/// A running observer. It ends when this is dropped.
#[derive(Debug)]
pub struct Observer {
    focus: Option<Sender<Focus>>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    /// Begins to observe the groups from `top` down. `tell` is called from the observer's own thread.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start(
        fs: Filesystem,
        top: CgroupPath,
        tell: impl FnMut(Told) + Send + 'static,
    ) -> io::Result<Self> {
        let (focus, looks) = unbounded();
        let name = format!("observe-{}", fs.hierarchy().version);
        let body = move || {
            let mut tell = tell;
            let failed = match Eye::new(fs, top, &mut tell) {
                Ok(mut eye) => eye.run(&looks).err(),
                Err(error) => Some(error),
            };
            if let Some(error) = failed {
                tell(Told::Failed(error.to_string()));
            }
        };
        let thread = std::thread::Builder::new().name(name).spawn(body)?;
        Ok(Self { focus: Some(focus), thread: Some(thread) })
    }

    /// Says what is on screen now.
    pub fn focus(&self, focus: Focus) {
        if let Some(sender) = &self.focus {
            // An observer that has failed has said so itself.
            let _ = sender.send(focus);
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.focus = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How often is read again what the kernel does not announce: membership and v1 states that are on screen.
const VISIBLE: Duration = Duration::from_secs(1);
/// How often a v1 group is read that is on its way to FROZEN, for that step is silent.
const FREEZING: Duration = Duration::from_millis(50);
/// How often everything is read where watches ran out.
const EVERYTHING: Duration = Duration::from_secs(1);
/// How long hints are gathered before they are followed, so that a storm of them costs few looks.
const GATHER: Duration = Duration::from_millis(2);

struct Eye<'a, T> {
    fs: Filesystem,
    top: CgroupPath,
    tree: Tree,
    inotify: Option<Inotify>,
    polling: Option<String>,
    processes: Processes,
    focus: Focus,
    scanned: bool,
    tell: &'a mut T,
}

impl<'a, T: FnMut(Told)> Eye<'a, T> {
    fn new(fs: Filesystem, top: CgroupPath, tell: &'a mut T) -> io::Result<Self> {
        let root = fs.read_root()?;
        tell(Told::Root(root.clone()));
        let (inotify, polling) = match Inotify::new() {
            Ok(inotify) => (Some(inotify), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let (processes, focus) = (Processes::default(), Focus::default());
        Ok(Self { fs, top, tree: Tree::new(root), inotify, polling, processes, focus, scanned: false, tell })
    }

    fn run(&mut self, looks: &Receiver<Focus>) -> io::Result<()> {
        self.begin()?;
        let nothing = never();
        let mut next = Instant::now();
        loop {
            let hints = self.inotify.as_ref().map_or(&nothing, Inotify::hints).clone();
            let alarm = self.pause().map_or_else(never, |pause| {
                next = next.min(Instant::now() + pause);
                crossbeam_channel::at(next)
            });
            select! {
                recv(hints) -> hint => {
                    let Ok(hint) = hint else { return Ok(()) };
                    std::thread::sleep(GATHER);
                    let gathered: BTreeSet<Hint> = std::iter::once(hint).chain(hints.try_iter()).collect();
                    self.follow(gathered)?;
                }
                recv(looks) -> focus => {
                    let Ok(focus) = focus else { return Ok(()) };
                    self.focus = looks.try_iter().last().unwrap_or(focus);
                    self.look()?;
                }
                recv(alarm) -> _ => {
                    next = Instant::now() + Duration::from_secs(3600);
                    self.look()?;
                }
            }
        }
    }

    /// Scans, watches all that was found, and scans again: what changed in between is seen by the second scan, what changes
    /// afterwards is announced.
    fn begin(&mut self) -> io::Result<()> {
        self.spine()?;
        self.walk(&self.top.clone())?;
        let all: Vec<PathBuf> = self.tree.subtree(self.tree.root()).map(|key| self.directory(key)).collect();
        self.watch(all);
        self.walk(&self.top.clone())?;
        self.scanned = true;
        (self.tell)(Told::Scanned);
        self.tell_watching();
        Ok(())
    }

    /// The groups above the top: the tree hangs on them.
    fn spine(&mut self) -> io::Result<()> {
        let mut path: Vec<CgroupPath> = self.top.ancestors().collect();
        path.reverse();
        path.push(self.top.clone());
        for pair in path.windows(2) {
            let (Some(parent), Some(group)) = (self.fs.group(&pair[0])?, self.fs.group(&pair[1])?) else {
                break;
            };
            let Some(read) = group.read()? else { break };
            self.take(vec![Change::Found { parent: parent.id, groups: vec![read] }])?;
        }
        Ok(())
    }

    /// How long nothing needs to be read unasked; `None` for ever.
    fn pause(&self) -> Option<Duration> {
        let v1 = self.fs.hierarchy().version == Version::V1;
        let freezing = || self.tree.get(self.tree.root()).is_some_and(|root| root.below.freezing > 0);
        if v1 && freezing() {
            Some(FREEZING)
        } else if self.polling.is_some() {
            Some(EVERYTHING)
        } else {
            (!self.focus.visible.is_empty() || self.focus.selected.is_some()).then_some(VISIBLE)
        }
    }

    /// Reads what may have changed without an announcement.
    fn look(&mut self) -> io::Result<()> {
        let v1 = self.fs.hierarchy().version == Version::V1;
        if self.polling.is_some() {
            self.walk(&self.top.clone())?;
        } else if v1 {
            let freezing = |key: &Key| self.tree.get(*key).and_then(|n| n.state()) == Some(State::Freezing);
            let keys: BTreeSet<Key> = self.tree.subtree(self.tree.root()).filter(freezing).collect();
            let visible = self.focus.visible.iter().filter_map(|&id| self.tree.find(id));
            for key in keys.into_iter().chain(visible).collect::<BTreeSet<_>>() {
                self.read(&self.tree.path(key))?;
            }
        }
        self.count_visible()?;
        self.read_processes()
    }

    fn count_visible(&mut self) -> io::Result<()> {
        let mut counted = Vec::new();
        for &id in &self.focus.visible {
            let Some(key) = self.tree.find(id) else { continue };
            let empty = self.tree.get(key).is_some_and(|node| node.group.populated == Some(false));
            let processes = match empty {
                true => Some(0),
                false => self.fs.group(&self.tree.path(key))?.and_then(|group| count(&group.dir)),
            };
            let known = self.tree.get(key).and_then(|node| node.processes);
            if let Some(processes) = processes.filter(|&n| known != Some(n)) {
                counted.push(Change::Counted { id, processes });
            }
        }
        self.take(counted)
    }

    fn read_processes(&mut self) -> io::Result<()> {
        let Some(id) = self.focus.selected else { return Ok(()) };
        let Some(key) = self.tree.find(id) else { return Ok(()) };
        let Some(group) = self.fs.group(&self.tree.path(key))? else { return Ok(()) };
        let list = self.processes.of(&group.dir).map_err(|error| error.to_string());
        (self.tell)(Told::Processes { id, list });
        Ok(())
    }

    fn follow(&mut self, hints: BTreeSet<Hint>) -> io::Result<()> {
        let overflow = self.inotify.as_ref().is_some_and(Inotify::take_overflow);
        if overflow || hints.contains(&Hint::Children(PathBuf::new())) {
            return self.walk(&self.top.clone());
        }
        for hint in hints {
            match hint {
                Hint::Children(directory) => self.on(&directory, Self::list)?,
                Hint::State(directory) if self.fs.hierarchy().version == Version::V1 => {
                    // A write to a v1 group changes all below it, and that is announced nowhere.
                    self.on(&directory, Self::read)?;
                    self.on(&directory, Self::walk)?;
                }
                Hint::State(directory) => self.on(&directory, Self::read)?,
                Hint::Members(directory) => self.on(&directory, Self::members)?,
            }
        }
        Ok(())
    }

    fn on(
        &mut self,
        directory: &std::path::Path,
        look: fn(&mut Self, &CgroupPath) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.fs.hierarchy().relative(directory) {
            Some(path) if path.is_within(&self.top) => look(self, &path),
            _ => Ok(()),
        }
    }

    fn read(&mut self, path: &CgroupPath) -> io::Result<()> {
        let Some(read) = self.fs.group(path)?.map(|group| group.read()).transpose()?.flatten() else {
            return Ok(());
        };
        self.take(vec![Change::Read(read)])
    }

    fn members(&mut self, path: &CgroupPath) -> io::Result<()> {
        let Some(group) = self.fs.group(path)? else { return Ok(()) };
        if self.focus.selected == Some(group.id) {
            self.read_processes()?;
        }
        self.count_visible()
    }

    fn list(&mut self, path: &CgroupPath) -> io::Result<()> {
        let Some(group) = self.fs.group(path)? else { return Ok(()) };
        let mut changes = Vec::new();
        self.fs.list_one(&group, &mut |change| changes.push(change))?;
        self.take(changes)
    }

    fn walk(&mut self, from: &CgroupPath) -> io::Result<()> {
        let mut batch = Vec::new();
        let mut occurred = Vec::new();
        let (tree, tell) = (&mut self.tree, &mut self.tell);
        self.fs.walk(from, &mut |change| {
            tree.apply(change.clone(), &mut occurred);
            batch.push(change);
            if batch.len() >= 64 {
                tell(Told::Changes(std::mem::take(&mut batch)));
            }
        })?;
        tell(Told::Changes(batch));
        self.happened(occurred)
    }

    /// Takes facts into the tree, and tells them on.
    fn take(&mut self, changes: Vec<Change>) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut occurred = Vec::new();
        for change in &changes {
            self.tree.apply(change.clone(), &mut occurred);
        }
        (self.tell)(Told::Changes(changes));
        self.happened(occurred)
    }

    /// New groups are watched, and then read: what came into them before they were watched is seen so.
    fn happened(&mut self, occurred: Vec<Occurrence>) -> io::Result<()> {
        if !self.scanned || occurred.is_empty() {
            return Ok(());
        }
        let of = |what| occurred.iter().filter(move |o| o.what == what).map(|o| o.path.clone());
        let (created, removed): (Vec<_>, Vec<_>) = (of(What::Created).collect(), of(What::Removed).collect());
        (self.tell)(Told::Happened(occurred));
        if let Some(inotify) = &mut self.inotify {
            inotify.unwatch(removed.iter().map(|path| self.fs.hierarchy().absolute(path)));
        }
        self.watch(created.iter().map(|path| self.fs.hierarchy().absolute(path)).collect());
        for path in &created {
            self.read(path)?;
            self.list(path)?;
        }
        if !created.is_empty() || !removed.is_empty() {
            self.tell_watching();
        }
        Ok(())
    }

    fn watch(&mut self, directories: Vec<PathBuf>) {
        if directories.is_empty() || self.polling.is_some() {
            return;
        }
        if let Some(Err(error)) = self.inotify.as_mut().map(|inotify| inotify.watch(directories)) {
            self.polling = Some(error.to_string());
            self.tell_watching();
        }
    }

    fn tell_watching(&mut self) {
        let groups = self.tree.len();
        (self.tell)(Told::Watching { groups, polling: self.polling.clone() });
    }

    fn directory(&self, key: Key) -> PathBuf {
        self.fs.hierarchy().absolute(&self.tree.path(key))
    }
}
