//! Which processes hold the other end of what each one has open.

use std::collections::HashMap;

use super::ends::{End, Holders};
use super::process::Process;

/// Fills in who holds the other ends of what is open. `ends` are those of the files, by number.
pub(super) fn fill_in_peers(processes: &mut [Process], ends: &HashMap<u32, (End, End)>) {
    let mut held: HashMap<End, Holders> = HashMap::new();
    for process in &*processes {
        for open in &process.files.list {
            if let Some((this, _)) = ends.get(&open.file.id) {
                held.entry(*this).or_default().add(process.pid, open.fd);
            }
        }
    }
    for open in processes.iter_mut().flat_map(|process| &mut process.files.list) {
        let other = ends.get(&open.file.id).and_then(|(_, other)| held.get(other));
        open.file.peers = other.cloned();
    }
}
