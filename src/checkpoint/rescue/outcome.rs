//! What became of what was rescued: the processes, and the images.

use std::path::Path;

use crate::checkpoint::Level;
use crate::checkpoint::fate;
use crate::checkpoint::flag::bearing;
use crate::checkpoint::images;
use crate::kernel::processes::Processes;
use crate::kernel::signals::is_stopped;
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
        Err(error) => format!("alive (could not check whether frozen: {error})"),
    };
    fate::words(processes, &how)
}

/// Which processes a restore that was cut off has left stopped, of those that were to go on.
pub(super) fn restored(pids: &[i32]) -> String {
    let mut processes = Processes::default();
    let mut is_left = |pid: &i32| processes.read(*pid).is_some_and(|now| is_stopped(&now) == Some(true));
    let left: Vec<i32> = pids.iter().copied().filter(|pid| is_left(pid)).collect();
    if left.is_empty() {
        return "the restore has left no process stopped".to_owned();
    }
    let numbers: Vec<String> = left.iter().map(i32::to_string).collect();
    let are = if left.len() == 1 { "is" } else { "are" };
    format!(
        "{} {are} stopped, because a restore keeps all stopped until the last is there; to resume them: kill -CONT {}",
        fate::list(&left),
        numbers.join(" ")
    )
}

/// Whether the images in a folder can be restored from.
pub(super) fn images(folder: &Path) -> String {
    let name = printable(folder.as_os_str().as_encoded_bytes());
    if !folder.is_dir() {
        return format!("there are no images: {name} does not exist");
    }
    let found = images::verify(folder, &[]);
    let first = found.first();
    match first.map(|finding| (finding.level, finding.what.as_str())) {
        Some((Level::Ok, what)) => format!("{name} is complete: {what}"),
        Some((Level::Warning, what)) => format!("{name}: {what}"),
        Some((Level::Blocker, why)) => {
            format!("the images in {name} are incomplete, and cannot be restored: {why}")
        }
        None => format!("{name} was not checked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders() {
        let temp = tempfile::tempdir().unwrap();
        assert!(images(&temp.path().join("none")).starts_with("there are no images"));
        assert!(images(temp.path()).contains("are incomplete, and cannot be restored"));
    }
}
