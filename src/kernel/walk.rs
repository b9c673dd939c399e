//! A walk through groups, one directory at a time.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::cgroupfs::{Filesystem, Unreadable};
use super::dir::{Dir, vanished};
use crate::model::{CgroupId, CgroupPath, Change};

/// A walk from a group through everything below it. Between two steps the caller may do other things, or end it.
///
/// Only the directories above the current one are held open, so a directory of many thousand groups takes no more file
/// descriptors than one of a few.
#[derive(Debug)]
pub struct Walk {
    waiting: Vec<Waiting>,
    unreadable: Vec<Unreadable>,
    missed: Vec<CgroupId>,
}

#[derive(Debug)]
struct Waiting {
    /// The directory that it is in, and its name there; for the first group itself and `.`.
    above: Arc<Dir>,
    name: Box<[u8]>,
    id: CgroupId,
    path: CgroupPath,
}

/// What reading a directory leaves to do.
#[derive(Debug, Default)]
struct Entered {
    deeper: Vec<Waiting>,
    unreadable: Vec<Unreadable>,
    missed: Option<CgroupId>,
}

/// So many directories are worth the threads that read them side by side.
const MANY: usize = 16;

impl Filesystem {
    /// Walks a group and everything below it, on as many CPUs as there are, telling each fact as it is read: the groups of a
    /// directory, then that it is complete, and at some time after that what is below each. Groups that vanish on the way are
    /// left out; one that cannot be read is passed over, and is the error in the end.
    ///
    /// # Errors
    /// What the reads say, but for vanished groups: the error of the first group by path.
    pub fn walk(&self, from: &CgroupPath, tell: &mut impl FnMut(Change)) -> io::Result<()> {
        let Some(mut walk) = Walk::new(self, from)? else { return Ok(()) };
        walk.finish(self, tell);
        let first = walk.unreadable().min_by(|a, b| a.path.cmp(&b.path));
        first.map_or(Ok(()), |first| Err(first.error))
    }
}

impl Walk {
    /// A walk that has not begun; `None` where there is no such group.
    ///
    /// # Errors
    /// What opening the group says.
    pub fn new(fs: &Filesystem, from: &CgroupPath) -> io::Result<Option<Self>> {
        let Some(group) = fs.group(from)? else { return Ok(None) };
        let first = Waiting {
            above: Arc::new(group.dir),
            name: b".".as_slice().into(),
            id: group.id,
            path: from.clone(),
        };
        Ok(Some(Self { waiting: vec![first], unreadable: Vec::new(), missed: Vec::new() }))
    }

    /// Reads the next directory: tells its groups, then that it is complete. False when all is read.
    pub fn step(&mut self, fs: &Filesystem, tell: &mut impl FnMut(Change)) -> bool {
        let Some(next) = self.waiting.pop() else { return false };
        let entered = next.enter(fs, tell);
        self.take(entered);
        !self.waiting.is_empty()
    }

    /// Reads all that is left. Where there are many directories, one thread for each CPU reads them, and what they read is told
    /// from this one: a directory's groups always before what is below these.
    pub fn finish(&mut self, fs: &Filesystem, tell: &mut impl FnMut(Change)) {
        while self.waiting.len() < MANY {
            if !self.step(fs, tell) {
                return;
            }
        }
        // With one CPU there is one, beside the one that takes in what it reads.
        let readers = thread::available_parallelism().map_or(1, NonZero::get);
        let (give, directories) = bounded::<Waiting>(2 * readers);
        let (answer, answers) = unbounded();
        let read = || {
            for directory in &directories {
                let mut changes = Vec::new();
                let entered = directory.enter(fs, &mut |change| changes.push(change));
                // The one that listens waits for as many answers as it has given directories.
                let _ = answer.send((changes, entered));
            }
        };
        thread::scope(|scope| {
            let start =
                |_: &usize| thread::Builder::new().name("walk".into()).spawn_scoped(scope, read).is_ok();
            match (0..readers).filter(start).count() {
                // Where no thread is to be had, this one reads all.
                0 => while self.step(fs, tell) {},
                // What it takes ends the readers when it is dropped, which is before they are waited for.
                _ => self.hand_out(give, &answers, tell),
            }
        });
    }

    /// Hands out what waits and takes in what comes back, until all is read. Few directories at a time, the deepest first, so
    /// that few are open.
    fn hand_out(
        &mut self,
        give: Sender<Waiting>,
        answers: &Receiver<(Vec<Change>, Entered)>,
        tell: &mut impl FnMut(Change),
    ) {
        let (most, mut away) = (give.capacity().unwrap_or(1), 0);
        loop {
            while away < most
                && let Some(next) = self.waiting.pop()
            {
                away += usize::from(give.send(next).is_ok());
            }
            if away == 0 {
                return;
            }
            let Ok((changes, entered)) = answers.recv() else { return };
            away -= 1;
            changes.into_iter().for_each(&mut *tell);
            self.take(entered);
        }
    }

    /// The groups that could not be looked into so far.
    pub fn unreadable(&mut self) -> impl Iterator<Item = Unreadable> {
        self.unreadable.drain(..)
    }

    /// The groups that were not found any more where they had just been read. They are gone, or have another name, perhaps for a
    /// moment only: then the walk has passed by what is below them.
    pub fn missed(&mut self) -> impl Iterator<Item = CgroupId> {
        self.missed.drain(..)
    }

    fn take(&mut self, entered: Entered) {
        self.missed.extend(entered.missed);
        self.waiting.extend(entered.deeper.into_iter().rev());
        self.unreadable.extend(entered.unreadable.into_iter().filter(|group| !vanished(&group.error)));
    }
}

impl Waiting {
    fn enter(self, fs: &Filesystem, tell: &mut impl FnMut(Change)) -> Entered {
        self.try_enter(fs, tell).unwrap_or_else(|error| Entered {
            unreadable: vec![Unreadable { path: self.path, error }],
            ..Entered::default()
        })
    }

    fn try_enter(&self, fs: &Filesystem, tell: &mut impl FnMut(Change)) -> io::Result<Entered> {
        let missed = || Entered { missed: Some(self.id), ..Entered::default() };
        let Some(dir) = self.above.child(&self.name)? else { return Ok(missed()) };
        // Another group with this name by now: it is not the one that was told.
        if dir.id()? != self.id {
            return Ok(missed());
        }
        let listing = fs.list(&dir, self.id, tell)?;
        let above = Arc::new(dir);
        let deeper = |(name, id): (Box<[u8]>, _)| {
            let path = self.path.join(&name);
            Waiting { above: Arc::clone(&above), name, id, path }
        };
        let unreadable = |(name, error): (Box<[u8]>, _)| Unreadable { path: self.path.join(&name), error };
        Ok(Entered {
            deeper: listing.deeper.into_iter().map(deeper).collect(),
            unreadable: listing.unreadable.into_iter().map(unreadable).collect(),
            missed: None,
        })
    }
}
