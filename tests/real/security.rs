//! What somebody else on the host may prepare for a program that runs as root, and that it does not fall for it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use tempfile::TempDir;

use super::support::group::Group;
use super::support::ordinary::NOBODY;
use super::support::program;
use super::support::requirement::{Need, criu, trial};
use super::support::workload::Workload;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const CRIU: &[Need] = &[Need::Root, Need::V2, Need::Criu];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("security::a_criu_of_somebody_else_is_not_run", V2, a_criu_of_somebody_else_is_not_run),
        trial("security::criu_gets_nothing_of_the_environment", V2, criu_gets_nothing_of_the_environment),
        trial("security::images_go_where_others_decide_nothing", CRIU, images_go_where_others_decide_nothing),
        trial("security::images_of_somebody_else_are_not_restored", CRIU, images_of_somebody_else),
        trial(
            "security::a_runtime_folder_of_somebody_else_is_not_used",
            V2,
            a_runtime_folder_of_somebody_else,
        ),
        trial("security::a_log_of_somebody_else_is_not_written", V2, a_log_of_somebody_else_is_not_written),
    ]
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap()
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A criu that writes down in which environment it was run.
fn spy(folder: &Path) -> PathBuf {
    let path = folder.join("criu");
    let told = folder.join("told");
    program::write(&path, format!("#!/bin/sh\nenv >>{}\necho Version: 4.1.1\n", told.display()));
    path
}

fn preflight(group: &Group, criu: &Path, into: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(into).arg("--criu").arg(criu);
    command.arg("--dry-run").stdin(Stdio::null()).current_dir("/");
    command
}

/// Refused by a preflight blocker, with these words.
#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
}

fn a_criu_of_somebody_else_is_not_run() {
    let (group, temp) = (Group::v2("criu"), folder());
    let _workload = Workload::in_group(&group);
    let (place, into) = (temp.path().join("place"), temp.path().join("images"));
    fs::create_dir(&place).unwrap();
    let criu = spy(&place);
    let refused = |words: &[&str]| {
        assert_refused(&preflight(&group, &criu, &into).output().unwrap(), words);
        assert!(!place.join("told").exists(), "it was run");
    };
    give_away(&criu);
    refused(&["place/criu belongs to user 65534", "--criu"]);
    chown(&criu, Some(0), Some(0)).unwrap();
    mode(&criu, 0o757);
    refused(&["is world-writable", "place/criu"]);
    mode(&criu, 0o755);
    mode(&place, 0o777);
    refused(&["is world-writable"]);
    mode(&place, 0o755);
    give_away(&place);
    refused(&["place belongs to user 65534"]);
    // Through a link of one's own, too.
    let link = temp.path().join("link");
    symlink(&criu, &link).unwrap();
    assert_refused(&preflight(&group, &link, &into).output().unwrap(), &["place belongs to user 65534"]);
    assert!(!place.join("told").exists());
}

fn criu_gets_nothing_of_the_environment() {
    let (group, temp) = (Group::v2("environment"), folder());
    let _workload = Workload::in_group(&group);
    let mut command = preflight(&group, &spy(temp.path()), &temp.path().join("images"));
    command.env("LD_LIBRARY_PATH", "/tmp").env("CRIU_CONFIG_FILE", "/tmp/config").env("HOME", "/tmp");
    command.env("LC_ALL", "de_DE.UTF-8").env("BASH_ENV", "/tmp/x").env("PATH", "tools::/usr/bin:./x:/bin");
    command.output().unwrap();
    let told = fs::read_to_string(temp.path().join("told")).unwrap();
    // The shell's own are not of the environment.
    let shells = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
    for line in told.lines().filter(|line| !shells.iter().any(|shell| line.starts_with(shell))) {
        assert!(["LANG=C", "PATH=/usr/bin:/bin"].contains(&line), "{line}");
    }
    assert!(told.contains("PATH=/usr/bin:/bin"), "{told}");
}

fn images_go_where_others_decide_nothing() {
    let (group, temp) = (Group::v2("images"), folder());
    let _workload = Workload::in_group(&group);
    let (theirs, open) = (temp.path().join("theirs"), temp.path().join("open"));
    for place in [&theirs, &open] {
        fs::create_dir(place).unwrap();
    }
    give_away(&theirs);
    mode(&open, 0o777);
    let link = temp.path().join("link");
    symlink(&theirs, &link).unwrap();
    let refused = |into: PathBuf, words: &[&str]| {
        assert_refused(&preflight(&group, &criu(), &into).output().unwrap(), words);
        assert!(!into.exists());
    };
    refused(theirs.join("images"), &["theirs belongs to user 65534"]);
    refused(link.join("images"), &["theirs belongs to user 65534"]);
    refused(open.join("images"), &["is world-writable"]);
    // One that is private itself is moved away by whoever owns the folder above.
    fs::create_dir(theirs.join("mine")).unwrap();
    mode(&theirs.join("mine"), 0o700);
    let output = preflight(&group, &criu(), &theirs.join("mine")).output().unwrap();
    assert_refused(&output, &["theirs belongs to user 65534"]);
}

fn images_of_somebody_else() {
    let (group, temp) = (Group::v2("restored"), folder());
    let workload = Workload::in_group(&group);
    let images = temp.path().join("images");
    let mut made = Command::new(PROGRAM);
    made.args([OsStr::new("checkpoint"), group.path().as_os_str(), OsStr::new("--into")]).arg(&images);
    made.arg("--criu").arg(criu()).args(["--yes", "--after", "running"]).stdin(Stdio::null());
    let made = made.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    drop(workload);
    let restore = || {
        let mut command = Command::new(PROGRAM);
        command.arg("restore").arg(&images).arg("--criu").arg(criu());
        command.args(["--dry-run"]).stdin(Stdio::null()).output().unwrap()
    };
    give_away(&images.join("pstree.img"));
    assert_refused(&restore(), &["pstree.img belongs to user 65534", "copy them"]);
    chown(images.join("pstree.img"), Some(0), Some(0)).unwrap();
    mode(&images.join("pstree.img"), 0o666);
    assert_refused(&restore(), &["is world-writable", "pstree.img"]);
    mode(&images.join("pstree.img"), 0o600);
    give_away(&images);
    assert_refused(&restore(), &["images belongs to user 65534"]);
}

fn a_log_of_somebody_else_is_not_written() {
    let temp = folder();
    let (theirs, mine, other) =
        (temp.path().join("log"), temp.path().join("mine"), temp.path().join("other"));
    fs::write(&theirs, "").unwrap();
    give_away(&theirs);
    fs::write(&mine, "text\n").unwrap();
    fs::hard_link(&mine, &other).unwrap();
    for log in [&theirs, &other] {
        let mut command = Command::new(PROGRAM);
        let output = command.arg("--log").arg(log).arg("list").stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("belongs to another user, or is a hard link"), "{said}");
    }
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "");
    assert_eq!(fs::read_to_string(&mine).unwrap(), "text\n");
}

/// In a mount namespace with a /run of its own, so that the host's is left alone.
fn a_runtime_folder_of_somebody_else() {
    let group = Group::v2("runtime");
    let prepare = [
        "mkdir -m 700 /run/cryoscope && chown 65534 /run/cryoscope",
        "mkdir -m 777 /run/cryoscope && chmod 777 /run/cryoscope",
        "mkdir -m 700 /run/theirs && ln -s theirs /run/cryoscope",
    ];
    for prepare in prepare {
        let script = format!("mount -t tmpfs none /run && {prepare} && exec \"$0\" freeze --for 30s \"$1\"");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        command.arg(PROGRAM).arg(group.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0), "{prepare}: {said}");
        assert!(said.contains("/run/cryoscope") || said.contains("Not a directory"), "{said}");
        assert!(!group.requested(), "{prepare}");
    }
}
