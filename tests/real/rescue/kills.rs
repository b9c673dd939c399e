//! SIGKILL at a random moment, on a busy machine: of a checkpoint, of its criu, of both, of the rescue; and of a timed freeze
//! ([`timed`]). A rescue that is started at once finds what was cut off; then every flag is as it was found, and no journal and
//! no record is left.
//!
//! `CRYOSCOPE_CHAOS_KILLS=2000 cargo test --release --test real -- --ignored rescue::kills` does as many;
//! `CRYOSCOPE_CHAOS_SEED=N` makes the same decisions again (the kernel's timing is not repeated).

mod timed;

use std::fmt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cryoscope::kernel::processes::Processes;
use cryoscope::kernel::runtime_folder::RuntimeFolder;
use cryoscope::timer::PLAN;
use fastrand::Rng;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::{PROGRAM, rescue, said};
use crate::real::support::checkpoint::Images;
use crate::real::support::criu::be_the_reaper;
use crate::real::support::group::Group;
use crate::real::support::namespace::isolated;
use crate::real::support::requirement::{Need, criu};
use crate::real::support::wait::{reached, until};
use crate::real::support::workload::Workload;

const NEEDS: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];
const KILLS: &str = "CRYOSCOPE_CHAOS_KILLS";
const SEED: &str = "CRYOSCOPE_CHAOS_SEED";
/// Longer than anything takes on the busiest machine.
const LONG: Duration = Duration::from_secs(120);
/// How many spin for each CPU.
const LOAD_PER_CPU: usize = 1;

pub fn tests() -> Vec<Trial> {
    let kills = |usual: usize| {
        let asked = std::env::var(KILLS).ok().map(|text| text.parse().expect("a number of kills"));
        asked.unwrap_or(usual)
    };
    vec![
        isolated("rescue::kills::at_random", NEEDS, || chaos(20)),
        isolated("rescue::kills::long", NEEDS, move || chaos(kills(2000))).with_ignored_flag(true),
    ]
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Checkpoint,
    /// Its target may end with it.
    Criu,
    Both,
    /// The checkpoint, and then the rescue.
    Rescue,
}

impl Victim {
    fn any(rng: &mut Rng) -> Self {
        match rng.u32(0..10) {
            0 => Self::Criu,
            1 => Self::Both,
            2..=4 => Self::Rescue,
            _ => Self::Checkpoint,
        }
    }
}

/// What became of the kills.
#[derive(Debug, Default)]
struct Tally {
    checkpoints: usize,
    crius: usize,
    rescues: usize,
    rescued: usize,
    nothing: usize,
    targets_lost: usize,
    timers: usize,
    /// Programs that want a timed freeze.
    freezes: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checkpoints, crius, rescues, rescued, nothing, targets_lost, timers, freezes } = self;
        write!(
            f,
            "killed: {checkpoints} checkpoints, {crius} criu ({targets_lost} targets ended with it), {timers} timers, {freezes} timed freezes, "
        )?;
        write!(f, "{rescues} rescues; then {rescued} rescued, {nothing} times there was nothing to rescue")
    }
}

fn chaos(kills: usize) {
    // What is orphaned by a kill is reaped here: PID 1 of a container often does not.
    be_the_reaper();
    let asked = std::env::var(SEED).ok().map(|text| text.parse().expect("a seed"));
    let seed = asked.unwrap_or_else(|| fastrand::u64(..));
    println!("{SEED}={seed}");
    let (load, start, mut tally) = (Load::begin(), Instant::now(), Tally::default());
    let mut scene = Scene::new();
    for round in 0..kills {
        let mut rng = Rng::with_seed(seed.wrapping_add((round as u64) << 8));
        let name = format!("{SEED}={seed}, round {round}");
        match rng.u32(0..5) {
            0..=2 => scene.round(&mut rng, &mut tally, &name),
            _ => scene.timed_round(&mut rng, &mut tally, &name),
        }
        reap_others(scene.workload.pid());
        if !scene.workload.is_alive() {
            tally.targets_lost += 1;
        }
        // A process whose criu was killed may not be what it was.
        if scene.is_spoilt {
            scene = Scene::new();
        }
        if round % 100 == 99 {
            println!("{} rounds in {:.0?}: {tally}", round + 1, start.elapsed());
        }
    }
    println!("{kills} rounds in {:.0?}: {tally}", start.elapsed());
    drop((scene, load));
}

/// Two groups of v2, one in the other, and one of v1, with a process in them.
struct Scene {
    workload: Workload,
    groups: [Group; 3],
    is_spoilt: bool,
}

impl Scene {
    fn new() -> Self {
        let (above, v1) = (Group::v2("kills"), Group::v1("kills"));
        let inner = above.child("inner");
        let workload = Workload::in_groups(&[&inner, &v1]);
        Self { workload, groups: [above, inner, v1], is_spoilt: false }
    }

    fn flags(&self) -> [bool; 3] {
        self.groups.each_ref().map(Group::requested)
    }

    /// Takes the freezes away, and sets these.
    fn set(&self, flags: [bool; 3]) {
        self.groups.iter().for_each(|group| group.request(false));
        let before = self.workload.count();
        let counts = reached(LONG, || self.workload.count() > before);
        let (process, file) = (self.workload.process(), self.workload.counter().exists());
        assert!(
            counts,
            "it does not count; its file is there: {file}; flags {:?}, {process:?}",
            self.flags()
        );
        // One after the other: where each freezer has caught some threads, neither completes.
        let [above, inner, v1] = &self.groups;
        for group in
            [above, inner].into_iter().zip(flags).filter_map(|(group, freeze)| freeze.then_some(group))
        {
            group.request(true);
            until("v2 holds it", LONG, || group.is_frozen());
        }
        if flags[2] {
            let alone = flags == [false, false, true];
            // The v1 freezer may miss a process, and does not try again by itself.
            until("v1 holds it", LONG, || {
                v1.request(true);
                !alone || v1.is_frozen()
            });
        }
    }

    fn round(&mut self, rng: &mut Rng, tally: &mut Tally, round: &str) {
        let found = [rng.bool(), rng.bool(), rng.bool()];
        self.set(found);
        let (images, victim) = (Images::new(), Victim::any(rng));
        let checkpoint = self.killed(rng, &images.folder(), victim, tally);
        let mut all = format!("{round}: {victim:?}, found {found:?}");
        if victim == Victim::Rescue {
            all += &killed_rescue(rng, tally);
        }
        let (pid, output) = (checkpoint.id(), rescue("--yes"));
        let text = said(&output);
        all += &format!("\nrescue: {:?}: {text}\ncheckpoint: {}", output.status, said(&finished(checkpoint)));
        assert_eq!(output.status.code(), Some(0), "{all}");
        assert_eq!(self.flags(), found, "the flags: {all}");
        assert!(journals(pid).is_empty(), "{:?} left: {all}", journals(pid));
        assert!(self.is_spoilt || self.workload.is_alive(), "{all}");
        let traced = self.workload.process().and_then(|process| process.tracer);
        assert!(traced.is_none(), "{all}");
        if text.contains("nothing to rescue") { tally.nothing += 1 } else { tally.rescued += 1 }
    }

    /// Starts a checkpoint, and returns at a random moment of it.
    fn begin_checkpoint(&self, rng: &mut Rng, into: &Path, has_begun: bool) -> Child {
        let mut command = Command::new(PROGRAM);
        command.arg("checkpoint").arg(self.groups[1].path()).arg("--into").arg(into);
        command.args(["--yes", "--criu"]).arg(criu());
        let mut checkpoint = start(&mut command);
        if has_begun {
            let pid = checkpoint.id();
            reached(LONG, || !journals(pid).is_empty() || checkpoint.try_wait().unwrap().is_some());
            thread::sleep(Duration::from_micros(rng.u64(0..400_000)));
        } else {
            thread::sleep(Duration::from_micros(rng.u64(0..1_000_000)));
        }
        checkpoint
    }

    /// Starts a checkpoint, and kills at a random moment.
    fn killed(&mut self, rng: &mut Rng, into: &Path, victim: Victim, tally: &mut Tally) -> Child {
        // Mostly when it has begun to change something.
        let has_begun = victim != Victim::Checkpoint || rng.u32(0..4) > 0;
        let mut checkpoint = self.begin_checkpoint(rng, into, has_begun);
        if matches!(victim, Victim::Criu | Victim::Both) {
            let parent = checkpoint.id().cast_signed();
            let children = Processes::default().all().into_iter().filter(|process| process.parent == parent);
            for child in children.filter(|child| !child.is_zombie()) {
                self.is_spoilt = true;
                tally.crius += 1;
                let _ = kill(Pid::from_raw(child.id.pid), Signal::SIGKILL);
            }
        }
        if victim == Victim::Criu {
            // It sees that itself, and puts the flags back.
            reached(LONG, || checkpoint.try_wait().unwrap().is_some());
        } else if checkpoint.try_wait().unwrap().is_none() {
            tally.checkpoints += 1;
            // Not waited for: the rescue comes at once.
            checkpoint.kill().unwrap();
        }
        checkpoint
    }
}

/// A rescue that is killed half-way; what it said.
fn killed_rescue(rng: &mut Rng, tally: &mut Tally) -> String {
    let rescue = start(Command::new(PROGRAM).args(["rescue", "--yes"]));
    thread::sleep(Duration::from_millis(rng.u64(0..1500)));
    let output = end(rescue);
    tally.rescues += 1;
    format!("\nkilled rescue: {:?}: {}", output.status, said(&output))
}

/// Asks for the exit code of everything that was orphaned and has ended, so that no PID is missing in the end.
fn reap_others(workload: i32) {
    let me = std::process::id().cast_signed();
    for process in Processes::default().all() {
        if process.parent == me && process.is_zombie() && process.id.pid != workload {
            let _ = waitpid(Pid::from_raw(process.id.pid), Some(WaitPidFlag::WNOHANG));
        }
    }
}

fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(mut child: Child) -> Output {
    child.kill().unwrap();
    finished(child)
}

/// What it has said; criu, which it may have left behind, does not have its output.
fn finished(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

/// The journals that a process has made, complete or not.
fn journals(pid: u32) -> Vec<String> {
    let Some(folder) = RuntimeFolder::open(false).unwrap() else { return Vec::new() };
    let names = [PLAN, "new"].into_iter().flat_map(|kind| folder.names(kind).unwrap());
    names.filter(|name| name.contains(&format!("{PLAN}-{pid}-"))).collect()
}

/// Threads that take every CPU, until this is dropped.
struct Load(Arc<AtomicBool>, Vec<JoinHandle<()>>);

impl Load {
    fn begin() -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let cpus = thread::available_parallelism().unwrap().get();
        let spin = || {
            let end = Arc::clone(&end);
            thread::spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..LOAD_PER_CPU * cpus).map(|_| spin()).collect();
        Self(end, threads)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.drain(..).for_each(|thread| drop(thread.join()));
    }
}
