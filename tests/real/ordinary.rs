//! What an ordinary user is told of what is not theirs: what is missing, who could do it, and how; and what is theirs works.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cryoscope::model::Version;
use libtest_mimic::Trial;
use tempfile::TempDir;

use super::rescue::said;
use super::support::group::Group;
use super::support::ordinary::{Copy, NOBODY};
use super::support::requirement::{Need, trial};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V1: &[Need] = &[Need::Root, Need::V1];
const V2: &[Need] = &[Need::Root, Need::V2];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![trial("ordinary::images_of_somebody_else", V2, images_of_somebody_else)];
    for (version, needs) in [(Version::V1, V1), (Version::V2, V2)] {
        let name = |what: &str| format!("ordinary::{what}::{version}");
        all.push(trial(&name("whose_a_group_is"), needs, move || whose_a_group_is(version)));
        all.push(trial(&name("all_that_may_be_thawed"), needs, move || all_that_may_be_thawed(version)));
    }
    all
}

/// nobody, on a host with sudo.
struct User {
    program: Copy,
    folder: TempDir,
}

impl User {
    fn new() -> Self {
        let open = Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new()
            .prefix("cryoscope-test-")
            .permissions(open.clone())
            .tempdir_in("/tmp")
            .unwrap();
        // For a person who is root already.
        fs::write(folder.path().join("sudo"), "#!/bin/sh\nexec \"$@\"\n").unwrap();
        fs::set_permissions(folder.path().join("sudo"), open).unwrap();
        Self { program: Copy::of(PROGRAM), folder }
    }

    fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.folder.path().display())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.program.path());
        command.args(arguments).uid(NOBODY).gid(NOBODY).stdin(Stdio::null());
        command.env("PATH", self.path()).env_remove("XDG_RUNTIME_DIR").output().unwrap()
    }

    /// What is said, which ends with the line that does it as root.
    #[track_caller]
    fn refused(&self, arguments: &[&str], words: &[&str]) -> String {
        let output = self.run(arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {text}");
        words.iter().for_each(|word| assert!(text.contains(word), "no {word:?} in {text}"));
        let line = text.lines().find_map(|line| line.strip_prefix("  as root: ")).expect(&text);
        assert!(
            line.starts_with("sudo /tmp/cryoscope-test-") && line.ends_with(&arguments.join(" ")),
            "{text}"
        );
        line.to_owned()
    }

    /// Carries that line out.
    #[track_caller]
    fn as_root(&self, line: &str) {
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", line]).env("PATH", self.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", said(&output));
    }
}

fn give(path: &Path, files: &[&str]) {
    files.iter().for_each(|file| chown(path.join(file), Some(NOBODY), Some(NOBODY)).unwrap());
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// One of root's, one that systemd has delegated, and one that is theirs with all its files.
fn whose_a_group_is(version: Version) {
    let (user, group) = (User::new(), Group::new(version, "whose"));
    let (others, delegated, own) = (group.child("others"), group.child("delegated"), group.child("own"));
    give(delegated.path(), &[".", "cgroup.procs"]);
    give(own.path(), &[version.control_file()]);
    for span in [&[][..], &["--for", "1h"]] {
        let freeze = |group: &Group| [&["freeze", text(group.path())], span].concat().join(" ");
        let words = freeze(&others);
        let words: Vec<&str> = words.split(' ').collect();
        let line = user
            .refused(&words, &["not permitted to write", "it belongs to root: run this as root, or have"]);
        assert!(!others.requested());
        user.as_root(&line);
        assert!(others.requested());
        let line = user.refused(&["thaw", text(others.path())], &["not permitted", "it belongs to root"]);
        user.as_root(&line);
        assert!(!others.requested());
        let words = freeze(&delegated);
        let words: Vec<&str> = words.split(' ').collect();
        user.refused(&words, &["only the groups below it are yours", "create a group below it"]);
    }
    // The way that is named: a group below is made by them, and all its files are theirs.
    let below = delegated.child("below");
    give(below.path(), &[version.control_file()]);
    for group in [&below, &own] {
        assert_eq!(user.run(&["freeze", text(group.path())]).status.code(), Some(0));
        assert!(group.requested());
        assert_eq!(user.run(&["thaw", text(group.path())]).status.code(), Some(0));
    }
    let output = user.run(&["show", text(others.path())]);
    assert!(output.status.success() && !said(&output).contains("sudo"), "{}", said(&output));
    assert!(said(&user.run(&["rescue"])).contains("root sees everything: sudo /tmp/"));
}

/// What they may thaw is thawed; what they may not is not asked about, and each is said.
fn all_that_may_be_thawed(version: Version) {
    let (user, group) = (User::new(), Group::new(version, "all"));
    let [own, first, second] = ["own", "first", "second"].map(|name| group.child(name));
    give(own.path(), &[version.control_file()]);
    let freeze = || [&own, &first, &second].map(|group| group.request(true));
    let all = ["--root", text(group.path()), "thaw", "--all"];
    freeze();
    let output = user.run(&all);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(
        said(&output).contains("own is frozen by its own request\n") && !said(&output).contains("first"),
        "{}",
        said(&output)
    );
    let line = user.refused(&[&all[..], &["--yes"]].concat(), &["own is thawed", "first/", "second/"]);
    assert_eq!([&own, &first, &second].map(Group::requested), [false, true, true]);
    // Where there is nothing else, nothing is asked.
    user.refused(&all, &["first/", "second/"]);
    user.as_root(&line);
    assert_eq!([&own, &first, &second].map(Group::requested), [false; 3]);
}

fn images_of_somebody_else() {
    let closed = Permissions::from_mode(0o700);
    let images = tempfile::Builder::new().permissions(closed).tempdir().unwrap();
    let user = User::new();
    for verb in ["inspect", "restore"] {
        user.refused(&[verb, text(images.path())], &["no permission to read"]);
    }
    let (folder, group) = (text(images.path()), Group::v2("dumped"));
    user.refused(&["diff", folder, folder], &["no permission to read"]);
    // No process is in it: that is said besides.
    user.refused(&["checkpoint", text(group.path()), "--into", "/root/x"], &["missing: CAP_SYS_ADMIN"]);
}
