//! A restore that does not get on: seen, and ended. Nothing is lost by that: the images are still there.
//!
//! criu trusts its images. Damaged ones make it read or log without end, and it does not end by TERM (measured with criu
//! 4.1.1).

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::kernel::processes::{Processes, io_bytes};
use crate::kernel::signals::{await_end, signal};
use crate::model::process::descendants;
use crate::model::{ProcessId, span};

/// How long a restore may neither log, nor read, nor write anything.
const MAX_STILL: Duration = Duration::from_secs(60);
/// How often is looked whether it reads or writes, once its log stands still.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long its log may become, whatever the images are, in bytes.
const MIN_LOG_LIMIT_BYTES: u64 = 64 << 20;
/// How many bytes of log a byte of images (pages of memory left out) may cause; with `-v4` it is about ten.
const LOG_BYTES_PER_IMAGE_BYTE: u64 = 64;
/// How long what is ended may take to be gone.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Why a restore was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// Its log has so many bytes.
    EndlessLog(u64),
    /// It has not logged, read or written anything for so long.
    Still(Duration),
}

impl Stall {
    /// It will not end by itself, whatever it waits for.
    pub(super) fn is_endless(self) -> bool {
        matches!(self, Self::EndlessLog(_))
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndlessLog(bytes) => write!(f, "its log has grown to {} MiB", bytes >> 20),
            Self::Still(time) => write!(f, "it has not read or written anything for {}", span::short(*time)),
        }
    }
}

/// Watches one run of `criu restore`.
pub(super) struct StallDetector {
    criu: i32,
    max_log_bytes: u64,
    moved: Instant,
    looked: Instant,
    io_bytes: u64,
}

impl StallDetector {
    /// For a criu that has just been started on the images in a folder.
    pub(super) fn new(criu: i32, images: &Path) -> Self {
        let (moved, looked) = (Instant::now(), Instant::now());
        Self { criu, max_log_bytes: max_log_bytes(images), moved, looked, io_bytes: 0 }
    }

    /// Its log has grown.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Looks; why the restore does not get on, where it does not. `log_bytes`: how long its log is.
    pub(super) fn look(&mut self, log_bytes: u64) -> Option<Stall> {
        if log_bytes > self.max_log_bytes {
            return Some(Stall::EndlessLog(log_bytes));
        }
        if self.moved.elapsed() < LOOK_INTERVAL || self.looked.elapsed() < LOOK_INTERVAL {
            return None;
        }
        self.looked = Instant::now();
        let all = Processes::default().all();
        let its = descendants(&all, self.criu);
        let now = its.iter().filter_map(|process| io_bytes(process.id.pid)).fold(0, u64::saturating_add);
        if std::mem::replace(&mut self.io_bytes, now) != now {
            self.moved();
        }
        (self.moved.elapsed() > MAX_STILL).then(|| Stall::Still(self.moved.elapsed()))
    }
}

/// How long the log of a restore from these images may become, in bytes.
fn max_log_bytes(images: &Path) -> u64 {
    let is_pages = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"pages-");
    let entries = std::fs::read_dir(images).into_iter().flatten().flatten();
    let sizes =
        entries.filter(|entry| !is_pages(&entry.file_name())).filter_map(|entry| entry.metadata().ok());
    let bytes = sizes.map(|meta| meta.len()).fold(0, u64::saturating_add);
    bytes.saturating_mul(LOG_BYTES_PER_IMAGE_BYTE).saturating_add(MIN_LOG_LIMIT_BYTES)
}

/// Ends a criu and every process that it has made, half made or not.
///
/// # Errors
/// What the signals say; `TimedOut` where one is still there.
pub(super) fn end_with_descendants(criu: i32) -> io::Result<()> {
    let deadline = Instant::now() + END_PATIENCE;
    let mut known: BTreeSet<ProcessId> = BTreeSet::new();
    loop {
        let all = Processes::default().all();
        // What criu has made becomes somebody else's child when criu ends.
        let roots: Vec<i32> = known.iter().map(|id| id.pid).chain([criu]).collect();
        known.extend(roots.iter().flat_map(|&root| descendants(&all, root)).map(|process| process.id));
        let mut living = Vec::new();
        for &id in &known {
            if !await_end(id, Duration::ZERO)? {
                signal(id, Signal::KILL)?;
                living.push(id);
            }
        }
        if living.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_end_is_seen_at_once() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("pages-1.img"), vec![0; 1 << 20]).unwrap();
        std::fs::write(temp.path().join("core-1.img"), [0; 10]).unwrap();
        let limit = MIN_LOG_LIMIT_BYTES + 10 * LOG_BYTES_PER_IMAGE_BYTE;
        assert_eq!(max_log_bytes(temp.path()), limit);
        let mut detector = StallDetector::new(std::process::id().cast_signed(), temp.path());
        assert_eq!(detector.look(limit), None);
        assert_eq!(detector.look(limit + 1), Some(Stall::EndlessLog(limit + 1)));
    }

    #[test]
    fn a_process_and_its_children_are_ended() {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 1000 & wait"]).spawn().unwrap();
        let pid = shell.id().cast_signed();
        let is_there = || descendants(&Processes::default().all(), pid).len();
        while is_there() < 2 {
            sleep(Duration::from_millis(5));
        }
        let its: Vec<ProcessId> =
            descendants(&Processes::default().all(), pid).iter().map(|process| process.id).collect();
        end_with_descendants(pid).unwrap();
        shell.wait().unwrap();
        assert!(its.iter().all(|&id| await_end(id, Duration::ZERO).unwrap()));
    }
}
