//! `cryoscope restore` with a real criu: all that was dumped, from the count that was saved, or nothing.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use cryoscope::checkpoint::images::read;
use cryoscope::kernel::processes::Processes;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::criu::{Restored, adopt, be_the_reaper, dump};
use super::support::requirement::{Need, criu, trial};
use super::support::workload::{THREADS, quiet};
use super::support::{Group, SOON, Workload, program, until};

mod damaged;
mod groups;
mod held;
mod links;
pub mod ports;
mod thaw;

const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("restore::counts_on_from_what_was_saved", BOTH, counts_on),
        trial("restore::not_into_a_frozen_group::v2", BOTH, || not_into_a_frozen_group(Version::V2)),
        trial("restore::not_into_a_frozen_group::v1", BOTH, || not_into_a_frozen_group(Version::V1)),
        trial("restore::not_below_a_frozen_group", BOTH, not_below_a_frozen_group),
        trial("restore::two_trees_go_on_together", BOTH, two_trees),
        trial("restore::the_first_is_ended_when_the_second_fails", BOTH, second_fails),
        trial("restore::a_stopped_one_stays_stopped", BOTH, stopped),
        trial("restore::stopped_by_another_signal", BOTH, stopped_by_another_signal),
        trial("restore::a_family_is_as_it_was", BOTH, a_family),
        trial("restore::numbers_are_taken", BOTH, numbers_are_taken),
        trial("restore::the_number_of_a_process_group_is_taken", BOTH, number_of_a_group),
        trial("restore::a_freeze_meanwhile_is_said", BOTH, frozen_meanwhile),
        trial("restore::a_job_of_a_terminal", BOTH, terminal_job),
        trial("restore::ctrl_c_does_not_hurt", BOTH, signals_wait),
        trial("restore::a_zombie_has_a_parent", BOTH, zombie),
        trial("restore::truncated_and_corrupt", BOTH, truncated_and_corrupt),
        trial("restore::files_that_changed", BOTH, files_that_changed),
        trial("restore::groups_are_made_again", BOTH, groups_are_made_again),
        trial("restore::two_trees_of_a_frozen_group", BOTH, two_trees_of_a_frozen_group),
        trial("restore::not_a_session_leader", BOTH, not_a_session_leader),
        trial("restore::a_group_that_was_not_kept", BOTH, group_not_kept),
        trial("restore::the_script_does_the_same", BOTH, script),
        trial("restore::the_script_ends_what_it_restored", BOTH, script_fails),
        trial("restore::a_pid_namespace_of_its_own", BOTH, pid_namespace),
        trial("restore::a_mount_namespace_of_its_own", BOTH, mount_namespace),
        trial("restore::bad_input", BOTH, bad_input),
    ];
    all.extend(held::tests());
    all.extend(damaged::tests());
    all.extend(groups::tests());
    all.extend(links::tests());
    all.extend(ports::tests());
    all.extend(thaw::tests());
    all
}

pub fn restore(folder: &Path, more: &[&str]) -> Output {
    let (own, extra) = more.split_at(more.iter().position(|word| *word == "--").unwrap_or(more.len()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("restore").arg(folder);
    if !own.contains(&"--criu") {
        command.arg("--criu").arg(criu());
    }
    command.args(own).args(extra).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
pub fn assert_restored(output: &Output) {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{error}{out}");
}

/// It ended with this code, and one sentence that has these words, the remedy on a line of its own.
#[track_caller]
pub fn assert_failed(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!((1..=2).contains(&text.lines().count()), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

/// Asks for its exit code, if it is a child that has ended.
fn reap(pid: i32) {
    let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
}

/// Its state letter.
fn state(pid: i32) -> Option<char> {
    Processes::default().read(pid).map(|process| process.state)
}

fn is_there(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Workloads that a checkpoint has ended, in a group of each hierarchy.
struct Killed {
    workloads: Vec<Workload>,
    counts: Vec<u64>,
    groups: Vec<Group>,
    images: Images,
}

impl Killed {
    fn new(trees: usize) -> Self {
        let killed = Self::unreaped(trees, |_| ());
        killed.workloads.iter().for_each(Workload::reap);
        killed
    }

    /// `before` comes between the start of the workloads and the checkpoint.
    fn unreaped(trees: usize, before: impl FnOnce(&[Group])) -> Self {
        let groups = vec![Group::v2("restore"), Group::v1("restore")];
        let into: Vec<&Group> = groups.iter().collect();
        let workloads: Vec<Workload> = (0..trees).map(|_| Workload::in_groups(&into)).collect();
        before(&groups);
        let images = Images::new();
        let output = checkpoint(&groups[0], &images.folder(), &["--after", "killed", "--yes"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let counts = workloads.iter().map(Workload::count).collect();
        Self { workloads, counts, groups, images }
    }

    fn folder(&self) -> PathBuf {
        self.images.folder()
    }

    fn counts(&self) -> Vec<u64> {
        self.workloads.iter().map(Workload::count).collect()
    }

    fn pid(&self) -> i32 {
        self.workloads[0].pid()
    }

    /// What is restored ends with this.
    fn adopt(&self) -> Vec<Restored> {
        self.workloads.iter().map(|workload| adopt(workload.pid())).collect()
    }

    #[track_caller]
    fn assert_nothing_runs(&self) {
        for workload in &self.workloads {
            assert!(!is_there(workload.pid()), "process {} is there", workload.pid());
        }
        assert_eq!(self.counts(), self.counts);
    }

    /// Every one counts on from what was saved: not from zero, and not from later on.
    #[track_caller]
    fn assert_count_on(&self) {
        for (workload, &count) in self.workloads.iter().zip(&self.counts) {
            until("it counts on", SOON, || workload.count() > count);
            assert!(workload.count() < count + 100_000, "{} after {count}", workload.count());
        }
    }
}

fn counts_on() {
    let killed = Killed::new(1);
    let _restored = killed.adopt();
    let ended = AtomicBool::new(false);
    let workload = &killed.workloads[0];
    let (seen, output) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = vec![workload.count()];
            while !ended.load(Ordering::Relaxed) {
                let now = workload.count();
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
            }
            seen
        });
        let output = restore(&killed.folder(), &["--json"]);
        ended.store(true, Ordering::Relaxed);
        (watch.join().unwrap(), output)
    });
    assert_restored(&output);
    // The file is read while it is written: a count of zero is one that was not read as a whole.
    let first = seen.iter().copied().find(|&count| count != 0 && count != killed.counts[0]);
    let first = first.expect("it ran while it was looked at");
    assert!(
        (killed.counts[0]..killed.counts[0] + 1000).contains(&first),
        "{first} after {:?}",
        killed.counts
    );
    killed.assert_count_on();
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (plan, report) = (&object["plan"], &object["report"]);
    assert_eq!(plan["trees"][0]["processes"][0]["pid"], json!(killed.pid()));
    assert_eq!(plan["trees"][0]["processes"][0]["threads"].as_array().unwrap().len(), THREADS as usize);
    assert!(object["findings"].as_array().unwrap().iter().any(|f| f["code"] == "pids" && f["level"] == "ok"));
    let checks = report["checks"].as_array().unwrap();
    assert!(!checks.is_empty() && checks.iter().all(|check| check["level"] == "ok"), "{checks:?}");
    for group in &killed.groups {
        assert_eq!(group.pids(), [killed.pid()], "{}", group.path().display());
    }
    // The dump's log is as it was, and nothing of ours is left beside the images.
    for (name, there) in
        [("dump.log", true), ("restore.log", true), (".messages", false), ("restore.pid", false)]
    {
        assert_eq!(killed.folder().join(name).exists(), there, "{name}");
    }
    assert!(fs::read_to_string(killed.folder().join("dump.log")).unwrap().contains("Dumping finished"));
}

fn not_into_a_frozen_group(version: Version) {
    let at = usize::from(version == Version::V1);
    // Frozen when it is dumped, and left so, as it was found.
    let killed = Killed::unreaped(1, |groups| groups[at].freeze());
    killed.workloads[0].reap();
    let group = &killed.groups[at];
    assert!(group.requested());
    let path = group.path().to_str().unwrap();
    let line = match version {
        Version::V2 => format!("echo 0 > {path}/cgroup.freeze"),
        Version::V1 => format!("echo THAWED > {path}/freezer.state"),
    };
    // With an option that leaves the processes to the groups of the images, too.
    for more in [&[][..], &["--", "--manage-cgroups"], &["--", "--manage-cgroups=full"]] {
        let output = restore(&killed.folder(), more);
        assert_failed(&output, 4, &[path, "frozen by its own request", &line, "--thaw"]);
    }
    killed.assert_nothing_runs();
    assert!(group.requested());
    let _restored = killed.adopt();
    assert!(Command::new("sh").arg("-c").arg(&line).status().unwrap().success());
    assert_restored(&restore(&killed.folder(), &[]));
    killed.assert_count_on();
}

fn not_below_a_frozen_group() {
    let above = Group::v2("above");
    let (group, v1) = (above.child("inner"), Group::v1("beside"));
    let (workload, images) = (Workload::in_groups(&[&group, &v1]), Images::new());
    let output = checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]);
    assert_eq!(output.status.code(), Some(0));
    workload.reap();
    group.remove();
    above.freeze();
    assert_failed(&restore(&images.folder(), &[]), 4, &[above.path().to_str().unwrap(), "thaw it first"]);
    assert!(!is_there(workload.pid()) && !group.path().exists());
}

fn two_trees() {
    let killed = Killed::new(2);
    let _restored = killed.adopt();
    let last = killed.workloads.iter().map(Workload::pid).max().unwrap();
    let ended = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        // Until the last one is there, no count has moved.
        let watch = scope.spawn(|| {
            let mut seen = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let first_is_there = killed.workloads.iter().any(|workload| is_there(workload.pid()));
                let counts = killed.counts();
                if first_is_there && !is_there(last) {
                    seen.push(counts);
                }
            }
            seen
        });
        let output = restore(&killed.folder(), &[]);
        ended.store(true, Ordering::Relaxed);
        assert_restored(&output);
        watch.join().unwrap()
    });
    assert!(seen.len() > 10 && seen.iter().all(|counts| *counts == killed.counts), "{seen:?}");
    killed.assert_count_on();
}

/// A criu that does something to the second tree first, and is the real one then.
fn meddling(killed: &Killed, with: &str) -> PathBuf {
    let last = killed.workloads.iter().max_by_key(|workload| workload.pid()).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in \"restore -D {}/{} \"*) {with} ;; esac\nexec {} \"$@\"\n",
        killed.folder().display(),
        last.pid(),
        criu().display()
    );
    let path = killed.folder().with_file_name("criu");
    program::write(&path, script.replace("COUNTER", last.counter().to_str().unwrap()));
    path
}

fn second_fails() {
    let killed = Killed::new(2);
    let _restored = killed.adopt();
    let criu = meddling(&killed, "printf x >> COUNTER");
    let output = restore(&killed.folder(), &["--criu", criu.to_str().unwrap()]);
    let pids: Vec<i32> = killed.workloads.iter().map(Workload::pid).collect();
    let (first, last) = (pids.iter().min().unwrap(), pids.iter().max().unwrap());
    let words = [
        &format!("criu failed (exit status: 1) to restore process {last}"),
        "has bad size 9 (expect 8)",
        "restore it as it was",
        &format!("the tree of process {first}, restored before it, had not run yet and was ended again"),
        "restore.log",
    ];
    assert_failed(&output, 7, &words);
    let left: Vec<_> = pids.iter().filter(|&&pid| is_there(pid)).map(|&pid| (pid, state(pid))).collect();
    assert!(left.is_empty(), "nothing is left, no zombie either: {left:?}");
    for (workload, count) in killed.workloads.iter().zip(&killed.counts) {
        let bytes = fs::read(workload.counter()).unwrap();
        assert_eq!(bytes[..8], count.to_le_bytes(), "not one step ran");
        fs::write(workload.counter(), &bytes[..8]).unwrap();
    }
    // The images are as good as before.
    assert_restored(&restore(&killed.folder(), &[]));
    killed.assert_count_on();
}

fn stopped() {
    let stop = |groups: &[Group]| {
        let pid = groups[0].pids().into_iter().min().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
        until("it is stopped", SOON, || state(pid) == Some('T'));
    };
    for trees in [1, 2] {
        let killed = Killed::unreaped(trees, stop);
        killed.workloads.iter().for_each(Workload::reap);
        let _restored = killed.adopt();
        assert_restored(&restore(&killed.folder(), &[]));
        let stopped = killed.workloads.iter().map(Workload::pid).min().unwrap();
        for (workload, &count) in killed.workloads.iter().zip(&killed.counts) {
            if workload.pid() == stopped {
                assert_eq!((state(stopped), workload.count()), (Some('T'), count));
                kill(Pid::from_raw(stopped), Signal::SIGCONT).unwrap();
            }
        }
        killed.assert_count_on();
    }
}

/// A job of a session's leader, stopped by SIGTSTP (which stops nothing in a group of processes that is orphaned): it comes back
/// stopped by that where nothing of its tree ran. Else all of it is left stopped meanwhile, and that is said.
fn stopped_by_another_signal() {
    be_the_reaper();
    for leader_runs in [false, true] {
        let (group, images) = (Group::v2("job"), Images::new());
        let mut command = Command::new("setsid");
        let mut leader =
            quiet(command.args(["bash", "-c", "set -m; sleep 1000 & exec sleep 1001"])).spawn().unwrap();
        let root = leader.id().cast_signed();
        let children =
            || fs::read_to_string(format!("/proc/{root}/task/{root}/children")).unwrap_or_default();
        let sleeps = |pid: &str| fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"sleep\n");
        until("the job has begun", SOON, || sleeps(&root.to_string()) && sleeps(children().trim()));
        let job: i32 = children().trim().parse().unwrap();
        let stop = |pid: i32, signal| {
            kill(Pid::from_raw(pid), signal).unwrap();
            until("it is stopped", SOON, || state(pid) == Some('T'));
        };
        stop(job, Signal::SIGTSTP);
        if !leader_runs {
            stop(root, Signal::SIGSTOP);
        }
        [job, root].into_iter().for_each(|pid| group.add(pid));
        group.freeze();
        assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
        leader.wait().unwrap();
        waitpid(Pid::from_raw(job), None).unwrap();
        let _restored = adopt(root);
        let output = restore(&images.folder(), &["--thaw"]);
        assert_restored(&output);
        let text =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let said = format!("process {job} (sleep) by SIGTSTP; they come back stopped by SIGSTOP");
        assert_eq!(text.contains(&said), leader_runs, "{text}");
        group.thaw();
        until("it is stopped again", SOON, || state(job) == Some('T'));
        let by = if leader_runs { Signal::SIGSTOP } else { Signal::SIGTSTP };
        assert_eq!(stop_signal(job), by);
    }
}

/// What a tracer is told (`PTRACE_EVENT_STOP` of ptrace(2)).
fn stop_signal(pid: i32) -> Signal {
    let pid = Pid::from_raw(pid);
    ptrace::seize(pid, ptrace::Options::empty()).unwrap();
    let WaitStatus::PtraceEvent(_, signal, _) = waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap() else {
        panic!("{pid} is not stopped");
    };
    ptrace::detach(pid, None).unwrap();
    signal
}

/// A plain dump with other people's criu, without `cryoscope.json`: a parent, a child and a zombie, and a lock.
fn a_family() {
    let (v2, v1, images) = (Group::v2("family"), Group::v1("family"), Images::new());
    be_the_reaper();
    let family = Workload::family(&[&v2, &v1]);
    fs::create_dir(images.folder()).unwrap();
    dump(family.pid(), &images.folder()).option(&["--file-locks"]).run().assert_success();
    let count = family.count();
    family.reap();
    // Its children came to the nearest reaper, which this program is.
    let set = read(&images.folder()).unwrap();
    let children: Vec<i32> = set.processes[1..].iter().map(|process| process.pid).collect();
    until("its children are gone", SOON, || {
        children.iter().for_each(|&pid| reap(pid));
        !children.iter().any(|&pid| is_there(pid))
    });
    let _restored = adopt(family.pid());
    let output = restore(&images.folder(), &["--json"]);
    assert_restored(&output);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let processes = object["report"]["trees"][0]["processes"].as_array().unwrap();
    let mut states: Vec<_> = processes.iter().map(|process| process["state"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["running", "running", "zombie"]);
    let command = object["report"]["command"].as_str().unwrap();
    assert!(command.ends_with("--file-locks </dev/null"), "{command}");
    until("it counts on", SOON, || family.count() > count);
    kill(Pid::from_raw(family.pid()), Signal::SIGKILL).unwrap();
    until("all of it is gone", SOON, || {
        [family.pid()].iter().chain(&children).for_each(|&pid| reap(pid));
        !children.iter().any(|&pid| is_there(pid))
    });
}

fn numbers_are_taken() {
    let groups = [Group::v2("taken"), Group::v1("taken")];
    let (workload, images) = (Workload::in_groups(&groups.each_ref()), Images::new());
    let output = checkpoint(&groups[0], &images.folder(), &[]);
    assert_eq!(output.status.code(), Some(0));
    let pid = workload.pid();
    let words = [&format!("PID {pid} is in use"), "lives", &format!("end process {pid} first")];
    assert_failed(&restore(&images.folder(), &[]), 4, &words.map(|word| word as &str));
    workload.assert_counting();
    assert!(!images.folder().join("restore.log").exists(), "criu was not started");
}

/// The leader of a process group is dumped, and one of its group is not: its number is in use, though no process has it.
fn number_of_a_group() {
    let (v2, v1, images) = (Group::v2("leader"), Group::v1("leader"), Images::new());
    fs::create_dir(images.folder()).unwrap();
    be_the_reaper();
    let script = "(sleep 60 >/dev/null & echo $!); exec sleep 61 >/dev/null";
    let mut command = Command::new("sh");
    let command = quiet(command.args(["-c", script]).process_group(0)).stdout(Stdio::piped());
    let mut leader = command.spawn().unwrap();
    let pid = leader.id().cast_signed();
    let mut said = String::new();
    leader.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    let follower: i32 = said.trim().parse().unwrap();
    v2.add(pid);
    v1.add(pid);
    dump(pid, &images.folder()).option(&["--shell-job"]).run().assert_success();
    leader.wait().unwrap();
    assert!(!is_there(pid) && is_there(follower));
    let output = restore(&images.folder(), &[]);
    kill(Pid::from_raw(follower), Signal::SIGKILL).unwrap();
    waitpid(Pid::from_raw(follower), None).unwrap();
    let words =
        format!("PID {pid} is in use: it is the process group or session of process {follower} (sleep 60)");
    assert_failed(&output, 4, &[&words]);
    let _restored = adopt(pid);
    assert_restored(&restore(&images.folder(), &[]));
    assert_eq!(v2.pids(), [pid]);
}

/// A group that somebody freezes while criu works: that is said, and it is theirs to thaw; criu is left to finish.
fn frozen_meanwhile() {
    let killed = Killed::new(1);
    let _restored = killed.adopt();
    let group = &killed.groups[0];
    let path = killed.folder().with_file_name("criu");
    let freeze = group.path().join("cgroup.freeze");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != restore ] || echo 1 > {}\nexec {} \"$@\"\n",
        freeze.display(),
        criu().display()
    );
    program::write(&path, script);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("restore").arg(killed.folder()).arg("--criu").arg(&path);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    let words = format!("criu waits because {} was frozen meanwhile", group.path().display());
    let still = group.requested() && child.try_wait().unwrap().is_none();
    group.request(false);
    assert!(child.wait().unwrap().success());
    assert!(said.contains(&words) && still, "{said}");
    killed.assert_count_on();
}

/// `cat` on a pseudo-terminal whose other side is not dumped: it needs a terminal again, and answers on that one.
fn terminal_job() {
    let (v2, v1, images) = (Group::v2("tty"), Group::v1("tty"), Images::new());
    fs::create_dir(images.folder()).unwrap();
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let mut child = pty_process::blocking::Command::new("cat").current_dir("/").spawn(pts).unwrap();
    let pid = child.id().cast_signed();
    v2.add(pid);
    v1.add(pid);
    dump(pid, &images.folder()).option(&["--shell-job"]).run().assert_success();
    child.wait().unwrap();
    drop(pty);
    let output = restore(&images.folder(), &[]);
    assert_failed(&output, 4, &["had a terminal", "restore from a terminal"]);
    let _restored = adopt(pid);
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    let command = command.arg("restore").arg(images.folder()).arg("--criu").arg(criu()).arg("--yes");
    let mut program = command.spawn(pts).unwrap();
    let mut said = String::new();
    let mut buffer = [0; 4096];
    let mut say_until = |pty: &mut pty_process::blocking::Pty, words: &str| {
        until(words, SOON, || {
            let read = pty.read(&mut buffer).unwrap_or(0);
            said.push_str(&String::from_utf8_lossy(&buffer[..read]));
            said.contains(words)
        });
    };
    say_until(&mut pty, "restored 1 process in 1 tree, in");
    assert_eq!(program.wait().unwrap().code(), Some(0));
    pty.write_all(b"are you there\n").unwrap();
    say_until(&mut pty, "are you there\r\nare you there\r\n");
}

/// SIGINT and SIGTERM in the middle: everything is restored first.
fn signals_wait() {
    let killed = Killed::new(2);
    let _restored = killed.adopt();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("restore").arg(killed.folder()).arg("--criu").arg(criu());
    let mut child = quiet(&mut command).spawn().unwrap();
    let pids: Vec<i32> = killed.workloads.iter().map(Workload::pid).collect();
    until("the first is there", SOON, || pids.iter().any(|&pid| is_there(pid)));
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    }
    assert!(child.wait().unwrap().signal().is_some(), "it ends by the signal, afterwards");
    killed.assert_count_on();
}

fn zombie() {
    let killed = Killed::unreaped(1, |_| ());
    let (pid, me) = (killed.pid(), std::process::id());
    let words = [
        &format!("process {pid} has ended, but its parent, process {me} (") as &str,
        "has not collected its exit code",
    ];
    assert_failed(&restore(&killed.folder(), &[]), 4, &words);
    killed.workloads[0].reap();
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &[]));
    killed.assert_count_on();
}

fn truncated_and_corrupt() {
    let killed = Killed::new(1);
    let core = format!("core-{}.img", killed.pid());
    for name in ["pages-1.img", "pstree.img", "inventory.img", &core] {
        let path = killed.folder().join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_failed(&restore(&killed.folder(), &["--yes"]), 1, &["nothing was restored", "dump again"]);
        killed.assert_nothing_runs();
        fs::write(&path, &bytes).unwrap();
    }
    let path = killed.folder().join(&core);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, b"garbage, and more of it").unwrap();
    assert_failed(&restore(&killed.folder(), &[]), 1, &["is not a criu image", &core]);
    fs::remove_file(&path).unwrap();
    assert_failed(&restore(&killed.folder(), &[]), 1, &[&core, "missing"]);
    killed.assert_nothing_runs();
    fs::write(&path, bytes).unwrap();
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &[]));
}

fn files_that_changed() {
    let killed = Killed::new(1);
    let counter = killed.workloads[0].counter();
    let bytes = fs::read(counter).unwrap();
    let name = counter.to_str().unwrap();
    fs::write(counter, "longer than it was").unwrap();
    assert_failed(&restore(&killed.folder(), &[]), 4, &[name, "has 18 bytes, and had 8"]);
    fs::remove_file(counter).unwrap();
    assert_failed(&restore(&killed.folder(), &[]), 4, &[name, "is gone"]);
    assert!(!is_there(killed.pid()));
    fs::write(counter, bytes).unwrap();
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &[]));
    killed.assert_count_on();
}

/// A v1 group comes back as it was: frozen, where criu was told to dump a frozen one.
fn groups_are_made_again() {
    for frozen in [false, true] {
        let killed = Killed::unreaped(1, |groups| {
            if frozen {
                groups[1].freeze();
            }
        });
        killed.workloads[0].reap();
        killed.groups.iter().for_each(Group::remove);
        let _restored = killed.adopt();
        let said = String::from_utf8(restore(&killed.folder(), &["--dry-run"]).stdout).unwrap();
        assert_eq!(said.contains("freezes it as it was"), frozen, "{said}");
        let output = restore(&killed.folder(), &[]);
        assert_restored(&output);
        for group in &killed.groups {
            assert_eq!(group.pids(), [killed.pid()], "{}", group.path().display());
        }
        let v1 = &killed.groups[1];
        let said = String::from_utf8(output.stdout).unwrap();
        let line = format!("echo THAWED > {}/freezer.state", v1.path().display());
        assert_eq!((said.contains(&line), v1.requested()), (frozen, frozen), "{said}");
        v1.thaw();
        killed.assert_count_on();
    }
}

/// The first tree would make the group frozen, and criu wait for ever with the second. A group that is there is left as it is.
fn two_trees_of_a_frozen_group() {
    let killed = Killed::unreaped(2, |groups| groups[1].freeze());
    killed.workloads.iter().for_each(Workload::reap);
    killed.groups.iter().for_each(Group::remove);
    let v1 = killed.groups[1].path();
    assert_failed(
        &restore(&killed.folder(), &[]),
        4,
        &["freezes it as it was", &format!("mkdir {}", v1.display())],
    );
    killed.assert_nothing_runs();
    fs::create_dir(v1).unwrap();
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &[]));
    killed.assert_count_on();
}

/// One that belongs to another's session, without a terminal.
fn not_a_session_leader() {
    let (v2, v1, images) = (Group::v2("job"), Group::v1("job"), Images::new());
    let mut sleep = quiet(Command::new("sleep").arg("60")).spawn().unwrap();
    let pid = sleep.id().cast_signed();
    v2.add(pid);
    v1.add(pid);
    until("it is sleep", SOON, || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n");
    let output = checkpoint(&v2, &images.folder(), &["--after", "killed", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    sleep.wait().unwrap();
    let _restored = adopt(pid);
    let output = restore(&images.folder(), &["--json"]);
    assert_restored(&output);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(object["report"]["command"].as_str().unwrap().contains("--shell-job"));
    assert_eq!(v2.pids(), [pid]);
}

/// criu does not keep the group that it is in itself: the process comes into this program's.
fn group_not_kept() {
    let images = Images::new();
    fs::create_dir(images.folder()).unwrap();
    let workload = Workload::in_groups(&[]);
    dump(workload.pid(), &images.folder()).run().assert_success();
    workload.reap();
    let _restored = adopt(workload.pid());
    let output = restore(&images.folder(), &[]);
    assert_restored(&output);
    let said = String::from_utf8(output.stdout).unwrap();
    let words = format!("the images do not record in which group process {} was", workload.pid());
    assert!(said.contains(&words), "{said}");
    workload.assert_counting();
}

/// The script that `--dry-run` prints, run by a shell.
fn run_script(killed: &Killed, more: &[&str]) -> Output {
    let output = restore(&killed.folder(), &[&["--dry-run"], more].concat());
    assert_restored(&output);
    killed.assert_nothing_runs();
    let script = killed.folder().with_file_name("script");
    fs::write(&script, &output.stdout).unwrap();
    quiet(Command::new("sh").arg(&script)).output().unwrap()
}

fn script() {
    for trees in [1, 2] {
        let killed = Killed::new(trees);
        let _restored = killed.adopt();
        assert_restored(&run_script(&killed, &[]));
        killed.assert_count_on();
    }
}

fn script_fails() {
    let killed = Killed::new(2);
    let _restored = killed.adopt();
    let criu = meddling(&killed, "printf x >> COUNTER");
    assert!(!run_script(&killed, &["--criu", criu.to_str().unwrap()]).status.success());
    for workload in &killed.workloads {
        until("it is ended", SOON, || matches!(state(workload.pid()), None | Some('Z')));
    }
}

fn pid_namespace() {
    let (v2, v1, images) = (Group::v2("pidns"), Group::v1("pidns"), Images::new());
    let counter = images.folder().with_file_name("counter");
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork"]).arg(std::env::current_exe().unwrap()).arg("workload").arg(&counter);
    let mut unshare = quiet(command.args(["nothing", ""]).arg(v2.path()).arg(v1.path())).spawn().unwrap();
    let count =
        || fs::read(&counter).ok().and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    until("it counts", SOON, || count() > 0);
    let output = checkpoint(&v2, &images.folder(), &["--after", "killed", "--yes"]);
    // Before the wait: what was not ended would be waited for without end.
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    unshare.wait().unwrap();
    let saved = count();
    be_the_reaper();
    let output = restore(&images.folder(), &[]);
    let pids = v2.pids();
    assert_restored(&output);
    let said = String::from_utf8(output.stdout).unwrap();
    until("it counts on", SOON, || count() > saved);
    let [pid] = pids[..] else { panic!("{pids:?}") };
    assert!(said.contains("its own PID namespace"), "{said}");
    assert!(said.contains("process 1 (") && said.contains(&format!(", here {pid})")), "{said}");
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    waitpid(Pid::from_raw(pid), None).unwrap();
}

/// criu 4.1.1 ends by a signal where nobody names the root of the mounts.
fn mount_namespace() {
    let (v2, v1, images) = (Group::v2("mounts"), Group::v1("mounts"), Images::new());
    let mut program = Command::new("unshare");
    // What is open from before the namespace would be on mounts that it does not have.
    let inside = "exec \"$@\" </dev/null >/dev/null 2>&1";
    program.args(["--mount", "--propagation", "private", "sh", "-c", inside, "sh"]);
    let workload = Workload::within(&v2, program);
    v1.add(workload.pid());
    assert_done(&checkpoint(&v2, &images.folder(), &["--after", "killed", "--yes"]), &images);
    workload.reap();
    let (saved, own) = (workload.count(), fs::read_link("/proc/self/ns/mnt").unwrap());
    let _restored = adopt(workload.pid());
    let output = restore(&images.folder(), &[]);
    assert_restored(&output);
    let theirs = fs::read_link(format!("/proc/{}/ns/mnt", workload.pid())).unwrap();
    assert!(theirs != own, "it is in a namespace of its own again");
    until("it counts on", SOON, || workload.count() > saved);
}

fn bad_input() {
    let killed = Killed::new(1);
    let none = killed.folder().with_file_name("none");
    assert_failed(&restore(&none, &[]), 5, &["does not exist"]);
    fs::create_dir(&none).unwrap();
    assert_failed(&restore(&none, &[]), 1, &["contains no criu images"]);
    assert_failed(&restore(&killed.folder(), &["--criu", "/no/such/criu"]), 4, &["cannot run"]);
    assert_failed(&restore(&killed.folder(), &["--criu", "/bin/false"]), 4, &["criu check fails"]);
    assert_failed(
        &restore(&killed.folder(), &["--", "--leave-stopped"]),
        4,
        &["--leave-stopped", "cryoscope sets"],
    );
    assert_failed(&restore(&killed.folder(), &["--read-only"]), 4, &["--read-only"]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    quiet(&mut command).stdout(Stdio::piped());
    let output = command.args(["nobody", "restore"]).arg(killed.folder()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("3 ")), "{text}");
    killed.assert_nothing_runs();
}
