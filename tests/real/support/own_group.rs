//! The v1 group in which all tests run, when it is not a test's own.

use std::fs;
use std::path::{Path, PathBuf};

use cryoscope::kernel::membership::group_of;
use cryoscope::kernel::mounts::hierarchies;

use super::group::PREFIX;
use super::namespace::run_name;

/// A v1 group that holds this program and whatever it starts. In the root group every dump of a process would save all groups of
/// all tests with it, and its restore would create again those that have gone meanwhile.
pub struct OwnGroup {
    path: PathBuf,
    /// Where this program was before.
    before: PathBuf,
}

impl OwnGroup {
    /// Moves this program into a new group. `None` where there is no v1 freezer, no right to do so, or a group already that is not
    /// the root.
    pub fn enter() -> Option<Self> {
        let v1 = hierarchies().ok()?.v1?;
        let before = group_of(std::process::id().cast_signed(), &v1).ok()?.group()?;
        if !before.is_root() {
            return None;
        }
        let path = v1.mount_point.join(format!("{PREFIX}{}-all", run_name()));
        let before = v1.absolute(&before);
        fs::create_dir(&path).ok()?;
        let own = Self { path, before };
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
