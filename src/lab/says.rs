//! Checks in words: what is seen once they hold.

use super::check::Check;
use super::lesson::Spot;
use super::scene::Scene;
use crate::model::{State, Version};

/// What a group of a lesson is called.
pub(super) fn spot(scene: &Scene, spot: Spot) -> String {
    match spot {
        Spot::Here(path) => path.to_owned(),
        Spot::Other => format!("the {} group", scene.version.other()),
    }
}

impl Check {
    /// A sentence without its full stop.
    pub(super) fn says(self, scene: &Scene) -> String {
        let name = |at| spot(scene, at);
        let v1 = |at| scene.version_of(at) == Version::V1;
        match self {
            Self::Exists(at, true) => format!("the group {} exists", name(at)),
            Self::Exists(at, false) => format!("the group {} is gone", name(at)),
            Self::Asks(at, so) => {
                let file = if v1(at) { "freezer.self_freezing" } else { "cgroup.freeze" };
                format!("{}: {file} is {}", name(at), u8::from(so))
            }
            Self::Is(at, state) => format!("{} is {}", name(at), state_says(state, v1(at))),
            Self::Inherits(at, so) if v1(at) => {
                format!("{}: freezer.parent_freezing is {}", name(at), u8::from(so))
            }
            Self::Inherits(at, true) => format!("an ancestor of {} requests a freeze", name(at)),
            Self::Inherits(at, false) => format!("no ancestor of {} requests a freeze", name(at)),
            Self::Populated(at, so) if v1(at) => {
                format!("{} has {} process", name(at), if so { "a" } else { "no" })
            }
            Self::Populated(at, so) => format!("{}: cgroup.events says populated {}", name(at), u8::from(so)),
            Self::In(who, at) => format!("{who} is in {}", name(at)),
            Self::Stopped(who, true) => format!("{who} is stopped by a signal"),
            Self::Stopped(who, false) => format!("{who} is not stopped by a signal"),
            Self::Letter(who, letter) => format!("{who} is in state {letter}"),
            Self::Threads(who, number) => format!("{who} has {number} threads"),
            Self::ParentTold(who, true) => {
                format!("the parent of {who} is notified that its child has stopped")
            }
            Self::ParentTold(who, false) => format!("the parent of {who} is not notified"),
            Self::Counts(who) => format!("{who} is counting"),
            Self::Still(who) => format!("{who} has stopped counting{}", at(scene, who)),
            Self::Same(who) => format!("{who} has not counted meanwhile{}", at(scene, who)),
            Self::GoesOn(who) => match (scene.marks.get(who), scene.count(who)) {
                (Some(mark), Some(count)) => {
                    format!("{who} has continued: {mark} was saved, now it is at {count}")
                }
                _ => format!("{who} has continued from the saved number"),
            },
            Self::Lives(who) => format!("{who} is alive"),
            Self::Gone(who) => format!("{who} is gone"),
            Self::Killed(who) => format!("{who} got SIGKILL"),
            Self::KillWaits(who) => format!("SIGKILL is pending, and {who} still exists"),
            Self::Holds(at) => format!("a process in {} is blocked in the kernel (ptrace_attach)", name(at)),
            Self::CriuBegan(_) => "criu has started".to_owned(),
            Self::Hangs(who, _) => format!("criu is attached to {who}, idle for two seconds"),
            Self::Dumped(_) => "criu has exited with 0".to_owned(),
            Self::CriuSays(_, message) => format!("criu has failed with: {message}"),
            Self::Reported(_) => "cryoscope checkpoint has written its report".to_owned(),
            Self::Restored(_) => "criu restore has finished".to_owned(),
        }
    }
}

fn at(scene: &Scene, who: &str) -> String {
    scene.count(who).map_or(String::new(), |count| format!(" at {count}"))
}

fn state_says(state: State, v1: bool) -> String {
    let file = match (state, v1) {
        (State::Thawed, true) => "freezer.state is THAWED",
        (State::Freezing, true) => "freezer.state is FREEZING",
        (State::Frozen, true) => "freezer.state is FROZEN",
        (State::Frozen, false) => "cgroup.events says frozen 1",
        (State::Thawed | State::Freezing, false) => "cgroup.events says frozen 0",
    };
    format!("{state}: {file}")
}
