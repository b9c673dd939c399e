//! Keeps a tree equal to the groups of one cgroup hierarchy, in small steps that the next message can interrupt.

mod apply;
mod control_files;
mod follow;
mod polling;
mod watching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select};

use super::budget::Budget;
use super::hints::Hint;
use super::message::{Focus, Message, Watching};
use super::schedule::{Pending, Schedule, Task};
use super::watches::Watches;
use crate::kernel::processes::Processes;
use crate::kernel::{Filesystem, Walk};
use crate::model::tree::{Key, Occurrence};
use crate::model::{CgroupId, CgroupPath, Change, Process, State, Tree};

/// How long a step of a walk may take.
const STEP: Duration = Duration::from_millis(4);
/// Watches one hierarchy.
pub(super) struct Watcher<'a> {
    fs: Rc<Filesystem>,
    /// Groups from here down are observed.
    top: CgroupPath,
    tree: Tree,
    send: &'a mut dyn FnMut(Message),
    watches: Watches,
    schedule: Schedule,
    /// `None` before anybody said what is on screen.
    focus: Option<Focus>,
    /// The first walk is complete.
    scanned: bool,
    /// Why not all groups are watched; those that are not are polled.
    polling: Option<String>,
    /// What the kernel announced. Hints are followed round by round, so that none waits behind those that come again and again.
    hints: BTreeSet<Hint>,
    round: BTreeSet<Hint>,
    /// The walk that goes on, and those that are to come.
    walk: Option<Walk>,
    walks: BTreeSet<CgroupPath>,
    /// Groups that are in the tree and not watched yet.
    unwatched: VecDeque<Key>,
    /// Groups that are not to be watched any more, and the directories at which they were.
    gone: Vec<(CgroupId, PathBuf)>,
    /// Groups of v1 that were not found where they are in the tree, or have another name now: some of them, where there are many. As
    /// long as there is one, what was read may not fit together.
    misplaced: Vec<CgroupId>,
    unreadable: BTreeMap<CgroupPath, String>,
    /// In the tree and not sent yet.
    changes: Vec<Change>,
    occurred: Vec<Occurrence>,
    processes: Processes,
    /// What was sent last.
    last_processes: Option<LastProcesses>,
    last_files: Option<control_files::LastFiles>,
    last_watching: Option<Watching>,
}

/// A list of processes that was sent.
struct LastProcesses {
    /// Whose.
    id: CgroupId,
    /// In which state the group was.
    state: Option<State>,
    list: Result<Vec<Process>, String>,
}

impl<'a> Watcher<'a> {
    /// Reads the root and begins to watch.
    pub(super) fn open(
        fs: Filesystem,
        top: CgroupPath,
        budget: Arc<Budget>,
        send: &'a mut dyn FnMut(Message),
    ) -> io::Result<Self> {
        let root = fs.read_root()?;
        send(Message::Root(root.clone()));
        let tree = Tree::new(root);
        Ok(Self {
            fs: Rc::new(fs),
            unwatched: VecDeque::from([tree.root()]),
            walks: BTreeSet::from([top.clone()]),
            top,
            tree,
            send,
            watches: Watches::new(budget),
            schedule: Schedule::new(Instant::now()),
            focus: None,
            scanned: false,
            polling: None,
            hints: BTreeSet::new(),
            round: BTreeSet::new(),
            walk: None,
            gone: Vec::new(),
            misplaced: Vec::new(),
            unreadable: BTreeMap::new(),
            changes: Vec::new(),
            occurred: Vec::new(),
            processes: Processes::default(),
            last_processes: None,
            last_files: None,
            last_watching: None,
        })
    }

    /// Watches until the other end of `focus` is dropped.
    ///
    /// # Errors
    /// Where the root cannot be read.
    pub(super) fn run(&mut self, focus: &Receiver<Focus>) -> io::Result<()> {
        self.read_ancestors();
        loop {
            let bell = self.watches.bell().clone();
            let alarm = self.schedule.due_at(Instant::now(), self.pending()).map_or_else(never, at);
            select! {
                recv(focus) -> latest => match latest {
                    Ok(latest) => self.set_focus(focus.try_iter().last().unwrap_or(latest)),
                    Err(_) => return Ok(()),
                },
                recv(bell) -> _ => self.take_hints_in(),
                recv(alarm) -> _ => self.step()?,
            }
        }
    }

    /// What there is to do.
    fn pending(&self) -> Pending {
        Pending {
            scanned: self.scanned,
            walks: self.is_walking(),
            unwatched: !self.unwatched.is_empty(),
            misplaced: !self.misplaced.is_empty(),
            worn: self.watches.is_worn(),
            polled: (self.polling.is_some() && self.is_wanted()) || self.is_restless_on_screen(),
        }
    }

    fn is_walking(&self) -> bool {
        self.walk.is_some() || !self.walks.is_empty()
    }

    /// Does one thing that is due.
    fn step(&mut self) -> io::Result<()> {
        match self.schedule.next(Instant::now(), self.pending()) {
            Task::Poll { force } => self.poll(force),
            Task::FollowHints => self.follow_hints(),
            Task::Tidy => self.tidy(),
            Task::Watch => self.watch_some(),
            Task::Walk => self.walk_on()?,
            Task::Recheck => self.recheck(),
        }
        self.end_step();
        if self.scanned && self.unwatched.is_empty() && !self.is_walking() {
            self.send_watching();
        }
        Ok(())
    }

    /// Goes on with the walk for a moment, or begins the next one.
    fn walk_on(&mut self) -> io::Result<()> {
        let fs = Rc::clone(&self.fs);
        if let Some(mut walk) = self.walk.take().map_or_else(|| self.next_walk(), |walk| Ok(Some(walk)))? {
            let start = Instant::now();
            let mut more = true;
            while more && start.elapsed() < STEP {
                more = walk.step(&fs, &mut |change| self.apply(change));
            }
            self.schedule.walked(start.elapsed());
            if !more {
                self.schedule.walk_ended(Instant::now());
            }
            for group in walk.unreadable() {
                self.unreadable.insert(group.path, group.error.to_string());
            }
            for key in walk.missed().filter_map(|id| self.tree.find(id)).collect::<Vec<_>>() {
                self.recheck_subtree(key);
            }
            self.walk = more.then_some(walk);
        }
        if !self.is_walking() && (!self.scanned || self.polling.is_some()) {
            self.choose_unwatched();
        }
        if !self.scanned && !self.is_walking() {
            self.send_changes();
            self.scanned = true;
            (self.send)(Message::Scanned);
        }
        Ok(())
    }

    fn next_walk(&mut self) -> io::Result<Option<Walk>> {
        let Some(from) = self.walks.pop_first() else { return Ok(None) };
        // What lies below is walked with it.
        self.walks.retain(|path| !path.is_within(&from));
        self.unreadable.retain(|path, _| !path.is_within(&from));
        match Walk::new(&self.fs, &from) {
            Err(error) if from.is_root() => Err(error),
            Err(error) => {
                self.report(from, &error);
                Ok(None)
            }
            Ok(walk) => {
                if let Some(key) = self.tree.at(&from).filter(|_| walk.is_none()) {
                    self.recheck_subtree(key);
                }
                Ok(walk)
            }
        }
    }

    /// Something else is on screen.
    fn set_focus(&mut self, focus: Focus) {
        self.focus = Some(focus);
        self.poll(true);
        self.end_step();
    }

    /// What was read is sent; and whether a v1 group is freezing decides when to poll next.
    fn end_step(&mut self) {
        self.send_changes();
        self.schedule.set_freezing(Instant::now(), self.is_v1() && self.is_any_freezing());
    }

    fn send_watching(&mut self) {
        if self.watches.len() >= self.tree.len() {
            self.polling = None;
        }
        let watching = Watching {
            groups: self.watches.len(),
            of: self.tree.len(),
            polling: self.polling.clone(),
            unreadable: self.unreadable.clone().into_iter().collect(),
        };
        if self.last_watching.as_ref() != Some(&watching) {
            self.last_watching = Some(watching.clone());
            (self.send)(Message::Watching(watching));
        }
    }
}
