//! What a restore needs, as far as the images tell.

use serde::Serialize;

use super::ImagesError;
use super::files::Files;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{FileLock, Inventory};
use super::process::Process;
use super::terminals::Terminals;

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
    terminals: &Terminals,
) -> Result<Vec<Need>, ImagesError> {
    let mut needs = Vec::new();
    let mut need = |option, why: Option<String>| needs.extend(why.map(|why| Need { option, why }));
    need("--shell-job", shell_job(processes, terminals));
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
        (external > 0).then(|| format!("{external} unix sockets lead to processes outside the tree")),
    );
    let locks = count(folder)?;
    need("--file-locks", (locks > 0).then(|| format!("{locks} file locks are held")));
    Ok(needs)
}

/// The session leader of the root, or the other side of a terminal, is not in the tree (criu/seize.c, criu/tty.c).
fn shell_job(processes: &[Process], terminals: &Terminals) -> Option<String> {
    if let Some(root) = processes.first().filter(|root| root.sid != root.pid) {
        return Some(format!("the root process {} is not a session leader", root.pid));
    }
    terminals.without_master.as_ref().map(|name| format!("the other side of {name} is outside the tree"))
}

/// How many file locks are held.
fn count(folder: &Folder) -> Result<usize, ImagesError> {
    let image = Image::open(folder, "filelocks.img", Magic::FileLocks)?;
    let locks = image.map(|mut image| image.each(|_: FileLock| ())).transpose()?;
    Ok(locks.map_or(0, |locks| locks.len()))
}
