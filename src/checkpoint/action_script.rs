//! This program as criu's action script: it says whether the processes may be ended ([`hook`](super::hook) has criu ask).

use std::env;
use std::fs;
use std::path::Path;

use super::hook::{FOLDER, FREEZE, OPTIONS, POST_DUMP, STAGE};
use super::proof::{Unproved, prove};
use crate::kernel::Dir;
use crate::model::Version;

/// Whether criu has started this program as its action script.
pub fn is_asked() -> bool {
    env::args_os().len() == 1 && env::var_os(STAGE).is_some()
}

/// Answers criu.
///
/// # Errors
/// Why the processes must not be ended, in words: for criu's log.
pub fn answer() -> Result<(), String> {
    if env::var_os(STAGE).is_none_or(|stage| stage != POST_DUMP) {
        return Ok(());
    }
    let folder = env::var_os(FOLDER)
        .ok_or_else(|| format!("criu did not say where the images are: {FOLDER} is not set"))?;
    // By its own path: that is what a restore will be told.
    let folder = fs::canonicalize(&folder)
        .map_err(|error| format!("cannot find the image directory {}: {error}", folder.display()))?;
    let options = env::var(OPTIONS).unwrap_or_default();
    let proved = prove(&folder, &options.split(' ').collect::<Vec<_>>());
    proved.map_err(|unproved| match unproved {
        Unproved::Unrestorable(why) => format!("the images cannot be restored: {why}"),
        Unproved::Unwritable(error) => format!("cannot write into {}: {error}", folder.display()),
    })?;
    env::var_os(FREEZE).map_or(Ok(()), |group| freeze_again(Path::new(&group)))
}

fn freeze_again(group: &Path) -> Result<(), String> {
    let (file, text) = (Version::V2.control_file(), Version::V2.request(true));
    let written = Dir::open(group).and_then(|dir| dir.write(file, text.as_bytes()));
    written.map_err(|error| format!("cannot freeze {} again: {error}", group.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn nobody_asks_a_test() {
        assert!(!super::is_asked());
    }
}
