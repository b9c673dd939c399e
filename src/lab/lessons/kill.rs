//! Killing a frozen process.

use crate::lab::act::{Act, Sent};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 4,
    title: "Kill a frozen process: v2 and v1 differ",
    about: "SIGKILL ends a process frozen by v2 at once, but waits if v1 has frozen it.",
    criu: false,
    groups: &[BOX],
    roles: &[Role::new("counter", BOX), Role::new("second", BOX)],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let freeze =
        Step::new("The group box contains two counters. Freeze it; then kill one of them.", Act::Freeze(BOX))
            .sees([Check::Is(BOX, State::Frozen), Check::Still("counter"), Check::Still("second")]);
    let kill = Act::Signal("counter", Sent::Kill);
    let rest = match version {
        Version::V2 => [
            Step::new(
                "The v2 freezer lets SIGKILL through: the process is gone at once, although its group is frozen and \
                 stays frozen. The other one is unaffected.",
                kill,
            )
            .sees([
                Check::Gone("counter"),
                Check::Is(BOX, State::Frozen),
                Check::Lives("second"),
                Check::Same("second"),
            ])
            .asks(
                "Does a frozen v2 group protect its processes from being killed?",
                1,
                [
                    ("Yes, nothing reaches a frozen process", "No: you have just seen one die."),
                    ("No", "Right. The out-of-memory killer and cgroup.kill work as well."),
                ],
            ),
            Step::new("Thaw the group. The remaining one continues as if nothing had happened.", Act::Thaw(BOX))
                .sees([Check::Gone("counter"), Check::Counts("second")]),
        ],
        Version::V1 => [
            Step::new(
                "On v1 the signal waits. The process stays, in state D, and no kill -9 helps, however often you send \
                 it. Its memory is not freed either.",
                kill,
            )
            .sees([
                Check::KillWaits("counter"),
                Check::Letter("counter", 'D'),
                Check::Is(BOX, State::Frozen),
                Check::Same("counter"),
            ])
            .asks(
                "How do you get rid of a process that cannot be killed, in a frozen v1 group?",
                2,
                [
                    ("Send kill -9, again and again", "No: the signal is already pending."),
                    ("Remove the group", "No: rmdir refuses while the group contains a process."),
                    ("Thaw the group", "Yes: then the pending signal ends it at once."),
                ],
            ),
            Step::new(
                "Thaw the group. The pending SIGKILL ends the process before it runs a step. The other one continues.",
                Act::Thaw(BOX),
            )
            .sees([Check::Gone("counter"), Check::Same("counter"), Check::Counts("second")]),
        ],
    };
    std::iter::once(freeze).chain(rest).collect()
}
