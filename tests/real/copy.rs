//! `cryoscope restore --copy`: the processes of images beside their living original, in a PID namespace and groups of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use cryoscope::kernel::Status;
use cryoscope::kernel::membership::group_of;
use cryoscope::kernel::processes::Processes;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::rescue::{rescue, said};
use super::restore::ports::add_socket;
use super::restore::{assert_failed, assert_restored, restore};
use super::support::checkpoint::{Images, checkpoint};
use super::support::namespace::{isolated, only};
use super::support::requirement::{Need, criu, trial};
use super::support::wait::{reached, throughout};
use super::support::workload::quiet;
use super::support::{Group, SOON, Workload, program, until};

mod shared;

const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("copy::both_count_on", BOTH, both_count_on),
        trial("copy::frozen_before_it_runs::v2", BOTH, || frozen(Version::V2, false)),
        trial("copy::frozen_before_it_runs::v1", BOTH, || frozen(Version::V1, false)),
        trial("copy::the_script_does_the_same::v2", BOTH, || frozen(Version::V2, true)),
        trial("copy::the_script_does_the_same::v1", BOTH, || frozen(Version::V1, true)),
        trial("copy::the_script_that_runs_it_at_once", BOTH, script_without_a_freeze),
        trial("copy::the_original_is_frozen", BOTH, original_stays_frozen),
        trial("copy::a_family_with_a_pipe", BOTH, family),
        trial("copy::two_trees", BOTH, two_trees),
        trial("copy::into_a_group_that_is_named", BOTH, into_named),
        trial("copy::two_copies", BOTH, two_copies),
        trial("copy::what_it_makes_below_goes_too", BOTH, groups_below),
        trial("copy::all_of_it_is_ended_at_once", BOTH, ended_at_once),
        trial("copy::nothing_is_left_when_criu_fails", BOTH, criu_fails),
        trial("copy::killed_at_any_moment::v2", BOTH, || killed_at_any_moment(Version::V2)),
        trial("copy::killed_at_any_moment::v1", BOTH, || killed_at_any_moment(Version::V1)),
        trial("copy::it_outlives_the_terminal", BOTH, outlives_the_session),
        trial("copy::on_a_host_with_v2_alone", BOTH, || with_one_hierarchy(Version::V2)),
        trial("copy::on_a_host_with_v1_alone", BOTH, || with_one_hierarchy(Version::V1)),
        trial("copy::refused", BOTH, refused),
    ];
    for version in [Version::V1, Version::V2] {
        let name = format!("copy::what_a_killed_keeper_leaves::{version}");
        all.push(isolated(&name, BOTH, move || killed_keeper(version)));
    }
    all.extend(shared::tests());
    all
}

/// Workloads whose images were made while they were frozen, and that are frozen still. The path of each counter leads to a file
/// of the same contents, for a copy: the original has its own open.
struct Original {
    workloads: Vec<Workload>,
    /// What each had counted when the images were made.
    counts: Vec<u64>,
    groups: [Group; 2],
    images: Images,
}

impl Original {
    fn new(trees: usize) -> Self {
        Self::of(|groups| (0..trees).map(|_| Workload::in_groups(groups)).collect())
    }

    fn of(start: impl FnOnce(&[&Group]) -> Vec<Workload>) -> Self {
        let groups = [Group::v2("original"), Group::v1("original")];
        let workloads = start(&groups.each_ref());
        groups[0].freeze();
        let images = Images::new();
        assert_restored(&checkpoint(&groups[0], &images.folder(), &["--yes"]));
        let counts = workloads.iter().map(Workload::count).collect();
        let original = Self { workloads, counts, groups, images };
        original.set_counters_aside();
        original
    }

    fn set_counters_aside(&self) {
        for workload in &self.workloads {
            let bytes = fs::read(workload.counter()).unwrap();
            fs::rename(workload.counter(), self.counter_of(workload)).unwrap();
            fs::write(workload.counter(), bytes).unwrap();
        }
    }

    /// Where the original counts.
    fn counter_of(&self, workload: &Workload) -> PathBuf {
        workload.counter().with_file_name("original")
    }

    fn own_count(&self, workload: &Workload) -> u64 {
        let bytes = fs::read(self.counter_of(workload)).unwrap();
        bytes.try_into().map_or(0, u64::from_le_bytes)
    }

    fn folder(&self) -> PathBuf {
        self.images.folder()
    }

    fn pid(&self) -> i32 {
        self.workloads[0].pid()
    }

    /// The groups that a copy gets: of one name, that of the v2 group.
    fn groups_of_copy(&self) -> Vec<PathBuf> {
        let name = format!("{}.copy", self.groups[0].name().to_str().unwrap());
        let beside = |group: &Group| group.path().with_file_name(&name);
        self.groups.iter().map(beside).collect()
    }

    /// A copy, made by the program.
    #[track_caller]
    fn copy(&self, more: &[&str]) -> CopyOf {
        let mut made = CopyOf::expected(self);
        let output = restore(&self.folder(), &[&["--copy", "--yes", "--json"], more].concat());
        assert_restored(&output);
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        made.report = object["report"]["copy"].clone();
        made
    }

    /// The copies count on from what was saved, beside the originals.
    #[track_caller]
    fn assert_copies_count_on(&self) {
        for (workload, &count) in self.workloads.iter().zip(&self.counts) {
            until("the copy counts on", 3 * SOON, || workload.count() > count);
            assert!(workload.count() < count + 1_000_000, "{} after {count}", workload.count());
        }
    }

    #[track_caller]
    fn assert_original_counts(&self) {
        for workload in &self.workloads {
            let before = self.own_count(workload);
            until("the original counts on", 3 * SOON, || self.own_count(workload) > before);
        }
    }

    fn assert_no_copy_ran(&self) {
        let now: Vec<u64> = self.workloads.iter().map(Workload::count).collect();
        assert_eq!(now, self.counts, "not one step ran");
    }
}

/// A copy that was made, or may have been. It ends when this is dropped.
struct CopyOf {
    report: Value,
    groups: Vec<PathBuf>,
}

impl CopyOf {
    fn expected(original: &Original) -> Self {
        Self { report: Value::Null, groups: original.groups_of_copy() }
    }

    fn init(&self) -> i32 {
        number(&self.report["init"])
    }

    fn keeper(&self) -> i32 {
        number(&self.report["keeper"])
    }

    /// The number that a process of the images has here.
    #[track_caller]
    fn here(&self, pid: i32) -> i32 {
        let all = self.report["processes"].as_array().unwrap();
        let one =
            all.iter().find(|one| number(&one["pid"]) == pid).unwrap_or_else(|| panic!("{}", self.report));
        number(&one["here"])
    }

    /// No group, no process, no namespace.
    #[track_caller]
    fn assert_gone(&self) {
        until("its groups are gone", 3 * SOON, || self.groups.iter().all(|group| !group.exists()));
        until("its keeper is gone", SOON, || keepers(&self.groups).is_empty());
        assert!(self.report.is_null() || !is_running(self.init()));
    }
}

/// Whether a process has not ended. The host's init may take its time to reap one that has.
fn is_running(pid: i32) -> bool {
    Processes::default().read(pid).is_some_and(|process| !process.is_zombie())
}

impl Drop for CopyOf {
    fn drop(&mut self) {
        // A copy that is still being made ends, or is there soon.
        let all_end = |but_for_groups: bool| {
            for group in &self.groups {
                for pid in pids(group) {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
                let _ = fs::write(group.join("freezer.state"), "THAWED");
                if !but_for_groups {
                    let below = ["inner/most", "inner", ""].map(|below| group.join(below));
                    below.iter().for_each(|group| drop(fs::remove_dir(group)));
                }
            }
            keepers(&self.groups).is_empty()
                && (but_for_groups || !self.groups.iter().any(|group| group.exists()))
        };
        // Its keeper removes them; where that was killed nobody does.
        if !reached(2 * SOON, || all_end(true)) || !reached(SOON, || all_end(false)) {
            eprintln!("something of the copy in {:?} is left behind", self.groups);
        }
    }
}

fn number(value: &Value) -> i32 {
    value.as_i64().and_then(|number| number.try_into().ok()).unwrap_or_else(|| panic!("no number: {value}"))
}

fn pids(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    // 0 is a process of another PID namespace, and as a target of kill(2) our own process group.
    text.lines().filter_map(|line| line.parse().ok()).filter(|&pid| pid > 0).collect()
}

/// The processes that keep a copy in these groups.
fn keepers(groups: &[PathBuf]) -> Vec<i32> {
    let is_keeper = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|&b| b == 0).collect();
        words.contains(&&b"copy-keeper"[..])
            && groups.iter().any(|group| words.contains(&group.as_os_str().as_encoded_bytes()))
    };
    cryoscope::kernel::processes::every_pid().filter(is_keeper).collect()
}

fn both_count_on() {
    let original = Original::new(1);
    original.groups[0].thaw();
    let copy = original.copy(&[]);
    original.assert_copies_count_on();
    original.assert_original_counts();
    let (pid, here) = (original.pid(), copy.here(original.pid()));
    assert!(original.workloads[0].is_alive() && here != pid);
    // It has the number that it had, in another namespace.
    let status = Status::read(here).unwrap().unwrap();
    assert_eq!(status.numbers("NSpid").unwrap().last(), Some(&pid));
    let namespace = |pid: i32, kind: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
    for kind in ["pid", "mnt"] {
        assert_eq!(namespace(here, kind), namespace(copy.init(), kind));
        assert!(namespace(here, kind) != namespace(pid, kind));
    }
    for (group, of_copy) in original.groups.iter().zip(&copy.groups) {
        assert_eq!((group.pids(), pids(of_copy)), (vec![pid], vec![here]));
    }
    // The end of the copy is the end of all that was made for it.
    kill(Pid::from_raw(here), Signal::SIGKILL).unwrap();
    copy.assert_gone();
    original.assert_original_counts();
}

/// Not one step runs before it is thawed, through the freezer that was asked for.
fn frozen(version: Version, by_script: bool) {
    let original = Original::new(1);
    let name = version.to_string();
    let more = ["--copy", "--frozen", "--hierarchy", &name];
    let copy = if by_script {
        let copy = CopyOf::expected(&original);
        let output = run_script(&original, &more);
        assert!(output.status.success(), "{}", said(&output));
        copy
    } else {
        original.copy(&more[1..])
    };
    original.assert_no_copy_ran();
    let group = &copy.groups[usize::from(version == Version::V1)];
    let file = |name: &str| fs::read_to_string(group.join(name)).unwrap();
    match version {
        Version::V2 => assert!(file("cgroup.freeze") == "1\n" && file("cgroup.events").contains("frozen 1")),
        Version::V1 => assert_eq!(file("freezer.state"), "FROZEN\n"),
    }
    original.groups[0].thaw();
    original.assert_original_counts();
    throughout("the copy stands still", Duration::from_millis(60), || {
        original.workloads[0].count() == original.counts[0]
    });
    let [here] = pids(group)[..] else { panic!("{:?}", pids(group)) };
    assert!(
        by_script || (here == copy.here(original.pid()) && copy.report["frozen"] == group.to_str().unwrap())
    );
    let thaw = Command::new(env!("CARGO_BIN_EXE_cryoscope")).arg("thaw").arg(group).output().unwrap();
    assert_restored(&thaw);
    original.assert_copies_count_on();
    kill(Pid::from_raw(here), Signal::SIGKILL).unwrap();
    copy.assert_gone();
}

fn run_script(original: &Original, more: &[&str]) -> Output {
    let output = restore(&original.folder(), &[&["--dry-run"], more].concat());
    assert_restored(&output);
    assert!(original.groups_of_copy().iter().all(|group| !group.exists()), "a dry run makes nothing");
    let script = original.folder().with_file_name("script");
    fs::write(&script, &output.stdout).unwrap();
    quiet(Command::new("sh").arg(&script)).stderr(Stdio::piped()).output().unwrap()
}

fn script_without_a_freeze() {
    let original = Original::new(2);
    let copy = CopyOf::expected(&original);
    let output = run_script(&original, &["--copy"]);
    assert!(output.status.success(), "{}", said(&output));
    original.assert_copies_count_on();
    pids(&copy.groups[0]).into_iter().for_each(|pid| kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap());
    copy.assert_gone();
    // What fails in the middle leaves nothing.
    let fails = original.folder().with_file_name("fails");
    program::write(&fails, failing_criu(&original));
    let output = run_script(&original, &["--copy", "--criu", fails.to_str().unwrap()]);
    assert!(!output.status.success());
    copy.assert_gone();
}

/// A criu that restores the first tree, and fails with the last.
fn failing_criu(original: &Original) -> String {
    let last = original.workloads.iter().map(Workload::pid).max().unwrap();
    let several = original.workloads.len() > 1;
    let folder = if several { original.folder().join(last.to_string()) } else { original.folder() };
    let (folder, criu) = (folder.display(), criu());
    let criu = criu.display();
    format!("#!/bin/sh\ncase \"$*\" in \"restore -D {folder} \"*) exit 1 ;; esac\nexec {criu} \"$@\"\n")
}

/// A freeze of the original is not the copy's.
fn original_stays_frozen() {
    let original = Original::new(1);
    let copy = original.copy(&[]);
    original.assert_copies_count_on();
    assert!(original.groups[0].requested() && original.groups[0].is_frozen());
    assert_eq!(original.own_count(&original.workloads[0]), original.counts[0]);
    drop(copy);
}

/// Two processes with a pipe between them, and a zombie: the child ends when the other end of its pipe is closed.
fn family() {
    let original = Original::of(|groups| vec![Workload::family(groups)]);
    let copy = original.copy(&["--frozen"]);
    original.assert_no_copy_ran();
    let group = &copy.groups[0];
    let all = pids(group);
    assert!(all.len() >= 2, "{all:?}");
    fs::write(group.join("cgroup.freeze"), "0").unwrap();
    original.assert_copies_count_on();
    let root = copy.here(original.pid());
    let pipe = |pid: i32| {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let links = links.filter_map(|entry| fs::read_link(entry.path()).ok()?.to_str().map(str::to_owned));
        links.filter(|link| link.starts_with("pipe:")).collect::<Vec<_>>()
    };
    let child = all.into_iter().find(|&pid| pid != root).unwrap();
    assert!(pipe(child).iter().any(|end| pipe(root).contains(end)), "one pipe has both ends");
    kill(Pid::from_raw(root), Signal::SIGKILL).unwrap();
    copy.assert_gone();
}

fn two_trees() {
    let original = Original::new(2);
    let copy = original.copy(&["--frozen"]);
    original.assert_no_copy_ran();
    assert_eq!(pids(&copy.groups[0]).len(), 2);
    fs::write(copy.groups[0].join("cgroup.freeze"), "0").unwrap();
    original.assert_copies_count_on();
    // It is there as long as one of them is.
    let [one, other] = [0, 1].map(|at| copy.here(original.workloads[at].pid()));
    kill(Pid::from_raw(one), Signal::SIGKILL).unwrap();
    until("one has ended", SOON, || pids(&copy.groups[0]) == [other]);
    assert!(copy.groups.iter().all(|group| group.exists()));
    kill(Pid::from_raw(other), Signal::SIGKILL).unwrap();
    copy.assert_gone();
}

fn into_named() {
    let original = Original::new(1);
    let other = Group::v2("other");
    let copy = original.copy(&["--into-group", other.path().to_str().unwrap()]);
    original.assert_copies_count_on();
    assert_eq!(other.pids(), [copy.here(original.pid())]);
    assert!(copy.groups.iter().all(|group| !group.exists()));
    kill(Pid::from_raw(copy.init()), Signal::SIGKILL).unwrap();
    until("it has ended", SOON, || other.pids().is_empty());
    assert!(other.path().exists(), "a group of somebody else's stays");
    until("its keeper has ended", SOON, || !is_running(copy.keeper()));
}

/// The second has groups of another name, and both have the same numbers.
fn two_copies() {
    let original = Original::new(1);
    let first = original.copy(&["--frozen"]);
    let mut second = CopyOf::expected(&original);
    let numbered = |group: &PathBuf| PathBuf::from(format!("{}-2", group.display()));
    second.groups = second.groups.iter().map(numbered).collect();
    let output = restore(&original.folder(), &["--copy", "--frozen", "--json"]);
    assert_restored(&output);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    second.report = object["report"]["copy"].clone();
    assert!(first.here(original.pid()) != second.here(original.pid()));
    assert_eq!(pids(&second.groups[0]), [second.here(original.pid())]);
    original.assert_no_copy_ran();
}

fn groups_below() {
    let original = Original::new(1);
    let copy = original.copy(&[]);
    for group in &copy.groups {
        fs::create_dir_all(group.join("inner/most")).unwrap();
    }
    let here = copy.here(original.pid());
    kill(Pid::from_raw(here), Signal::SIGKILL).unwrap();
    copy.assert_gone();
}

/// By the one process that is named for it; also where all of it is frozen. And with the keeper.
fn ended_at_once() {
    let original = Original::new(1);
    let copy = original.copy(&["--frozen", "--hierarchy", "v2"]);
    kill(Pid::from_raw(copy.init()), Signal::SIGKILL).unwrap();
    copy.assert_gone();
    let copy = original.copy(&[]);
    let here = copy.here(original.pid());
    kill(Pid::from_raw(copy.keeper()), Signal::SIGKILL).unwrap();
    until("the copy ends with it", SOON, || !Path::new(&format!("/proc/{here}")).exists());
}

/// Its groups, with those that the copy has made below, are found and removed by a rescue, also where v1 holds what was killed;
/// one with a process of somebody else in it is left.
fn killed_keeper(version: Version) {
    let original = Original::new(1);
    let copy = original.copy(&["--frozen", "--hierarchy", &version.to_string()]);
    copy.groups.iter().for_each(|group| fs::create_dir_all(group.join("inner/most")).unwrap());
    assert!(said(&rescue("--dry-run")).contains("nothing to rescue"), "its keeper lives");
    kill(Pid::from_raw(copy.keeper()), Signal::SIGKILL).unwrap();
    let output = rescue("--dry-run");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let keeper = format!("the keeper of a copy (process {}) was killed", copy.keeper());
    assert!(text.contains(&keeper) && copy.groups.iter().all(|group| group.exists()), "{text}");
    for group in &copy.groups {
        assert!(text.contains(&format!("find {} -depth -type d", group.display())), "{text}");
    }
    let elsewhere = Group::v2("guest");
    let guest = Workload::in_group(&elsewhere);
    fs::write(copy.groups[0].join("inner/cgroup.procs"), guest.pid().to_string()).unwrap();
    assert!(said(&rescue("--yes")).contains("nothing to rescue"), "somebody else uses it");
    drop(guest);
    let output = rescue("--yes");
    assert!(output.status.success() && said(&output).contains("removed: "), "{}", said(&output));
    copy.assert_gone();
    assert!(said(&rescue("--yes")).contains("nothing to rescue"));
    original.assert_no_copy_ran();
    // Another group of that name is not what it was.
    let copy = original.copy(&[]);
    kill(Pid::from_raw(copy.keeper()), Signal::SIGKILL).unwrap();
    for group in &copy.groups {
        until("the copy has ended", SOON, || fs::remove_dir(group).is_ok());
        fs::create_dir(group).unwrap();
    }
    assert!(said(&rescue("--yes")).contains("nothing to rescue"));
    copy.groups.iter().for_each(|group| fs::remove_dir(group).unwrap());
}

fn criu_fails() {
    for trees in [1, 2] {
        let original = Original::new(trees);
        let fails = original.folder().with_file_name("fails");
        program::write(&fails, failing_criu(&original));
        let copy = CopyOf::expected(&original);
        let output = restore(&original.folder(), &["--copy", "--criu", fails.to_str().unwrap()]);
        assert_failed(&output, 7, &["criu failed"]);
        assert!(copy.groups.iter().all(|group| !group.exists()), "it waits until nothing is left");
        copy.assert_gone();
        original.assert_no_copy_ran();
    }
}

/// The program is killed: the copy is whole, or none of it is there.
fn killed_at_any_moment(version: Version) {
    let original = Original::new(2);
    let (mut whole, mut none) = (0, 0);
    for round in 0..16_u32 {
        let copy = CopyOf::expected(&original);
        let mut child = start(&original, &["--copy", "--frozen", "--hierarchy", &version.to_string()]);
        std::thread::sleep(Duration::from_millis(u64::from(round) * 90));
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).unwrap();
        child.wait().unwrap();
        // A keeper that reads the end of its input now ends the copy; one that was told to keep it is told for good.
        let is_whole = || {
            let keeps = !keepers(&copy.groups).is_empty();
            keeps && pids(&copy.groups[0]).len() == 2 && is_frozen(&copy.groups, version)
        };
        let is_none = || keepers(&copy.groups).is_empty() && copy.groups.iter().all(|group| !group.exists());
        let window = Duration::from_secs(1);
        let settled = reached(3 * SOON, || is_none() || (is_whole() && reached_not(window, is_whole)));
        assert!(settled, "round {round}: neither whole nor gone");
        original.assert_no_copy_ran();
        if is_none() { none += 1 } else { whole += 1 }
    }
    eprintln!("{version}: {whole} whole, {none} gone");
}

/// It stays so for a while.
fn reached_not(window: Duration, so: impl Fn() -> bool) -> bool {
    !reached(window, || !so())
}

fn is_frozen(groups: &[PathBuf], version: Version) -> bool {
    let read = |at: usize, file: &str| fs::read_to_string(groups[at].join(file)).unwrap_or_default();
    match version {
        Version::V2 => read(0, "cgroup.events").contains("frozen 1"),
        Version::V1 => read(1, "freezer.state") == "FROZEN\n",
    }
}

fn start(original: &Original, more: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("restore").arg(original.folder()).arg("--criu").arg(criu()).args(more);
    quiet(&mut command).spawn().unwrap()
}

/// What starts it is a session that ends, with everything in its process group.
fn outlives_the_session() {
    let original = Original::new(1);
    let copy = CopyOf::expected(&original);
    let line = format!(
        "{} restore {} --criu {} --copy --yes >/dev/null && kill -HUP 0",
        env!("CARGO_BIN_EXE_cryoscope"),
        original.folder().display(),
        criu().display()
    );
    let status = quiet(Command::new("setsid").args(["-w", "sh", "-c", &line])).status().unwrap();
    assert!(!status.success(), "it has ended by the signal");
    original.assert_copies_count_on();
    let [here] = pids(&copy.groups[0])[..] else { panic!("{:?}", pids(&copy.groups[0])) };
    // It is in none of the groups of whoever has started it.
    let hosts = cryoscope::kernel::mounts::hierarchies().unwrap();
    let group = group_of(here, hosts.v2.as_ref().unwrap()).unwrap().group().unwrap();
    assert!(group.name().ends_with(b".copy"), "{group}");
    kill(Pid::from_raw(here), Signal::SIGKILL).unwrap();
    copy.assert_gone();
}

fn with_one_hierarchy(version: Version) {
    let original = Original::new(1);
    let mut copy = CopyOf::expected(&original);
    let group = original.groups[usize::from(version == Version::V1)].path();
    copy.groups = vec![PathBuf::from(format!("{}.copy", group.display()))];
    let mut command = only(version, env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("restore").arg(original.folder()).arg("--criu").arg(criu());
    let output = command.args(["--copy", "--frozen", "--yes"]).stdin(Stdio::null()).output().unwrap();
    assert_restored(&output);
    let group = &copy.groups[0];
    let [here] = pids(group)[..] else { panic!("{}", said(&output)) };
    original.assert_no_copy_ran();
    fs::write(group.join(version.control_file()), version.request(false)).unwrap();
    original.assert_copies_count_on();
    kill(Pid::from_raw(here), Signal::SIGKILL).unwrap();
    until("its group is gone", 3 * SOON, || !group.exists());
}

fn refused() {
    let original = Original::new(1);
    let copy = CopyOf::expected(&original);
    let folder = original.folder();
    let mut command = Command::new(std::env::current_exe().unwrap());
    quiet(&mut command).stdout(Stdio::piped());
    let output = command.args(["nobody", "restore", "--copy"]).arg(&folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("3 ")), "{text}");
    assert_failed(
        &restore(&folder, &["--copy", "--", "--manage-cgroups=soft"]),
        4,
        &["--copy and a criu option both choose", "omit one of them"],
    );
    assert_eq!(restore(&folder, &["--frozen"]).status.code(), Some(2));
    assert_eq!(restore(&folder, &["--copy", "--thaw"]).status.code(), Some(2));
    assert_failed(&restore(&folder, &["--copy", "--read-only"]), 4, &["--read-only"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("restore").arg(&folder).arg("--criu").arg(criu()).args(["--copy", "--yes"]);
    let output = command.env("PATH", "/nowhere").stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.code() == Some(4) && said(&output).contains("install util-linux"),
        "{}",
        said(&output)
    );
    // A port of the images that the original has.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let files = fs::read(folder.join("files.img")).unwrap();
    let (tcp, listens, port) = (6, 10, listener.local_addr().unwrap());
    add_socket(&folder, &files, tcp, listens, port);
    let words = [&*format!("the TCP port {port} is in use"), "restore without --copy"];
    assert_failed(&restore(&folder, &["--copy"]), 4, &words);
    assert!(copy.groups.iter().all(|group| !group.exists()));
    original.assert_no_copy_ran();
}
