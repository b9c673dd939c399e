//! SIGKILL of a timed freeze: of its timer, of the program that wants it, of both; before the timer is ready, between that and
//! the write, while the group is frozen, while it is thawed, and while a checkpoint works on the group.

use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use cryoscope::kernel::runtime_folder::RuntimeFolder;
use cryoscope::model::CgroupId;
use cryoscope::timer::{Timer, of};
use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{LONG, PROGRAM, Scene, Tally, finished, journals, killed_rescue, rescue, said, start};
use crate::real::support::checkpoint::Images;
use crate::real::support::group::Group;
use crate::real::support::wait::reached;

/// When it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The timer was just started.
    Start,
    /// Its record is there, and the write comes next.
    Write,
    Frozen,
    /// About its deadline.
    Thaw,
    /// While a checkpoint works on the group.
    Checkpoint,
}

const MOMENTS: &[Moment] = &[Moment::Start, Moment::Write, Moment::Frozen, Moment::Thaw, Moment::Checkpoint];

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    Timer,
    /// The program that wants the freeze; at [`Moment::Checkpoint`] the checkpoint.
    Program,
    Both,
}

fn any<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())]
}

/// A timed freeze that was begun.
struct Freeze {
    group: CgroupId,
    program: Child,
}

impl Freeze {
    fn begin(group: &Group, span: &str) -> Self {
        let program = start(Command::new(PROGRAM).args(["freeze", "--for", span]).arg(group.path()));
        Self { group: group.open().id, program }
    }

    fn timer(&self) -> Option<Timer> {
        of(self.group).unwrap().into_iter().next()
    }

    /// The timer's PID: by its record, or as the program's child where it has not written that yet.
    fn timer_pid(&self) -> Option<i32> {
        let child = || {
            let pid = self.program.id();
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        };
        self.timer().map(|timer| timer.process.pid).or_else(child)
    }

    fn has_ended(&mut self) -> bool {
        self.program.try_wait().unwrap().is_some()
    }

    fn kill_timer(&self, tally: &mut Tally) {
        if let Some(pid) = self.timer_pid() {
            tally.timers += 1;
            // It may have ended since.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    fn kill_program(&mut self, tally: &mut Tally) {
        if !self.has_ended() {
            tally.freezes += 1;
            self.program.kill().unwrap();
        }
    }

    fn await_moment(&mut self, rng: &mut Rng, moment: Moment, span_ms: u64) {
        reached(LONG, || {
            let is_there = match moment {
                Moment::Start => self.timer_pid().is_some(),
                Moment::Write => self.timer().is_some(),
                Moment::Frozen | Moment::Thaw | Moment::Checkpoint => false,
            };
            is_there || self.has_ended()
        });
        let micros = match moment {
            Moment::Start => rng.u64(0..30_000),
            Moment::Write => rng.u64(0..3000),
            Moment::Frozen => rng.u64(0..span_ms * 1000),
            Moment::Thaw => {
                let left = self.timer().map_or(Duration::ZERO, |timer| timer.left());
                thread::sleep(left.saturating_sub(Duration::from_millis(3)));
                rng.u64(0..15_000)
            }
            Moment::Checkpoint => 0,
        };
        thread::sleep(Duration::from_micros(micros));
    }
}

impl Scene {
    /// A timed freeze of one of the groups, whose timer or whose program is killed. After a rescue the group is thawed in the
    /// end, and nothing else is changed.
    pub(super) fn timed_round(&mut self, rng: &mut Rng, tally: &mut Tally, round: &str) {
        let timed = any(rng, &[1, 2]);
        let mut found = [rng.bool(), rng.bool(), rng.bool()];
        found[timed] = false;
        self.set(found);
        let moment = any(rng, MOMENTS);
        let killed = any(rng, &[Killed::Timer, Killed::Timer, Killed::Program, Killed::Both]);
        let span_ms = rng.u64(1000..2000);
        let mut all =
            format!("{round}: group {timed} for {span_ms} ms, {killed:?} at {moment:?}, found {found:?}");
        let mut freeze = Freeze::begin(&self.groups[timed], &format!("{span_ms}ms"));
        freeze.await_moment(rng, moment, span_ms);
        let images = Images::new();
        let mut checkpoint =
            (moment == Moment::Checkpoint).then(|| self.begin_checkpoint(rng, &images.folder(), true));
        if killed != Killed::Program {
            freeze.kill_timer(tally);
        }
        match &mut checkpoint {
            None if killed != Killed::Timer => freeze.kill_program(tally),
            None => {}
            // A rescue leaves a checkpoint alone that is at work.
            Some(checkpoint) if killed == Killed::Timer => {
                reached(LONG, || checkpoint.try_wait().unwrap().is_some());
            }
            Some(checkpoint) => {
                tally.checkpoints += usize::from(checkpoint.try_wait().unwrap().is_none());
                checkpoint.kill().unwrap();
            }
        }
        if rng.u32(0..4) == 0 {
            all += &killed_rescue(rng, tally);
        }
        let (output, group) = (rescue("--yes"), freeze.group);
        let text = said(&output);
        all += &format!("\nrescue: {:?}: {text}", output.status);
        all += &format!("\nfreeze: {}", said(&finished(freeze.program)));
        if let Some(checkpoint) = checkpoint {
            let pid = checkpoint.id();
            all += &format!("\ncheckpoint: {}", said(&finished(checkpoint)));
            assert!(journals(pid).is_empty(), "{:?} left: {all}", journals(pid));
        }
        assert_eq!(output.status.code(), Some(0), "{all}");
        let is_over = || !self.groups[timed].requested() && records(group).is_empty();
        assert!(reached(LONG, is_over), "{:?}, {:?}: {all}", self.flags(), records(group));
        assert_eq!(self.flags(), found, "the flags: {all}");
        assert!(self.workload.is_alive(), "{all}");
        let traced = self.workload.process().and_then(|process| process.tracer);
        assert!(traced.is_none(), "{all}");
        if text.contains("nothing to rescue") { tally.nothing += 1 } else { tally.rescued += 1 }
    }
}

/// Every record of a timer of the group, complete or not, whether the timer lives or not.
fn records(group: CgroupId) -> Vec<String> {
    let Some(folder) = RuntimeFolder::open(false).unwrap() else { return Vec::new() };
    let inode = format!("\"ino\":{},", group.ino);
    let names = ["timer", "new"].into_iter().flat_map(|kind| folder.names(kind).unwrap());
    let is_of_group = |name: &String| {
        let text = folder.read(name).unwrap().unwrap_or_default();
        String::from_utf8_lossy(&text).contains(&inode)
    };
    names.filter(is_of_group).collect()
}
