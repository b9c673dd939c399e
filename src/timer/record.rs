//! The files of the timers: who can be seen, and ended.

use std::io;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::kernel::Group;
use crate::kernel::host::since_boot;
use crate::kernel::processes::Processes;
use crate::kernel::runtime_folder::{Bytes, Held, RuntimeFolder};
use crate::kernel::signals::{await_end, signal};
use crate::model::{CgroupId, ProcessId};

const KIND: &str = "timer";

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The absolute path, for whoever reads the file.
    group: Bytes,
    dev: u64,
    ino: u64,
    /// `CLOCK_BOOTTIME`, in nanoseconds.
    deadline: u64,
    pid: i32,
    start: u64,
}

/// A timer that runs, of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Which group it thaws.
    pub group: CgroupId,
    /// When: since the boot, suspends counted.
    pub deadline: Duration,
    /// Its process.
    pub process: ProcessId,
    name: String,
}

impl Timer {
    /// How long until it thaws.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_sub(since_boot())
    }

    /// Ends it, without a thaw.
    ///
    /// # Errors
    /// What signalling it, and removing its file, say.
    pub fn end(self) -> io::Result<()> {
        signal(self.process, Signal::KILL)?;
        // One that is itself held by the v1 freezer ends later; it does nothing more.
        await_end(self.process, Duration::from_secs(2))?;
        folders()?.iter().try_for_each(|folder| folder.remove(&self.name))
    }
}

/// The timers of a group, the first to thaw it first. What timers that were killed left behind is removed.
///
/// # Errors
/// What the kernel says of the folder.
pub fn of(group: CgroupId) -> io::Result<Vec<Timer>> {
    let mut found = Vec::new();
    for folder in folders()? {
        in_folder(&folder, group, &mut found)?;
    }
    found.sort_by_key(|timer| timer.deadline);
    Ok(found)
}

/// The folders that may hold records of this user, that of this call first.
fn folders() -> io::Result<Vec<RuntimeFolder>> {
    // One that may not be used is an error, and not passed over as the others are.
    RuntimeFolder::open(false)?;
    Ok(RuntimeFolder::all())
}

fn in_folder(folder: &RuntimeFolder, group: CgroupId, found: &mut Vec<Timer>) -> io::Result<()> {
    for name in folder.names(KIND)? {
        if let Some(left_behind) = folder.hold(&name)? {
            left_behind.remove()?;
            continue;
        }
        let Some(text) = folder.read(&name)? else { continue };
        // What does not read so was not written by a timer.
        let Some(line) = parse(&text) else { continue };
        let timer = Timer {
            group: CgroupId { dev: line.dev, ino: line.ino },
            deadline: Duration::from_nanos(line.deadline),
            process: ProcessId { pid: line.pid, start: line.start },
            name,
        };
        if timer.group == group && !await_end(timer.process, Duration::ZERO)? {
            found.push(timer);
        }
    }
    Ok(())
}

fn parse(text: &[u8]) -> Option<Line> {
    serde_json::from_slice(text).ok()
}

/// Writes this process down as the timer of a group.
pub(super) fn write(group: &Group, deadline: Duration) -> io::Result<Held> {
    let me = std::process::id().cast_signed();
    let me =
        Processes::default().read(me).ok_or_else(|| io::Error::other("/proc does not show this process"))?;
    let line = Line {
        group: Bytes::of(group.absolute.as_os_str().as_encoded_bytes()),
        dev: group.id.dev,
        ino: group.id.ino,
        deadline: u64::try_from(deadline.as_nanos()).map_err(io::Error::other)?,
        pid: me.id.pid,
        start: me.id.start,
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    RuntimeFolder::make()?.create(KIND, &text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"{"group":"/a","dev":1,"ino":2,"deadline":3,"pid":4,"start":5}"#;

    #[test]
    fn a_whole_record_is_read() {
        let line = parse(WHOLE.as_bytes()).unwrap();
        assert_eq!((line.dev, line.ino, line.deadline, line.pid, line.start), (1, 2, 3, 4, 5));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>, length in 0..WHOLE.len()) {
            parse(&text);
            prop_assert!(parse(&WHOLE.as_bytes()[..length]).is_none(), "half a record is none");
        }
    }
}
