//! `--log` and `-v`: what is done goes to a file, and never to the terminal.

use std::fs::File;
use std::io;
use std::path::{self, Path};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};
use tracing::level_filters::LevelFilter;

use super::Failure;
use super::args::Global;
use crate::model::printable;
use crate::timer::Log;

/// Opens the log, if there is to be one, and begins to write to it.
pub(super) fn begin(global: &Global) -> Result<(), Failure> {
    let Some(path) = &global.log else { return Ok(()) };
    let file = open(path).map_err(|error| {
        let name = printable(path.as_os_str().as_encoded_bytes());
        Failure::new(2, format!("cannot log to {name}: {error}; name a plain file in a folder of your own"))
    })?;
    let level = match global.verbose {
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt().with_ansi(false).with_max_level(level).with_writer(Arc::new(file));
    // Begun once in a program; where a log stands already that one is kept.
    let _ = log.try_init();
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
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
    if kind == FileType::RegularFile { Ok(file.into()) } else { Err(io::Error::other("it is no plain file")) }
}
