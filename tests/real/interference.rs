//! What stands in the way of a checkpoint from outside: a slow criu, a full runtime folder, a folder that is deleted or replaced.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::rescue::{PROGRAM, freeze_under_criu, rescue, said};
use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::criu::be_the_reaper;
use super::support::group::Group;
use super::support::namespace::isolated;
use super::support::program;
use super::support::requirement::{criu, trial, with_criu};
use super::support::wait::until;
use super::support::workload::Workload;

/// Longer than a criu that hangs is thawed again and again.
const LONG: Duration = Duration::from_secs(120);

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for version in [Version::V2, Version::V1] {
        let name = format!("interference::a_criu_that_is_slow_to_begin::{version}");
        all.push(trial(&name, with_criu(version), move || a_criu_that_is_slow_to_begin(version)));
    }
    let v2 = with_criu(Version::V2);
    all.push(trial("interference::a_full_runtime_folder", v2, a_full_runtime_folder));
    all.push(isolated("interference::frozen_again_and_again", v2, frozen_again_and_again));
    all.push(trial("interference::the_folder_is_deleted", v2, the_folder_is_deleted));
    all.push(trial("interference::the_folder_is_replaced_by_a_link", v2, the_folder_is_replaced_by_a_link));
    all
}

/// A criu that does this in place of a dump, or before it.
fn criu_that(images: &Images, dump: &str) -> PathBuf {
    let path = images.folder().with_file_name("criu");
    let text =
        format!("#!/bin/sh\nif [ \"$1\" = dump ]; then\n{dump}\nfi\nexec '{}' \"$@\"\n", criu().display());
    program::write(&path, text);
    path
}

/// It holds nothing yet, so it hangs on nothing: what is frozen does not run.
fn a_criu_that_is_slow_to_begin(version: Version) {
    let (group, images) = (Group::new(version, "slow"), Images::new());
    let workload = Workload::in_group(&group);
    group.freeze();
    let (count, slow) = (workload.count(), criu_that(&images, "sleep 7"));
    let output = checkpoint(&group, &images.folder(), &["--yes", "--criu", slow.to_str().unwrap()]);
    assert_done(&output, &images);
    assert_eq!(workload.count(), count, "nothing ran: {}", said(&output));
    assert!(group.requested() && !said(&output).contains("thawing"), "{}", said(&output));
    group.thaw();
    workload.assert_counting();
}

/// criu hangs on a freeze that somebody sets again whenever it is thawed: the checkpoint ends all the same, be it that criu
/// gets through. What it leaves is put right when nobody freezes any more.
fn frozen_again_and_again() {
    be_the_reaper();
    let (group, images) = (Group::v2("again"), Images::new());
    let workload = Workload::in_group(&group);
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(images.folder());
    command.args(["--yes", "--criu"]).arg(criu()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut checkpoint = command.stderr(Stdio::piped()).spawn().unwrap();
    freeze_under_criu(&group, &workload);
    until("it ends", LONG, || {
        group.request(true);
        checkpoint.try_wait().unwrap().is_some()
    });
    let output = checkpoint.wait_with_output().unwrap();
    let (text, code) = (said(&output), output.status.code());
    assert!(
        code == Some(0) || code == Some(7) && text.contains("was frozen again after each thaw"),
        "{text}"
    );
    let output = rescue("--yes");
    assert_eq!(output.status.code(), Some(0), "{text}{}", said(&output));
    assert!(group.requested(), "somebody's freeze: {text}{}", said(&output));
    group.thaw();
    workload.assert_counting();
}

/// Nothing is begun that cannot be written down, and nothing is left of what could not be written.
fn a_full_runtime_folder() {
    let (group, images) = (Group::v2("full"), Images::new());
    let workload = Workload::in_group(&group);
    let script = "mkdir -p -m 700 /run/cryoscope && mount -t tmpfs -o size=4k,mode=700 tmpfs /run/cryoscope && \
                  head -c 4096 /dev/zero > /run/cryoscope/other && \"$@\"; echo \"exit $?\"; ls /run/cryoscope";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh", PROGRAM, "checkpoint"]);
    command.arg(group.path()).arg("--into").arg(images.folder()).arg("--criu").arg(criu()).arg("--yes");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = said(&output);
    assert!(text.contains("exit 1\nother\n"), "{text}");
    assert!(text.contains("cannot save") && text.contains("nothing was done"), "{text}");
    assert!(!group.requested() && !images.folder().exists());
    workload.assert_counting();
}

fn the_folder_is_deleted() {
    let (group, images) = (Group::v2("deleted"), Images::new());
    let workload = Workload::in_group(&group);
    let folder = images.folder();
    let deletes = criu_that(&images, &format!("rm -r '{}'; exit 0", folder.display()));
    let output = checkpoint(&group, &folder, &["--criu", deletes.to_str().unwrap()]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("was deleted or replaced during the checkpoint"), "{text}");
    assert!(!text.contains("os error") && !text.contains("0 B"), "{text}");
    assert!(!group.requested());
    workload.assert_counting();
}

/// What is written goes to the folder that was made, and to no other.
fn the_folder_is_replaced_by_a_link() {
    let (group, images, other) = (Group::v2("replaced"), Images::new(), Images::new());
    let workload = Workload::in_group(&group);
    let (folder, other) = (images.folder(), other.folder());
    fs::create_dir_all(&other).unwrap();
    let moved = folder.with_file_name("moved");
    let replace = format!(
        "mv '{0}' '{1}'; ln -s '{2}' '{0}'; exit 0",
        folder.display(),
        moved.display(),
        other.display()
    );
    let replaces = criu_that(&images, &replace);
    let output = checkpoint(&group, &folder, &["--criu", replaces.to_str().unwrap()]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("was deleted or replaced during the checkpoint"), "{text}");
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0, "nothing is written through the link: {text}");
    assert!(moved.join("cryoscope.json").is_file(), "{text}");
    workload.assert_counting();
}
