//! The groups in which all tests run, when they are not a test's own.

use std::fs;
use std::path::{Path, PathBuf};

use cryoscope::kernel::membership::group_of;
use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Hierarchy;

use super::group::PREFIX;
use super::namespace::run_name;

/// A group of each hierarchy that holds this program and whatever it starts. In a root group every dump of a process would save all
/// groups of all tests with it, and its restore would create again those that have gone meanwhile.
pub struct OwnGroups(Vec<OwnGroup>);

struct OwnGroup {
    path: PathBuf,
    /// Where this program was before.
    before: PathBuf,
}

impl OwnGroups {
    /// Moves this program out of the root groups, as far as it may.
    pub fn enter() -> Self {
        let hosts = hierarchies().ok();
        Self(hosts.iter().flat_map(|hosts| hosts.iter()).filter_map(OwnGroup::enter).collect())
    }
}

impl OwnGroup {
    /// `None` without the right to do so, and in a group already that is not the root.
    fn enter(hierarchy: &Hierarchy) -> Option<Self> {
        let before = group_of(std::process::id().cast_signed(), hierarchy).ok()?.group()?;
        if !before.is_root() {
            return None;
        }
        let path = hierarchy.mount_point.join(format!("{PREFIX}{}-all", run_name()));
        fs::create_dir(&path).ok()?;
        let own = Self { path, before: hierarchy.absolute(&before) };
        fs::write(own.path.join("cgroup.procs"), std::process::id().to_string()).ok().map(|()| own)
    }
}

impl Drop for OwnGroup {
    fn drop(&mut self) {
        let moved = |pid: &str| fs::write(self.before.join("cgroup.procs"), pid);
        for pid in processes(&self.path).lines() {
            // What has ended meanwhile is gone.
            let _ = moved(pid);
        }
        if let Err(error) = fs::remove_dir(&self.path) {
            eprintln!("{} is left behind: {error}", self.path.display());
        }
    }
}

fn processes(group: &Path) -> String {
    fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default()
}
