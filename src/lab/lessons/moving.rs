//! Groups that stay freezing; moving in and out of a frozen group.

use crate::lab::act::{Act, Sent};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, SPARE, Spot, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 5,
    title: "Moving in and out of a frozen group, and groups that stay freezing",
    about: "A process freezes when it comes in and thaws when it leaves; one that waits in the kernel keeps its group freezing.",
    criu: false,
    groups: &[BOX, SPARE],
    roles: &[Role::new("counter", SPARE)],
    steps,
};

fn steps(version: Version, other: bool) -> Vec<Step> {
    let mut steps = moving();
    match (version, other) {
        (Version::V2, true) => steps.extend(held_by_v1()),
        (Version::V2, false) => steps.push(in_words()),
        (Version::V1, _) => steps.extend(held_by_a_wait()),
    }
    steps
}

fn moving() -> Vec<Step> {
    vec![
        Step::new(
            "The counter is in spare; box is empty. An empty group can be frozen too, and is frozen at once: there is nobody \
             to wait for.",
            Act::Freeze(BOX),
        )
        .sees([Check::Is(BOX, State::Frozen), Check::Populated(BOX, false), Check::Counts("counter")]),
        Step::new(
            "Move the counter into the frozen group. It freezes on its way in.",
            Act::Move("counter", BOX),
        )
        .sees([Check::In("counter", BOX), Check::Is(BOX, State::Frozen), Check::Still("counter")])
        .asks(
            "Box is frozen. What happens to the counter when you move it out, into spare?",
            1,
            [
                ("It stays frozen, for it was frozen in box", "No: the freeze is the group's, not the process's."),
                ("It runs", "Yes: spare does not ask for a freeze, so what is in it runs."),
                ("The move is refused", "No: a frozen process can be moved like any other."),
            ],
        ),
        Step::new(
            "Move it out again. It runs, though nobody has thawed anything: so a frozen group does not keep its processes from \
             somebody who may move them.",
            Act::Move("counter", SPARE),
        )
        .sees([Check::In("counter", SPARE), Check::Asks(BOX, true), Check::Counts("counter")]),
        Step::new("Box is not needed frozen any more. Thaw it.", Act::Thaw(BOX)).sees([Check::Is(BOX, State::Thawed)]),
    ]
}

/// While v1 holds a process it cannot enter the v2 freezer.
fn held_by_v1() -> Vec<Step> {
    vec![
        Step::new(
            "A group is frozen only when every process in it has stopped at a place where the freezer can hold it. This host \
             has both freezers, and the counter is in a group of each. Freeze the v1 one first.",
            Act::Freeze(Spot::Other),
        )
        .sees([Check::Is(Spot::Other, State::Frozen), Check::Still("counter")]),
        Step::new(
            "Now freeze spare, through v2. The request is written, but frozen stays 0: the counter is held by v1, and cannot \
             come to where v2 would hold it. The group is freezing.",
            Act::Freeze(SPARE),
        )
        .sees([Check::Asks(SPARE, true), Check::Is(SPARE, State::Freezing), Check::Letter("counter", 'D')])
        .asks(
            "The group has been freezing for a minute. Is something broken?",
            0,
            [
                (
                    "No: look at what the process waits for; here the v1 freezer has it",
                    "Yes: see /proc/PID/wchan, and both lines of /proc/PID/cgroup.",
                ),
                ("Yes, the kernel hangs", "No: one process is held elsewhere, that is all."),
                ("Yes: thaw spare and try again", "That changes nothing: v1 still has the counter."),
            ],
        ),
        Step::new(
            "Thaw the v1 group. The counter goes from one freezer into the other without running a step, and spare is frozen.",
            Act::Thaw(Spot::Other),
        )
        .sees([Check::Is(SPARE, State::Frozen), Check::Same("counter")]),
        Step::new("Thaw spare, and it runs. Neither freezer asks any more.", Act::Thaw(SPARE))
            .sees([Check::Is(SPARE, State::Thawed), Check::Counts("counter")]),
    ]
}

/// A process in state D that no freezer can stop: a debugger that waits for one which is both stopped and frozen.
fn held_by_a_wait() -> Vec<Step> {
    vec![
        Step::new(
            "A group is frozen only when every process in it has stopped. One that waits inside the kernel (state D) cannot, \
             until its wait is over: for a dead network disk, say. To make such a wait, first stop the counter.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([Check::Letter("counter", 'T'), Check::Still("counter")]),
        Step::new("Then freeze its group, spare. Stopped and frozen: it can do nothing at all.", Act::Freeze(SPARE))
            .sees([Check::Is(SPARE, State::Frozen), Check::Same("counter")]),
        Step::new(
            "A debugger in box wants the counter. It waits in the kernel until the counter has noticed, and the counter is \
             frozen: so it waits. The kernel function that it waits in is ptrace_attach.",
            Act::Debug("counter", BOX),
        )
        .sees([Check::Holds(BOX)]),
        Step::new(
            "Now freeze box, with the debugger in it. It stays FREEZING: the debugger cannot stop while it waits.",
            Act::Freeze(BOX),
        )
        .sees([Check::Asks(BOX, true), Check::Is(BOX, State::Freezing), Check::Holds(BOX)])
        .asks(
            "How do you find out what keeps a group from freezing?",
            1,
            [
                ("By waiting longer", "No: the wait may never end by itself."),
                (
                    "By its processes in state D, and where they wait: /proc/PID/wchan",
                    "Yes. cryoscope shows them while a group is freezing.",
                ),
                ("By the group's files", "No: they say that it is freezing, not why."),
            ],
        ),
        Step::new(
            "Thaw spare: what the debugger waited for happens. Its wait is over, so it stops, and box is frozen.",
            Act::Thaw(SPARE),
        )
        .sees([Check::Is(BOX, State::Frozen)]),
        Step::new("Thaw box, so that the debugger can be ended. The group is empty then.", Act::Thaw(BOX))
            .sees([Check::Is(BOX, State::Thawed)]),
        Step::new(
            "End the debugger. The kernel lets the counter go, which is still stopped.",
            Act::Signal("debugger", Sent::Kill),
        )
        .sees([Check::Gone("debugger"), Check::Populated(BOX, false), Check::Letter("counter", 'T')]),
        Step::new("SIGCONT takes the stop away. The counter counts again.", Act::Signal("counter", Sent::Continue))
            .sees([Check::Counts("counter")]),
    ]
}

fn in_words() -> Step {
    Step::look(
        "A group is frozen only when every process in it has stopped. One that waits inside the kernel (state D), for a dead \
         network disk say, cannot, and the group stays freezing: cgroup.freeze 1, frozen 0. /proc/PID/wchan says where it \
         waits; a host with both freezers can show it here.",
    )
}
