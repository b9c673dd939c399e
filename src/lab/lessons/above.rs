//! Frozen from above.

use crate::lab::act::Act;
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, INNER, Lesson, Role, SECOND, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 3,
    title: "Frozen from above: own, inherited, effective",
    about: "Three facts per group: own request, inherited request, effective state.",
    criu: false,
    groups: &[BOX, INNER, SECOND],
    roles: &[Role::new("counter", INNER), Role::new("second", SECOND)],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let first = match version {
        Version::V2 => {
            "A freeze applies to the group and to all groups below it. But the groups below have no request of their \
             own: their cgroup.freeze stays 0, and only cgroup.events says frozen 1. No file names the group that \
             requested it; you must check each ancestor."
        }
        Version::V1 => {
            "A freeze applies to the group and to all groups below it. But the groups below have no request of their \
             own: their freezer.self_freezing stays 0, and freezer.parent_freezing says that an ancestor has one."
        }
    };
    let both = |state| [Check::Is(INNER, state), Check::Is(SECOND, state)];
    vec![
        Step::look(
            "The group box contains two groups, inner and second, with a counter in each. Nothing is frozen.",
        )
        .sees([Check::Counts("counter"), Check::Counts("second")])
        .sees(both(State::Thawed)),
        Step::new(first, Act::Freeze(BOX))
            .sees([Check::Asks(INNER, false), Check::Inherits(INNER, true)])
            .sees(both(State::Frozen))
            .sees([Check::Still("counter"), Check::Still("second")]),
        Step::new(
            "A group that is frozen from above can be frozen itself as well. Nothing visible changes, but now two \
             requests hold inner.",
            Act::Freeze(INNER),
        )
        .sees([Check::Asks(INNER, true), Check::Inherits(INNER, true), Check::Is(INNER, State::Frozen)]),
        Step::new(
            "Clear inner's own request. The write succeeds, and the group stays frozen: box is still frozen. This is \
             where people believe that thawing is broken.",
            Act::Thaw(INNER),
        )
        .sees([Check::Asks(INNER, false), Check::Is(INNER, State::Frozen), Check::Same("counter")])
        .asks(
            "What makes the counter in inner run?",
            0,
            [
                ("Thaw box, the frozen ancestor", "Yes: the last request must go, wherever it is."),
                ("Write 0 to inner's file once more", "No: inner has no request any more. Writing again does \
                                                          nothing."),
                ("Send SIGCONT to the counter", "No: signals have nothing to do with the freezer."),
            ],
        ),
        Step::new(
            "Now the other way round. Freeze inner itself again, while box is frozen too.",
            Act::Freeze(INNER),
        )
        .sees([Check::Asks(INNER, true), Check::Asks(BOX, true), Check::Same("counter")]),
        Step::new(
            "Now thaw box. The counter in second runs, the one in inner does not: inner's own request holds it, and \
             it did not run in between.",
            Act::Thaw(BOX),
        )
        .sees([
            Check::Is(SECOND, State::Thawed),
            Check::Counts("second"),
            Check::Is(INNER, State::Frozen),
            Check::Same("counter"),
        ]),
        Step::new("With the last request gone, everything runs. That is the whole rule.", Act::Thaw(INNER))
            .sees(both(State::Thawed))
            .sees([Check::Counts("counter"), Check::Counts("second")]),
    ]
}
