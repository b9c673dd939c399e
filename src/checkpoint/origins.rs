//! The freeze flags around a target: recorded before, watched while criu runs, put back after.

use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::Plan;
use super::arg::Arg;
use crate::kernel::freezer::{FreezerError, request};
use crate::kernel::{Dir, Filesystem, Group};
use crate::model::shell::write_request;
use crate::model::{CgroupId, CgroupPath, State, Version};

/// A group's freeze flag, as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flag {
    /// The group's absolute path.
    pub group: Arg,
    /// Its own request.
    pub requested: bool,
    /// Its effective state: `thawed`, `freezing`, `frozen`.
    pub state: String,
    #[serde(skip)]
    pub(super) id: CgroupId,
    #[serde(skip)]
    pub(super) path: CgroupPath,
    #[serde(skip)]
    pub(super) version: Version,
}

impl Flag {
    /// The group's absolute path.
    pub fn absolute(&self) -> PathBuf {
        PathBuf::from(&self.group.0)
    }

    /// The group as text.
    pub fn shown(&self) -> String {
        crate::model::printable(self.group.0.as_encoded_bytes()).into_owned()
    }

    /// The line for a shell that writes the request.
    pub fn line(&self, freeze: bool) -> String {
        write_request(self.version, &self.absolute(), freeze)
    }

    /// Opens the group, if it still is the same one.
    pub(super) fn open(&self) -> io::Result<Option<Group>> {
        let dir = crate::kernel::dir::absent_is_none(Dir::open(&self.absolute()))?;
        let Some(dir) = dir else { return Ok(None) };
        let id = dir.id()?;
        let (path, version, absolute) = (self.path.clone(), self.version, self.absolute());
        Ok((id == self.id).then_some(Group { dir, id, path, version, absolute }))
    }

    /// The group's own request now; `None` where the group is gone or cannot be read.
    pub(super) fn asks_now(&self) -> Option<bool> {
        Some(self.open().ok()??.read().ok()??.freezer.requested())
    }

    /// Writes the request, if the group is still there.
    pub(super) fn write(&self, freeze: bool) -> Result<(), FreezerError> {
        match self.open() {
            Ok(Some(group)) => request(&group, freeze),
            _ => Err(FreezerError::Gone(self.absolute())),
        }
    }
}

/// Reads a group's flag. `Ok(None)` for a root group and for one that is gone.
pub(super) fn read(fs: &Filesystem, path: &CgroupPath) -> io::Result<Option<Flag>> {
    let Some(group) = fs.group(path)? else { return Ok(None) };
    let Some(read) = group.read()? else { return Ok(None) };
    let inherited = crate::kernel::freezer::asking_ancestor(fs, path).is_some();
    let Some(state) = read.freezer.state(inherited) else { return Ok(None) };
    Ok(Some(Flag {
        group: Arg::from(group.absolute),
        requested: read.freezer.requested(),
        state: state.to_string(),
        id: group.id,
        path: path.clone(),
        version: group.version,
    }))
}

/// True where the flag's group is not simply thawed.
pub(super) fn held(flag: &Flag) -> bool {
    flag.requested || flag.state != State::Thawed.to_string()
}

/// The paths of a group and of all groups below it, top first.
///
/// # Errors
/// What reading the directories says.
pub(super) fn subtree(fs: &Filesystem, top: &CgroupPath) -> io::Result<Vec<CgroupPath>> {
    let mut paths = vec![top.clone()];
    let mut next = 0;
    while let Some(path) = paths.get(next).cloned() {
        next += 1;
        if let Some(group) = fs.group(&path)? {
            paths.extend(group.dir.children()?.iter().map(|name| path.join(name)));
        }
    }
    Ok(paths)
}

/// Sets every flag back that differs from what was recorded; says what was done, or what could not be. A freeze that
/// somebody else asked for meanwhile is told of and left: only criu's own is taken back.
pub(super) fn put_back(plan: &Plan, but: &[PathBuf]) -> Vec<Result<String, String>> {
    let differs = |flag: &&Flag| flag.asks_now().is_some_and(|now| now != flag.requested);
    let excepted = |flag: &&Flag| but.contains(&flag.absolute());
    let mut wrong: Vec<&Flag> = plan.flags.iter().filter(differs).filter(|flag| !excepted(flag)).collect();
    // Freezes before thaws, and groups above first, so that nothing below runs in between.
    wrong.sort_by_key(|flag| (!flag.requested, flag.group.0.len()));
    let done = |flag: &Flag| {
        if !flag.requested && plan.freeze_cgroup() != Some(&flag.group) {
            return Ok(format!("{} was frozen by somebody else meanwhile, and is left so", flag.shown()));
        }
        match flag.write(flag.requested) {
            Ok(()) => {
                Ok(format!("the freeze flag of {} was put back: {}", flag.shown(), flag.line(flag.requested)))
            }
            Err(error) => Err(format!("the freeze flag of {} was not put back: {error}", flag.shown())),
        }
    };
    wrong.into_iter().map(done).collect()
}
