//! `--log`: what is done stands in a file, and nothing of it on the terminal.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::support::checkpoint::{Images, checkpoint};
use super::support::group::Group;
use super::support::requirement::{Need, trial};
use super::support::terminal::Terminal;
use super::support::wait::{SOON, until};
use super::support::workload::Workload;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("log::writes_and_failures_are_in_it", V2, writes_and_failures_are_in_it),
        trial("log::a_log_that_cannot_be_is_an_error", V2, a_log_that_cannot_be_is_an_error),
        trial("log::criu_is_in_it", &[Need::Root, Need::V2, Need::Criu], criu_is_in_it),
        trial("log::the_screen_is_not_touched", V2, the_screen_is_not_touched),
    ]
}

fn logged(log: &Path, arguments: &[&OsStr]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("--log").arg(log).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(log: &Path) -> String {
    fs::read_to_string(log).unwrap()
}

fn writes_and_failures_are_in_it() {
    let (group, folder) = (Group::v2("logged"), tempfile::tempdir().unwrap());
    let log = folder.path().join("log");
    let path = group.path().as_os_str();
    let output = logged(&log, &[OsStr::new("freeze"), path, OsStr::new("--for"), OsStr::new("1s")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "nothing of it on the terminal");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    let write =
        |request| format!("write group={} file=\"cgroup.freeze\" text=\"{request}\"", group.cgroup_path());
    assert!(text(&log).contains(&write("1")), "{}", text(&log));
    // The timer logs to the same file.
    until("the thaw of the timer is in it", SOON, || text(&log).contains(&write("0")));
    let before = text(&log);
    assert_eq!(logged(&log, &[OsStr::new("show"), OsStr::new("/no/such/group")]).status.code(), Some(5));
    let after = text(&log);
    assert!(after.starts_with(&before) && after.contains("ERROR"), "it is written on: {after}");
    assert!(after[before.len()..].contains("no such cgroup: /no/such/group"), "{after}");
    assert!(!after.contains('\x1b') && !after.contains("DEBUG"), "{after}");
}

fn a_log_that_cannot_be_is_an_error() {
    let (group, folder) = (Group::v2("unlogged"), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    fs::write(at("target"), "kept").unwrap();
    symlink(at("target"), at("link")).unwrap();
    mkfifo(&at("pipe"), Mode::S_IRWXU).unwrap();
    for log in [at("link"), at("pipe"), at("no/folder"), at(""), "/dev/null".into(), "/dev/tty".into()] {
        let output = logged(&log, &[OsStr::new("freeze"), group.path().as_os_str()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}: {said}", log.display());
        assert!(said.contains("cannot log to"), "{said}");
        assert!(!group.requested(), "{}", log.display());
    }
    assert_eq!(fs::read_to_string(at("target")).unwrap(), "kept");
    let alone = Command::new(PROGRAM).args(["-v", "list"]).output().unwrap();
    assert_eq!(alone.status.code(), Some(2), "-v without a log says nothing anywhere");
}

fn criu_is_in_it() {
    let (group, folder, images) = (Group::v2("logged"), tempfile::tempdir().unwrap(), Images::new());
    let _workload = Workload::in_group(&group);
    let log = folder.path().join("log");
    let output = checkpoint(&group, &images.folder(), &["--log", log.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let line = text(&log).lines().find(|line| line.contains(" dump ")).map(str::to_owned);
    assert!(line.is_some_and(|line| line.contains("run command=") && line.contains("--freeze-cgroup")));
}

fn the_screen_is_not_touched() {
    let (group, folder) = (Group::v2("screen"), tempfile::tempdir().unwrap());
    let log = folder.path().join("log");
    let mut command = Command::new(PROGRAM);
    command.arg("--log").arg(&log).arg("-vv").arg(group.path());
    let mut terminal = Terminal::start(command, (140, 40));
    terminal.shows_line(&[group.name().to_str().unwrap()]);
    group.child("later");
    until("hints are in the log", SOON, || text(&log).contains("follow hints="));
    assert!(text(&log).contains("DEBUG") && text(&log).contains("TRACE"));
    terminal.shows_line(&["▸", group.name().to_str().unwrap()]);
    assert!(!terminal.screen().contents().contains("DEBUG"));
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}
