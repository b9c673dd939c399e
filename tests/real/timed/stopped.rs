//! A timer that lives and cannot run, because it is stopped or frozen itself: that is shown, and past its deadline `rescue` ends
//! the freeze. A timer that is merely late is left to thaw.

use std::ffi::OsStr;

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;
use cryoscope::timer::{Timer, orphans};
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{BOTH, V1, V2, WIDE, assert_code, freeze, is_thawed, run, said, timer, timers, until_ended};
use crate::real::support::group::Group;
use crate::real::support::namespace::isolated;
use crate::real::support::terminal::Terminal;
use crate::real::support::wait::{SOON, until};
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for version in [Version::V2, Version::V1] {
        let need = if version == Version::V2 { V2 } else { V1 };
        let mut add = |name: &str, test: fn(Version)| {
            all.push(isolated(&format!("timed::{name}::{version}"), need, move || test(version)));
        };
        add("a_stopped_timer_is_shown_and_rescued", a_stopped_timer_is_shown_and_rescued);
        add("one_that_goes_on_is_no_case", one_that_goes_on_is_no_case);
        all.push(isolated(&format!("timed::a_frozen_timer_is_rescued::{version}"), BOTH, move || {
            a_frozen_timer_is_rescued(version);
        }));
        all.push(isolated(&format!("timed::one_that_is_being_killed_is_gone::{version}"), BOTH, move || {
            one_that_is_being_killed_is_gone(version);
        }));
    }
    all
}

fn send(timer: &Timer, signal: Signal) {
    kill(Pid::from_raw(timer.process.pid), signal).unwrap();
}

/// The lines of an output that name a group.
fn of_group(text: &str, group: &Group) -> String {
    let name = group.name().to_str().unwrap();
    text.lines().filter(|line| line.contains(name)).collect::<Vec<_>>().join("\n")
}

fn listed(group: &Group) -> String {
    of_group(&said(&run(["list", "--frozen"])), group)
}

fn show(group: &Group) -> String {
    said(&run([OsStr::new("show"), group.path().as_os_str()]))
}

fn until_overdue(timer: &Timer) {
    until("it is overdue", SOON, || timer.left().is_zero());
}

fn a_stopped_timer_is_shown_and_rescued(version: Version) {
    let group = Group::new(version, "stopped");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "4s"), 0);
    let timer = timer(&group);
    send(&timer, Signal::SIGSTOP);
    until("it is told", SOON, || listed(&group).contains("timer stopped; "));
    if !timer.left().is_zero() {
        let dry = said(&run(["rescue", "--dry-run"]));
        assert!(of_group(&dry, &group).is_empty() || timer.left().is_zero(), "not before its end: {dry}");
    }
    until_overdue(&timer);
    assert!(listed(&group).contains("timer stopped; overdue "), "{}", listed(&group));
    let words = "not automatically: timer stopped; overdue ";
    assert!(show(&group).contains(words), "{}", show(&group));
    for verb in ["show", "list"] {
        let json = run([OsStr::new(verb), OsStr::new("--json"), group.path().as_os_str()]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert!(json["timer_stopped"]["overdue_usec"].is_u64() && json["timer_gone"].is_null(), "{json}");
        assert!(json["thaws_in_usec"].is_null(), "{json}");
    }
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.keys("2");
    terminal.shows_line(&["Thaws", words]);
    drop(terminal);
    let dry = said(&run(["rescue", "--dry-run"]));
    assert!(
        of_group(&dry, &group).contains(&format!("its timer (process {}) is stopped", timer.process.pid))
    );
    workload.assert_still();
    assert!(group.requested() && timers(&group).len() == 1, "no look changes anything");
    let rescued = run(["rescue", "--yes"]);
    assert_code(&rescued, 0);
    assert!(of_group(&said(&rescued), &group).contains("is thawed"), "{}", said(&rescued));
    assert!(is_thawed(&group) && timers(&group).is_empty());
    until_ended(&timer);
    workload.assert_counting();
}

/// It has gone on between the look and the rescue: it thaws by itself, and is not ended.
fn one_that_goes_on_is_no_case(version: Version) {
    let group = Group::new(version, "late");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "1s"), 0);
    let timer = timer(&group);
    send(&timer, Signal::SIGSTOP);
    until_overdue(&timer);
    let hosts = hierarchies().unwrap();
    let mut cases = orphans(&hosts).unwrap();
    cases.retain(|case| case.group().id == group.open().id);
    let case = cases.pop().expect("it is stopped and overdue");
    send(&timer, Signal::SIGCONT);
    let said = case.end(&hosts, None).unwrap();
    let is_left = ["has a running timer", "is no longer frozen"].iter().any(|words| said.contains(words));
    assert!(is_left, "{said}");
    until("it is thawed", SOON, || is_thawed(&group));
    until_ended(&timer);
    assert!(timers(&group).is_empty());
    workload.assert_counting();
}

fn a_frozen_timer_is_rescued(version: Version) {
    for holder in [Group::v2("holder"), Group::v1("holder")] {
        let group = Group::new(version, "frozen");
        let workload = Workload::in_group(&group);
        assert_code(&freeze(&group, "2s"), 0);
        let timer = timer(&group);
        holder.add(timer.process.pid);
        holder.freeze();
        until_overdue(&timer);
        assert!(listed(&group).contains("timer frozen; overdue "), "{}", listed(&group));
        let rescued = run(["rescue", "--yes"]);
        assert_code(&rescued, 0);
        assert!(of_group(&said(&rescued), &group).contains("is thawed"), "{}", said(&rescued));
        assert!(is_thawed(&group) && timers(&group).is_empty());
        workload.assert_counting();
        // One that the v1 freezer holds ends when it is thawed, and does nothing more.
        holder.thaw();
        until_ended(&timer);
        assert!(is_thawed(&group));
    }
}

/// As on a busy host, where one that was killed takes a while to end: here until the v1 freezer lets it.
fn one_that_is_being_killed_is_gone(version: Version) {
    let (group, holder) = (Group::new(version, "dying"), Group::v1("holder"));
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "1h"), 0);
    let first = timer(&group);
    holder.add(first.process.pid);
    holder.freeze();
    send(&first, Signal::SIGKILL);
    until("it is told", SOON, || listed(&group).contains("timer gone; "));
    let rescued = run(["rescue", "--yes"]);
    assert_code(&rescued, 0);
    assert!(of_group(&said(&rescued), &group).contains("has a new timer"), "{}", said(&rescued));
    let second = timer(&group);
    assert_ne!(first.process, second.process);
    holder.thaw();
    until_ended(&first);
    assert!(group.requested() && timers(&group) == [second]);
    assert_code(&run([OsStr::new("thaw"), group.path().as_os_str()]), 0);
    workload.assert_counting();
}
