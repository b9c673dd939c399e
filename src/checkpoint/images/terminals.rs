//! The terminals that are open: `tty-info.img`. One that leads out of the tree is replaced by the terminal of whoever restores.

use super::ImagesError;
use super::files::Files;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::TtyInfo;

/// Types of terminals (`tty.proto`: `TtyType`). Consoles and `/dev/tty` (2, 4) are opened again by their paths.
const PSEUDO: i32 = 1;
const VIRTUAL: i32 = 3;
const SERIAL: i32 = 6;

/// What the terminals need of a restore.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Terminals {
    /// The name of a pseudo-terminal whose master was not dumped: criu puts its own terminal in its place (`--shell-job`).
    pub without_master: Option<String>,
    /// One is open that criu replaces by its own terminal where it gets `--shell-job`.
    pub replaceable: bool,
}

impl Terminals {
    pub(super) fn read(folder: &Folder, files: &Files) -> Result<Self, ImagesError> {
        let Some(mut image) = Image::open(folder, "tty-info.img", Magic::TtyInfo)? else {
            return Ok(Self::default());
        };
        let all = image.each(|terminal: TtyInfo| terminal)?;
        let alone = |terminal: &&TtyInfo| is_without_master(terminal, files);
        let first = all.iter().find(alone);
        let name = |terminal: &TtyInfo| {
            let file = files.terminals.get(&terminal.id).and_then(|&id| files.name(id));
            file.unwrap_or_else(|| format!("/dev/pts/{}", terminal.id >> 1))
        };
        Ok(Self {
            without_master: first.map(name),
            replaceable: first.is_some() || all.iter().any(|one| matches!(one.r#type, VIRTUAL | SERIAL)),
        })
    }
}

/// Whether this is the slave of a pseudo-terminal, not hung up, whose master is not in the images (criu/tty.c:
/// `tty_find_restoring_task`, `tty_has_active_pair`, `tty_is_hung`). A slave has an even number, its master the next one.
fn is_without_master(terminal: &TtyInfo, files: &Files) -> bool {
    let is_slave = terminal.r#type == PSEUDO && terminal.id.is_multiple_of(2);
    is_slave && terminal.termios.is_some() && !files.terminals.contains_key(&(terminal.id + 1))
}
