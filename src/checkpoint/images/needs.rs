//! What a restore needs, as far as the images tell.

use std::collections::HashSet;

use serde::Serialize;

use super::ImagesError;
use super::files::{Files, Kind};
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{FileLock, Inventory, TtyInfo};
use super::process::Process;

/// An option of `criu restore` that these images need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The option.
    pub option: &'static str,
    /// Why.
    pub why: String,
}

pub(super) fn read(
    folder: &Folder,
    inventory: &Inventory,
    processes: &[Process],
    files: &Files,
) -> Result<Vec<Need>, ImagesError> {
    let mut needs = Vec::new();
    let mut need = |option, why: Option<String>| needs.extend(why.map(|why| Need { option, why }));
    need("--shell-job", shell_job(folder, processes)?.or_else(|| no_master(processes)));
    let closed = inventory.tcp_close == Some(true);
    let connected = (files.connected_tcp > 0).then(|| format!("{} TCP connections", files.connected_tcp));
    if closed {
        need("--tcp-close", Some("the images were made with it".to_owned()));
    } else {
        need("--tcp-established", connected);
    }
    let external = files.external_unix;
    need(
        "--ext-unix-sk",
        (external > 0).then(|| format!("{external} unix sockets lead to processes outside")),
    );
    let locks = count(folder)?;
    need("--file-locks", (locks > 0).then(|| format!("{locks} file locks are held")));
    Ok(needs)
}

/// The session leader is not in the tree: the root's, or a terminal's (criu/seize.c, criu/tty.c).
fn shell_job(folder: &Folder, processes: &[Process]) -> Result<Option<String>, ImagesError> {
    if let Some(root) = processes.first().filter(|root| root.sid != root.pid) {
        return Ok(Some(format!("the root process {} is not a session leader", root.pid)));
    }
    let Some(mut image) = Image::open(folder, "tty-info.img", Magic::TtyInfo)? else {
        return Ok(None);
    };
    let pids: HashSet<i32> = processes.iter().map(|process| process.pid).collect();
    let sids = image.each(|tty: TtyInfo| tty.sid)?;
    let outside = |sid: &u32| *sid != 0 && i32::try_from(*sid).is_ok_and(|sid| !pids.contains(&sid));
    Ok(sids
        .into_iter()
        .find(outside)
        .map(|sid| format!("a terminal belongs to session {sid}, outside the tree")))
}

/// The names of the terminals that are open: `/dev/ptmx` for the master of a pseudo-terminal (pts(4)).
fn terminals(processes: &[Process]) -> impl Iterator<Item = &str> {
    let open = processes.iter().flat_map(|process| &process.files.list);
    open.filter(|open| open.file.kind == Kind::Tty).map(|open| open.file.name.as_str())
}

fn is_master(name: &str) -> bool {
    name.ends_with("/ptmx")
}

/// A terminal whose other side is not in the tree (criu/tty.c: `Found slave peer index 1 without correspond master peer`).
fn no_master(processes: &[Process]) -> Option<String> {
    if terminals(processes).any(is_master) {
        return None;
    }
    terminals(processes).next().map(|name| format!("the other side of {name} is outside the tree"))
}

/// A terminal is open that is not the tree's own: criu gives the processes the one that it is started on.
pub(super) fn on_terminal(needs: &[Need], processes: &[Process]) -> bool {
    needs.iter().any(|need| need.option == "--shell-job") && terminals(processes).any(|name| !is_master(name))
}

/// How many file locks are held.
fn count(folder: &Folder) -> Result<usize, ImagesError> {
    let image = Image::open(folder, "filelocks.img", Magic::FileLocks)?;
    let locks = image.map(|mut image| image.each(|_: FileLock| ())).transpose()?;
    Ok(locks.map_or(0, |locks| locks.len()))
}
