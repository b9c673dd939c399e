//! A freeze for a time whose end falls into a checkpoint, or into what puts a checkpoint right: the way back comes all the
//! same, and nothing runs before it may.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cryoscope::model::Version;
use cryoscope::timer::Timer;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{
    CRIU, PROGRAM, assert_code, freeze, has_ended, is_thawed, run, said, timer, timers, until_ended,
};
use crate::real::support::checkpoint::Images;
use crate::real::support::criu::dump;
use crate::real::support::group::Group;
use crate::real::support::namespace::isolated;
use crate::real::support::pause::Pause;
use crate::real::support::requirement::{criu, trial};
use crate::real::support::wait::{SOON, throughout, until};
use crate::real::support::workload::Workload;

/// So long that a checkpoint has begun before its end on a busy machine.
const SPAN: &str = "6s";

pub fn tests() -> Vec<Trial> {
    let mut all = vec![trial("timed::an_empty_group_is_set_aside", CRIU, an_empty_group_is_set_aside)];
    for version in [Version::V2, Version::V1] {
        let mut add = |name: &str, test: fn(Version)| {
            all.push(trial(&format!("timed::{name}::{version}"), CRIU, move || test(version)));
        };
        add("its_end_in_a_checkpoint", its_end_in_a_checkpoint);
        add("its_end_in_a_hand_over", its_end_in_a_hand_over);
        add("its_timer_is_killed_in_a_checkpoint", its_timer_is_killed_in_a_checkpoint);
        add("thawed_by_a_person_in_a_checkpoint", thawed_by_a_person_in_a_checkpoint);
        let mut add = |name: &str, test: fn(Version)| {
            all.push(isolated(&format!("timed::{name}::{version}"), CRIU, move || test(version)));
        };
        add("its_end_in_a_criu_by_hand", its_end_in_a_criu_by_hand);
        add("its_end_when_the_checkpoint_is_killed", its_end_when_the_checkpoint_is_killed);
        add("its_end_after_the_checkpoint_was_killed", its_end_after_the_checkpoint_was_killed);
    }
    all.push(isolated("timed::a_rescue_keeps_the_timer", CRIU, a_rescue_keeps_the_timer));
    all
}

/// A checkpoint that stands still in criu's hands.
fn begin(group: &Group, images: &Images, pause: &Pause) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(images.folder()).arg("--criu").arg(criu());
    command.arg("--").args(pause.option());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    pause.until_reached_by(child)
}

#[track_caller]
fn assert_ends_well(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 0);
    said(&output)
}

#[track_caller]
fn until_due(timer: &Timer) {
    until("the deadline is over", SOON, || timer.left().is_zero());
}

/// It is thawed in the end, and stays so.
#[track_caller]
fn assert_thaws(group: &Group, workload: &Workload) {
    until("it is thawed", SOON, || is_thawed(group));
    workload.assert_counting();
    until("no timer is left", SOON, || timers(group).is_empty());
    throughout("it stays thawed", Duration::from_millis(100), || !group.requested());
}

fn rescue() -> String {
    let output = run(["rescue", "--yes"]);
    assert_code(&output, 0);
    said(&output)
}

fn its_end_in_a_checkpoint(version: Version) {
    let group = Group::new(version, "end");
    let (workload, images, pause) = (Workload::in_group(&group), Images::new(), Pause::new());
    assert_code(&freeze(&group, SPAN), 0);
    let timer = timer(&group);
    let child = begin(&group, &images, &pause);
    until_due(&timer);
    let count = workload.count();
    throughout("the timer waits", Duration::from_millis(300), || !has_ended(timer.process));
    assert_eq!(workload.count(), count, "nothing runs while criu works");
    pause.end();
    let said = assert_ends_well(child);
    assert!(said.contains("frozen for a set time, which has ended"), "{said}");
    assert_thaws(&group, &workload);
    until_ended(&timer);
}

/// Its request is set aside, and an ancestor's holds; then the ancestor's is all that holds.
fn its_end_in_a_hand_over(version: Version) {
    let above = Group::new(version, "end");
    let group = above.child("inner");
    let (workload, images, pause) = (Workload::in_group(&group), Images::new(), Pause::new());
    assert_code(&freeze(&group, SPAN), 0);
    above.freeze();
    let timer = timer(&group);
    let child = begin(&group, &images, &pause);
    until_due(&timer);
    throughout("the timer waits", Duration::from_millis(300), || !has_ended(timer.process));
    pause.end();
    assert_ends_well(child);
    until_ended(&timer);
    assert!(!group.requested() && above.requested());
    workload.assert_still();
    above.thaw();
    workload.assert_counting();
}

/// No plan says that it will set the flag again: only that criu holds the processes.
fn its_end_in_a_criu_by_hand(version: Version) {
    let group = Group::new(version, "hand");
    let (workload, pause, images) = (Workload::in_group(&group), Pause::new(), tempfile::tempdir().unwrap());
    assert_code(&freeze(&group, SPAN), 0);
    let timer = timer(&group);
    let option = pause.option();
    let dump = dump(workload.pid(), images.path()).leave_running().freeze_cgroup(group.path());
    let criu = dump.option(&[&option[0], &option[1]]).start();
    pause.until_reached();
    until_due(&timer);
    throughout("the timer waits", Duration::from_millis(300), || !has_ended(timer.process));
    pause.end();
    criu.wait().assert_success();
    assert_thaws(&group, &workload);
}

/// The end comes while the criu of a killed checkpoint goes on by itself; a rescue finds that the time is over.
fn its_end_when_the_checkpoint_is_killed(version: Version) {
    let group = Group::new(version, "killed");
    let (workload, images, pause) = (Workload::in_group(&group), Images::new(), Pause::new());
    assert_code(&freeze(&group, SPAN), 0);
    let timer = timer(&group);
    let mut child = begin(&group, &images, &pause);
    child.kill().unwrap();
    child.wait().unwrap();
    until_due(&timer);
    throughout("the timer waits", Duration::from_millis(300), || !has_ended(timer.process));
    pause.end();
    assert_thaws(&group, &workload);
    let said = rescue();
    assert!(said.contains("frozen for a set time, which has ended"), "{said}");
    assert_thaws(&group, &workload);
}

/// The rescue comes before the end, or after it.
fn its_end_after_the_checkpoint_was_killed(version: Version) {
    for late in [false, true] {
        let group = Group::new(version, "killed");
        let (workload, images, pause) = (Workload::in_group(&group), Images::new(), Pause::new());
        assert_code(&freeze(&group, SPAN), 0);
        let timer = timer(&group);
        let mut child = begin(&group, &images, &pause);
        child.kill().unwrap();
        child.wait().unwrap();
        pause.end();
        if late {
            until_due(&timer);
            until_ended(&timer);
        }
        rescue();
        if !late {
            assert!(group.requested() && !timer.left().is_zero() && !has_ended(timer.process));
        }
        assert_thaws(&group, &workload);
    }
}

/// Nothing would thaw it: so it is not frozen again.
fn its_timer_is_killed_in_a_checkpoint(version: Version) {
    let group = Group::new(version, "timer");
    let (workload, images, pause) = (Workload::in_group(&group), Images::new(), Pause::new());
    assert_code(&freeze(&group, "1h"), 0);
    let timer = timer(&group);
    let child = begin(&group, &images, &pause);
    kill(Pid::from_raw(timer.process.pid), Signal::SIGKILL).unwrap();
    until_ended(&timer);
    pause.end();
    assert_ends_well(child);
    assert_thaws(&group, &workload);
}

/// That ends the timer: the freeze is over.
fn thawed_by_a_person_in_a_checkpoint(version: Version) {
    let group = Group::new(version, "person");
    let (workload, images, pause) = (Workload::in_group(&group), Images::new(), Pause::new());
    assert_code(&freeze(&group, "1h"), 0);
    let child = begin(&group, &images, &pause);
    assert_code(&run([std::ffi::OsStr::new("thaw"), group.path().as_os_str()]), 0);
    assert_eq!(timers(&group), []);
    pause.end();
    assert_ends_well(child);
    assert_thaws(&group, &workload);
}

/// Without a process in it nothing shows that criu is at work: it does not ask, and nobody is held.
fn an_empty_group_is_set_aside() {
    let group = Group::v2("empty");
    let (inner, empty) = (group.child("inner"), group.child("empty"));
    let (workload, images, pause) = (Workload::in_group(&inner), Images::new(), Pause::new());
    inner.freeze();
    assert_code(&freeze(&empty, SPAN), 0);
    let timer = timer(&empty);
    let child = begin(&group, &images, &pause);
    until("its request is set aside", SOON, || !empty.requested());
    throughout("the timer goes on", Duration::from_millis(100), || !has_ended(timer.process));
    pause.end();
    assert_ends_well(child);
    assert!(empty.requested() && inner.requested() && !group.requested());
    until("it is thawed", SOON, || !empty.requested());
    until_ended(&timer);
    inner.thaw();
    workload.assert_counting();
}

/// A criu by hand that hangs on a group that is frozen for a time: freed, and frozen again for the rest of the time.
fn a_rescue_keeps_the_timer() {
    let group = Group::v2("rescued");
    let (workload, images) = (Workload::in_group(&group), tempfile::tempdir().unwrap());
    assert_code(&freeze(&group, "15s"), 0);
    let timer = timer(&group);
    let mut criu = dump(workload.pid(), images.path()).leave_running().start();
    criu.assert_hangs();
    rescue();
    criu.wait().assert_success();
    assert!(group.requested() && !has_ended(timer.process), "the rest of the time");
    until("it is thawed", Duration::from_secs(30), || is_thawed(&group));
    workload.assert_counting();
    until_ended(&timer);
}
