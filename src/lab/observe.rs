//! Whether what must be so is so: asked of the kernel and of criu's files. Nothing here believes what the lab has done itself.

use std::time::{Duration, Instant};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::check::Check;
use super::criu;
use super::scene::Scene;
use super::spot::Spot;
use crate::kernel::membership::group_of;
use crate::kernel::processes::Processes;
use crate::kernel::{Group, Status};
use crate::model::Cgroup;

/// For how long a count must not grow.
const STILL: Duration = Duration::from_millis(300);

/// For how long a criu must do nothing: twenty times as long as a dump takes.
const HANGS: Duration = Duration::from_secs(2);

/// What a counter counts in the longest time that a step is looked at, and more.
const AT_ONCE: u64 = 1_000_000;

/// A check that is looked at again and again.
#[derive(Debug)]
pub(super) struct Looking {
    pub(super) check: Check,
    /// What was seen when the window began.
    since: Option<(Instant, u64)>,
}

impl Looking {
    pub(super) fn at(check: Check) -> Self {
        Self { check, since: None }
    }

    /// Whether it is so now, and, where it must stay so for a while, has been for that long.
    pub(super) fn holds(&mut self, scene: &mut Scene) -> bool {
        match self.check {
            Check::Counts(who) => {
                let Some(count) = scene.count(who) else { return false };
                let (_, first) = *self.since.get_or_insert((Instant::now(), count));
                count > first
            }
            Check::Still(who) => {
                let still = scene.count(who).is_some_and(|count| self.unchanged(count, STILL));
                if let (true, Some(count)) = (still, scene.count(who)) {
                    scene.marks.insert(who, count);
                }
                still
            }
            Check::Hangs(who, images) => {
                let length = criu::log_length(scene, images).filter(|_| is_held_by_a_waiting_one(scene, who));
                match length {
                    Some(length) => self.unchanged(length, HANGS),
                    None => {
                        self.since = None;
                        false
                    }
                }
            }
            check => check.is_so(scene),
        }
    }

    /// Whether a number has stayed the same for a time.
    fn unchanged(&mut self, number: u64, window: Duration) -> bool {
        match self.since {
            Some((since, before)) if before == number => since.elapsed() >= window,
            _ => {
                self.since = Some((Instant::now(), number));
                false
            }
        }
    }
}

impl Check {
    fn is_so(self, scene: &Scene) -> bool {
        let read = |spot| read(scene, spot);
        let status = |who: &str| scene.pid(who).and_then(|pid| Status::read(pid).ok().flatten());
        match self {
            Self::Exists(spot, so) => scene.group(spot).is_ok() == so,
            Self::Asks(spot, so) => read(spot).is_some_and(|group| group.freezer.requested() == so),
            Self::Is(spot, state) => {
                read(spot).and_then(|group| group.freezer.state(above_asks(scene, spot))) == Some(state)
            }
            Self::Inherits(spot, so) => above_asks(scene, spot) == so,
            Self::Populated(spot, so) => populated(scene, spot) == Some(so),
            Self::In(who, spot) => is_in(scene, who, spot),
            Self::Stopped(who, so) => scene
                .process(who)
                .is_some_and(|process| crate::kernel::signals::is_stopped(&process) == Some(so)),
            Self::Letter(who, letter) => scene.process(who).is_some_and(|p| p.state == letter),
            Self::Threads(who, number) => scene.process(who).is_some_and(|p| p.threads == number),
            Self::ParentTold(who, so) => scene.pid(who).is_some_and(|pid| is_parent_told(pid) == so),
            Self::Same(who) => {
                let count = scene.count(who);
                count.is_some() && scene.marks.get(who).copied() == count
            }
            Self::GoesOn(who) => {
                let (count, mark) = (scene.count(who), scene.marks.get(who));
                count.zip(mark).is_some_and(|(count, mark)| (*mark + 1..*mark + AT_ONCE).contains(&count))
            }
            Self::Lives(who) => scene.process(who).is_some_and(|process| !process.is_zombie()),
            Self::Gone(who) => scene.process(who).is_none(),
            Self::Killed(who) => scene.process(who).is_none() || status(who).is_none_or(is_kill_waiting),
            Self::KillWaits(who) => scene.process(who).is_some() && status(who).is_some_and(is_kill_waiting),
            Self::Holds(spot) => criu::holds(scene, spot),
            Self::CriuBegan(images) => criu::log_length(scene, images).is_some(),
            Self::Dumped(images) => criu::succeeded(scene, images) && scene.criu_runs.is_empty(),
            Self::CriuSays(images, message) => {
                criu::says(scene, images, message) && scene.criu_runs.is_empty()
            }
            Self::Reported(images) => criu::is_reported(&scene.folder(images)),
            Self::Restored(images) => criu::is_restored(&scene.folder(images)),
            // Looked at over a time, by whoever looks.
            Self::Counts(_) | Self::Still(_) | Self::Hangs(..) => false,
        }
    }
}

fn read(scene: &Scene, spot: Spot) -> Option<Cgroup> {
    scene.group(spot).ok().as_ref().and_then(|group: &Group| group.read().ok().flatten())
}

/// Whether a group above asks for a freeze.
fn above_asks(scene: &Scene, spot: Spot) -> bool {
    let Spot::Here(mut path) = spot else { return false };
    while let Some((above, _)) = path.rsplit_once('/') {
        if read(scene, Spot::Here(above)).is_some_and(|group| group.freezer.requested()) {
            return true;
        }
        path = above;
    }
    false
}

/// v1 has no file that says so.
fn populated(scene: &Scene, spot: Spot) -> Option<bool> {
    let group = scene.group(spot).ok()?;
    group
        .read()
        .ok()??
        .populated
        .or_else(|| crate::kernel::members::pids(&group.dir).ok().map(|pids| !pids.is_empty()))
}

fn is_in(scene: &Scene, who: &str, spot: Spot) -> bool {
    let Some(fs) = scene.filesystem() else { return false };
    let at = scene.pid(who).and_then(|pid| group_of(pid, fs.hierarchy()).ok()?.group());
    at == Some(scene.path(spot))
}

/// Asks as a parent asks that wants to know of stops (waitid(2)), and takes nothing of the answer away.
fn is_parent_told(pid: i32) -> bool {
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    matches!(waitid(Id::Pid(Pid::from_raw(pid)), flags), Ok(WaitStatus::Stopped(..)))
}

/// SIGKILL is bit 8 of the signals that wait. (proc_pid_status(5))
fn is_kill_waiting(status: Status) -> bool {
    ["SigPnd", "ShdPnd"].into_iter().any(|key| status.set(key).is_some_and(|set| set & (1 << 8) != 0))
}

/// Whether a tracer holds it that sleeps, or waits in the kernel.
fn is_held_by_a_waiting_one(scene: &Scene, who: &str) -> bool {
    let mut processes = Processes::default();
    let tracer = scene.process(who).and_then(|process| process.tracer);
    tracer.and_then(|pid| processes.read(pid)).is_some_and(|tracer| matches!(tracer.state, 'S' | 'D'))
}
