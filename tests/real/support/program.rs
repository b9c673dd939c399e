//! Programs that a test makes, to run them.
//!
//! Another process writes them. Where this one had the file open for writing while a test beside it starts something, the copy
//! of that descriptor would live until there is another program in that process, and running the file would fail till then with
//! "Text file busy" (execve(2), `ETXTBSY`).

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A script, executable by all.
#[track_caller]
pub fn write(path: &Path, text: impl AsRef<[u8]>) {
    let mut source = tempfile::tempfile().unwrap();
    source.write_all(text.as_ref()).unwrap();
    source.rewind().unwrap();
    install(source, path);
}

/// The same program in another place, executable by all.
#[track_caller]
pub fn copy(from: impl AsRef<Path>, to: &Path) {
    install(File::open(from).unwrap(), to);
}

#[track_caller]
fn install(source: File, to: &Path) {
    let mut install = Command::new("install");
    install.args(["--mode=755", "/dev/stdin"]).arg(to).stdin(source).stderr(Stdio::inherit());
    assert!(install.status().unwrap().success(), "{} is not written", to.display());
}

/// It ended with this code, and said these words, on its output or its errors.
#[track_caller]
pub fn assert_said(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
}
