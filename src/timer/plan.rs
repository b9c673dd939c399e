//! The plans of checkpoints, as far as a timer must know them: each takes requests back for a while, and sets them again.

use std::io;

use serde::Deserialize;

use crate::kernel::runtime_folder::RuntimeFolder;
use crate::model::CgroupId;

/// The kind of file in the runtime folder in which a plan says which requests it sets again. Its first line is an object with
/// `flags`; each has the group's `dev` and `ino`.
pub const PLAN: &str = "checkpoint";

#[derive(Debug, Deserialize)]
struct Plan {
    flags: Vec<Flag>,
}

#[derive(Debug, Deserialize)]
struct Flag {
    dev: u64,
    ino: u64,
}

/// How a plan bears on a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Planned {
    /// None writes its request.
    Not,
    /// One does that was cut off, and that nobody has put right yet.
    CutOff,
    /// One does that runs, or that is being put right.
    Runs,
}

/// Looks whether a plan of this user writes a group's request.
pub(super) fn planned(group: CgroupId) -> io::Result<Planned> {
    let mut found = Planned::Not;
    let Some(folder) = RuntimeFolder::open(false)? else { return Ok(found) };
    for name in folder.names(PLAN)? {
        let text = folder.read(&name)?.unwrap_or_default();
        if names(&text, group) {
            let left_behind = folder.hold(&name)?.is_some();
            found = found.max(if left_behind { Planned::CutOff } else { Planned::Runs });
        }
    }
    Ok(found)
}

fn names(text: &[u8], group: CgroupId) -> bool {
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    // What does not read so was not written by a plan.
    let plan = serde_json::from_slice::<Plan>(line).ok();
    plan.is_some_and(|plan| plan.flags.iter().any(|f| (f.dev, f.ino) == (group.dev, group.ino)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_its_groups() {
        let names = |text: &str, ino| names(text.as_bytes(), CgroupId { dev: 1, ino });
        let text = "{\"boot\":\"x\",\"flags\":[{\"v2\":true,\"dev\":1,\"ino\":7}]}\ndumped\n";
        assert!(names(text, 7) && !names(text, 8));
        assert!(!names("", 7) && !names("{}\n", 7));
    }
}
