//! A checkpoint that the program makes, and the folder that it makes it in.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::group::Group;
use super::requirement::criu;

/// A folder in which the images' folder is made.
pub struct Images(TempDir);

impl Images {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap())
    }

    pub fn folder(&self) -> PathBuf {
        self.0.path().join("images")
    }
}

pub fn checkpoint(group: &Group, into: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(into);
    // An option of the test's own comes last and wins.
    if !more.contains(&"--criu") {
        command.arg("--criu").arg(criu());
    }
    command.args(more).stdin(Stdio::null()).output().unwrap()
}

pub fn assert_done(output: &Output, images: &Images) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stdout));
    for file in ["inventory.img", "pstree.img", "cryoscope.json"] {
        assert!(images.folder().join(file).is_file(), "{file}");
    }
}
