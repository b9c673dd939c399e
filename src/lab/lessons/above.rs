//! Frozen from above.

use crate::lab::act::Act;
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, INNER, Lesson, Role, SECOND, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 3,
    title: "Frozen from above: own, inherited, effective",
    about: "Three facts a group, never one flag: its own request, an ancestor's, and what is so.",
    criu: false,
    groups: &[BOX, INNER, SECOND],
    roles: &[Role::new("counter", INNER), Role::new("second", SECOND)],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let first = match version {
        Version::V2 => {
            "A freeze holds for the group and for all below it. But the groups below do not ask themselves: their cgroup.freeze \
             stays 0, and only cgroup.events says frozen 1. No file says who asked; you must look at each ancestor."
        }
        Version::V1 => {
            "A freeze holds for the group and for all below it. But the groups below do not ask themselves: their \
             freezer.self_freezing stays 0, and freezer.parent_freezing says that an ancestor asks."
        }
    };
    let both = |state| [Check::Is(INNER, state), Check::Is(SECOND, state)];
    vec![
        Step::look(
            "The group box has two groups in it, inner and second, with a counter in each. Nothing is frozen.",
        )
        .sees([Check::Counts("counter"), Check::Counts("second")])
        .sees(both(State::Thawed)),
        Step::new(first, Act::Freeze(BOX))
            .sees([Check::Asks(INNER, false), Check::Inherits(INNER, true)])
            .sees(both(State::Frozen))
            .sees([Check::Still("counter"), Check::Still("second")]),
        Step::new(
            "A group that is frozen from above may ask for itself as well. Nothing changes to be seen, but now two requests \
             hold inner.",
            Act::Freeze(INNER),
        )
        .sees([Check::Asks(INNER, true), Check::Inherits(INNER, true), Check::Is(INNER, State::Frozen)]),
        Step::new(
            "Take inner's own request back. The write succeeds, and the group stays frozen: box still asks. This is where \
             people believe that thawing is broken.",
            Act::Thaw(INNER),
        )
        .sees([Check::Asks(INNER, false), Check::Is(INNER, State::Frozen), Check::Same("counter")])
        .asks(
            "What has to be done so that the counter in inner runs?",
            0,
            [
                ("Thaw box, the ancestor that asks", "Yes: the last request must go, wherever it is."),
                ("Write the request of inner once more", "No: inner does not ask any more. Writing it again does nothing."),
                ("Send SIGCONT to the counter", "No: signals have nothing to do with the freezer."),
            ],
        ),
        Step::new(
            "The other way round. Let inner ask for itself again, while box asks too.",
            Act::Freeze(INNER),
        )
        .sees([Check::Asks(INNER, true), Check::Asks(BOX, true), Check::Same("counter")]),
        Step::new(
            "Now thaw box. The counter in second runs, the one in inner does not: its own request holds it, and it has not run \
             in between.",
            Act::Thaw(BOX),
        )
        .sees([
            Check::Is(SECOND, State::Thawed),
            Check::Counts("second"),
            Check::Is(INNER, State::Frozen),
            Check::Same("counter"),
        ]),
        Step::new("With the last request gone all of it runs. That is the whole rule.", Act::Thaw(INNER))
            .sees(both(State::Thawed))
            .sees([Check::Counts("counter"), Check::Counts("second")]),
    ]
}
