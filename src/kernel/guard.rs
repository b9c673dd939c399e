//! The guard against locking oneself out: which process makes freezing a group dangerous.
//!
//! Processes are known by who they are, never by their names: this program and those that it was started from, whoever carries
//! its session (`session`), and what logins and services hang on (`essential`).

use std::collections::BTreeMap;

use super::cgroupfs::{Filesystem, Group};
use super::command_line::comm;
use super::membership::groups_of;
use super::mounts::true_path;
use super::proc;
use super::processes::user_name;
use crate::model::span::and_more;
use crate::model::{CgroupPath, Hierarchy, printable};

mod essential;
mod open_files;
mod refusal;
mod session;

pub use refusal::{Refusal, Why};

/// The first process that speaks against freezing a group. One with threads in several groups is in each of them; one whose group
/// cannot be known may be in this one.
pub fn refusal(fs: &Filesystem, group: &Group) -> Option<Refusal> {
    let path = true_path(fs, group).map_err(|error| error.to_string());
    vital().find_map(|vital| {
        let path = path.as_ref().map_err(String::clone);
        match path.and_then(|path| is_inside(vital.pid, fs.hierarchy(), path)) {
            Ok(inside) => inside.then_some(vital),
            Err(why) => Some(Refusal { why: Why::Unknown(why), ..vital }),
        }
    })
}

/// The login sessions of other users that freezing a group stops, in a sentence. That is no reason to refuse it.
pub fn sessions(fs: &Filesystem, group: &Group) -> Option<String> {
    let path = true_path(fs, group).ok()?;
    let mut users: BTreeMap<u32, (i32, usize)> = BTreeMap::new();
    for found in essential::essentials() {
        let Some(user) = found.session_of else { continue };
        if is_inside(found.pid, fs.hierarchy(), &path) == Ok(true) {
            users.entry(user).or_insert((found.pid, 0)).1 += 1;
        }
    }
    let named = |(user, (pid, count)): (u32, (i32, usize))| {
        let more = and_more(count);
        let name = printable(&comm(pid).unwrap_or_default()).into_owned();
        format!("{} ({name}, process {pid}{more})", user_name(user))
    };
    let named: Vec<String> = users.into_iter().map(named).collect();
    (!named.is_empty()).then(|| format!("this stops the login session of {}", named.join(", ")))
}

fn is_inside(pid: i32, hierarchy: &Hierarchy, group: &CgroupPath) -> Result<bool, String> {
    let found = groups_of(pid, hierarchy).map_err(|unknown| unknown.why.to_string())?;
    Ok(found.iter().any(|at| at.is_within(group)))
}

/// Every process that speaks against freezing the group that it is in, the nearest to the person first.
pub fn vital() -> impl Iterator<Item = Refusal> {
    let me = std::process::id().cast_signed();
    let reason = |pid| if pid == 1 { Why::Init } else { Why::Ancestor };
    let above: Vec<i32> = lineage(me).collect();
    let session: Vec<i32> = std::iter::once(me).chain(above.clone()).filter(|&pid| pid != 1).collect();
    // Each part is looked for when the ones before did not speak against it.
    std::iter::once((me, Why::Myself))
        .chain(above.into_iter().map(move |pid| (pid, reason(pid))))
        .chain(std::iter::once_with(move || session::carriers(&session)).flatten())
        .chain(std::iter::once((1, Why::Init)))
        .chain(std::iter::once_with(essential::essentials).flatten().filter_map(|found| {
            found.session_of.is_none().then_some((found.pid, Why::Essential(found.what)))
        }))
        .map(|(pid, why)| Refusal::new(pid, why))
}

/// The parents of a process, nearest first.
fn lineage(pid: i32) -> impl Iterator<Item = i32> {
    let parent = |pid: &i32| Some(proc::stat(*pid)?.ppid).filter(|&p| p > 0);
    std::iter::successors(parent(&pid), parent)
}
