//! The record of a copy's groups in the runtime folder, by which a rescue finds what a killed keeper has left.
//!
//! The keeper holds a lock on it as long as it lives: a record that nobody holds is of one that was killed. Its first line has
//! the boot and the keeper, each other one a group, added as soon as that is made.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::kernel::host::boot_id;
use crate::kernel::runtime_folder::{Bytes, Held, RuntimeFolder};
use crate::model::CgroupId;

const KIND: &str = "copy";

#[derive(Debug, Serialize, Deserialize)]
struct Begin {
    boot: String,
    keeper: i32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Made {
    /// Its absolute path.
    group: Bytes,
    dev: u64,
    ino: u64,
}

/// The record of a keeper that lives.
pub(super) struct Record(Held);

impl Record {
    /// Begins the record of this process.
    pub(super) fn begin() -> io::Result<Self> {
        let begin = Begin { boot: boot_id()?, keeper: std::process::id().cast_signed() };
        Ok(Self(RuntimeFolder::make()?.create(KIND, &line(&begin)?)?))
    }

    /// Adds a group that was made.
    pub(super) fn add(&mut self, path: &Path, id: CgroupId) -> io::Result<()> {
        let group = Bytes::of(path.as_os_str().as_encoded_bytes());
        self.0.write(&line(&Made { group, dev: id.dev, ino: id.ino })?)
    }

    /// Ends it, when the groups are removed.
    pub(super) fn end(self) -> io::Result<()> {
        self.0.remove()
    }
}

fn line(what: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    Ok(line)
}

/// What a keeper that was killed has written down.
#[derive(Debug)]
pub(super) struct LeftRecord {
    held: Held,
    /// Which process it was.
    pub(super) keeper: i32,
    /// The groups that it has made.
    pub(super) groups: Vec<(PathBuf, CgroupId)>,
}

impl LeftRecord {
    /// Removes it, when nothing of the groups is left.
    pub(super) fn end(self) -> io::Result<()> {
        self.held.remove()
    }
}

/// The records of this boot that nobody holds; they are held by what comes back.
pub(super) fn left() -> io::Result<Vec<LeftRecord>> {
    let (boot, mut found) = (boot_id()?, Vec::new());
    for folder in RuntimeFolder::all() {
        for name in folder.names(KIND)? {
            let Some(mut held) = folder.hold(&name)? else { continue };
            // What does not read so was not written by a keeper.
            let Some((begin, groups)) = parse(&held.read()?) else { continue };
            if begin.boot == boot {
                found.push(LeftRecord { held, keeper: begin.keeper, groups });
            }
        }
    }
    Ok(found)
}

/// A line that is not complete is no group: its keeper was killed before it went on.
fn parse(text: &[u8]) -> Option<(Begin, Vec<(PathBuf, CgroupId)>)> {
    let mut lines = text.split_inclusive(|&byte| byte == b'\n');
    let begin = serde_json::from_slice(lines.next()?).ok()?;
    let groups = lines.map_while(|line| serde_json::from_slice::<Made>(line).ok());
    let groups = groups.map(|made| {
        let id = CgroupId { dev: made.dev, ino: made.ino };
        (PathBuf::from(std::ffi::OsString::from(made.group)), id)
    });
    Some((begin, groups.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_cut_off_has_the_groups_before() {
        let whole = "{\"boot\":\"b\",\"keeper\":7}\n{\"group\":\"/a.copy\",\"dev\":1,\"ino\":2}\n";
        let (begin, groups) = parse(whole.as_bytes()).unwrap();
        assert_eq!((begin.boot.as_str(), begin.keeper), ("b", 7));
        assert_eq!(groups, [(PathBuf::from("/a.copy"), CgroupId { dev: 1, ino: 2 })]);
        for length in 0..whole.len() {
            let read = parse(&whole.as_bytes()[..length]);
            assert!(read.is_none_or(|(_, groups)| groups.len() <= 1), "{length}");
        }
        assert_eq!(parse(&whole.as_bytes()[..whole.len() - 5]).unwrap().1.len(), 0);
    }
}
