//! Who controls the file that a process executes: whoever may change it, or decides what is found at its path.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::descriptors::Facts;
use super::trust::distrust_of;

/// Whether a path leads to this very file, and nobody but these users decides what is found there. A folder that everybody may
/// write to is no place for it, sticky or not: anybody may give a file of theirs another name there (link(2)).
pub(super) fn is_controlled_by(users: &[u32], path: &Path, file: &Facts) -> bool {
    let is_same = |found: Metadata| (device(&found), found.ino()) == ((file.id.0, file.id.1), file.id.2);
    path.is_absolute()
        && path.parent().is_some_and(is_closed)
        && distrust_of(users, path).is_ok_and(|found| found.is_none())
        && path.symlink_metadata().is_ok_and(is_same)
}

/// The same of a file that was removed from this path while it was executed, as by an upgrade. It is known by the folder that it
/// was in, on the same file system.
pub(super) fn was_controlled_by(users: &[u32], path: &Path, file: &Facts) -> bool {
    let Some(folder) = path.parent() else { return false };
    path.is_absolute()
        && is_closed(folder)
        && distrust_of(users, folder).is_ok_and(|found| found.is_none())
        && folder.metadata().is_ok_and(|found| device(&found) == (file.id.0, file.id.1))
}

fn is_closed(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|folder| folder.mode() & 0o002 == 0)
}

fn device(found: &Metadata) -> (u32, u32) {
    (rustix::fs::major(found.dev()), rustix::fs::minor(found.dev()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::kernel::descriptors::ProcessDir;
    use crate::kernel::trust::people;

    #[test]
    fn a_file_that_others_may_exchange() {
        let temp = tempfile::tempdir().unwrap();
        let place = temp.path().join("place");
        fs::create_dir(&place).unwrap();
        let path = place.join("criu");
        let file = File::create(&path).unwrap();
        let own = ProcessDir::open(std::process::id().cast_signed()).unwrap().unwrap();
        let facts = own.facts(&format!("fd/{}", file.as_raw_fd())).unwrap();
        assert!(is_controlled_by(&people(), &path, &facts));
        let open = |mode| fs::set_permissions(&place, Permissions::from_mode(mode)).unwrap();
        for mode in [0o777, 0o1777] {
            open(mode);
            assert!(!is_controlled_by(&people(), &path, &facts), "{mode:o}");
        }
        open(0o755);
        assert!(
            !is_controlled_by(&people(), Path::new("criu"), &facts),
            "a path that the kernel could not name"
        );
        fs::rename(&path, place.join("before")).unwrap();
        assert!(!is_controlled_by(&people(), &path, &facts), "deleted");
        fs::write(&path, "").unwrap();
        assert!(!is_controlled_by(&people(), &path, &facts), "another file has its path");
        fs::remove_file(&path).unwrap();
        assert!(was_controlled_by(&people(), &path, &facts), "replaced in its folder");
        open(0o777);
        assert!(!was_controlled_by(&people(), &path, &facts));
        open(0o755);
        let elsewhere = Path::new("/proc/criu");
        assert!(!was_controlled_by(&people(), elsewhere, &facts), "on another file system");
        assert!(!was_controlled_by(&[u32::MAX], &path, &facts), "other people's");
    }
}
