//! No process is ended before its images are proved: criu asks this program, and lets the processes go where they are not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cryoscope::checkpoint::restore::look_at_images;
use cryoscope::kernel::mounts::hierarchies;
use cryoscope::kernel::processes::Processes;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::criu::{adopt, be_the_reaper, dump, restore};
use super::support::group::Group;
use super::support::namespace::isolated;
use super::support::pause::Pause;
use super::support::program::{self, assert_said};
use super::support::requirement::{criu, trial, with_criu};
use super::support::wait::{SOON, until};
use super::support::workload::Workload;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");

pub fn tests() -> Vec<Trial> {
    let v2 = with_criu(Version::V2);
    let mut all = vec![
        trial(
            "proof::under_a_frozen_ancestor_nobody_else_runs",
            v2,
            under_a_frozen_ancestor_nobody_else_runs,
        ),
        trial("proof::the_script_asks_too", v2, the_script_asks_too),
        isolated("proof::a_hook_that_is_killed", v2, a_hook_that_is_killed),
        trial("proof::a_timer_that_had_expired_is_told", v2, a_timer_that_had_expired),
        trial("proof::a_network_namespace_below_the_root", v2, a_network_namespace_below_the_root),
        trial("proof::a_user_namespace_of_the_root_alone", v2, a_user_namespace_of_the_root_alone),
        isolated("proof::cryoscope_is_killed_in_the_hook", v2, cryoscope_is_killed_in_the_hook),
        isolated("proof::criu_is_killed_in_the_hook", v2, criu_is_killed_in_the_hook),
    ];
    for version in [Version::V2, Version::V1] {
        let mut add = |name: &str, run: fn(Version)| {
            let needs = with_criu(version);
            all.push(trial(&format!("proof::{name}::{version}"), needs, move || run(version)));
        };
        add("what_is_proved_is_ended", what_is_proved_is_ended);
        add("what_is_not_proved_lives", what_is_not_proved_lives);
        add("several_trees_are_proved_before_any_is_ended", several_trees);
    }
    all
}

fn kill_it(group: &Group, images: &Images, more: &[&str]) -> Output {
    checkpoint(group, &images.folder(), &[&["--after", "killed", "--yes"], more].concat())
}

fn proof(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("proof.json")).unwrap()).unwrap()
}

/// A script of the person's that criu runs before ours: what it does happens between the images and their proof.
struct Meanwhile(tempfile::TempDir);

impl Meanwhile {
    fn new(line: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap();
        let text = format!("#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" = post-dump ] || exit 0\n{line}\n");
        program::write(&folder.path().join("meanwhile"), text);
        Self(folder)
    }

    /// The file of the counter is longer than in the images.
    fn longer(workload: &Workload) -> Self {
        Self::new(&format!("printf x >> '{}'", workload.counter().display()))
    }

    fn script(&self) -> String {
        self.0.path().join("meanwhile").to_str().unwrap().to_owned()
    }
}

fn assert_as_it_was(workload: &Workload) {
    File::options().write(true).open(workload.counter()).unwrap().set_len(8).unwrap();
    workload.assert_counting();
}

fn what_is_proved_is_ended(version: Version) {
    for frozen in [false, true] {
        let group = Group::new(version, "proved");
        let (workload, images) = (Workload::in_group(&group), Images::new());
        if frozen {
            group.freeze();
        }
        let output = kill_it(&group, &images, &[]);
        assert_done(&output, &images);
        assert!(!workload.is_alive() && group.requested() == frozen);
        let proof = proof(&images.folder());
        assert!(proof["restorable"] == true && proof["why_not"] == "", "{proof}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("the images were verified before"));
    }
}

fn what_is_not_proved_lives(version: Version) {
    for frozen in [false, true] {
        let group = Group::new(version, "unproved");
        let (workload, images) = (Workload::in_group(&group), Images::new());
        if frozen {
            group.freeze();
        }
        let meanwhile = Meanwhile::longer(&workload);
        let output = kill_it(&group, &images, &["--", "--action-script", &meanwhile.script()]);
        let folder = images.folder();
        let words = ["no process was killed", "has 9 bytes, and had 8", "is alive", "proof.json"];
        assert_said(&output, 4, &[&words[..], &[folder.to_str().unwrap()]].concat());
        assert!(group.requested() == frozen && workload.is_alive());
        assert_eq!(proof(&folder)["restorable"], false);
        assert!(folder.join("inventory.img").exists() && !folder.join("cryoscope.json").exists());
        group.thaw();
        assert_as_it_was(&workload);
    }
}

fn several_trees(version: Version) {
    for proved in [true, false] {
        let group = Group::new(version, "trees");
        let (one, two, images) = (Workload::in_group(&group), Workload::in_group(&group), Images::new());
        let meanwhile = Meanwhile::longer(&two);
        let script = meanwhile.script();
        let more: &[&str] = if proved { &[] } else { &["--", "--action-script", &script] };
        let output = kill_it(&group, &images, more);
        if proved {
            assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(!one.is_alive() && !two.is_alive());
        } else {
            assert_said(&output, 4, &["no process was killed", "bytes, and had"]);
            assert!(!group.requested());
            one.assert_counting();
            assert_as_it_was(&two);
        }
    }
}

/// An ancestor's freeze, with one beside the target and one in the ancestor itself.
struct Held {
    above: Group,
    group: Group,
    workload: Workload,
    others: [Workload; 2],
    _side: Group,
    /// Its group of v1, so that the images hold no groups of other tests: plain criu would make them again.
    _beside: Option<Group>,
}

/// A group of v1 beside one of v2, where there is v1.
fn beside() -> Option<Group> {
    hierarchies().unwrap().v1.is_some().then(|| Group::v1("proof"))
}

impl Held {
    fn new() -> Self {
        let above = Group::v2("held");
        let (group, side) = (above.child("inner"), above.child("side"));
        let beside = beside();
        let groups: Vec<&Group> = std::iter::once(&group).chain(&beside).collect();
        let workload = Workload::in_groups(&groups);
        let others = [Workload::in_group(&side), Workload::in_group(&above)];
        above.freeze();
        Self { above, group, workload, others, _side: side, _beside: beside }
    }

    fn counts(&self) -> [u64; 2] {
        self.others.each_ref().map(Workload::count)
    }
}

fn under_a_frozen_ancestor_nobody_else_runs() {
    be_the_reaper();
    let (held, images) = (Held::new(), Images::new());
    let before = held.counts();
    assert_done(&kill_it(&held.group, &images, &[]), &images);
    assert_eq!(held.counts(), before, "nobody else ran");
    assert!(!held.workload.is_alive() && held.above.is_frozen() && !held.group.requested());
    held.above.thaw();
    held.others.iter().for_each(Workload::assert_counting);
    let counted = held.workload.count();
    // A zombie keeps its number.
    held.workload.reap();
    let (ended, restored) = restore(held.workload.pid(), &images.folder());
    ended.assert_success();
    let restored = restored.unwrap();
    until("it counts on", SOON, || held.workload.count() > counted);
    drop(restored);
}

fn the_script_asks_too() {
    let group = Group::v2("script");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    group.freeze();
    let plan = |more: &[&str]| {
        let output = kill_it(&group, &images, &[&["--dry-run"], more].concat());
        assert_eq!(output.status.code(), Some(0));
        let script = images.folder().with_file_name("script");
        fs::write(&script, &output.stdout).unwrap();
        let ran =
            Command::new("setsid").arg("-w").arg("sh").arg(script).stdin(Stdio::null()).output().unwrap();
        fs::remove_dir_all(images.folder()).unwrap();
        ran
    };
    let meanwhile = Meanwhile::longer(&workload);
    let ran = plan(&["--", "--action-script", &meanwhile.script()]);
    assert!(!ran.status.success() && workload.is_alive() && group.requested());
    File::options().write(true).open(workload.counter()).unwrap().set_len(8).unwrap();
    let ran = plan(&[]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!workload.is_alive() && group.requested());
}

fn a_timer_that_had_expired() {
    let group = Group::v2("timer");
    for (kind, told) in [("expired-timer", true), ("nothing", false)] {
        let (_workload, images) = (Workload::holding(&group, kind, ""), Images::new());
        let output = kill_it(&group, &images, &[]);
        assert_done(&output, &images);
        assert_eq!(String::from_utf8_lossy(&output.stdout).contains("1 periodic timer"), told);
        let timers = |finding: &Value| finding["code"] == "timers";
        assert_eq!(proof(&images.folder())["findings"].as_array().unwrap().iter().any(timers), told);
    }
}

/// A process of these groups that runs a line of a shell, as the leader of a session of its own.
fn run_in(groups: &[&Group], line: &str) -> Child {
    let enter = |group: &&Group| format!("echo $$ > {}/cgroup.procs; ", group.path().display());
    let line = groups.iter().map(enter).collect::<String>() + line;
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", &line]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Images that bare criu makes, and cannot restore with these words: so says this program, before anything is ended.
fn assert_unrestorable(group: &Group, mut target: Child, words: &str, says: &str) {
    let images = Images::new();
    fs::create_dir(images.folder()).unwrap();
    dump(target.id().cast_signed(), &images.folder()).leave_running().run().assert_success();
    let found = look_at_images(&images.folder(), &[""; 0]);
    let blockers: Vec<String> = found.iter().filter(|f| f.blocks()).map(ToString::to_string).collect();
    group.pids().into_iter().for_each(end);
    target.wait().unwrap();
    until("all have ended", SOON, || group.pids().is_empty());
    let (ended, _) = restore(target.id().cast_signed(), &images.folder());
    ended.assert_failure(says);
    assert!(blockers.len() == 1 && blockers[0].contains(words), "{blockers:?}");
}

fn a_network_namespace_below_the_root() {
    be_the_reaper();
    let (group, beside) = (Group::v2("net"), beside());
    let groups: Vec<&Group> = std::iter::once(&group).chain(&beside).collect();
    let target = run_in(&groups, "unshare -n sleep 1000 & exec sleep 1000");
    until("both run", SOON, || group.pids().len() == 2);
    let words = "has its own network namespace, but the root process";
    assert_unrestorable(&group, target, words, "Can't restore sub-task in NS");
}

fn a_user_namespace_of_the_root_alone() {
    be_the_reaper();
    let (group, beside) = (Group::v2("user"), beside());
    let groups: Vec<&Group> = std::iter::once(&group).chain(&beside).collect();
    let target = run_in(&groups, "exec unshare -U -r sleep 1000");
    let is_there = || fs::read(format!("/proc/{}/cmdline", target.id())).unwrap().starts_with(b"sleep");
    until("it runs", SOON, is_there);
    assert_unrestorable(&group, target, "has its own user namespace", "Unable to open the proc file system");
}

fn start(group: &Group, images: &Images, more: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(images.folder()).arg("--criu").arg(criu());
    command.args(["--after", "killed", "--yes", "--"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// The criu that was started by a process.
fn criu_of(checkpoint: &Child) -> i32 {
    let all = Processes::default().all();
    let parent = checkpoint.id().cast_signed();
    all.iter().find(|process| process.parent == parent).expect("criu runs").id.pid
}

/// The hook of a criu: this program, once it is that.
fn hook_of(criu: i32) -> Option<i32> {
    let all = Processes::default().all();
    let program = |pid: i32| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let hook = |process: &&cryoscope::model::Process| {
        process.parent == criu && program(process.id.pid) == Some(PathBuf::from(PROGRAM))
    };
    all.iter().find(hook).map(|process| process.id.pid)
}

/// It may be over before it is seen: then there is another try.
fn a_hook_that_is_killed() {
    for _ in 0..20 {
        be_the_reaper();
        let (held, images, pause) = (Held::new(), Images::new(), Pause::new());
        let before = held.counts();
        let checkpoint = start(&held.group, &images, &pause.option().each_ref().map(String::as_str));
        pause.until_reached();
        let criu = criu_of(&checkpoint);
        pause.end();
        let mut hook = None;
        until("the hook runs, or criu has ended", SOON, || {
            hook = hook_of(criu);
            hook.is_some() || !Path::new(&format!("/proc/{criu}")).exists()
        });
        let killed = hook.is_some_and(|hook| kill(Pid::from_raw(hook), Signal::SIGKILL).is_ok());
        let output = checkpoint.wait_with_output().unwrap();
        assert!(held.above.is_frozen() && held.counts() == before, "nobody else ran");
        if killed && output.status.code() != Some(0) {
            assert_said(&output, 7, &["killed by signal 9", "is alive"]);
            held.above.thaw();
            held.workload.assert_counting();
            return;
        }
        assert!(!held.workload.is_alive());
    }
    panic!("the hook was never killed in time");
}

fn cryoscope_is_killed_in_the_hook() {
    be_the_reaper();
    let (held, images, pause) = (Held::new(), Images::new(), Pause::new());
    let before = held.counts();
    let mut checkpoint = start(&held.group, &images, &pause.option().each_ref().map(String::as_str));
    pause.until_reached();
    let _criu = adopt(criu_of(&checkpoint));
    checkpoint.kill().unwrap();
    checkpoint.wait().unwrap();
    pause.end();
    let rescue = Command::new(PROGRAM).args(["rescue", "--yes"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(rescue.status.code(), Some(0), "{}", String::from_utf8_lossy(&rescue.stderr));
    assert!(held.above.is_frozen() && held.counts() == before, "as it was, and nobody else ran");
    assert!(!held.workload.is_alive());
    assert_eq!(proof(&images.folder())["restorable"], true);
}

fn criu_is_killed_in_the_hook() {
    be_the_reaper();
    let (held, images, pause) = (Held::new(), Images::new(), Pause::new());
    let checkpoint = start(&held.group, &images, &pause.option().each_ref().map(String::as_str));
    pause.until_reached();
    end(criu_of(&checkpoint));
    pause.end();
    let output = checkpoint.wait_with_output().unwrap();
    assert_said(&output, 7, &["criu failed"]);
    assert!(held.above.requested() && !held.group.requested());
    held.above.thaw();
    held.others.iter().for_each(Workload::assert_counting);
}
