//! Chaos on the real kernel: threads make, remove, rename, freeze and thaw groups, and start, move and kill processes in them,
//! all at random, while an observer watches. At each quiet point its tree is equal to a fresh scan.
//!
//! A run takes five seconds and prints its seed; `CRYOSCOPE_CHAOS_SEED=N` makes the same decisions again (the kernel's and the
//! threads' timing is not repeated). Longer runs: `CRYOSCOPE_CHAOS_SECONDS=600 cargo test --test real -- --ignored chaos::`

mod actor;
mod difference;

use std::ffi::OsString;
use std::fs;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use actor::Stage;
use cryoscope::model::{CgroupId, State, Version};
use cryoscope::watch::Focus;
use fastrand::Rng;
use libtest_mimic::Trial;

use super::live::Watched;
use super::support::Group;
use super::support::requirement::{Need, trial};
use super::support::wait::{reached, until};

const SEED: &str = "CRYOSCOPE_CHAOS_SEED";
const SECONDS: &str = "CRYOSCOPE_CHAOS_SECONDS";
/// How many act at the same time.
const ACTORS: u64 = 3;
/// More than the observer keeps hints for.
const MANY: u64 = 12_000;
/// How long the observer may take to catch up: the rest of the test run has the CPUs, too.
const QUIET: Duration = Duration::from_secs(60);
/// How many differences are said.
const SAID: usize = 8;

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for (version, needs) in
        [(Version::V2, &[Need::Root, Need::V2][..]), (Version::V1, &[Need::Root, Need::V1][..])]
    {
        let long = |name: &str, run: fn(Version, Duration)| {
            let long = move || run(version, seconds(120));
            trial(&format!("chaos::long::{name}::{version}"), needs, long).with_ignored_flag(true)
        };
        // The whole host's caches: by hand only.
        all.push(long("with_caches_dropped", |version, time| {
            chaos(version, time, Trouble::Forgetful);
        }));
        let mut add = |name: &str, run: fn(Version, Duration)| {
            let short = move || run(version, seconds(5));
            all.push(trial(&format!("chaos::{name}::{version}"), needs, short));
            all.push(long(name, run));
        };
        add("every_quiet_point_is_the_truth", |version, time| {
            chaos(version, time, Trouble::None);
        });
        add("with_announcements_lost", |version, time| {
            chaos(version, time, Trouble::Stall);
        });
        add("with_few_watches", with_few_watches);
        if version == Version::V1 {
            // v2 has no other names for a group.
            add("with_names_that_go_and_come_back", |version, time| {
                chaos(version, time, Trouble::Renames);
            });
        }
        let name = format!("chaos::a_storm_hides_no_other_group::{version}");
        all.push(trial(&name, needs, move || a_storm_hides_no_other_group(version)));
    }
    all
}

fn seconds(usual: u64) -> Duration {
    let asked = std::env::var(SECONDS).ok().map(|text| text.parse().expect("a number of seconds"));
    Duration::from_secs(asked.unwrap_or(usual))
}

/// What is in the observer's way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// It is kept from looking until more has happened than is kept for it.
    Stall,
    /// Groups have another name for a moment: what looks for them just then finds none.
    Renames,
    /// The kernel is told again and again to forget what it need not keep: entries of directories, and inodes that nobody holds.
    Forgetful,
}

/// In a user namespace with watches for a dozen groups (user_namespaces(7)), so that the host's limit is left alone.
fn with_few_watches(version: Version, time: Duration) {
    let script = "echo 24 >/proc/sys/user/max_inotify_watches && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
    command.arg(std::env::current_exe().unwrap()).args(["chaos", &version.to_string()]);
    let output = command.env(SECONDS, time.as_secs().to_string()).output().unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `chaos VERSION`: this program, started again where watches are few.
pub fn main() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [kind, version] = &arguments[..] else { return None };
    (kind == "chaos").then(|| {
        let version = if version == "v1" { Version::V1 } else { Version::V2 };
        let polled = chaos(version, seconds(5), Trouble::None);
        assert!(polled, "there were watches enough");
        ExitCode::SUCCESS
    })
}

/// Rounds of chaos, each with a quiet point at its end. Returns whether the observer had to poll.
fn chaos(version: Version, time: Duration, trouble: Trouble) -> bool {
    let asked = std::env::var(SEED).ok().map(|text| text.parse().expect("a seed"));
    let seed = asked.unwrap_or_else(|| fastrand::u64(..));
    let (gate, said) = (Arc::new(Mutex::new(())), Said(format!("{SEED}={seed}")));
    let stall = Arc::clone(&gate);
    let mut watched = Watched::begin(version, "chaos", move || drop(stall.lock()));
    let stage = Stage::new(&watched.top);
    let (start, mut rounds, done, mut focus) = (Instant::now(), 0, AtomicU64::new(0), None);
    let mut slowest = Duration::ZERO;
    while start.elapsed() < time {
        let mut rng = Rng::with_seed(seed.wrapping_add(rounds << 8));
        focus = focused(&watched, &mut rng).or(focus);
        let closed = (trouble == Trouble::Stall && rng.bool()).then(|| gate.lock().unwrap());
        let end = match closed {
            Some(_) => End::After(MANY),
            None => End::At(Instant::now() + Duration::from_millis(rng.u64(20..600))),
        };
        let forget = (trouble == Trouble::Forgetful).then(Forget::begin);
        let renames = trouble == Trouble::Renames;
        act(&stage, &mut rng, end, renames, &done);
        drop((closed, forget));
        slowest = slowest.max(settles(&mut watched, &stage, focus.as_ref(), rounds));
        rounds += 1;
    }
    let (done, took) = (done.into_inner(), start.elapsed());
    println!("{}: {rounds} quiet points, {done} deeds in {took:.1?}; slowest {slowest:.1?}", said.0);
    let polled = watched.watching.as_ref().is_some_and(|watching| watching.polling.is_some());
    // The groups first: what a frozen one holds does not end.
    drop(watched);
    drop(stage);
    polled
}

/// What happens beside a storm is told before that ends, be it as long as it may.
fn a_storm_hides_no_other_group(version: Version) {
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let mut watched = Watched::start(version, "beside");
    let (top, over) = (watched.top.path().to_owned(), AtomicBool::new(false));
    let cell = watched.top.child("last");
    watched.wait("it is found", |watched| watched.state(&cell) == Some(State::Thawed));
    thread::scope(|scope| {
        let _end = End(&over);
        for storm in 0..8 {
            let (top, over) = (&top, &over);
            scope.spawn(move || {
                for at in 0.. {
                    let path = top.join(format!("{storm}-{}", at % 300));
                    fs::create_dir(&path).unwrap();
                    fs::remove_dir(&path).unwrap();
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(200));
        let mut wait = |what: &str, group: &Group, state: State| {
            until(what, QUIET, || {
                watched.listen();
                watched.state(group) == Some(state)
            });
        };
        cell.request(true);
        wait("the freeze is told", &cell, State::Frozen);
        let new = cell.child("new");
        wait("the new one is told", &new, State::Frozen);
        cell.request(false);
        // On v1 that is announced of the one above alone.
        wait("the thaw is told", &new, State::Thawed);
    });
    watched.settles();
}

/// The seed, which is said even where the run ends by a panic.
struct Said(String);

impl Drop for Said {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("again with {}", self.0);
        }
    }
}

/// Drops the host's caches of directories and inodes until it is dropped itself. (Documentation/admin-guide/sysctl/vm.rst)
struct Forget(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Forget {
    fn begin() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&done);
        let forget = move || {
            while !is_done.load(Ordering::Relaxed) {
                fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        };
        Self(done, Some(thread::spawn(forget)))
    }
}

impl Drop for Forget {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

/// When a round ends.
#[derive(Clone, Copy)]
enum End {
    At(Instant),
    After(u64),
}

fn act(stage: &Stage, rng: &mut Rng, end: End, renames: bool, done: &AtomicU64) {
    let before = done.load(Ordering::Relaxed);
    let act = |mut rng: Rng| match end {
        End::At(at) => {
            while Instant::now() < at {
                if renames && rng.bool() {
                    stage.rename_for_a_moment(&mut rng);
                } else {
                    stage.deed(&mut rng);
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
        End::After(many) => {
            while done.load(Ordering::Relaxed) < before + many {
                done.fetch_add(stage.flash(&mut rng).into(), Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..ACTORS {
            let rng = rng.fork();
            let act = &act;
            scope.spawn(move || act(rng));
        }
    });
}

/// Now and then others of the groups are on screen.
fn focused(watched: &Watched, rng: &mut Rng) -> Option<Focus> {
    let tree = watched.tree.as_ref().unwrap();
    let all: Vec<CgroupId> =
        tree.subtree(tree.root()).filter_map(|key| Some(tree.get(key)?.group.id)).collect();
    let visible: Vec<CgroupId> = all.iter().copied().filter(|_| rng.bool()).collect();
    let selected = rng.choice(&all).copied();
    let focus = rng.bool().then(|| Focus { visible, selected, files: rng.bool() })?;
    watched.observer.focus(focus.clone());
    Some(focus)
}

/// The observer's tree becomes equal to the kernel's, by itself; how long that took.
fn settles(watched: &mut Watched, stage: &Stage, focus: Option<&Focus>, round: u64) -> Duration {
    let (start, mut differences) = (Instant::now(), Vec::new());
    let so = reached(QUIET, || {
        stage.reap();
        watched.listen();
        differences = difference::all(watched, focus);
        differences.is_empty()
    });
    let many = differences.len();
    differences.truncate(SAID);
    assert!(so, "round {round}, {many} differences: {differences:#?}");
    start.elapsed()
}
