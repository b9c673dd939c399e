//! The guarded checkpoint, with a real criu, on real groups.

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::kernel::vfork;
use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::group::Group;
use super::support::ordinary::{Copy, NOBODY};
use super::support::requirement::{Need, criu, trial, with_criu};
use super::support::wait::{SOON, until};
use super::support::workload::{Workload, quiet};

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("checkpoint::bad_folders_and_criu", with_criu(Version::V2), bad_folders_and_criu),
        trial("checkpoint::dry_run_writes_nothing", with_criu(Version::V2), dry_run_writes_nothing),
        trial("checkpoint::other_groups_are_not_read", &[Need::Root, Need::V2], other_groups_are_not_read),
    ];
    for version in [Version::V2, Version::V1] {
        let name = |what| format!("checkpoint::{what}::{version}");
        all.push(trial(&name("thawed"), with_criu(version), move || thawed(version)));
        all.push(trial(&name("frozen_by_hand"), with_criu(version), move || frozen_by_hand(version)));
        all.push(trial(&name("frozen_by_an_ancestor"), with_criu(version), move || {
            frozen_by_an_ancestor(version)
        }));
        all.push(trial(&name("children_come_and_go"), with_criu(version), move || {
            children_come_and_go(version)
        }));
        all.push(trial(&name("a_program_that_is_always_starting_others"), with_criu(version), move || {
            a_program_that_is_always_starting_others(version)
        }));
        all.push(trial(&name("frozen_while_it_starts_a_program"), with_criu(version), move || {
            frozen_while_it_starts_a_program(version)
        }));
        all.push(trial(&name("images_restore"), with_criu(version), move || images_restore(version)));
    }
    all
}

fn assert_refused(output: &Output, images: &Images, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains(words), "{text}");
    assert!(!images.folder().exists());
}

/// A shell that starts a program twenty times a second: whatever is there when criu comes is dumped.
fn children_come_and_go(version: Version) {
    let group = Group::new(version, "forks");
    let beside = (version == Version::V1).then(|| Group::v2("beside"));
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", "while :; do sleep 0.05; done"]);
    let mut shell = quiet(&mut command).spawn().unwrap();
    let pid = shell.id().cast_signed();
    std::iter::once(&group).chain(&beside).for_each(|group| group.add(pid));
    let groups = || std::iter::once(&group).chain(&beside);
    until("all of it is in the groups", SOON, || groups().all(|group| group.pids().len() == 2));
    for _ in 0..4 {
        let images = Images::new();
        let output = checkpoint(&group, &images.folder(), &[]);
        assert_done(&output, &images);
    }
    let images = Images::new();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    shell.wait().unwrap();
    until("nothing is left", SOON, || groups().all(|group| group.pids().is_empty()));
}

/// A shell that starts programs as fast as it can, with `vfork`.
fn starter(group: &Group) -> Child {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", "while :; do /bin/true; done"]);
    let shell = quiet(&mut command).spawn().unwrap();
    group.add(shell.id().cast_signed());
    shell
}

/// criu comes in the middle of that more often than not, and can't stop the shell then.
fn a_program_that_is_always_starting_others(version: Version) {
    let group = Group::new(version, "vfork");
    let mut shell = starter(&group);
    for _ in 0..6 {
        let images = Images::new();
        assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    }
    let images = Images::new();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    shell.wait().unwrap();
    until("nothing is left", SOON, || group.pids().is_empty());
}

/// Frozen in the middle of that, it is no use to try; and a thaw helps.
fn frozen_while_it_starts_a_program(version: Version) {
    let group = Group::new(version, "between");
    let mut shell = starter(&group);
    let child = || vfork::child(shell.id().cast_signed());
    until("it is frozen in the middle", SOON * 6, || {
        group.freeze();
        let found = child().is_some_and(|child| group.pids().contains(&child));
        found || {
            group.thaw();
            false
        }
    });
    let images = Images::new();
    let output = checkpoint(&group, &images.folder(), &[]);
    assert_refused(&output, &images, "it was frozen while starting a program: cryoscope thaw");
    group.thaw();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    shell.wait().unwrap();
}

fn thawed(version: Version) {
    let group = Group::new(version, "thawed");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    assert!(!group.requested());
    workload.assert_counting();
}

fn frozen_by_hand(version: Version) {
    let group = Group::new(version, "by-hand");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    group.freeze();
    let count = workload.count();
    assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    assert!(group.requested());
    until("frozen again", SOON, || group.is_frozen());
    assert_eq!(workload.count(), count, "nothing ran in between");
    group.thaw();
    workload.assert_counting();
}

fn frozen_by_an_ancestor(version: Version) {
    let above = Group::new(version, "ancestor");
    let group = above.child("inner");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    above.freeze();
    let count = workload.count();
    assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    assert!(above.requested() && !group.requested());
    assert_eq!(workload.count(), count, "nothing ran in between");
    above.thaw();
    workload.assert_counting();
}

fn images_restore(version: Version) {
    let group = Group::new(version, "restore");
    // criu makes every group of the process again: both are the test's to remove.
    let there = hierarchies().unwrap().get(version.other()).is_some();
    let other = there.then(|| Group::new(version.other(), "restore"));
    let images = Images::new();
    let workload = Workload::in_groups(&std::iter::once(&group).chain(&other).collect::<Vec<_>>());
    group.freeze();
    assert_done(&checkpoint(&group, &images.folder(), &[]), &images);
    let (saved, pid) = (workload.count(), workload.pid());
    // A copy of the counter file outlives the workload: criu opens it again.
    let (counter, bytes) = (workload.counter().to_owned(), std::fs::read(workload.counter()).unwrap());
    group.thaw();
    drop(workload);
    std::fs::create_dir_all(counter.parent().unwrap()).unwrap();
    std::fs::write(&counter, bytes).unwrap();
    // Not detached: the restored process is a child of criu, and criu reaps it when it ends.
    let mut restore = Command::new(criu())
        .args([OsStr::new("restore"), OsStr::new("-D"), images.folder().as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let now = || std::fs::read(&counter).unwrap().try_into().map(u64::from_ne_bytes).unwrap_or(0);
    until("the restored process counts on from what was saved", SOON, || now() > saved);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    restore.wait().unwrap();
    std::fs::remove_dir_all(counter.parent().unwrap()).unwrap();
}

fn bad_folders_and_criu() {
    let group = Group::v2("bad-input");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    let taken = images.folder().with_file_name("taken");
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("kept"), "kept").unwrap();
    let refused = |output: Output| {
        assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stderr.is_empty());
    };
    refused(checkpoint(&group, &taken, &[]));
    assert_eq!(std::fs::read_to_string(taken.join("kept")).unwrap(), "kept");
    refused(checkpoint(&group, &images.folder().with_file_name("no/such/parent"), &[]));
    refused(checkpoint(&group, &images.folder(), &["--criu", "/no/such/criu"]));
    refused(checkpoint(&group, &images.folder(), &["--criu", "/bin/false"]));
    assert!(!images.folder().exists());
    let empty = Group::v2("empty");
    assert_refused(&checkpoint(&empty, &images.folder(), &[]), &images, "no process");
    workload.assert_counting();
}

fn dry_run_writes_nothing() {
    let group = Group::v2("dry-run");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    group.freeze();
    let output = checkpoint(&group, &images.folder(), &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0));
    let script = String::from_utf8(output.stdout).unwrap();
    let holder: OsString = [OsStr::new("--freeze-cgroup "), group.path().as_os_str()].into_iter().collect();
    assert!(script.contains(holder.to_str().unwrap()), "{script}");
    assert!(!images.folder().exists());
    group.thaw();
    workload.assert_counting();
}

/// Seen by somebody for whom one group is closed: only where it decides how the checkpoint goes does that matter.
fn other_groups_are_not_read() {
    let (above, copy) = (Group::v2("preflight"), Copy::of(env!("CARGO_BIN_EXE_cryoscope")));
    let group = above.child("named");
    let _workload = Workload::in_group(&group);
    let closed = |path: &Path, closed: bool| {
        let mode = Permissions::from_mode(if closed { 0o700 } else { 0o755 });
        std::fs::set_permissions(path, mode).unwrap();
    };
    let unread = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &NOBODY.to_string(), "--regid", &NOBODY.to_string(), "--clear-groups"]);
        command.arg(copy.path()).arg("checkpoint").arg(group.path());
        command.args(["--into", "/tmp/no-such-images", "--dry-run", "--json"]).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // It may not dump; what it may read is read all the same.
        assert!(text.contains("not-permitted"), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text.contains("what is frozen through v2")
    };
    let (beside, below) = (above.child("beside"), group.child("below"));
    closed(beside.path(), true);
    assert!(!unread(), "a group beside it is of no account");
    closed(below.path(), true);
    assert!(unread(), "a group that criu would freeze is to be read");
}
