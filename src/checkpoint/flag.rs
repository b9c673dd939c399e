//! The freeze flags around a target: recorded before, watched while criu runs, put back after.
//!
//! A flag belongs to a group, not to a path: it is read and written through the group's open directory, so a rename loses
//! nothing. A record that was read from a journal has no open directory. Its group is looked for at its path, and then, by
//! device and inode, in its whole hierarchy; only after that it counts as gone.

mod directory;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

pub use directory::Directory;

use super::arg::Arg;
use crate::kernel::freezer::{FreezerError, asking_ancestor, request};
use crate::kernel::membership::{Membership, groups_of};
use crate::kernel::tasks::holds_in;
use crate::kernel::{Dir, Filesystem, Group, dir::absent_is_none, find::find};
use crate::model::shell::write_request;
use crate::model::{Cgroup, CgroupId, CgroupPath, Hierarchies, State, Version, printable};
use crate::timer;

/// A group's freeze flag, as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flag {
    /// The group's absolute path.
    pub group: Arg,
    /// Its hierarchy.
    #[serde(serialize_with = "word")]
    pub hierarchy: Version,
    /// Its own request, as it was found.
    pub requested: bool,
    /// Its own request, as it is to be afterwards.
    pub promised: bool,
    /// It was frozen for a time when it was found: a [`timer`] takes the request back.
    pub timed: bool,
    /// Its effective state when it was found.
    #[serde(serialize_with = "word")]
    pub state: State,
    /// Which group it is.
    #[serde(skip)]
    pub id: CgroupId,
    /// Its path below the hierarchy's root.
    #[serde(skip)]
    pub path: CgroupPath,
    /// Its open directory, if it is kept.
    #[serde(skip)]
    pub directory: Directory,
}

fn word<S: Serializer>(value: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

impl Flag {
    /// Reads a group's flag. `Ok(None)` for a root group and for one that is gone.
    pub(super) fn read(fs: &Filesystem, path: &CgroupPath) -> io::Result<Option<Self>> {
        let Some(group) = fs.group(path)? else { return Ok(None) };
        let Some(read) = group.read()? else { return Ok(None) };
        let inherited = asking_ancestor(fs, path).is_some();
        let Some(state) = read.freezer.state(inherited) else { return Ok(None) };
        let requested = read.freezer.requested();
        let timed = requested && timer::of(group.id).is_ok_and(|timers| !timers.is_empty());
        Ok(Some(Self {
            group: Arg::from(group.absolute),
            hierarchy: group.version,
            requested,
            promised: requested,
            timed,
            state,
            id: group.id,
            path: path.clone(),
            directory: Directory::keep(group.dir),
        }))
    }

    /// The group's absolute path.
    pub fn absolute(&self) -> PathBuf {
        PathBuf::from(&self.group.0)
    }

    /// The group as text.
    pub fn shown(&self) -> String {
        printable(self.group.0.as_encoded_bytes()).into_owned()
    }

    /// The line for a shell that writes the request.
    pub fn line(&self, freeze: bool) -> String {
        write_request(self.hierarchy, &self.absolute(), freeze)
    }

    /// The group: by its open directory, else at its path; `None` where another group, or none, is at its path.
    fn group_at_hand(&self) -> io::Result<Option<Group>> {
        let dir = match self.directory.get() {
            Some(dir) => Some(dir.again()?),
            None => absent_is_none(Dir::open(&self.absolute()))?,
        };
        self.is(dir)
    }

    /// The group, wherever it is in its hierarchy; `None` where it is gone for certain.
    fn find_group(&self) -> io::Result<Option<Group>> {
        if let Some(group) = self.group_at_hand()? {
            return Ok(Some(group));
        }
        let absolute = self.group.0.as_encoded_bytes();
        let root = absolute.strip_suffix(self.path.as_bytes()).filter(|root| !root.is_empty());
        let root = root.map_or_else(|| PathBuf::from("/"), |root| PathBuf::from(OsStr::from_bytes(root)));
        let found = find(&Dir::open(&root)?, self.hierarchy, self.id)?;
        self.is(found)
    }

    /// This directory as the group, if it is that.
    fn is(&self, dir: Option<Dir>) -> io::Result<Option<Group>> {
        let Some(dir) = dir else { return Ok(None) };
        let id = dir.id()?;
        let (path, version, absolute) = (self.path.clone(), self.hierarchy, self.absolute());
        Ok((id == self.id).then_some(Group { dir, id, path, version, absolute }))
    }

    /// The same record with its group's open directory; `None` where the group is gone.
    ///
    /// # Errors
    /// Where it cannot be known whether the group is gone.
    pub(super) fn with_directory(self) -> io::Result<Option<Self>> {
        let group = self.find_group()?;
        Ok(group.map(|group| Self { directory: Directory::keep(group.dir), ..self }))
    }

    /// The same record of the group that is at its path now; `None` where there is none.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn now_there(self) -> io::Result<Option<Self>> {
        let Some(dir) = absent_is_none(Dir::open(&self.absolute()))? else { return Ok(None) };
        Ok(Some(Self { id: dir.id()?, directory: Directory::keep(dir), ..self }))
    }

    /// Whether its path leads to its group: criu is given the path.
    pub(super) fn is_at_its_path(&self) -> bool {
        Dir::open(&self.absolute()).and_then(|dir| dir.id()).is_ok_and(|id| id == self.id)
    }

    /// The group as it is now; `None` where it is gone or cannot be read.
    fn now(&self) -> Option<Cgroup> {
        self.group_at_hand().ok()??.read().ok()?
    }

    /// Whether the group is certainly gone.
    pub(super) fn is_gone(&self) -> bool {
        let group = self.group_at_hand();
        let read = group.and_then(|group| group.map_or(Ok(None), |group| group.read()));
        matches!(read, Ok(None))
    }

    /// The group's own request now; `None` where the group is gone for certain.
    ///
    /// # Errors
    /// Where it cannot be read, or it cannot be known whether the group is gone.
    pub(super) fn request_now(&self) -> io::Result<Option<bool>> {
        let Some(group) = self.find_group()? else { return Ok(None) };
        Ok(group.read()?.map(|read| read.freezer.requested()))
    }

    /// The group's own request now; `None` where the group is gone or cannot be read.
    pub(super) fn asks_now(&self) -> Option<bool> {
        Some(self.now()?.freezer.requested())
    }

    /// Whether every process of the group is frozen now.
    pub(super) fn is_frozen_now(&self) -> Option<bool> {
        Some(self.now()?.freezer.state(true) == Some(State::Frozen))
    }

    /// Whether a process in the group or below it is traced by this process. What cannot be read is not.
    pub(super) fn holds_traced(&self, tracer: i32) -> bool {
        let group = self.group_at_hand().ok().flatten();
        group.is_some_and(|group| holds_in(tracer, &group.dir).unwrap_or(false))
    }

    /// Waits until every process of the group is frozen, but no longer than this; whether they are. `None` where it is gone.
    ///
    /// A process that was on its way through the kernel when the v1 freezer asked may have slipped past it, and nobody asks
    /// again: so it is asked again here, as long as the group asks.
    pub(super) fn await_frozen(&self, timeout: Duration) -> Option<bool> {
        let deadline = Instant::now() + timeout;
        let mut looks = 0;
        while !self.is_frozen_now()? {
            if Instant::now() > deadline {
                return Some(false);
            }
            looks += 1;
            if self.hierarchy == Version::V1 && looks % 10 == 0 && self.asks_now()? {
                // Where that fails it goes on waiting: it asked before.
                let _ = self.write(true);
            }
            sleep(Duration::from_millis(2));
        }
        Some(true)
    }

    /// It was frozen for a time, and that is over, or nothing is left that would end it: then it is not frozen again.
    pub(super) fn is_over(&self) -> bool {
        self.timed && timer::of(self.id).is_ok_and(|timers| timers.iter().all(|timer| timer.left().is_zero()))
    }

    /// Writes the request that it is to have again.
    fn put_back(&self, freeze: bool, write: &mut Write<'_>) -> PutBack {
        let shown = self.shown();
        let over = || {
            if let Err(error) = timer::forget(self.id) {
                tracing::error!(group = shown, %error, "could not remove the record of its timer");
            }
            PutBack::Over(format!("{shown} was frozen for a set time, which has ended: thawing it"))
        };
        let freezes = freeze && !self.is_over();
        let written = write(self, freezes).and_then(|()| {
            // Its timer may have ended between the look and the write.
            let over = freezes && self.is_over();
            if over { write(self, false).map(|()| true) } else { Ok(over) }
        });
        match written {
            Err(error) => PutBack::Failed(format!("could not restore the freeze flag of {shown}: {error}")),
            Ok(true) => over(),
            Ok(false) if freeze && !freezes => over(),
            Ok(false) => PutBack::Done(format!("restored: {}", self.line(freeze))),
        }
    }

    /// Freezes it again after a thaw that was to be for a while.
    pub(super) fn freeze_again(&self, write: &mut Write<'_>) -> String {
        match self.put_back(true, write) {
            PutBack::Done(_) => format!("{} was frozen again", self.shown()),
            PutBack::Over(what) | PutBack::Failed(what) => what,
        }
    }

    /// Writes the request, if the group is still there.
    pub(super) fn write(&self, freeze: bool) -> Result<(), FreezerError> {
        match self.find_group() {
            Ok(Some(group)) => request(&group, freeze),
            Ok(None) => Err(FreezerError::Gone(self.absolute())),
            Err(error) => Err(FreezerError::Io { file: self.shown(), error }),
        }
    }
}

/// How a flag is written: [`Flag::write`], with whatever account is kept of that.
pub(super) type Write<'a> = dyn FnMut(&Flag, bool) -> Result<(), FreezerError> + 'a;

/// Every flag that bears on any of these processes, on both hierarchies.
///
/// # Errors
/// What the reads say, but for groups and processes that are gone.
pub(super) fn bearing(hosts: &Hierarchies, pids: &[i32]) -> io::Result<Vec<Flag>> {
    let mut flags = Vec::new();
    for hierarchy in hosts.iter() {
        let fs = Filesystem::open(hierarchy.clone())?;
        let mut places = BTreeSet::new();
        for &pid in pids {
            let groups = groups_of(pid, hierarchy)?.into_iter().filter_map(Membership::group);
            places.extend(groups.flat_map(|path| path.ancestors().chain([path.clone()]).collect::<Vec<_>>()));
        }
        for path in places {
            flags.extend(Flag::read(&fs, &path)?);
        }
    }
    Ok(flags)
}

/// What was done about a flag: a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutBack {
    /// It differed from what it should be, and does no more.
    Done(String),
    /// It should ask, but was frozen for a time only, and that is over.
    Over(String),
    /// It still differs.
    Failed(String),
}

impl PutBack {
    /// The sentence.
    pub fn into_text(self) -> String {
        match self {
            Self::Done(text) | Self::Over(text) | Self::Failed(text) => text,
        }
    }
}

/// How long is waited for a freeze that is set again, before anything else is thawed.
const SETTLE: Duration = Duration::from_secs(2);

/// Sets every flag that differs from what it should be; says what was done, or what could not be. Freezes come before
/// thaws, and groups above first, so that nothing below runs in between; and v2 before v1, for a freeze through v2 cannot
/// complete while v1 holds. v1 must hold before anything is thawed: a process that stops on its way there never arrives.
///
/// A flag whose group is gone is left out; one that cannot be read, or whose group may be somewhere else, has failed.
pub(super) fn set(flags: &[Flag], should: impl Fn(&Flag) -> bool, write: &mut Write<'_>) -> Vec<PutBack> {
    let (mut wrong, mut done) = (Vec::new(), Vec::new());
    for flag in flags {
        match mismatch(flag, should(flag)) {
            Ok(found) => wrong.extend(found),
            Err(error) => done.push(PutBack::Failed(format!(
                "could not restore the freeze flag of {}, because it cannot be read: {error}",
                flag.shown()
            ))),
        }
    }
    wrong.sort_by_key(|w| (!w.freezes, w.flag.hierarchy == Version::V1, w.flag.group.0.len()));
    let (mut v2_settled, mut v1_settled) = (false, true);
    for Mismatch { flag, should, freezes } in wrong {
        if freezes && flag.hierarchy == Version::V1 && !std::mem::replace(&mut v2_settled, true) {
            settle(flags, Version::V2);
            v1_settled = false;
        }
        if !freezes && !std::mem::replace(&mut v1_settled, true) {
            settle(flags, Version::V1);
        }
        done.push(flag.put_back(should, write));
    }
    done
}

/// A flag that is to be written.
struct Mismatch<'a> {
    flag: &'a Flag,
    should: bool,
    /// It should request a freeze, and not for a time only that is over.
    freezes: bool,
}

fn mismatch(flag: &Flag, should: bool) -> io::Result<Option<Mismatch<'_>>> {
    let Some(now) = flag.request_now()? else { return Ok(None) };
    let over = should && flag.is_over();
    Ok((now != should || over).then_some(Mismatch { flag, should, freezes: should && !over }))
}

/// Waits for the freezes through one hierarchy. What does not stop in time keeps nothing from being put back.
pub(super) fn settle(flags: &[Flag], version: Version) {
    for flag in flags.iter().filter(|flag| flag.hierarchy == version && flag.asks_now() == Some(true)) {
        let _ = flag.await_frozen(SETTLE);
    }
}
