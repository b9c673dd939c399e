//! Terminals whose session or other end is outside.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use super::NEEDS;
use super::said::{Images, Said, assert_cited, assert_done, assert_option, cryoscope, plain};
use crate::real::support::criu::dump;
use crate::real::support::group::Group;
use crate::real::support::requirement::trial;
use crate::real::support::wait::{SOON, until};
use crate::real::support::workload::{Workload, quiet};

pub fn tests() -> Vec<Trial> {
    vec![
        trial("findings::terminal_of_a_tmux_pane", NEEDS, tmux_pane),
        trial("findings::terminal_with_its_master_outside", NEEDS, terminal_from_outside),
    ]
}

/// A workload in a pane of a tmux server of the test's own.
fn tmux_pane() {
    let (group, images) = (Group::v2("tmux"), Images::new());
    let socket = images.0.path().join("tmux");
    let counter = images.0.path().join("counter");
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "{} workload {} no-session x {} & sleep 1000",
        program.display(),
        counter.display(),
        group.path().display()
    );
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        quiet(&mut command).arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(arguments);
        assert!(command.status().unwrap().success(), "tmux {arguments:?}");
    };
    tmux(&["new-session", "-d", &line]);
    let _server = Tmux(socket.clone());
    let count = || fs::read(&counter).ok().and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    until("the workload counts in its pane", SOON, || count() > 0);
    let said = Said::of(&group, &images);
    assert_eq!(said.remarks(), [("warning", "session"), ("warning", "terminal")], "{:#?}", said.all);
    assert_option(&said, said.one("terminal"), &["--shell-job"]);
    let pid = group.pids()[0];
    let ended = dump(pid, &images.plain()).leave_running().run();
    ended.assert_failure("Found dangling tty with sid");
    assert_cited(said.one("terminal"), &ended.log);
    let output = cryoscope(&group, &images.folder(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let before = count();
    until("the workload goes on counting", SOON, || count() > before);
}

/// Ends the server, after a panic too.
struct Tmux(PathBuf);

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = quiet(Command::new("tmux").arg("-S").arg(&self.0).arg("kill-server")).status();
    }
}

/// A terminal's master in the tree, and the session outside: what a terminal emulator is.
fn terminal_from_outside() {
    let (group, images) = (Group::v2("terminal"), Images::new());
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let mut shell = pty_process::blocking::Command::new("sleep").arg("1000").spawn(pts).unwrap();
    let input = Stdio::from(OwnedFd::from(pty));
    let workload = Workload::with_input(&group, "nothing", "", input);
    let said = Said::of(&group, &images);
    let finding = said.only("warning", "terminal");
    assert_cited(finding, &plain(&workload, &images, "Found dangling tty with sid"));
    assert_option(&said, finding, &["--shell-job"]);
    assert_done(&group, &images, &workload);
    shell.kill().unwrap();
    shell.wait().unwrap();
}
