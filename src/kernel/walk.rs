//! A walk through groups, one directory at a time.

use std::io;
use std::rc::Rc;

use super::cgroupfs::Filesystem;
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
}

/// A group that could not be looked into.
#[derive(Debug)]
pub struct Unreadable {
    /// Which group.
    pub path: CgroupPath,
    /// What the kernel said.
    pub error: io::Error,
}

#[derive(Debug)]
struct Waiting {
    /// The directory that it is in, and its name there; for the first group itself and `.`.
    above: Rc<Dir>,
    name: Box<[u8]>,
    id: CgroupId,
    path: CgroupPath,
}

impl Walk {
    /// A walk that has not begun; `None` where there is no such group.
    ///
    /// # Errors
    /// What opening the group says.
    pub fn new(fs: &Filesystem, from: &CgroupPath) -> io::Result<Option<Self>> {
        let Some(group) = fs.group(from)? else { return Ok(None) };
        let first = Waiting {
            above: Rc::new(group.dir),
            name: b".".as_slice().into(),
            id: group.id,
            path: from.clone(),
        };
        Ok(Some(Self { waiting: vec![first], unreadable: Vec::new() }))
    }

    /// Reads the next directory: tells its groups, then that it is complete. False when all is read.
    pub fn step(&mut self, fs: &Filesystem, tell: &mut impl FnMut(Change)) -> bool {
        let Some(next) = self.waiting.pop() else { return false };
        if let Err(error) = self.enter(fs, &next, tell) {
            self.note(next.path, error);
        }
        !self.waiting.is_empty()
    }

    /// The groups that could not be looked into so far.
    pub fn unreadable(&mut self) -> impl Iterator<Item = Unreadable> {
        self.unreadable.drain(..)
    }

    fn enter(&mut self, fs: &Filesystem, at: &Waiting, tell: &mut impl FnMut(Change)) -> io::Result<()> {
        let Some(dir) = at.above.child(&at.name)? else { return Ok(()) };
        // Another group with this name by now: it is not the one that was told.
        if dir.id()? != at.id {
            return Ok(());
        }
        let listing = fs.list(&dir, at.id, tell)?;
        for (name, error) in listing.unreadable {
            self.note(at.path.join(&name), error);
        }
        let above = Rc::new(dir);
        self.waiting.extend(listing.deeper.into_iter().rev().map(|(name, id)| Waiting {
            above: Rc::clone(&above),
            path: at.path.join(&name),
            name,
            id,
        }));
        Ok(())
    }

    fn note(&mut self, path: CgroupPath, error: io::Error) {
        if !vanished(&error) {
            self.unreadable.push(Unreadable { path, error });
        }
    }
}
