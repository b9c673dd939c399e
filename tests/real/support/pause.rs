//! A criu that stands still in the middle of its work, for as long as a test wants.

use std::fs;
use std::path::Path;
use std::process::Child;

use tempfile::TempDir;

use super::program;
use super::wait::{SOON, until};

/// criu stops when all is written, with the processes still in its hold (`post-dump` of criu(8), `--action-script`), until it
/// is let go on: by [`Pause::end`], or when this is dropped.
#[derive(Debug)]
pub struct Pause(TempDir);

impl Pause {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap();
        let script = folder.path().join("pause");
        let at = folder.path().display();
        let text = format!(
            "#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" = post-dump ] || exit 0\n\
             : > {at}/reached\nwhile [ -d {at} ] && [ ! -e {at}/go ]; do sleep 0.01; done\n"
        );
        program::write(&script, text);
        Self(folder)
    }

    /// criu's option.
    pub fn option(&self) -> [String; 2] {
        ["--action-script".to_owned(), self.at("pause").to_str().unwrap().to_owned()]
    }

    #[track_caller]
    pub fn until_reached(&self) {
        until("criu has written all, and waits", SOON, || self.is_reached());
    }

    /// The same with a checkpoint, which says what it said where it has ended before.
    #[track_caller]
    pub fn until_reached_by(&self, mut checkpoint: Child) -> Child {
        until("criu has written all, and waits", SOON, || {
            self.is_reached() || checkpoint.try_wait().unwrap().is_some()
        });
        if !self.is_reached() {
            panic!("the checkpoint has ended: {:?}", checkpoint.wait_with_output().unwrap());
        }
        checkpoint
    }

    fn is_reached(&self) -> bool {
        self.at("reached").exists()
    }

    pub fn end(&self) {
        fs::write(self.at("go"), "").unwrap();
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.0.path()).join(name)
    }
}
