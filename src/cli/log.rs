//! `--log` and `-v`: what is done goes to a file, and never to the terminal.

mod queue;

use std::fs::File;
use std::io;
use std::path::{self, Path};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};
use tracing::level_filters::LevelFilter;

use super::Failure;
use super::args::Global;
use crate::kernel::trust::people;
use crate::model::printable;
use crate::timer::Log;

pub(super) use queue::end;

/// Opens the log, if there is to be one, and begins to write to it. Beside the screen, which must not wait for a file, it is written
/// by a thread of its own, until [`end`].
pub(super) fn begin(global: &Global, beside_screen: bool) -> Result<(), Failure> {
    let Some(path) = &global.log else { return Ok(()) };
    let file = open(path).map_err(|error| {
        let name = printable(path.as_os_str().as_encoded_bytes());
        Failure::new(
            2,
            format!("cannot log to {name}: {error}; choose a regular file in a directory of your own"),
        )
    })?;
    let level = match global.verbose {
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt().with_ansi(false).with_max_level(level);
    // Begun once in a program; where a log stands already that one is kept.
    let _ = match beside_screen {
        true => log.with_writer(queue::start(file)?).try_init(),
        false => log.with_writer(Arc::new(file)).try_init(),
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "begin");
    Ok(())
}

/// For a program that is started from here, and stands in another folder.
pub(super) fn of(global: &Global) -> io::Result<Option<Log>> {
    let log = |file: &std::path::PathBuf| Ok(Log { file: path::absolute(file)?, verbose: global.verbose });
    global.log.as_ref().map(log).transpose()
}

/// Made where it is missing, for its owner alone; otherwise written on. Only a plain file: not what a link leads to, nor a
/// terminal, nor a pipe on whose reader the program would wait.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    // Whoever owns it would read what is logged; and another name of it may be one that is not to be written to.
    if !people().contains(&stat.st_uid) || stat.st_nlink != 1 {
        return Err(io::Error::other("it belongs to another user, or is a hard link"));
    }
    Ok(file.into())
}
