//! Groups that stay freezing; moving in and out of a frozen group.

use crate::lab::act::{Act, Sent};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, SPARE, Spot, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 5,
    title: "Moving in and out of a frozen group, and groups that stay freezing",
    about: "A process freezes when it enters and thaws when it leaves; one that is blocked in the kernel keeps its \
            group freezing.",
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
            "The counter is in spare; box is empty. An empty group can be frozen too, and it freezes at once: there \
             is no process to wait for.",
            Act::Freeze(BOX),
        )
        .sees([Check::Is(BOX, State::Frozen), Check::Populated(BOX, false), Check::Counts("counter")]),
        Step::new(
            "Move the counter into the frozen group. It freezes as it enters.",
            Act::Move("counter", BOX),
        )
        .sees([Check::In("counter", BOX), Check::Is(BOX, State::Frozen), Check::Still("counter")])
        .asks(
            "Box is frozen. What happens to the counter when you move it out, into spare?",
            1,
            [
                ("It stays frozen, because it was frozen in box", "No: the freeze is the group's, not the process's."),
                ("It runs", "Yes: spare is not frozen, so its processes run."),
                ("The move is refused", "No: a frozen process can be moved like any other."),
            ],
        ),
        Step::new(
            "Move it out again. It runs, although nobody has thawed anything: anyone who may move processes can take \
             them out of a frozen group.",
            Act::Move("counter", SPARE),
        )
        .sees([Check::In("counter", SPARE), Check::Asks(BOX, true), Check::Counts("counter")]),
        Step::new("We no longer need box frozen. Thaw it.", Act::Thaw(BOX)).sees([Check::Is(BOX, State::Thawed)]),
    ]
}

/// While v1 holds a process it cannot enter the v2 freezer.
fn held_by_v1() -> Vec<Step> {
    vec![
        Step::new(
            "A group is frozen only when every process in it has stopped at a point where the freezer can hold it. \
             This host has both freezers, and the counter is in a group of each. Freeze the v1 group first.",
            Act::Freeze(Spot::Other),
        )
        .sees([Check::Is(Spot::Other, State::Frozen), Check::Still("counter")]),
        Step::new(
            "Now freeze spare, through v2. The request is set, but frozen stays 0: v1 holds the counter, which never \
             reaches the point where v2 can freeze it. The group is freezing.",
            Act::Freeze(SPARE),
        )
        .sees([Check::Asks(SPARE, true), Check::Is(SPARE, State::Freezing), Check::Letter("counter", 'D')])
        .asks(
            "The group has been freezing for a minute. Is something broken?",
            0,
            [
                (
                    "No: look at what the process waits for; here the v1 freezer holds it",
                    "Yes: see /proc/PID/wchan, and both lines of /proc/PID/cgroup.",
                ),
                ("Yes, the kernel hangs", "No: one process is held elsewhere, that is all."),
                ("Yes: thaw spare and try again", "That changes nothing: v1 still holds the counter."),
            ],
        ),
        Step::new(
            "Thaw the v1 group. The counter passes from one freezer to the other without running a step, and spare \
             is frozen.",
            Act::Thaw(Spot::Other),
        )
        .sees([Check::Is(SPARE, State::Frozen), Check::Same("counter")]),
        Step::new("Thaw spare, and it runs. Neither freezer has a request any more.", Act::Thaw(SPARE))
            .sees([Check::Is(SPARE, State::Thawed), Check::Counts("counter")]),
    ]
}

/// A process in state D that no freezer can stop: a debugger that waits for one which is both stopped and frozen.
fn held_by_a_wait() -> Vec<Step> {
    vec![
        Step::new(
            "A group is frozen only when every process in it has stopped. One that is blocked in the kernel (state \
             D), for example on a dead network disk, cannot stop until its wait is over. To create such a wait, \
             first stop the counter.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([Check::Letter("counter", 'T'), Check::Still("counter")]),
        Step::new("Then freeze its group, spare. Stopped and frozen, it can do nothing at all.", Act::Freeze(SPARE))
            .sees([Check::Is(SPARE, State::Frozen), Check::Same("counter")]),
        Step::new(
            "A debugger in box attaches to the counter. It waits in the kernel for the counter to respond, and a \
             frozen process cannot. The kernel function in which it waits is ptrace_attach.",
            Act::Debug("counter", BOX),
        )
        .sees([Check::Holds(BOX)]),
        Step::new(
            "Now freeze box, with the debugger in it. It stays FREEZING: the debugger cannot stop while it waits.",
            Act::Freeze(BOX),
        )
        .sees([Check::Asks(BOX, true), Check::Is(BOX, State::Freezing), Check::Holds(BOX)])
        .asks(
            "How do you find out what blocks a freeze?",
            1,
            [
                ("Wait longer", "No: the wait may never end by itself."),
                (
                    "Look at its processes in state D, and where they wait: /proc/PID/wchan",
                    "Yes. cryoscope shows them while a group is freezing.",
                ),
                ("Look at the group's files", "No: they say that it is freezing, not why."),
            ],
        ),
        Step::new(
            "Thaw spare: the counter responds. The debugger's wait is over, so it stops, and box is frozen.",
            Act::Thaw(SPARE),
        )
        .sees([Check::Is(BOX, State::Frozen)]),
        Step::new("Thaw box. Now the debugger can be ended.", Act::Thaw(BOX))
            .sees([Check::Is(BOX, State::Thawed)]),
        Step::new(
            "End the debugger. The kernel detaches it from the counter, which is still stopped.",
            Act::Signal("debugger", Sent::Kill),
        )
        .sees([Check::Gone("debugger"), Check::Populated(BOX, false), Check::Letter("counter", 'T')]),
        Step::new("SIGCONT ends the stop. The counter counts again.", Act::Signal("counter", Sent::Continue))
            .sees([Check::Counts("counter")]),
    ]
}

fn in_words() -> Step {
    Step::look(
        "A group is frozen only when every process in it has stopped. One that is blocked in the kernel (state D), \
         for example on a dead network disk, cannot stop, and the group stays freezing: cgroup.freeze 1, frozen 0. \
         /proc/PID/wchan says where it waits. A host with both freezers can show it here.",
    )
}
