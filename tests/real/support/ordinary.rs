//! An ordinary user, without rights.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

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
        fs::copy(program, folder.path().join("cryoscope")).unwrap();
        Self { folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("cryoscope")
    }
}
