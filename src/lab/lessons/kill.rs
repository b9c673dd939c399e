//! Killing a frozen process.

use crate::lab::act::{Act, Sent};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 4,
    title: "Kill a frozen process: v2 and v1 differ",
    about: "SIGKILL ends a process that v2 has frozen at once, and waits for one that v1 has frozen.",
    criu: false,
    groups: &[BOX],
    roles: &[Role::new("counter", BOX), Role::new("second", BOX)],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let freeze = Step::new(
        "Two counters are in the group box. Freeze it; then one of them is to be killed.",
        Act::Freeze(BOX),
    )
    .sees([Check::Is(BOX, State::Frozen), Check::Still("counter"), Check::Still("second")]);
    let kill = Act::Signal("counter", Sent::Kill);
    let rest = match version {
        Version::V2 => [
            Step::new(
                "The v2 freezer lets SIGKILL through: the process is gone at once, though its group is frozen and stays so. \
                 The other one is untouched.",
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
            Step::new("Thaw the group. The one that is left goes on as if nothing had been.", Act::Thaw(BOX))
                .sees([Check::Gone("counter"), Check::Counts("second")]),
        ],
        Version::V1 => [
            Step::new(
                "On v1 the signal waits. The process stays, in state D, and no kill -9 helps, however often it is sent. Its \
                 memory is not given back either.",
                kill,
            )
            .sees([
                Check::KillWaits("counter"),
                Check::Letter("counter", 'D'),
                Check::Is(BOX, State::Frozen),
                Check::Same("counter"),
            ])
            .asks(
                "How does one get rid of a process that cannot be killed, in a v1 group that is frozen?",
                2,
                [
                    ("With kill -9, again and again", "No: the signal is there already, and waits."),
                    ("By removing the group", "No: rmdir refuses as long as a process is in it."),
                    ("By thawing the group", "Yes: then the signal that waits ends it at once."),
                ],
            ),
            Step::new(
                "Thaw the group. The kill that waited ends the process before it runs a step. The other one goes on.",
                Act::Thaw(BOX),
            )
            .sees([Check::Gone("counter"), Check::Same("counter"), Check::Counts("second")]),
        ],
    };
    std::iter::once(freeze).chain(rest).collect()
}
