//! The files that the processes had open or mapped: criu opens them by their paths again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::preflight::Request;
use crate::checkpoint::images::{ImageSet, OnDisk};
use crate::checkpoint::{Finding, Level};
use crate::model::printable;

/// How many are said one by one.
const FEW: usize = 8;

pub(super) fn look(request: &Request<'_>, sets: &[ImageSet], findings: &mut Vec<Finding>) {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for set in sets {
        if set.namespaces.contains(&"mnt") {
            let what = format!("whether the files of the tree of process {} are as they were", set.root_pid);
            let unknown = Finding::unknown("files", what, "it has a mount namespace of its own");
            findings.push(unknown.remedy("a container is restored by its runtime, which knows its files"));
            continue;
        }
        let files = set.on_disk.iter().filter(|file| seen.insert(file.path.clone()));
        wrong.extend(files.filter_map(finding));
    }
    if wrong.is_empty() && !seen.is_empty() {
        findings.push(Finding::ok(
            "files",
            match seen.len() {
                1 => "the open file is as it was".to_owned(),
                n => format!("{n} open files are as they were"),
            },
        ));
    }
    // With these the person may have given criu another file in its place.
    if request.gives(&["--inherit-fd", "--external", "--root", "-r"]) {
        wrong.iter_mut().for_each(|finding: &mut Finding| finding.level = Level::Warning);
    }
    let more = wrong.len().saturating_sub(FEW);
    findings.extend(wrong.into_iter().take(FEW));
    if more > 0 {
        let what = format!("{more} more files are not as they were");
        findings.push(Finding::blocker("file-changed", what, "criu opens every one of them again"));
    }
}

/// What is wrong with a file; `None` where it is as it was.
fn finding(file: &OnDisk) -> Option<Finding> {
    let name = printable(file.path.as_os_str().as_encoded_bytes()).into_owned();
    let blocker = |code, what: String, says| {
        let why = "a process had it open or mapped, and criu opens it again";
        Finding::blocker(code, what, why).criu_says(says).remedy("put it back as it was")
    };
    let meta = match fs::metadata(&file.path) {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let says = "Can't open file N on restore: No such file or directory";
            return Some(blocker("file-missing", format!("{name} is gone"), says));
        }
        Err(error) => return Some(Finding::unknown("files", format!("whether {name} is as it was"), error)),
    };
    if let Some(mode) = file.mode.filter(|&mode| mode != meta.mode()) {
        let what = format!("{name} has mode {:o}, and had {mode:o}", meta.mode());
        return Some(blocker("file-changed", what, "File N has bad mode N (expect N)"));
    }
    let size = file.size.filter(|&size| meta.is_file() && size != meta.len())?;
    let what = format!("{name} has {} bytes, and had {size}", meta.len());
    Some(blocker("file-changed", what, "File N has bad size N (expect N)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_changed() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("file");
        fs::write(&path, "12345678").unwrap();
        let mode = fs::metadata(&path).unwrap().mode();
        let file = OnDisk { path: path.clone(), size: Some(8), mode: Some(mode) };
        let code = |file: &OnDisk| finding(file).map(|finding| (finding.code, finding.what));
        assert_eq!(code(&file), None);
        assert_eq!(code(&OnDisk { size: None, mode: None, ..file.clone() }), None);
        let (of, what) = code(&OnDisk { size: Some(9), ..file.clone() }).unwrap();
        assert!(of == "file-changed" && what.ends_with("has 8 bytes, and had 9"), "{what}");
        assert_eq!(code(&OnDisk { mode: Some(mode ^ 0o100), ..file.clone() }).unwrap().0, "file-changed");
        let below = OnDisk { path: path.join("below"), ..file.clone() };
        assert_eq!(code(&below).unwrap().0, "file-missing");
        fs::remove_file(&path).unwrap();
        assert_eq!(code(&file).unwrap().0, "file-missing");
        let folder = OnDisk { path: temp.path().into(), size: Some(1), mode: None };
        assert_eq!(code(&folder), None);
    }
}
