//! A freeze for a time by an ordinary user, in a group that was delegated: with a runtime folder, or without one.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::{PROGRAM, V2, assert_code, is_thawed, said};
use crate::real::support::group::Group;
use crate::real::support::ordinary::{Copy, NOBODY};
use crate::real::support::requirement::trial;
use crate::real::support::wait::{SOON, until};

pub fn tests() -> Vec<Trial> {
    vec![
        trial("timed::an_ordinary_user", V2, an_ordinary_user),
        trial("timed::a_user_without_a_runtime_folder", V2, a_user_without_a_runtime_folder),
        trial("timed::somebody_elses_folder_is_passed_over", V2, somebody_elses_folder_is_passed_over),
    ]
}

/// A group that nobody may freeze.
fn delegated(name: &str) -> Group {
    let group = Group::v2(name);
    chown(group.path().join("cgroup.freeze"), Some(NOBODY), Some(NOBODY)).unwrap();
    group
}

fn an_ordinary_user() {
    let group = delegated("delegated");
    let (program, folder) = (Copy::of(PROGRAM), tempfile::tempdir().unwrap());
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(program.path());
    command.args(["freeze", "--for", "1s"]).arg(group.path()).uid(NOBODY).gid(NOBODY).stdin(Stdio::null());
    let frozen = command.env("XDG_RUNTIME_DIR", folder.path()).output().unwrap();
    assert_code(&frozen, 0);
    let files = || fs::read_dir(folder.path().join("cryoscope")).unwrap().count();
    assert_eq!(files(), 1);
    assert!(group.is_frozen());
    until("it is thawed", SOON, || is_thawed(&group));
    until("its file is gone", SOON, || files() == 0);
    let rescue = Command::new(program.path()).arg("rescue").uid(NOBODY).gid(NOBODY).output().unwrap();
    assert_code(&rescue, 0);
    assert!(said(&rescue).contains("only what belongs to you; root sees everything"), "{}", said(&rescue));
}

/// Runs a script of root's in a mount namespace with an empty /dev/shm and /tmp. In it `as_user ARGUMENTS` is the program, run
/// by nobody.
fn in_empty_places(script: &str, group: &Group) -> Output {
    let program = File::open(PROGRAM).unwrap();
    fcntl(&program, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let script = format!(
        "set -e; mount -t tmpfs -o mode=1777 none /dev/shm; mount -t tmpfs -o mode=1777 none /tmp
        as_user() {{ setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups /proc/self/fd/{} \"$@\"; }}
        {script}",
        program.as_raw_fd()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "bash", "-c", &script]).arg(group.path());
    for variable in ["XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null()).output().unwrap()
}

/// It is made, nobody else may look into it, and a later call finds what is in it.
fn a_user_without_a_runtime_folder() {
    let group = delegated("alone");
    let script = "as_user freeze --for 1h \"$0\"
        stat -c '%a %u' /dev/shm/cryoscope-*; ls /dev/shm/cryoscope-* | wc -l
        as_user show \"$0\" | grep thaws
        RUNTIME_DIRECTORY=/tmp as_user show \"$0\" | grep thaws
        as_user thaw \"$0\"; ls /dev/shm/cryoscope-* | wc -l";
    let output = in_empty_places(script, &group);
    assert_code(&output, 0);
    let text = said(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert_eq!((lines[1], lines[2], lines[6]), ("700 65534", "1", "0"), "{text}");
    assert!(lines[3].contains("in 1h, by a timer") && lines[4].contains("in 1h, by a timer"), "{text}");
}

/// Made first by another user, open to all, or a link to another folder of this user's: each is passed over, and where nothing
/// is left that is said, and nothing is frozen.
fn somebody_elses_folder_is_passed_over() {
    let group = delegated("squatted");
    let taken = [
        "mkdir -m 700 $at; chown 1:1 $at",
        "mkdir $at; chown 65534 $at; chmod 777 $at",
        "mkdir -m 700 /tmp/theirs; chown 65534 /tmp/theirs; ln -s /tmp/theirs $at; chown -h 65534 $at",
        "echo > $at; chown 65534 $at",
    ];
    for taken in taken {
        let script = format!(
            "at=/dev/shm/cryoscope-{NOBODY}; {taken}
            as_user freeze --for 1h \"$0\"; ls /tmp/cryoscope-{NOBODY} | wc -l; as_user thaw \"$0\"
            rm -r /tmp/*; at=/tmp/cryoscope-{NOBODY}; {taken}
            as_user freeze --for 1h \"$0\""
        );
        let output = in_empty_places(&script, &group);
        assert_code(&output, 3);
        let text = said(&output);
        assert!(
            text.contains("\n1\n") && text.contains("set XDG_RUNTIME_DIR to a directory"),
            "{taken}: {text}"
        );
        assert!(!group.requested(), "{taken}");
    }
}
