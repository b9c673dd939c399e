//! What keeps a group from freezing: the right threads are named, the same everywhere, and nobody else.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cryoscope::kernel::culprits::find;
use cryoscope::kernel::freezer::{FreezerError, Outcome, freeze};
use cryoscope::kernel::frozen::is_held;
use cryoscope::kernel::processes::Processes;
use cryoscope::kernel::symbols::Symbols;
use cryoscope::kernel::threads;
use cryoscope::model::culprit::Cause;
use cryoscope::model::{Version, printable};
use libtest_mimic::Trial;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde_json::Value;

use super::support::checkpoint::{Images, checkpoint};
use super::support::requirement::{Need, trial, with_criu};
use super::support::stuck::{Stuck, Wait};
use super::support::terminal::Terminal;
use super::support::workload::idle;
use super::support::{Group, SOON, Workload, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for version in [Version::V2, Version::V1] {
        let needs: &[Need] =
            if version == Version::V2 { &[Need::Root, Need::V2] } else { &[Need::Root, Need::V1] };
        let mut add = |name: &str, needs: &'static [Need], test: fn(Version)| {
            all.push(trial(&format!("culprits::{name}::{version}"), needs, move || test(version)));
        };
        add("only_they_are_named", needs, only_they_are_named);
        add("none_of_two_hundred_others_is_named", needs, none_of_two_hundred_others);
        add("a_frozen_thread_is_known_as_such", needs, a_frozen_thread_is_known_as_such);
        add("those_that_count_as_frozen_are_none", needs, those_that_count_as_frozen_are_none);
        add("a_server_that_is_frozen_too", needs, a_server_that_is_frozen_too);
        add("a_process_without_its_main_thread", with_criu(version), a_process_without_its_main_thread);
        add("what_criu_cannot_stop_is_found_before", with_criu(version), what_criu_cannot_stop);
    }
    all
}

fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The words of a text that are numbers: PIDs among them.
fn numbers(text: &str) -> BTreeSet<i32> {
    let word = |word: &str| word.trim_matches(|c: char| c.is_ascii_punctuation()).parse().ok();
    text.split_whitespace().filter_map(word).collect()
}

/// That a text names two culprits, their mounts and servers, and nobody else.
#[track_caller]
fn assert_named(said: &str, culprits: &[&Stuck], innocent: &BTreeSet<i32>) {
    for culprit in culprits {
        let mount = culprit.mount();
        for part in [culprit.pid().to_string(), mount.display().to_string(), culprit.server().to_string()] {
            assert!(said.contains(&part), "{part} is not in: {said}");
        }
    }
    let blamed: Vec<_> = numbers(said).intersection(innocent).copied().collect();
    assert!(blamed.is_empty(), "{blamed:?} are in: {said}");
}

#[track_caller]
fn assert_listed(object: &Value, culprits: &[&Stuck]) {
    let list = object["culprits"].as_array().unwrap_or_else(|| panic!("{object}"));
    let found: BTreeSet<_> = list.iter().map(|c| (c["pid"].as_i64(), c["tid"].as_i64())).collect();
    let expected = culprits.iter().map(|c| (Some(c.pid().into()), Some(c.tid().into()))).collect();
    assert_eq!(found, expected, "{object}");
    for culprit in list {
        assert_eq!(culprit["state"], "D");
        assert!(culprit["wchan"].as_str().is_some_and(|wchan| !wchan.is_empty()));
        assert!(culprit["cause"].as_str().unwrap().contains("FUSE mount"), "{culprit}");
        assert!(!culprit["command"].as_str().unwrap().is_empty());
        assert!(culprit["remedy"].as_str().unwrap().contains("/abort"), "{culprit}");
        assert!(
            culprit["stack"].as_array().unwrap().iter().any(|f| f.as_str().unwrap().starts_with("fuse_"))
        );
    }
    assert!(object["freezing_usec"].as_u64().is_some(), "{object}");
}

/// Each says how long it has waited, which is never longer than it has been there.
fn assert_times(path: &str, start: Instant) {
    let times = || {
        let shown: Value = serde_json::from_slice(&run(["show", path, "--json"]).stdout).unwrap();
        let times = shown["culprits"].as_array().unwrap().iter().map(|c| c["time_in_state_usec"].as_u64());
        times.map(|time| time.map(Duration::from_micros)).collect::<Vec<_>>()
    };
    if !Path::new("/proc/self/sched").exists() {
        assert!(times().iter().all(Option::is_none), "this kernel does not tell");
        return;
    }
    until("each has waited for a second", SOON, || {
        let times = times();
        let all = start.elapsed();
        assert!(times.iter().flatten().all(|time| *time <= all), "{times:?} in {all:?}");
        times.iter().all(|time| time.is_some_and(|time| time >= Duration::from_secs(1)))
    });
    let shown = text(&run(["show", path]).stdout);
    assert!(shown.contains("(state D, in ") && shown.contains(", for at least "), "{shown}");
}

fn only_they_are_named(version: Version) {
    let start = Instant::now();
    let group = Group::new(version, "stuck");
    let below = group.child("below");
    let workloads = [Workload::in_group(&group), Workload::in_group(&group), Workload::in_group(&below)];
    let (process, thread) =
        (Stuck::in_groups(&[&group], Wait::Process), Stuck::in_groups(&[&below], Wait::Thread));
    let culprits = [&process, &thread];
    let innocent = workloads.iter().flat_map(|workload| threads::of_process(workload.pid())).collect();
    let path = group.path().to_str().unwrap();

    let frozen = run(["freeze", path, "--timeout", "300ms"]);
    assert_eq!(frozen.status.code(), Some(6), "{}", text(&frozen.stderr));
    assert_named(&text(&frozen.stderr), &culprits, &innocent);
    workloads[0].assert_counting();

    group.request(true);
    until("the others are frozen", SOON, || {
        innocent.iter().all(|&tid| threads::read(tid).is_some_and(|thread| is_held(&thread, version)))
    });
    let shown = text(&run(["show", path]).stdout);
    let (about, processes) = shown.split_once("PID USER").unwrap();
    assert!(about.contains("state      freezing for") && !about.contains("frozen for"), "{shown}");
    let held_up = about.split_once("blocked by").unwrap().1.split_once("requested").unwrap().0;
    assert_named(held_up, &culprits, &innocent);
    assert!(processes.contains(&workloads[0].pid().to_string()));
    assert_listed(&serde_json::from_slice(&run(["show", path, "--json"]).stdout).unwrap(), &culprits);
    assert_times(path, start);

    let listed = text(&run(["list", path]).stdout);
    let own = listed.lines().nth(1).unwrap();
    assert!(own.starts_with(group.name().to_str().unwrap()) && own.contains(" freezing "), "{listed}");
    assert!(
        own.contains(&format!("blocked by {} ", process.pid())) && own.ends_with(" and 1 more"),
        "{listed}"
    );
    let line = listed.lines().find(|line| line.trim_start().starts_with("below ")).unwrap();
    assert!(line.contains("blocked by ") && line.contains(&thread.mount().display().to_string()), "{listed}");
    assert!(line.contains(&format!("{}/{}", thread.pid(), thread.tid())), "{listed}");
    let rows = text(&run(["list", path, "--json"]).stdout);
    let mut rows = rows.lines().map(|line| serde_json::from_str(line).unwrap());
    assert_listed(&rows.next().unwrap(), &culprits);
    assert_listed(&rows.next().unwrap(), &[&thread]);

    let mut terminal = Terminal::at(group.path(), (250, 50));
    terminal.keys("2");
    terminal.shows_line(&["is freezing by its own request, blocked by", &process.pid().to_string()]);
    terminal.shows_line(&["Blocked by", &process.pid().to_string(), "(state D, in "]);
    terminal.shows_line(&["thread", &thread.tid().to_string()]);
    terminal.keys("1");
    let wchan = threads::read(process.tid()).unwrap().wchan.unwrap();
    let wchan = format!("<{}>", text(&wchan));
    terminal.shows_line(&[&process.pid().to_string(), " D ", &wchan]);
    assert_eq!(terminal.rows().iter().filter(|row| row.contains(&wchan)).count(), 1);
    drop(terminal);

    drop(process);
    drop(thread);
    until("now it is frozen", SOON, || group.is_frozen());
    let rest: Value = serde_json::from_slice(&run(["show", path, "--json"]).stdout).unwrap();
    assert_eq!((&rest["culprits"], &rest["freezing_usec"]), (&Value::Null, &Value::Null));
}

fn none_of_two_hundred_others(version: Version) {
    let group = Group::new(version, "crowd");
    let others: Vec<_> = (0..200).map(|_| idle(&group)).collect();
    let (process, thread) =
        (Stuck::in_groups(&[&group], Wait::Process), Stuck::in_groups(&[&group], Wait::Thread));
    let innocent = others.iter().map(|other| other.pid()).collect();
    let path = group.path().to_str().unwrap();
    let frozen = run(["freeze", path, "--timeout", "2s"]);
    assert_eq!(frozen.status.code(), Some(6), "{}", text(&frozen.stderr));
    assert_named(&text(&frozen.stderr), &[&process, &thread], &innocent);
}

/// What the names of the kernel's functions and the rules for system calls rest on: in a group that is frozen every thread is
/// held, whatever it does.
fn a_frozen_thread_is_known_as_such(version: Version) {
    let group = Group::new(version, "known");
    let workload = Workload::in_group(&group);
    let _idle = idle(&group);
    let stopped = Workload::in_group(&group);
    stopped.signal(Signal::SIGSTOP);
    stopped.wait_for_state('T');
    group.freeze();
    let names = Symbols::of_this_kernel();
    for tid in threads::in_group(&group.open().dir, version).unwrap() {
        let thread = threads::read(tid).unwrap();
        assert!(is_held(&thread, version), "{thread:?} with {names:?}");
    }
    if version == Version::V2 {
        let main = threads::read(workload.pid()).unwrap();
        assert!(main.state == 'S' && main.waits_in(&names.v2_trap), "{main:?} with {names:?}");
    }
    assert!(find(&group.open()).list.is_empty());
}

/// A thread that is stopped, one that is traced and one that waits for its vfork child count as frozen: only the child is to blame.
fn those_that_count_as_frozen_are_none(version: Version) {
    let group = Group::new(version, "counts");
    let (stopped, traced) = (Workload::in_group(&group), Workload::in_group(&group));
    stopped.signal(Signal::SIGSTOP);
    stopped.wait_for_state('T');
    let pid = Pid::from_raw(traced.pid());
    ptrace::attach(pid).unwrap();
    waitpid(pid, None).unwrap();
    assert_eq!(freeze(&group.open(), SOON).unwrap(), Outcome::Done);
    group.thaw();

    let vfork = Stuck::in_groups(&[&group], Wait::Vfork);
    let child = vfork.tid();
    assert_ne!(child, vfork.pid());
    let error = freeze(&group.open(), Duration::from_millis(300)).unwrap_err();
    let FreezerError::TimedOut { culprits, .. } = &error else { panic!("{error}") };
    assert_eq!(
        culprits.list.iter().map(|culprit| culprit.thread.tid).collect::<Vec<_>>(),
        [child],
        "{error}"
    );
    assert!(error.to_string().contains(vfork.mount().to_str().unwrap()), "{error}");
    ptrace::detach(pid, None).unwrap();
}

/// Frozen first, it can't answer the others any more.
fn a_server_that_is_frozen_too(version: Version) {
    let group = Group::new(version, "both");
    let stuck = Stuck::in_groups(&[&group], Wait::Process);
    group.add(stuck.server());
    group.request(true);
    until("it is found", SOON, || find(&group.open()).list.len() == 1);
    let culprits = find(&group.open());
    let Cause::FileSystem { servers, .. } = &culprits.list[0].cause else { panic!("{culprits}") };
    assert_eq!(servers.iter().map(|s| (s.pid, s.is_inside)).collect::<Vec<_>>(), [(stuck.server(), true)]);
    assert!(culprits.list[0].remedy().contains("move the server"), "{culprits}");
    group.request(false);
}

/// Ends the main thread of a process as `pthread_exit` does: the others go on.
fn end_main_thread(workload: &Workload) {
    let pid = Pid::from_raw(workload.pid());
    ptrace::attach(pid).unwrap();
    waitpid(pid, None).unwrap();
    ptrace::syscall(pid, None).unwrap();
    waitpid(pid, None).unwrap();
    let mut registers = ptrace::getregs(pid).unwrap();
    registers.orig_rax = nix::libc::SYS_exit as u64;
    ptrace::setregs(pid, registers).unwrap();
    ptrace::detach(pid, None).unwrap();
    let main = || threads::read(workload.pid()).unwrap();
    until("the main thread has ended", SOON, || main().has_ended());
}

fn a_process_without_its_main_thread(version: Version) {
    let group = Group::new(version, "headless");
    let workload = Workload::in_group(&group);
    end_main_thread(&workload);
    let process = Processes::default().read(workload.pid()).unwrap();
    assert!(process.main_thread_ended && !process.is_zombie(), "{process:?}");
    assert_eq!((process.id, process.mark()), (workload.id(), Some("main thread ended")));
    assert!(process.rss > 0 && printable(&process.command).contains(group.path().to_str().unwrap()));
    let path = group.path().to_str().unwrap();
    let shown = text(&run(["show", path]).stdout);
    assert!(shown.contains("[main thread ended]") && !shown.contains("[zombie]"), "{shown}");

    let images = Images::new();
    let output = checkpoint(&group, &images.folder(), &["--json"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("main-thread-ended") && !said.contains("contains no process"), "{said}");

    assert_eq!(freeze(&group.open(), SOON).unwrap(), Outcome::Done);
    group.thaw();
}

/// A thread that waits for a FUSE server sleeps as any other until criu comes; a vfork parent never looks so.
fn what_criu_cannot_stop(version: Version) {
    for (wait, cause) in [(Wait::Thread, "FUSE mount"), (Wait::Vfork, "vfork child")] {
        let group = Group::new(version, "unstoppable");
        let stuck = Stuck::in_groups(&[&group], wait);
        let images = Images::new();
        let output = checkpoint(&group, &images.folder(), &["--json"]);
        assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = said["findings"].as_array().unwrap().iter();
        let found: Vec<_> = findings.filter(|finding| finding["code"] == "uninterruptible").collect();
        let what = |finding: &&&Value| finding["what"].as_str().unwrap().contains(cause);
        let one = found.iter().find(what).unwrap_or_else(|| panic!("{said}"));
        assert_eq!(one["level"], "blocker");
        assert!(
            found.iter().any(|f| f["what"].as_str().unwrap().contains(&stuck.pid().to_string())),
            "{said}"
        );
    }
}
