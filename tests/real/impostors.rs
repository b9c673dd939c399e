//! Processes of an untrusted user that look like a criu: nothing that root does is refused, delayed, undone or set off by them.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cryoscope::kernel::command_line::arguments;
use cryoscope::kernel::signals::await_end;
use cryoscope::model::Version;
use cryoscope::timer::of;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::criu::dump;
use super::support::group::Group;
use super::support::impostor::{Executable, Impostor};
use super::support::namespace::isolated;
use super::support::pause::Pause;
use super::support::requirement::{criu, trial, with_criu};
use super::support::terminal::Terminal;
use super::support::wait::{SOON, throughout, until};
use super::support::workload::Workload;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");

/// What it executes, and whether it traces its child.
const KINDS: [(&str, Executable, bool); 6] = [
    ("titled", Executable::Own, false),
    ("titled_and_tracing", Executable::Own, true),
    ("copied", Executable::Copied, false),
    ("copied_and_tracing", Executable::Copied, true),
    ("installed", Executable::Installed, false),
    ("installed_and_tracing", Executable::Installed, true),
];

pub fn tests() -> Vec<Trial> {
    let need = with_criu(Version::V2);
    let mut all = vec![
        isolated("impostors::with_the_arguments_of_a_plan", need, with_the_arguments_of_a_plan),
        isolated("impostors::of_a_process_that_has_ended", need, of_a_process_that_has_ended),
        trial("impostors::a_signal_from_the_screen", need, a_signal_from_the_screen),
        isolated("impostors::a_criu_that_never_ends", need, a_criu_that_never_ends),
        isolated("impostors::a_trusted_process_that_is_no_criu", need, a_trusted_process_that_is_no_criu),
    ];
    for (kind, executable, traces) in KINDS {
        let mut add = |name: &str, test: fn(Executable, bool)| {
            all.push(trial(&format!("impostors::{name}::{kind}"), need, move || test(executable, traces)));
        };
        add("beside_a_freeze_for_a_time", beside_a_freeze_for_a_time);
        add("beside_a_checkpoint", beside_a_checkpoint);
        add("beside_the_screen", beside_the_screen);
        let name = format!("impostors::beside_a_rescue::{kind}");
        all.push(isolated(&name, need, move || beside_a_rescue(executable, traces)));
    }
    all
}

/// A group of root's, with the impostor's child in it.
fn beside(executable: Executable, traces: bool) -> (Group, Impostor) {
    let (group, impostor) = (Group::v2("impostor"), Impostor::new(executable, traces));
    group.add(impostor.target());
    (group, impostor)
}

fn run(verb: &str, group: &Group, more: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg(verb).arg(group.path()).args(more).stdin(Stdio::null()).output().unwrap()
}

fn rescue(option: &str) -> String {
    let output = Command::new(PROGRAM).args(["rescue", option]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    said(&output)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Done, without a word of a criu.
#[track_caller]
fn assert_quiet(output: &Output) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("criu"), "{said}");
}

/// The time ends, its timer ends, and what somebody freezes afterwards stays.
fn beside_a_freeze_for_a_time(executable: Executable, traces: bool) {
    let (group, _impostor) = beside(executable, traces);
    let freeze = |span| {
        assert_quiet(&run("freeze", &group, &["--for", span]));
        of(group.open().id).unwrap().remove(0).process
    };
    let ended = |timer| await_end(timer, SOON).unwrap();
    let timer = freeze("1s");
    until("the time is over", SOON, || !group.requested());
    assert!(ended(timer), "its timer goes on");
    group.freeze();
    throughout("it stays frozen", Duration::from_secs(1), || group.requested() && group.is_frozen());
    assert_quiet(&run("thaw", &group, &[]));
    // Thawed by hand before its end, as by somebody who does not know of it: it is over then.
    let timer = freeze("1h");
    group.thaw();
    assert!(ended(timer), "its timer goes on");
}

/// Another group: made. The group itself: what really is in criu's way is said, and nothing else.
fn beside_a_checkpoint(executable: Executable, traces: bool) {
    let (group, impostor) = beside(executable, traces);
    let (other, images) = (Group::v2("other"), Images::new());
    let workload = Workload::in_group(&other);
    assert_done(&checkpoint(&other, &images.folder(), &[]), &images);
    workload.assert_counting();
    let own = Images::new();
    let output = checkpoint(&group, &own.folder(), &["--dry-run"]);
    let text = said(&output);
    assert!(!text.contains("is dumping") && !text.contains("one criu at a time"), "{text}");
    let words = format!("is traced by process {} (nobody, ", impostor.pid());
    assert_eq!(text.contains(&words), traces, "{text}");
    if traces {
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains(&format!("process {} (sleep 1000)", impostor.target())), "{text}");
    }
}

fn beside_a_rescue(executable: Executable, traces: bool) {
    let (group, mut impostor) = beside(executable, traces);
    assert_quiet(&run("freeze", &group, &[]));
    for option in ["--dry-run", "--yes"] {
        let text = rescue(option);
        assert!(text.contains("nothing to rescue"), "{text}");
    }
    assert!(group.requested() && group.is_frozen() && impostor.is_running());
}

fn beside_the_screen(executable: Executable, traces: bool) {
    let (group, _impostor) = beside(executable, traces);
    let mut terminal = Terminal::at(group.path(), (140, 40));
    terminal.shows_line(&[group.name().to_str().unwrap()]);
    terminal.keys("f");
    terminal.shows("All processes in it and below stop");
    assert!(!terminal.screen().contents().contains("is dumping"), "{}", terminal.screen().contents());
    terminal.keys("\x1b[C\r");
    terminal.shows_line(&[group.name().to_str().unwrap(), "❄ frozen"]);
    assert!(group.requested());
    terminal.keys("t");
    terminal.shows_line(&["Cancel", "Thaw"]);
    assert!(!terminal.screen().contents().contains("is dumping"), "{}", terminal.screen().contents());
    terminal.keys("\x1b[C\r");
    until("it is thawed", SOON, || !group.requested());
}

/// The root and the folder of a checkpoint stand in criu's arguments, for everybody to read. A rescue waits for criu alone.
fn with_the_arguments_of_a_plan() {
    let (group, images, pause) = (Group::v2("plan"), Images::new(), Pause::new());
    let workload = Workload::in_group(&group);
    group.freeze();
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(images.folder()).arg("--criu").arg(criu());
    command.arg("--").args(pause.option()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    pause.until_reached();
    let words = arguments(workload.process().unwrap().tracer.unwrap());
    let at = words.iter().position(|word| word == b"dump").unwrap();
    let mut own: Vec<OsString> = vec!["criu".into()];
    own.extend(words[at..].iter().cloned().map(OsString::from_vec));
    let mut impostors = [false, true].map(|traces| Impostor::titled(&own, traces));
    child.kill().unwrap();
    child.wait().unwrap();
    pause.end();
    let text = rescue("--yes");
    let folder = images.folder();
    assert!(text.contains(folder.to_str().unwrap()) && text.contains("is complete"), "{text}");
    assert!(group.requested() && impostors.iter_mut().all(Impostor::is_running));
    assert!(rescue("--yes").contains("nothing to rescue"));
    assert!(group.requested() && group.is_frozen());
    group.thaw();
    workload.assert_counting();
}

/// It traces what was killed, and nothing else, for longer than a criu that waits for ever: it is no business of a rescue's.
fn of_a_process_that_has_ended() {
    for executable in [Executable::Own, Executable::Copied, Executable::Installed] {
        let mut impostor = Impostor::new(executable, true);
        kill(Pid::from_raw(impostor.target()), Signal::SIGKILL).unwrap();
        let state = || fs::read_to_string(format!("/proc/{}/stat", impostor.target())).unwrap();
        until("its child has ended", SOON, || state().contains(") Z "));
        assert!(rescue("--yes").contains("nothing to rescue"));
        assert!(impostor.is_running() && impostor.tracer() == Some(impostor.pid()));
    }
}

/// A tracer of one's own is no shield.
fn a_signal_from_the_screen() {
    let (group, impostor) = beside(Executable::Own, true);
    let mut terminal = Terminal::at(group.path(), (140, 40));
    terminal.shows_line(&[&impostor.target().to_string(), "traced", "sleep 1000"]);
    terminal.keys("x\x1b[C\x1b[C\x1b[C\x1b[C");
    terminal.shows("KILL: ");
    terminal.keys("\r");
    terminal.shows("KILL sent to");
    let state = || fs::read_to_string(format!("/proc/{}/stat", impostor.target())).unwrap();
    until("it has ended", SOON, || state().contains(") Z "));
}

/// Root's own criu, which somebody has stopped: the rescue ends, and all is as before; another one frees it when it can go on.
fn a_criu_that_never_ends() {
    let (group, images) = (Group::v2("never"), tempfile::tempdir().unwrap());
    let workload = Workload::in_group(&group);
    group.freeze();
    let mut criu = dump(workload.pid(), images.path()).leave_running().start();
    criu.assert_hangs();
    let pid = Pid::from_raw(criu.pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    let output = Command::new(PROGRAM).args(["rescue", "--yes"]).stdin(Stdio::null()).output().unwrap();
    // Whatever is found, it goes on.
    kill(pid, Signal::SIGCONT).unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("is still running after doing nothing for 15s") && text.contains("are frozen again"),
        "{text}"
    );
    assert!(group.requested() && workload.is_alive());
    if criu.is_running() {
        criu.assert_hangs();
        assert!(rescue("--yes").contains("frozen again"));
    }
    criu.wait().assert_success();
    assert!(group.requested());
    group.thaw();
    workload.assert_counting();
}

/// A set-user-ID program has root's rights, a trusted file, the arguments that its caller chose, and what its caller traced.
/// Here root itself plays it.
fn a_trusted_process_that_is_no_criu() {
    let group = Group::v2("root");
    let impostor = Impostor::of_root();
    group.add(impostor.target());
    assert_eq!(impostor.tracer(), Some(impostor.pid()));
    assert_quiet(&run("freeze", &group, &[]));
    assert!(rescue("--yes").contains("nothing to rescue"));
    assert!(group.requested() && group.is_frozen());
}
