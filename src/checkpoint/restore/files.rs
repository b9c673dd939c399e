//! The files that the processes had open or mapped: criu opens them by their paths again.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::checkpoint::arg::gives;
use crate::checkpoint::hook::GIVE_OTHER_FILES;
use crate::checkpoint::images::{ImageSet, OnDisk, Process};
use crate::checkpoint::{Finding, Level};
use crate::kernel::mounts;
use crate::model::printable;
use crate::model::shell::quoted;

/// How many are said one by one.
const FEW: usize = 8;

/// Which groups criu makes before it opens the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupsMade {
    /// None.
    None,
    /// Those of the images that are gone.
    OfImages,
    /// An option for criu decides that.
    Unknown,
}

pub(super) fn look<'a>(
    given: &[OsString],
    sets: impl IntoIterator<Item = (&'a ImageSet, GroupsMade)>,
    is_copy: bool,
    findings: &mut Vec<Finding>,
) {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (set, groups_made) in sets {
        if set.namespaces.contains(&"mnt") {
            let what = format!("whether the files of the tree of process {} are unchanged", set.root_pid);
            let unknown = Finding::unknown("files", what, "it has its own mount namespace");
            findings.push(unknown.remedy("a container is restored by its runtime, which knows its files"));
            continue;
        }
        let numbers: BTreeSet<i32> = set.processes.iter().flat_map(Process::numbers).collect();
        let elsewhere =
            |file: &&OnDisk| !process_below_proc(&file.path).is_some_and(|n| numbers.contains(&n));
        let files = set.on_disk.iter().filter(elsewhere).filter(|file| seen.insert(file.path.clone()));
        for file in files {
            wrong.extend(finding(file).and_then(|finding| where_made(finding, &file.path, set, groups_made)));
        }
    }
    if wrong.is_empty() && !seen.is_empty() {
        findings.push(Finding::ok(
            "files",
            match seen.len() {
                1 => "the open file is unchanged".to_owned(),
                n => format!("{n} open files are unchanged"),
            },
        ));
    }
    // What the original has open is not to be changed.
    if is_copy {
        wrong.iter_mut().for_each(|finding: &mut Finding| finding.remedy = Some(OF_COPY.to_owned()));
    }
    // With these the person may have given criu another file in its place.
    if gives(given, &GIVE_OTHER_FILES) {
        wrong.iter_mut().for_each(|finding| finding.level = Level::Warning);
    }
    let more = wrong.len().saturating_sub(FEW);
    findings.extend(wrong.into_iter().take(FEW));
    if more > 0 {
        let what = format!("{more} more files have changed");
        findings.push(Finding::blocker("file-changed", what, "criu opens each of them again"));
    }
}

/// What to do where a copy needs a file as it was.
const OF_COPY: &str =
    "move the file aside, and put its old version at its path: the original keeps the one that it has open";

/// The number in `/proc/N` or below it: a file of a process, which is there again when the process is.
fn process_below_proc(path: &Path) -> Option<i32> {
    path.strip_prefix("/proc").ok()?.iter().next()?.to_str()?.parse().ok()
}

/// The finding about a file; `None` where it is missing because its group is, and criu makes that before it opens the file.
fn where_made(mut finding: Finding, path: &Path, set: &ImageSet, groups_made: GroupsMade) -> Option<Finding> {
    if finding.code == "file-missing" && mounts::is_in_cgroup_file_system(path) {
        match groups_made {
            GroupsMade::OfImages if is_of_groups(path, set) => return None,
            GroupsMade::Unknown => finding.level = Level::Warning,
            GroupsMade::OfImages | GroupsMade::None => {}
        }
    }
    Some(finding)
}

/// Whether a path is a group of the images, one above such a group, or a control file of these, wherever their hierarchy is
/// mounted.
fn is_of_groups(path: &Path, set: &ImageSet) -> bool {
    let own = set.cgroups.iter().map(|group| &group.below);
    let groups = own.chain(set.cgroups_of_others.iter().map(|group| &group.below));
    let directories: Vec<&Path> = std::iter::once(path).chain(path.parent()).collect();
    groups.flat_map(|group| std::iter::once(group.clone()).chain(group.ancestors())).any(|group| {
        let below: PathBuf = group.components().map(OsStr::from_bytes).collect();
        !group.is_root() && directories.iter().any(|directory| directory.ends_with(&below))
    })
}

/// What is wrong with a file; `None` where it is as it was.
fn finding(file: &OnDisk) -> Option<Finding> {
    let name = printable(file.path.as_os_str().as_encoded_bytes()).into_owned();
    let blocker = |code, what: String, says| {
        let why = "a process had it open or mapped, and criu opens it again";
        Finding::blocker(code, what, why).criu_says(says)
    };
    let as_it_was = "restore it as it was";
    // A link itself was open (`O_PATH` and `O_NOFOLLOW` of open(2)).
    let is_link = file.mode.is_some_and(|mode| FileType::from_raw_mode(mode) == FileType::Symlink);
    let found = if is_link { fs::symlink_metadata(&file.path) } else { fs::metadata(&file.path) };
    let meta = match found {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let says = "Can't open file N on restore: No such file or directory";
            let remedy = link_again(&file.path).unwrap_or_else(|| as_it_was.to_owned());
            return Some(blocker("file-missing", format!("{name} is gone"), says).remedy(remedy));
        }
        Err(error) => return Some(Finding::unknown("files", format!("whether {name} is unchanged"), error)),
    };
    if let Some(mode) = file.mode.filter(|&mode| mode != meta.mode()) {
        let what = format!("{name} has mode {:o}, and had {mode:o}", meta.mode());
        let finding = blocker("file-changed", what, "File N has bad mode N (expect N)");
        let same_type = FileType::from_raw_mode(mode) == FileType::from_raw_mode(meta.mode());
        return Some(finding.remedy(match same_type {
            true => format!("chmod {:o} {}", mode & 0o7777, quoted(file.path.as_os_str())),
            false => as_it_was.to_owned(),
        }));
    }
    let size = file.size.filter(|&size| meta.is_file() && size != meta.len())?;
    let what = format!("{name} has {} bytes, and had {size}", meta.len());
    let finding = blocker("file-changed", what, "File N has bad size N (expect N)");
    // What was added can be cut off again; what is missing cannot be made up.
    Some(finding.remedy(match meta.len() > size {
        true => format!("if it only grew: truncate -s {size} {}", quoted(file.path.as_os_str())),
        false => as_it_was.to_owned(),
    }))
}

/// How to make the link again that criu made for a file without its name, and removed because the processes ran on after the dump
/// (criu/files-reg.c, `delete_link_remaps`).
fn link_again(path: &Path) -> Option<String> {
    let is_link_remap = path.file_name()?.as_encoded_bytes().starts_with(b"link_remap.");
    let link = quoted(path.as_os_str());
    is_link_remap
        .then(|| format!("create the link again, if the file still has another name: ln OTHER-NAME {link}"))
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
        let file = OnDisk { path: path.clone(), size: Some(8), mode: Some(mode), is_written: false };
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
        let folder = OnDisk { path: temp.path().into(), size: Some(1), mode: None, is_written: false };
        assert_eq!(code(&folder), None);
    }

    #[test]
    fn a_link_that_was_open_itself() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("link");
        std::os::unix::fs::symlink("/nowhere", &path).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().mode();
        let link = OnDisk { path, size: None, mode: Some(mode), is_written: false };
        assert!(finding(&link).is_none());
        assert_eq!(finding(&OnDisk { mode: Some(0o100_644), ..link }).unwrap().code, "file-missing");
    }

    #[test]
    fn remedies_are_commands_where_there_is_one() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a log");
        fs::write(&path, "12345678").unwrap();
        let mode = fs::metadata(&path).unwrap().mode();
        let remedy = |size, mode| {
            let file = OnDisk { path: path.clone(), size: Some(size), mode: Some(mode), is_written: false };
            finding(&file).and_then(|finding| finding.remedy).unwrap_or_default()
        };
        let run = |line: &str| {
            let line = line.rsplit(": ").next().unwrap();
            assert!(
                std::process::Command::new("sh").args(["-c", line]).status().unwrap().success(),
                "{line}"
            );
        };
        assert_eq!(remedy(9, mode), "restore it as it was");
        run(&remedy(3, mode));
        assert_eq!((remedy(3, mode), fs::read(&path).unwrap()), (String::new(), b"123".to_vec()));
        run(&remedy(3, mode ^ 0o100));
        assert_eq!(fs::metadata(&path).unwrap().mode(), mode ^ 0o100);
    }

    #[test]
    fn what_belongs_to_a_process_is_known_by_its_number() {
        let of = |path: &str| process_below_proc(Path::new(path));
        assert_eq!(
            (of("/proc/71/stat"), of("/proc/71"), of("/proc/71/task/72/stat")),
            (Some(71), Some(71), Some(71))
        );
        assert_eq!((of("/proc/meminfo"), of("/proc"), of("/home/proc/7")), (None, None, None));
    }
}
