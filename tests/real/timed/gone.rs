//! A freeze for a time whose timer was killed: it is shown, no look forgets it, and `rescue` gives it its end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cryoscope::model::{CgroupId, Version};
use cryoscope::timer::{Timer, gone};
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{PROGRAM, V1, V2, WIDE, assert_code, freeze, is_thawed, run, said, timer, timers, until_ended};
use crate::real::support::group::Group;
use crate::real::support::namespace::isolated;
use crate::real::support::ordinary::{Copy, NOBODY};
use crate::real::support::terminal::Terminal;
use crate::real::support::wait::{SOON, until};
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        isolated("timed::a_renamed_group_that_lost_its_timer", V1, a_renamed_group),
        isolated("timed::an_ordinary_user_s_timer_is_killed", V2, an_ordinary_user_s_timer_is_killed),
        isolated("timed::somebody_else_s_record_is_not_believed", V2, somebody_else_s_record_is_not_believed),
    ];
    for version in [Version::V2, Version::V1] {
        let need = if version == Version::V2 { V2 } else { V1 };
        let mut add = |name: &str, test: fn(Version)| {
            all.push(isolated(&format!("timed::{name}::{version}"), need, move || test(version)));
        };
        add("a_killed_timer_is_shown_and_rescued", a_killed_timer_is_shown_and_rescued);
        add("a_killed_timer_gets_another_one", a_killed_timer_gets_another_one);
        add("what_is_frozen_after_a_killed_timer", what_is_frozen_after_a_killed_timer);
        add("a_killed_timer_on_the_screen", a_killed_timer_on_the_screen);
    }
    all
}

/// Ends a timer as nothing but SIGKILL and a lack of memory do.
fn kill_timer(group: &Group) -> Timer {
    let timer = timer(group);
    kill(Pid::from_raw(timer.process.pid), Signal::SIGKILL).unwrap();
    until_ended(&timer);
    timer
}

fn id(group: &Group) -> CgroupId {
    group.open().id
}

fn is_recorded(group: &Group) -> bool {
    gone().unwrap().contains_key(&id(group))
}

fn show(group: &Group) -> String {
    said(&run([OsStr::new("show"), group.path().as_os_str()]))
}

/// What `rescue` says of a group.
fn of_group(output: &Output, group: &Group) -> String {
    let name = group.name().to_str().unwrap();
    said(output).lines().filter(|line| line.contains(name)).collect::<Vec<_>>().join("\n")
}

fn a_killed_timer_is_shown_and_rescued(version: Version) {
    let group = Group::new(version, "lost");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "3s"), 0);
    let timer = kill_timer(&group);
    let listed = || {
        let list = run(["list", "--frozen"]);
        let line =
            said(&list).lines().find(|line| line.contains(group.name().to_str().unwrap())).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}", said(&list)))
    };
    assert!(listed().contains("timer gone; "), "{}", listed());
    until("it is overdue", SOON, || timer.left().is_zero());
    assert!(listed().contains("timer gone; overdue "), "{}", listed());
    assert!(show(&group).contains("not automatically: timer gone; overdue "), "{}", show(&group));
    for verb in ["show", "list"] {
        let json = run([OsStr::new(verb), OsStr::new("--json"), group.path().as_os_str()]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert!(json["timer_gone"]["overdue_usec"].is_u64(), "{json}");
        assert!(json["timer_gone"]["left_usec"].is_null(), "{json}");
    }
    let dry = run(["rescue", "--dry-run"]);
    assert_code(&dry, 0);
    let line = if version == Version::V2 { "echo 0 > " } else { "echo THAWED > " };
    assert!(of_group(&dry, &group).contains(line), "{}", said(&dry));
    assert_code(&run(["rescue"]), 4);
    workload.assert_still();
    assert!(group.requested() && is_recorded(&group), "no look changes anything");
    let rescued = run(["rescue", "--yes"]);
    assert_code(&rescued, 0);
    assert!(of_group(&rescued, &group).contains("is thawed"), "{}", said(&rescued));
    assert!(is_thawed(&group) && !is_recorded(&group));
    workload.assert_counting();
}

fn a_killed_timer_gets_another_one(version: Version) {
    let group = Group::new(version, "another");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "1h"), 0);
    let first = kill_timer(&group);
    let count = workload.count();
    let rescued = run(["rescue", "--yes"]);
    assert_code(&rescued, 0);
    assert!(of_group(&rescued, &group).contains("has a new timer, and thaws in "), "{}", said(&rescued));
    let second = timer(&group);
    assert!(second.deadline >= first.deadline && !is_recorded(&group));
    kill_timer(&group);
    // A time of one's own does it, too.
    assert_code(&freeze(&group, "1s"), 0);
    assert_eq!(workload.count(), count, "it did not run in between");
    assert!(!is_recorded(&group));
    until("it is thawed", SOON, || is_thawed(&group));
    workload.assert_counting();
    until("no timer is left", SOON, || timers(&group).is_empty());
}

/// A freeze by this program is another one. So is one by somebody else, where a rescue has seen the group run.
fn what_is_frozen_after_a_killed_timer(version: Version) {
    let above = Group::new(version, "above");
    let group = above.child("after");
    // However it is held otherwise.
    above.freeze();
    assert_code(&freeze(&group, "1h"), 0);
    kill_timer(&group);
    group.request(false);
    let rescued = run(["rescue", "--yes"]);
    assert_eq!(of_group(&rescued, &group), "", "it runs");
    assert!(!is_recorded(&group), "that freeze is over");
    above.thaw();
    assert_code(&run([OsStr::new("freeze"), group.path().as_os_str()]), 0);
    assert!(!is_recorded(&group) && !show(&group).contains("timer gone"), "{}", show(&group));
    let rescued = run(["rescue", "--yes"]);
    assert_eq!(of_group(&rescued, &group), "");
    assert!(group.requested());
    // A thaw ends it as well.
    group.thaw();
    assert_code(&freeze(&group, "1h"), 0);
    kill_timer(&group);
    assert_code(&run([OsStr::new("thaw"), group.path().as_os_str()]), 0);
    assert!(!is_recorded(&group) && is_thawed(&group));
}

fn a_killed_timer_on_the_screen(version: Version) {
    let group = Group::new(version, "seen");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "2s"), 0);
    kill_timer(&group);
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.keys("2");
    terminal.shows_line(&["Thaws", "not automatically: timer gone; overdue "]);
    assert!(is_recorded(&group));
    drop(terminal);
    assert_code(&run(["rescue", "--yes"]), 0);
    workload.assert_counting();
}

fn a_renamed_group() {
    let above = Group::new(Version::V1, "above");
    let group = above.child("before");
    assert_code(&freeze(&group, "1s"), 0);
    // Before its end comes.
    let timer = kill_timer(&group);
    let renamed = above.path().join("after");
    fs::rename(group.path(), &renamed).unwrap();
    until("it is overdue", SOON, || timer.left().is_zero());
    let rescued = run(["rescue", "--yes"]);
    assert_code(&rescued, 0);
    assert!(said(&rescued).contains("after is thawed"), "{}", said(&rescued));
    assert_eq!(fs::read_to_string(renamed.join("freezer.state")).unwrap(), "THAWED\n");
    fs::remove_dir(renamed).unwrap();
}

/// A call by nobody, with a runtime folder.
fn as_nobody(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("XDG_RUNTIME_DIR", folder).uid(NOBODY).gid(NOBODY).stdin(Stdio::null());
    command
}

/// It is for that user to put it right; root is told nothing of it.
fn an_ordinary_user_s_timer_is_killed() {
    let group = Group::v2("theirs");
    chown(group.path().join("cgroup.freeze"), Some(NOBODY), Some(NOBODY)).unwrap();
    let (program, folder) = (Copy::of(PROGRAM), tempfile::tempdir().unwrap());
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let call = || as_nobody(&program.path(), folder.path());
    assert_code(&call().args(["freeze", "--for", "1s"]).arg(group.path()).output().unwrap(), 0);
    let file = fs::read_dir(folder.path().join("cryoscope")).unwrap().next().unwrap().unwrap().path();
    let record: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let pid = i32::try_from(record["pid"].as_i64().unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    until("its timer is gone", SOON, || {
        said(&call().arg("show").arg(group.path()).output().unwrap()).contains("timer gone; overdue ")
    });
    let roots = run(["rescue", "--yes"]);
    assert_eq!(of_group(&roots, &group), "");
    assert!(group.requested());
    let theirs = call().args(["rescue", "--yes"]).output().unwrap();
    assert_code(&theirs, 0);
    assert!(of_group(&theirs, &group).contains("is thawed"), "{}", said(&theirs));
    assert!(is_thawed(&group) && !file.exists());
}

/// Whoever may write a record of their own has no say about what root froze.
fn somebody_else_s_record_is_not_believed() {
    let group = Group::v2("roots");
    group.freeze();
    let folder = Path::new("/dev/shm").join(format!("cryoscope-{NOBODY}"));
    // Another test may have it as well.
    let made = fs::create_dir(&folder).is_ok();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let CgroupId { dev, ino } = id(&group);
    let path = group.path().to_str().unwrap();
    let text = format!(
        "{{\"boot\":\"{}\",\"group\":\"{path}\",\"dev\":{dev},\"ino\":{ino},\"deadline\":1,\"pid\":1,\"start\":1}}\n",
        boot.trim()
    );
    let file = folder.join(format!("timer-1-{ino}"));
    fs::write(&file, text).unwrap();
    chown(&file, Some(NOBODY), Some(NOBODY)).unwrap();
    chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    let shown = show(&group);
    let rescued = run(["rescue", "--yes"]);
    fs::remove_file(&file).unwrap();
    if made {
        // Not where something else was put there meanwhile.
        let _ = fs::remove_dir(&folder);
    }
    assert!(!shown.contains("timer gone"), "{shown}");
    assert_eq!(of_group(&rescued, &group), "");
    assert!(group.requested());
}
