//! Freezing and thawing, with a deadline and a way back.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::cgroupfs::{Filesystem, Group};
use super::culprits;
use super::denial::Denial;
use super::dir::vanished;
use crate::model::{CgroupPath, Culprits, Hierarchies, State, Version, printable};

/// Why a group was not frozen or thawed. Every sentence says what was tried, why it failed, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum FreezerError {
    /// A root group.
    #[error("{} is the root of its hierarchy and cannot be frozen; choose a group below it", .0.display())]
    Root(PathBuf),
    /// The group went away.
    #[error("{} is gone: it was removed meanwhile", .0.display())]
    Gone(PathBuf),
    /// The file may not be written.
    #[error("not permitted to write {file}: {error}; {denial}")]
    NotPermitted {
        /// The file, as text.
        file: String,
        /// What the kernel said.
        error: io::Error,
        /// Why, and who may.
        denial: Denial,
    },
    /// Another failure.
    #[error("cannot write {file}: {error}")]
    Io {
        /// The file, as text.
        file: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// The freeze was not complete in time, and was taken back.
    #[error("{group} did not freeze within {timeout:?}; {undone}; {culprits}")]
    TimedOut {
        /// The group.
        group: String,
        /// How long was waited.
        timeout: Duration,
        /// What was done about the request.
        undone: Undone,
        /// What kept it from freezing at the deadline.
        culprits: Culprits,
    },
    /// Whoever waited for the freeze gave it up before it was complete.
    #[error("the freeze of {group} was cancelled; {undone}")]
    Cancelled {
        /// The group.
        group: String,
        /// What was done about the request.
        undone: Undone,
    },
}

/// What became of a request that was not fulfilled in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// It was taken back.
    RolledBack,
    /// It stood before this program asked, and was left as found.
    LeftAsFound,
    /// Nothing was written yet.
    NotAsked,
    /// It could not be taken back.
    Stuck,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RolledBack => "the freeze was rolled back",
            Self::LeftAsFound => "its freeze request was left as it was found",
            Self::NotAsked => "nothing was written",
            Self::Stuck => "the freeze could NOT be rolled back",
        })
    }
}

/// What a freeze or a thaw came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The group was brought into the state that was asked for.
    Done,
    /// Its own request was so already, and so is its state: nothing was written.
    Already,
    /// Its own request is taken back, but an ancestor still asks, so it stays frozen.
    HeldAbove,
}

/// Reports how a freeze goes, and may cancel it: given the time since the request was written.
pub type FreezeWatch<'a> = &'a mut dyn FnMut(Duration) -> ControlFlow<()>;

/// Writes the freeze request of a group, and takes it back.
pub trait Requester {
    /// Why a request was not written.
    type Error: From<FreezerError>;

    /// Writes the request.
    ///
    /// # Errors
    /// Where it was not written.
    fn request(&mut self) -> Result<(), Self::Error>;

    /// Takes back what [`Self::request`] wrote; says what became of it.
    fn take_back(&mut self) -> Undone;
}

/// Writes to the group's own file.
struct Direct<'a>(&'a Group);

impl Requester for Direct<'_> {
    type Error = FreezerError;

    fn request(&mut self) -> Result<(), FreezerError> {
        request(self.0, true)
    }

    fn take_back(&mut self) -> Undone {
        request(self.0, false).map_or(Undone::Stuck, |()| Undone::RolledBack)
    }
}

/// Freezes a group: asks, waits until every process in it has stopped, and takes the request back at the deadline.
///
/// # Errors
/// [`FreezerError`]; after [`FreezerError::TimedOut`] the group's own request is as it was found.
pub fn freeze(group: &Group, timeout: Duration) -> Result<Outcome, FreezerError> {
    freeze_watched(group, timeout, &mut unwatched)
}

/// Freezes a group as [`freeze()`] does. `watch` is called before the request is written, and then at least every 20 ms; where it
/// breaks off, the request is taken back at once.
///
/// # Errors
/// [`FreezerError`]; after [`FreezerError::TimedOut`] and [`FreezerError::Cancelled`] the group's own request is as it was found.
pub fn freeze_watched(
    group: &Group,
    timeout: Duration,
    watch: FreezeWatch<'_>,
) -> Result<Outcome, FreezerError> {
    if look(group)? == (true, State::Frozen) {
        return Ok(Outcome::Already);
    }
    freeze_by(&mut Direct(group), group, timeout, watch)
}

/// The same, with the request written by somebody else, whatever the group's state is before.
///
/// # Errors
/// As [`freeze_watched()`], and what the requester says.
pub fn freeze_by<R: Requester>(
    by: &mut R,
    group: &Group,
    timeout: Duration,
    watch: FreezeWatch<'_>,
) -> Result<Outcome, R::Error> {
    let (requested, _) = look(group)?;
    let path = group.path.to_string();
    if watch(Duration::ZERO).is_break() {
        let undone = if requested { Undone::LeftAsFound } else { Undone::NotAsked };
        return Err(FreezerError::Cancelled { group: path, undone }.into());
    }
    by.request()?;
    let waited = wait(group, timeout, |(_, state)| state == State::Frozen, watch)?;
    if waited == Waited::Reached {
        return Ok(Outcome::Done);
    }
    // Looked at before the request is taken back, for then they run again.
    let culprits = if waited == Waited::TimeOver { culprits::find(group) } else { Culprits::default() };
    let undone = if requested { Undone::LeftAsFound } else { by.take_back() };
    if waited == Waited::Cancelled {
        return Err(FreezerError::Cancelled { group: path, undone }.into());
    }
    Err(FreezerError::TimedOut { group: path, timeout, undone, culprits }.into())
}

/// Watches nothing.
pub fn unwatched(_: Duration) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Takes a group's own request back and waits until it runs, or until it is known that an ancestor holds it.
///
/// # Errors
/// [`FreezerError`].
pub fn thaw(group: &Group, fs: &Filesystem) -> Result<Outcome, FreezerError> {
    let (requested, state) = look(group)?;
    let held = |_: &()| asking_ancestor(fs, &group.path).is_some();
    if !requested {
        return Ok(if state == State::Thawed || !held(&()) { Outcome::Already } else { Outcome::HeldAbove });
    }
    request(group, false)?;
    if held(&()) {
        return Ok(Outcome::HeldAbove);
    }
    wait(group, Duration::from_secs(2), |(_, state)| state == State::Thawed, &mut unwatched)?;
    Ok(Outcome::Done)
}

/// Writes a group's own request, nothing more.
///
/// # Errors
/// [`FreezerError::Root`], [`FreezerError::Gone`], [`FreezerError::NotPermitted`], [`FreezerError::Io`].
pub fn request(group: &Group, freeze: bool) -> Result<(), FreezerError> {
    if group.path.is_root() {
        return Err(FreezerError::Root(group.absolute.clone()));
    }
    write_request(group, freeze).map_err(|error| explain(group, group.version.control_file(), error))
}

/// The same, with what write(2) says as it is.
///
/// # Errors
/// What write(2) says.
pub fn write_request(group: &Group, freeze: bool) -> io::Result<()> {
    let file = group.version.control_file();
    let text = group.version.request(freeze);
    tracing::info!(group = %group.path, file, text, "write");
    group.dir.write(file, text.as_bytes())
}

/// Why a group's own request was not written, from what write(2) said.
pub fn not_written(group: &Group, error: io::Error) -> FreezerError {
    explain(group, group.version.control_file(), error)
}

/// The nearest ancestor that asks for a freeze itself.
pub fn asking_ancestor(fs: &Filesystem, path: &CgroupPath) -> Option<CgroupPath> {
    path.ancestors().find(|above| {
        let read = fs.group(above).ok().flatten().and_then(|group| group.read().ok().flatten());
        read.is_some_and(|group| group.freezer.requested())
    })
}

/// The nearest ancestor of a group of cgroup v2 that requests a freeze itself; `None` also where v2 cannot be read.
pub fn requesting_ancestor_on_v2(hosts: &Hierarchies, path: &CgroupPath) -> Option<CgroupPath> {
    asking_ancestor(&Filesystem::open(hosts.get(Version::V2)?.clone()).ok()?, path)
}

/// The own request and the effective state. On v2 the file says only whether the freeze is complete; a group that neither
/// asks nor is frozen counts as thawed here, for what an ancestor asks has not reached it.
fn look(group: &Group) -> Result<(bool, State), FreezerError> {
    let gone = || FreezerError::Gone(group.absolute.clone());
    let read = group.read().map_err(|error| explain(group, "cgroup.procs", error))?.ok_or_else(gone)?;
    let state = read.freezer.state(false).ok_or_else(|| FreezerError::Root(group.absolute.clone()))?;
    Ok((read.freezer.requested(), state))
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    Reached,
    TimeOver,
    Cancelled,
}

/// Looks again and again, ever more seldom.
fn wait(
    group: &Group,
    timeout: Duration,
    so: impl Fn((bool, State)) -> bool,
    watch: FreezeWatch<'_>,
) -> Result<Waited, FreezerError> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if so(look(group)?) {
            return Ok(Waited::Reached);
        }
        if watch(start.elapsed()).is_break() {
            return Ok(Waited::Cancelled);
        }
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(Waited::TimeOver);
        }
        sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn explain(group: &Group, file: &str, error: io::Error) -> FreezerError {
    let name = printable(group.absolute.join(file).as_os_str().as_encoded_bytes()).into_owned();
    let denied = [Errno::ACCESS, Errno::PERM, Errno::ROFS].map(Errno::raw_os_error);
    match error.raw_os_error() {
        _ if vanished(&error) => FreezerError::Gone(group.absolute.clone()),
        Some(code) if denied.contains(&code) => {
            let denial = Denial::look(group, code == Errno::ROFS.raw_os_error());
            FreezerError::NotPermitted { file: name, error, denial }
        }
        _ => FreezerError::Io { file: name, error },
    }
}

/// Whether this program may freeze a group, without writing.
pub fn may_freeze(group: &Group) -> bool {
    group.dir.may_write(group.version.control_file())
}

/// Why this program may not freeze a group, as a write to it would fail; `None` where it may, or where that would fail for
/// another reason. Nothing is written.
pub fn not_permitted(group: &Group) -> Option<FreezerError> {
    if group.path.is_root() {
        return None;
    }
    let file = group.version.control_file();
    let error = group.dir.try_access(file).err()?;
    Some(explain(group, file, error)).filter(|error| matches!(error, FreezerError::NotPermitted { .. }))
}
