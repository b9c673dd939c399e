//! An ordinary user, without rights.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The user and the group id of nobody.
pub const NOBODY: u32 = 65534;

/// A copy of the program where everybody may start it: the folder that it is built in may be closed to others.
#[derive(Debug)]
pub struct Copy {
    folder: TempDir,
}

impl Copy {
    pub fn of(program: &str) -> Self {
        let open = Permissions::from_mode(0o755);
        let folder =
            tempfile::Builder::new().prefix("cryoscope-test-").permissions(open).tempdir_in("/tmp").unwrap();
        // By another program: one that a test starts meanwhile holds what this one has open for writing, and then it can't be
        // started.
        let copied = Command::new("cp").arg(program).arg(folder.path().join("cryoscope")).status().unwrap();
        assert!(copied.success());
        Self { folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("cryoscope")
    }
}
