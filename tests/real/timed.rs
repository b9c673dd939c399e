//! `cryoscope freeze --for`: the way back comes, whatever becomes of the program that froze.

mod during;
mod gone;
mod late;
mod ordinary;
mod stopped;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cryoscope::kernel::membership::{group_of, path_of};
use cryoscope::kernel::processes::Processes;
use cryoscope::model::{ProcessId, Version};
use cryoscope::timer::{Timer, of};
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::checkpoint::{Images, checkpoint};
use super::support::group::Group;
use super::support::requirement::{Need, trial};
use super::support::terminal::Terminal;
use super::support::wait::{SOON, reached, throughout, until};
use super::support::workload::{Workload, quiet};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const V1: &[Need] = &[Need::Root, Need::V1];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1];
const CRIU: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];
const WIDE: (u16, u16) = (140, 40);

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("timed::a_freeze_that_fails_ends_its_timer", BOTH, a_freeze_that_fails_ends_its_timer),
        trial("timed::absurd_spans_are_refused", V2, absurd_spans_are_refused),
        trial("timed::a_checkpoint_in_between", CRIU, a_checkpoint_in_between),
    ];
    for version in [Version::V2, Version::V1] {
        let need = if version == Version::V2 { V2 } else { V1 };
        let mut add = |name: &str, test: fn(Version)| {
            all.push(trial(&format!("timed::{name}::{version}"), need, move || test(version)));
        };
        add("thaws_at_the_deadline", thaws_at_the_deadline);
        add("its_terminal_and_session_are_gone", its_terminal_and_session_are_gone);
        add("killed_at_any_moment", killed_at_any_moment);
        add("a_group_made_again_is_another_one", a_group_made_again);
        add("a_thaw_ends_the_timer", a_thaw_ends_the_timer);
        add("what_others_freeze_afterwards_stays", what_others_freeze_afterwards_stays);
        add("what_others_froze_before_stays", what_others_froze_before_stays);
        add("two_timers", two_timers);
        add("a_new_time_counts", a_new_time_counts);
        add("below_a_frozen_ancestor", below_a_frozen_ancestor);
        add("the_timer_is_on_its_own", the_timer_is_on_its_own);
        add("from_inside_the_target", from_inside_the_target);
        add("signals_to_the_timer", signals_to_the_timer);
        add("on_the_screen", on_the_screen);
    }
    all.extend(during::tests());
    all.extend(ordinary::tests());
    all.extend(gone::tests());
    all.extend(late::tests());
    all.extend(stopped::tests());
    all
}

fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn freeze(group: &Group, span: &str) -> Output {
    run([OsStr::new("freeze"), group.path().as_os_str(), OsStr::new("--for"), OsStr::new(span)])
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
}

fn timers(group: &Group) -> Vec<Timer> {
    of(group.open().id).unwrap()
}

/// The one timer of a group.
#[track_caller]
fn timer(group: &Group) -> Timer {
    let mut timers = timers(group);
    assert_eq!(timers.len(), 1, "{timers:?}");
    timers.remove(0)
}

/// Ended: its zombie may wait for an init that takes its time.
fn has_ended(process: ProcessId) -> bool {
    Processes::default().read(process.pid).is_none_or(|p| p.id != process || p.is_zombie())
}

#[track_caller]
fn until_ended(timer: &Timer) {
    until("the timer has ended", SOON, || has_ended(timer.process));
}

fn is_thawed(group: &Group) -> bool {
    !group.requested() && !group.is_frozen()
}

fn thaws_at_the_deadline(version: Version) {
    let group = Group::new(version, "for");
    let workload = Workload::in_group(&group);
    let start = Instant::now();
    let output = freeze(&group, "1.5s");
    assert_code(&output, 0);
    assert!(said(&output).contains("is frozen, and thaws in 2s, at 20"), "{}", said(&output));
    assert!(group.requested() && group.is_frozen());
    let timer = timer(&group);
    let shown = run([OsStr::new("show"), OsStr::new("--json"), group.path().as_os_str()]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!((1..1_500_000).contains(&shown["thaws_in_usec"].as_u64().unwrap()), "{shown}");
    let shown = run([OsStr::new("show"), group.path().as_os_str()]);
    assert!(said(&shown).contains("thaws      in "), "{}", said(&shown));
    workload.assert_still();
    until("it is thawed", SOON, || is_thawed(&group));
    let frozen = start.elapsed();
    assert!(frozen >= Duration::from_millis(1500), "{frozen:?}");
    println!("{version}: --for 1.5s, thawed {frozen:?} after the program was started");
    workload.assert_counting();
    until_ended(&timer);
    assert_eq!(timers(&group), []);
}

fn its_terminal_and_session_are_gone(version: Version) {
    let group = Group::new(version, "gone");
    let workload = Workload::in_group(&group);
    let mut command = Command::new("sh");
    command.args(["-c", "\"$@\"; exec sleep 1000", "sh", PROGRAM, "freeze", "--for", "2s"]).arg(group.path());
    let mut terminal = Terminal::start(command, WIDE);
    terminal.shows("is frozen, and thaws in");
    let timer = timer(&group);
    let session = |pid: i32| procfs_session(pid);
    assert_eq!(session(timer.process.pid), Some(timer.process.pid));
    let all = Processes::default().all();
    for process in all.iter().filter(|process| session(process.id.pid) == Some(terminal.pid())) {
        kill(Pid::from_raw(process.id.pid), Signal::SIGKILL).unwrap();
    }
    terminal.vanish();
    terminal.end();
    assert!(group.is_frozen() && !has_ended(timer.process));
    until("it is thawed", SOON, || is_thawed(&group));
    workload.assert_counting();
    until_ended(&timer);
}

/// Field 6 of `/proc/PID/stat`, behind the name, which may hold anything.
fn procfs_session(pid: i32) -> Option<i32> {
    let text = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?).into_owned();
    text.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()
}

/// Killed ever later: not frozen, or frozen with a way back.
fn killed_at_any_moment(version: Version) {
    let mut held = Vec::new();
    let mut frozen = 0;
    for moment in 0..40 {
        let group = Group::new(version, "kill");
        // Where this test fails it ends with its group.
        let inside = quiet(Command::new("sleep").arg("1000")).spawn().unwrap();
        group.add(inside.id().cast_signed());
        let mut command = Command::new(PROGRAM);
        command.args(["freeze", "--for", "1s"]).arg(group.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(1000 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
        if group.requested() {
            assert_eq!(timers(&group).len(), 1, "frozen without a timer, killed after {moment} ms");
            frozen += 1;
        }
        held.push((moment, group, inside));
    }
    for (moment, group, inside) in &mut held {
        until(&format!("it is thawed, killed after {moment} ms"), SOON, || is_thawed(group));
        until("no timer is left", SOON, || timers(group).is_empty());
        inside.kill().unwrap();
        inside.wait().unwrap();
    }
    println!("{version}: killed at 40 moments, {frozen} times when the freeze was written");
}

fn a_group_made_again(version: Version) {
    let above = Group::new(version, "again");
    let first = above.child("same");
    let workload = Workload::in_group(&first);
    assert_code(&freeze(&first, "1s"), 0);
    let timer = timer(&first);
    first.remove();
    drop(workload);
    let second = above.child("same");
    let workload = Workload::in_group(&second);
    second.freeze();
    until_ended(&timer);
    assert!(second.requested() && second.is_frozen(), "another group of that name");
    workload.assert_still();
}

fn a_thaw_ends_the_timer(version: Version) {
    let group = Group::new(version, "thaw");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "1h"), 0);
    let timer = timer(&group);
    assert_code(&run([OsStr::new("thaw"), group.path().as_os_str()]), 0);
    assert_eq!(timers(&group), []);
    until_ended(&timer);
    workload.assert_counting();
}

/// Thawed past the program: that freeze is over, and the next one is somebody else's.
fn what_others_freeze_afterwards_stays(version: Version) {
    let group = Group::new(version, "after");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "2s"), 0);
    let timer = timer(&group);
    group.thaw();
    until_ended(&timer);
    assert!(!timer.left().is_zero(), "it did not wait for its deadline");
    group.freeze();
    until("the deadline is over", SOON, || timer.left().is_zero());
    throughout("it stays frozen", Duration::from_millis(100), || group.requested() && group.is_frozen());
    workload.assert_still();
}

fn what_others_froze_before_stays(version: Version) {
    let group = Group::new(version, "before");
    group.freeze();
    let output = freeze(&group, "1s");
    assert_code(&output, 4);
    assert!(said(&output).contains("somebody else's freeze"), "{}", said(&output));
    assert_eq!(timers(&group), []);
    assert!(group.requested());
}

fn two_timers(version: Version) {
    let (first, second) = (Group::new(version, "first"), Group::new(version, "second"));
    let targets = [first.path().as_os_str(), second.path().as_os_str()];
    let output = run(["freeze", "--for", "1s"].map(OsStr::new).into_iter().chain(targets));
    assert_code(&output, 0);
    let third = Group::new(version, "third");
    assert_code(&freeze(&third, "1h"), 0);
    let all = [timer(&first), timer(&second), timer(&third)];
    until("both are thawed", SOON, || is_thawed(&first) && is_thawed(&second));
    all[..2].iter().for_each(until_ended);
    assert!(third.requested() && !has_ended(all[2].process));
    third.request(false);
    until_ended(&all[2]);
}

fn a_new_time_counts(version: Version) {
    let group = Group::new(version, "anew");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "1h"), 0);
    let long = timer(&group);
    let plain = run([OsStr::new("freeze"), group.path().as_os_str()]);
    assert_code(&plain, 0);
    let left = ["1h", "59m 59s", "59m 58s"].map(|left| format!("was already frozen, and thaws in {left}"));
    assert!(left.iter().any(|left| said(&plain).contains(left)), "{}", said(&plain));
    let count = workload.count();
    assert_code(&freeze(&group, "1s"), 0);
    assert!(has_ended(long.process));
    assert_eq!(workload.count(), count, "it did not run in between");
    let short = timer(&group);
    assert!(short.deadline < long.deadline);
    until("it is thawed", SOON, || is_thawed(&group));
    workload.assert_counting();
    until_ended(&short);
}

fn below_a_frozen_ancestor(version: Version) {
    let above = Group::new(version, "above");
    let group = above.child("below");
    let workload = Workload::in_group(&group);
    above.freeze();
    assert_code(&freeze(&group, "1s"), 0);
    let timer = timer(&group);
    assert!(group.requested());
    until("its own request is taken back", SOON, || !group.requested());
    until_ended(&timer);
    assert!(above.requested() && group.is_frozen(), "what the ancestor asks for stays");
    workload.assert_still();
}

fn the_timer_is_on_its_own(version: Version) {
    let group = Group::new(version, "own");
    // A descriptor that is inherited, as those of a shell's redirections are.
    let script = format!("exec 9>&1; exec '{PROGRAM}' freeze --for 1h \"$0\"");
    let output = Command::new("sh").args(["-c", &script]).arg(group.path()).output().unwrap();
    assert_code(&output, 0);
    let pid = timer(&group).process.pid;
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).unwrap();
    assert_eq!(link("cwd").as_os_str(), "/");
    for stream in ["fd/0", "fd/1", "fd/2"] {
        // Its input was the pipe that told it of the freeze.
        until(stream, SOON, || link(stream).as_os_str() == "/dev/null");
    }
    let open: Vec<OsString> =
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|fd| fd.unwrap().file_name()).collect();
    let pipe =
        |fd: &OsString| link(&format!("fd/{}", fd.to_str().unwrap())).to_string_lossy().contains("pipe:");
    assert!(!open.iter().any(pipe), "nothing of whoever started it: {open:?}");
    assert_eq!(procfs_session(pid), Some(pid));
    assert_eq!(path_of(pid, version).unwrap().to_string(), "/");
    group.thaw();
}

/// With `--force`, from a shell in the group: the timer leaves it before it is frozen.
fn from_inside_the_target(version: Version) {
    let above = Group::new(version, "outer");
    let group = above.child("inside");
    let script = format!(
        "echo $$ > \"$0/cgroup.procs\"; '{PROGRAM}' freeze --for 1s \"$0\"; echo $?; '{PROGRAM}' freeze --force --for 1s \"$0\"; echo $?"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(group.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    until("it is frozen", SOON, || group.is_frozen());
    let timer = timer(&group);
    let at = group_of(timer.process.pid, group.hierarchy()).unwrap();
    assert!(!at.is_within(&group.cgroup_path()), "{at:?}");
    let output = child.wait_with_output().unwrap();
    let lines = said(&output);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!((lines[0], lines[2]), ("4", "0"), "the guard, and past it: {lines:?}");
    assert!(lines[1].contains("was frozen, together with cryoscope, and has been thawed"), "{lines:?}");
    until_ended(&timer);
}

fn signals_to_the_timer(version: Version) {
    let group = Group::new(version, "signal");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "1h"), 0);
    let timer = timer(&group);
    let pid = Pid::from_raw(timer.process.pid);
    for signal in [Signal::SIGHUP, Signal::SIGINT] {
        kill(pid, signal).unwrap();
    }
    throughout("it goes on", Duration::from_millis(50), || !has_ended(timer.process) && group.is_frozen());
    kill(pid, Signal::SIGTERM).unwrap();
    until("it thaws before it ends", SOON, || is_thawed(&group));
    until_ended(&timer);
    workload.assert_counting();
    assert_eq!(timers(&group), []);
}

fn a_freeze_that_fails_ends_its_timer() {
    let (group, v1) = (Group::v2("fails"), Group::v1("holds"));
    let workload = Workload::in_groups(&[&group, &v1]);
    v1.freeze();
    let output = run([OsStr::new("freeze"), group.path().as_os_str()]
        .into_iter()
        .chain(["--for", "1h", "--timeout", "100ms"].map(OsStr::new)));
    assert_code(&output, 6);
    assert!(!group.requested());
    until("its timer has ended", SOON, || timers(&group).is_empty());
    v1.thaw();
    workload.assert_counting();
}

fn absurd_spans_are_refused() {
    let group = Group::v2("absurd");
    for span in ["0s", "0", "0.5s", "-3s", "169h", "1e30h", "soon", ""] {
        let output =
            run([OsStr::new("freeze"), group.path().as_os_str(), &OsString::from(format!("--for={span}"))]);
        assert_code(&output, 2);
        assert!(!group.requested() && timers(&group).is_empty(), "{span}");
    }
}

/// criu takes the flag away and sets it again, and so does a hand-over: that is no thaw.
fn a_checkpoint_in_between() {
    for (version, from_above) in [(Version::V2, false), (Version::V1, false), (Version::V2, true)] {
        let above = Group::new(version, "dump");
        let group = above.child("inner");
        let (workload, images) = (Workload::in_group(&group), Images::new());
        assert_code(&freeze(&group, "1h"), 0);
        let timer = timer(&group);
        if from_above {
            above.freeze();
        }
        assert_code(&checkpoint(&group, &images.folder(), &[]), 0);
        assert!(group.requested());
        throughout("its timer goes on", Duration::from_millis(50), || !has_ended(timer.process));
        above.request(false);
        kill(Pid::from_raw(timer.process.pid), Signal::SIGTERM).unwrap();
        until("it is thawed", SOON, || is_thawed(&group));
        workload.assert_counting();
        until_ended(&timer);
    }
}

fn on_the_screen(version: Version) {
    let group = Group::new(version, "screen");
    let workload = Workload::in_group(&group);
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&[group.name().to_str().unwrap()]);
    terminal.keys("F");
    terminal.shows("All processes in it and below stop");
    terminal.shows_line(&["For: > 30s_"]);
    // Nothing that lasts no time.
    terminal.keys("\x150s\x1b[C\r");
    terminal.shows("is not between 1 second and 1 week");
    assert!(!group.requested());
    terminal.keys("\x1520s\r");
    terminal.shows("is frozen, and thaws in");
    let first = timer(&group);
    terminal.keys("2");
    terminal.shows_line(&["Thaws", "in ", "by a timer"]);
    // A new time for what thaws by itself; and who looks at it anew sees that too.
    terminal.keys("F");
    terminal.shows("All processes in it and below stop");
    terminal.keys("\x15");
    terminal.keys("8s\x1b[C\r");
    until("the first timer has ended", SOON, || has_ended(first.process));
    drop(terminal);
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.keys("2");
    terminal.shows_line(&["Thaws", "in ", "by a timer"]);
    terminal.shows_line(&["State         thawed"]);
    assert!(is_thawed(&group));
    workload.assert_counting();
    assert!(reached(SOON, || timers(&group).is_empty()));
}
