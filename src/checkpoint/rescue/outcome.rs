//! What became of what was rescued: the processes, and the images.

use std::path::Path;

use crate::checkpoint::Level;
use crate::checkpoint::fate;
use crate::checkpoint::flag::bearing;
use crate::checkpoint::images;
use crate::kernel::tasks::lives;
use crate::model::{Hierarchies, ProcessId, printable};

/// Which processes are gone, and by what the others are frozen.
pub(super) fn processes(hosts: &Hierarchies, processes: &[ProcessId]) -> String {
    let living: Vec<i32> = processes.iter().filter(|&&one| lives(one)).map(|one| one.pid).collect();
    let how = match bearing(hosts, &living) {
        Ok(flags) => {
            let asking = flags.iter().filter(|flag| flag.asks_now() == Some(true));
            match &asking.map(|flag| flag.shown()).collect::<Vec<_>>()[..] {
                [] => "alive, and not frozen".to_owned(),
                origins => format!("alive, and frozen by {}", origins.join(", ")),
            }
        }
        Err(error) => format!("alive (whether frozen could not be read: {error})"),
    };
    fate::words(processes, &how)
}

/// Whether the images in a folder can be restored from.
pub(super) fn images(folder: &Path) -> String {
    let name = printable(folder.as_os_str().as_encoded_bytes());
    if !folder.is_dir() {
        return format!("no images were made: {name} is not there");
    }
    let found = images::verify(folder, &[]);
    let first = found.first();
    match first.map(|finding| (finding.level, finding.what.as_str())) {
        Some((Level::Ok, what)) => format!("{name} is complete: {what}"),
        Some((Level::Warning, what)) => format!("{name}: {what}"),
        Some((Level::Blocker, why)) => {
            format!("the images in {name} are not complete, and cannot be restored: {why}")
        }
        None => format!("{name} was not looked at"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders() {
        let temp = tempfile::tempdir().unwrap();
        assert!(images(&temp.path().join("none")).starts_with("no images were made"));
        assert!(images(temp.path()).contains("are not complete, and cannot be restored"));
    }
}
