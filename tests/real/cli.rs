//! The program itself, run as a person or a script runs it, on real groups.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::support::group::Group;
use super::support::namespace;
use super::support::ordinary::{Copy, NOBODY};
use super::support::requirement::{Need, trial};
use super::support::workload::Workload;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("cli::freeze_of_its_own_shell_is_refused", V2, freeze_of_its_own_shell_is_refused),
        trial("cli::thaw_below_a_frozen_ancestor_says_so", V2, thaw_below_a_frozen_ancestor_says_so),
        trial("cli::bad_input_changes_nothing", V2, bad_input_changes_nothing),
        trial("cli::one_failure_takes_back_the_others", V2, one_failure_takes_back_the_others),
        trial("cli::read_only_writes_nothing", V2, read_only_writes_nothing),
        trial("cli::watch_prints_what_happens", V2, watch_prints_what_happens),
        trial("cli::pure_hosts_are_recognised", BOTH, pure_hosts_are_recognised),
    ];
    for version in [Version::V2, Version::V1] {
        let name = |what| format!("cli::{what}::{version}");
        all.push(trial(&name("freeze_show_thaw"), BOTH, move || freeze_show_thaw(version)));
        all.push(trial(&name("doctor_names_what_was_delegated"), BOTH, move || {
            doctor_names_what_was_delegated(version)
        }));
        all.push(trial(&name("hostile_names_are_harmless"), BOTH, move || {
            hostile_names_are_harmless(version)
        }));
    }
    all
}

fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn verb(verb: &str, group: &Group) -> Output {
    run([OsStr::new(verb), group.path().as_os_str()])
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn show(group: &Group) -> serde_json::Value {
    json(&run([OsStr::new("show"), OsStr::new("--json"), group.path().as_os_str()]))
}

fn freeze_show_thaw(version: Version) {
    let group = Group::new(version, "story");
    let child = group.child("inner");
    let workload = Workload::in_group(&child);
    assert_eq!(code(&verb("freeze", &group)), 0);
    workload.assert_still();

    let shown = show(&child);
    assert_eq!((&shown["state"], &shown["requested"]), (&"frozen".into(), &false.into()));
    assert_eq!(shown["inherited_from"], group.path().to_str().unwrap());
    assert_eq!((&shown["hierarchy"], &shown["processes"]), (&version.to_string().into(), &1.into()));
    let process = &shown["process_list"][0];
    assert_eq!(process["pid"], workload.pid());
    assert!(process["threads"].as_u64() >= Some(1) && process["rss_bytes"].as_u64() > Some(0));
    assert_eq!(shown["ancestors"][0]["requested"], true);
    assert_eq!(show(&group)["below"], serde_json::json!({ "groups": 1, "frozen": 1, "freezing": 0 }));

    assert_eq!(code(&verb("freeze", &group)), 0, "frozen already is no failure");
    assert_eq!(code(&verb("thaw", &group)), 0);
    workload.assert_counting();
    assert_eq!(show(&child)["state"], "thawed");
}

fn hostile_names_are_harmless(version: Version) {
    let top = Group::new(version, "hostile");
    let group = top.child(OsStr::from_bytes(b"x\x1b]0;owned\x07\xff\t\r"));
    let _workload = Workload::in_group(&group);
    let list = run([OsStr::new("list"), top.path().as_os_str()]);
    assert!(list.stdout.iter().all(|&b| b == b'\n' || !b.is_ascii_control()));
    assert!(String::from_utf8(list.stdout).unwrap().contains("x\\x1b]0;owned\\x07\\xff\\x09\\x0d"));
    assert_eq!(code(&verb("freeze", &group)), 0);
    assert!(group.is_frozen());
    // As it was printed, it is found again.
    let printed = show(&group)["path"].as_str().unwrap().to_owned();
    assert!(printed.contains("\\x1b"));
    assert_eq!(code(&run(["thaw", &printed])), 0);
    assert!(!group.is_frozen());
}

fn freeze_of_its_own_shell_is_refused() {
    let group = Group::v2("shell");
    let script = format!("echo $$ > '{}/cgroup.procs'; '{PROGRAM}' freeze '{0}'", group.path().display());
    // A command behind it keeps the shell from being replaced by the program.
    let output = Command::new("sh").args(["-c", &format!("{script}; exit $?")]).output().unwrap();
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(stderr(&output).contains("it contains cryoscope ("), "{}", stderr(&output));
    assert!(!group.requested());
}

fn thaw_below_a_frozen_ancestor_says_so() {
    let group = Group::v2("above");
    let child = group.child("below");
    group.freeze();
    let output = verb("thaw", &child);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("stays frozen"), "{}", stderr(&output));
    assert!(child.is_frozen());
}

fn bad_input_changes_nothing() {
    let group = Group::v2("untouched");
    let file = group.path().join("cgroup.procs");
    let cases: [(&[&str], i32); 8] = [
        (&["freeze", "/no/such/group"], 5),
        (&["freeze", "no-such-unit.service"], 5),
        (&["freeze", "/etc"], 2),
        (&["freeze", "pid:x"], 2),
        (&["show", "pid:2147483647"], 5),
        (&["show", file.to_str().unwrap()], 2),
        (&["freeze"], 2),
        (&["--root", "/tmp", "list"], 2),
    ];
    for (arguments, expected) in cases {
        let output = run(arguments);
        assert_eq!(code(&output), expected, "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(!group.requested());
}

fn one_failure_takes_back_the_others() {
    let (first, second) = (Group::v2("first"), Group::v2("second"));
    let v1 = Group::v1("holds");
    let workload = Workload::in_groups(&[&second, &v1]);
    v1.freeze();
    let targets = [first.path().as_os_str(), second.path().as_os_str()];
    let output =
        run([OsStr::new("freeze"), OsStr::new("--timeout"), OsStr::new("100ms")].into_iter().chain(targets));
    assert_eq!(code(&output), 6);
    assert!(!first.requested() && !second.requested());
    v1.thaw();
    workload.assert_counting();
}

fn read_only_writes_nothing() {
    let group = Group::v2("read-only");
    let output = run([OsStr::new("--read-only"), OsStr::new("freeze"), group.path().as_os_str()]);
    assert_eq!(code(&output), 4);
    assert!(!group.requested());
}

fn watch_prints_what_happens() {
    let group = Group::v2("watched");
    let mut watch = Command::new(PROGRAM)
        .args([OsStr::new("watch"), OsStr::new("--json"), group.path().as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let (sender, events) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            let path = line["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            if sender.send((line["event"].as_str().unwrap().to_owned(), path)).is_err() {
                return;
            }
        }
    });
    let expect = |what: &str, name: &str| loop {
        let (event, path) =
            events.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("no {what} {name}"));
        if (event.as_str(), path.as_str()) == (what, name) {
            return;
        }
    };
    // The watch says nothing of what was there when it began, so children are made until one is announced.
    let mut made = 0;
    loop {
        group.child(format!("ready-{made}"));
        made += 1;
        if events.recv_timeout(Duration::from_millis(50)).is_ok() {
            break;
        }
    }
    let child = group.child("late");
    expect("created", "late");
    let grandchild = child.child("deep");
    expect("created", "deep");
    let workload = Workload::in_group(&grandchild);
    expect("populated", "deep");
    child.freeze();
    expect("frozen", "deep");
    child.thaw();
    expect("thawed", "deep");
    drop(workload);
    expect("emptied", "deep");
    grandchild.remove();
    expect("removed", "deep");
    watch.kill().unwrap();
    watch.wait().unwrap();
    reader.join().unwrap();
}

fn pure_hosts_are_recognised() {
    for (version, setup) in [(Version::V2, "unified"), (Version::V1, "legacy")] {
        let output = namespace::only(version, PROGRAM).args(["doctor", "--json"]).output().unwrap();
        let report = json(&output);
        assert_eq!(report["setup"], setup, "{}", stderr(&output));
        assert_eq!(report["hierarchies"].as_array().unwrap().len(), 1);
        assert_eq!(report["hierarchies"][0]["version"], version.to_string());
        // systemd gives units groups that can be frozen in v2 alone.
        let output = namespace::only(version, PROGRAM).args(["show", "no-such.service"]).output().unwrap();
        let (said, on_v1) = (stderr(&output), version == Version::V1);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert_eq!(said.contains("which systemd does not use; create one with mkdir"), on_v1, "{said}");
        assert_eq!(said.contains("cryoscope list shows all"), !on_v1, "{said}");
    }
}

/// One group that an ordinary user may freeze, and one that they may only make groups in, as systemd delegates them.
fn doctor_names_what_was_delegated(version: Version) {
    let group = Group::new(version, "doctor");
    let (frozen, below) = (group.child("frozen"), group.child("below"));
    frozen.child("deeper");
    let give = |path: &Path| chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    give(&frozen.path().join(version.control_file()));
    give(below.path());
    give(&below.path().join("cgroup.procs"));
    let program = Copy::of(PROGRAM);
    let doctor = |option: &[&str]| {
        let mut command = Command::new(program.path());
        command.arg("doctor").args(option).uid(NOBODY).gid(NOBODY).output().unwrap()
    };
    let report = json(&doctor(&["--json"]));
    let hierarchies = report["hierarchies"].as_array().unwrap().iter();
    let delegated: Vec<_> = hierarchies.flat_map(|one| one["delegated"].as_array().unwrap()).collect();
    let named = |group: &Group| {
        let of = |one: &&&serde_json::Value| one["group"] == group.path().to_str().unwrap();
        delegated.iter().find(of).map(|one| one["itself"].as_bool().unwrap())
    };
    assert_eq!((named(&frozen), named(&below), named(&group)), (Some(true), Some(false), None), "{report}");
    let text = String::from_utf8(doctor(&[]).stdout).unwrap();
    assert!(text.contains("except for what was delegated to you") && text.contains("yours"), "{text}");
    assert!(json(&run(["doctor", "--json"]))["hierarchies"][0]["delegated"].as_array().unwrap().is_empty());
}
