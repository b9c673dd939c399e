//! The one that looks: it keeps a tree equal to the kernel's, a small step at a time, so that it can always be asked to look
//! somewhere else first.

mod facts;
mod files;
mod follow;
mod unannounced;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select};

use super::budget::Budget;
use super::hints::Hint;
use super::observer::{Focus, Told, Watching};
use super::watches::Watches;
use crate::kernel::processes::Processes;
use crate::kernel::{Filesystem, Walk};
use crate::model::tree::{Key, Occurrence};
use crate::model::{CgroupId, CgroupPath, Change, Process, State, Tree};

/// How long hints are gathered after others were followed, so that a storm of them costs few looks. One that comes alone is
/// followed at once.
const GATHER: Duration = Duration::from_millis(2);
/// How long a step of a walk may take.
const STEP: Duration = Duration::from_millis(4);
/// After an unasked look or walk that took t, there is none for at least 4 t: it uses at most a fifth of a CPU.
const REST: u32 = 4;
/// Where walks find nothing new, they become as rare as this: after one that took t, there is none for 24 t, a 25th of a CPU.
const MAX_REST: u32 = 24;
/// How long the watches of removed groups are gathered before they are given back: others mostly follow.
const TIDY: Duration = Duration::from_millis(200);

/// Looks at one hierarchy.
pub(super) struct Eye<'a> {
    fs: Rc<Filesystem>,
    top: CgroupPath,
    tree: Tree,
    tell: &'a mut dyn FnMut(Told),
    watches: Watches,
    /// Why not all groups are watched; those that are not are polled.
    polling: Option<String>,
    /// The first walk is complete.
    scanned: bool,
    /// What the kernel announced and was not looked at yet, and when that is done: round by round, so that none waits for ever
    /// behind those that come again and again.
    hints: BTreeSet<Hint>,
    round: BTreeSet<Hint>,
    follow_at: Option<Instant>,
    /// When hints were followed last, and whether it is the turn of what that has set going: a storm of hints has no end.
    followed: Instant,
    gives_way: bool,
    /// Groups that are in the tree and not watched yet.
    fresh: VecDeque<Key>,
    /// When the watches of removed groups are given back; `None` where there are none.
    tidy_at: Option<Instant>,
    /// The walk that goes on, and those that are to come.
    walk: Option<Walk>,
    walks: BTreeSet<CgroupPath>,
    /// How long it has taken so far, and when the next one may begin that only polls.
    walked: Duration,
    rested: Instant,
    /// How many times the time of the last walk is rested after it, and whether anything happened since that began.
    rest: u32,
    news: bool,
    unreadable: BTreeMap<CgroupPath, String>,
    /// Groups of v1 that were not found where they are in the tree, or have another name now: some of them, where there are many. As
    /// long as there is one, what was read may not fit together.
    sought: Vec<CgroupId>,
    /// In the tree and not told yet.
    changes: Vec<Change>,
    occurred: Vec<Occurrence>,
    /// Groups that are not to be watched any more, and the directories at which they were.
    left: Vec<(CgroupId, PathBuf)>,
    /// `None` before anybody said what is on screen.
    focus: Option<Focus>,
    /// Something on screen has changed in a way of which only a part was announced.
    stirred: bool,
    looked: Instant,
    /// How long the last look took.
    looking: Duration,
    freezing_since: Option<Instant>,
    processes: Processes,
    /// The processes that were told last.
    listed: Option<Listed>,
    /// The control files that were told last.
    seen: Option<files::Seen>,
    watching: Option<Watching>,
}

/// A list of processes.
struct Listed {
    /// Whose.
    id: CgroupId,
    /// In which state the group was.
    state: Option<State>,
    list: Result<Vec<Process>, String>,
}

impl<'a> Eye<'a> {
    /// Reads the root and begins to watch.
    pub(super) fn open(
        fs: Filesystem,
        top: CgroupPath,
        budget: Arc<Budget>,
        tell: &'a mut dyn FnMut(Told),
    ) -> io::Result<Self> {
        let root = fs.read_root()?;
        tell(Told::Root(root.clone()));
        let tree = Tree::new(root);
        Ok(Self {
            fs: Rc::new(fs),
            fresh: VecDeque::from([tree.root()]),
            tidy_at: None,
            walks: BTreeSet::from([top.clone()]),
            top,
            tree,
            tell,
            watches: Watches::new(budget),
            polling: None,
            scanned: false,
            hints: BTreeSet::new(),
            round: BTreeSet::new(),
            follow_at: None,
            followed: Instant::now(),
            gives_way: false,
            walk: None,
            walked: Duration::ZERO,
            rested: Instant::now(),
            rest: REST,
            news: false,
            unreadable: BTreeMap::new(),
            sought: Vec::new(),
            changes: Vec::new(),
            occurred: Vec::new(),
            left: Vec::new(),
            focus: None,
            stirred: false,
            looked: Instant::now(),
            looking: Duration::ZERO,
            freezing_since: None,
            processes: Processes::default(),
            listed: None,
            seen: None,
            watching: None,
        })
    }

    /// Looks until nobody wants to know any more.
    ///
    /// # Errors
    /// Where the root cannot be read.
    pub(super) fn run(&mut self, looks: &Receiver<Focus>) -> io::Result<()> {
        self.spine();
        loop {
            let bell = self.watches.bell().clone();
            let alarm = self.due().map_or_else(never, at);
            select! {
                recv(looks) -> focus => match focus {
                    Ok(focus) => self.turn(looks.try_iter().last().unwrap_or(focus)),
                    Err(_) => return Ok(()),
                },
                recv(bell) -> _ => self.hinted(),
                recv(alarm) -> _ => self.step()?,
            }
        }
    }

    /// When there is something to do; `None` for never.
    fn due(&self) -> Option<Instant> {
        if !self.fresh.is_empty()
            || self.is_walking()
            || (!self.sought.is_empty() && self.follow_at.is_none())
        {
            return Some(Instant::now());
        }
        let look = self.pause().map(|pause| self.looked + pause);
        let stirred = self.stirred.then(|| self.may_look());
        [self.follow_at, look, stirred, self.tidy_at].into_iter().flatten().min()
    }

    fn is_walking(&self) -> bool {
        self.walk.is_some() || !self.walks.is_empty()
    }

    /// Does one thing that is due, the most urgent first.
    fn step(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.pause().is_some_and(|pause| now >= self.looked + pause) {
            self.look(false);
        } else if self.follow_at.is_some_and(|at| now >= at) && !self.gives_way {
            self.follow();
            self.gives_way = self.is_walking() || !self.fresh.is_empty();
        } else if self.stirred && now >= self.may_look() {
            self.look(true);
        } else if self.watches.is_worn() || self.tidy_at.is_some_and(|at| now >= at) {
            self.tidy();
        } else {
            self.gives_way = false;
            if self.scanned && !self.fresh.is_empty() {
                self.watch_fresh();
            } else if self.is_walking() || self.sought.is_empty() {
                self.walk_on()?;
            } else {
                self.walk_contradictions();
            }
        }
        self.settle();
        if self.scanned && self.fresh.is_empty() && !self.is_walking() {
            self.tell_watching();
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
                more = walk.step(&fs, &mut |change| self.take(change));
            }
            self.walked += start.elapsed();
            if !more {
                self.rest = if std::mem::take(&mut self.news) { REST } else { (2 * self.rest).min(MAX_REST) };
                self.rested = Instant::now() + self.rest * std::mem::take(&mut self.walked);
            }
            for group in walk.unreadable() {
                self.unreadable.insert(group.path, group.error.to_string());
            }
            for key in walk.missed().filter_map(|id| self.tree.find(id)).collect::<Vec<_>>() {
                self.look_again(key);
            }
            self.walk = more.then_some(walk);
        }
        if !self.is_walking() && (!self.scanned || self.polling.is_some()) {
            self.watch_more();
        }
        if !self.scanned && !self.is_walking() {
            self.flush();
            self.scanned = true;
            (self.tell)(Told::Scanned);
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
                    self.look_again(key);
                }
                Ok(walk)
            }
        }
    }

    /// Something else is on screen.
    fn turn(&mut self, focus: Focus) {
        self.focus = Some(focus);
        self.look(true);
        self.settle();
    }

    /// After whatever was done: what was read is told, and whether a v1 group is freezing decides when to look next.
    fn settle(&mut self) {
        self.flush();
        let freezing = self.is_v1() && self.is_any_freezing();
        self.freezing_since = freezing.then(|| self.freezing_since.unwrap_or_else(Instant::now));
    }

    fn tell_watching(&mut self) {
        if self.watches.len() >= self.tree.len() {
            self.polling = None;
        }
        let watching = Watching {
            groups: self.watches.len(),
            of: self.tree.len(),
            polling: self.polling.clone(),
            unreadable: self.unreadable.clone().into_iter().collect(),
        };
        if self.watching.as_ref() != Some(&watching) {
            self.watching = Some(watching.clone());
            (self.tell)(Told::Watching(watching));
        }
    }
}
