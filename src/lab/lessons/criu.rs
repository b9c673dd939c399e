//! criu and a group that was frozen by hand: the hang, and how it is avoided.

use crate::lab::act::{Act, Sent, Told, dump};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, INNER, Lesson, Role, Step};
use crate::model::{State, Version};

pub(super) const HANG: Lesson = Lesson {
    number: 6,
    title: "criu on a group frozen by hand: the hang, and the rescue",
    about: "Why criu hangs on a frozen process, and why you thaw instead of killing.",
    criu: true,
    groups: &[BOX],
    roles: &[Role { name: "counter", at: BOX, child: None, threads: 2 }],
    steps: hang,
};

pub(super) const OPTION: Lesson = Lesson {
    number: 7,
    title: "--freeze-cgroup: the right path, the frozen ancestor, the hand-over",
    about: "Tell criu which group holds the freeze, and make sure that only one does.",
    criu: true,
    groups: &[BOX, INNER],
    roles: &[Role::new("counter", INNER)],
    steps: option,
};

const WHY: &str = "criu saves a process to files. It attaches like a debugger and injects a little code of its own, \
                   which must run. Many people freeze the group first, to keep it still. Try that and see.";

fn hang(version: Version, _: bool) -> Vec<Step> {
    let freeze =
        Step::new(WHY, Act::Freeze(BOX)).sees([Check::Is(BOX, State::Frozen), Check::Still("counter")]);
    let end = [
        Step::new(
            "Freeze the group once more. This time cryoscope makes the checkpoint: it finds the group that requests \
             the freeze, and passes it to criu with --freeze-cgroup.",
            Act::Freeze(BOX),
        )
        .sees([Check::Is(BOX, State::Frozen), Check::Still("counter")]),
        Step::new(
            "The checkpoint is complete, and the group is as frozen as before. The counter has not run a single step.",
            Act::Checkpoint { group: BOX, images: "images", after: None },
        )
        .sees([Check::Reported("images"), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new("Thaw it, and it continues. Nothing was lost.", Act::Thaw(BOX))
            .sees([Check::Is(BOX, State::Thawed), Check::Counts("counter")]),
    ];
    let middle = match version {
        Version::V2 => hangs_on_v2(),
        Version::V1 => hangs_on_v1(),
    };
    std::iter::once(freeze).chain(middle).chain(end).collect()
}

fn hangs_on_v2() -> Vec<Step> {
    vec![
        Step::new(
            "Now criu dump, without options for the freezer. It has attached to the counter and waits for its code \
             to run there; but the counter is frozen. criu has no timeout for this: in our tests it waited for more \
             than eleven minutes.",
            dump("counter", "hang", Told::Nothing),
        )
        .sees([Check::Hangs("counter", "hang"), Check::Is(BOX, State::Frozen), Check::Same("counter")])
        .asks(
            "criu hangs. What do you do?",
            2,
            [
                (
                    "Kill criu",
                    "No! criu's code is already in the process. Thawed without criu, the process died (2 of 2 times \
                     in our tests).",
                ),
                ("Wait", "It waits forever: nobody thaws the group."),
                ("Thaw the group", "Yes: criu's code runs, criu finishes, and the process lives (3 of 3 times in our \
                                    tests)."),
            ],
        ),
        Step::new(
            "Thaw the group, and leave criu alone. It wakes up, finishes its work, and exits with 0. This is what \
             cryoscope rescue does.",
            Act::Thaw(BOX),
        )
        .sees([Check::Dumped("hang"), Check::Lives("counter"), Check::Counts("counter")]),
    ]
}

fn hangs_on_v1() -> Vec<Step> {
    vec![
        Step::new(
            "Now criu dump, without options for the freezer. On v1 it sees the counter in state D, waits ten seconds \
             for it to stop, and gives up. The counter lives, and there is no image.",
            dump("counter", "given-up", Told::Nothing),
        )
        .sees([
            Check::CriuSays("given-up", "Timeout reached"),
            Check::Lives("counter"),
            Check::Is(BOX, State::Frozen),
        ]),
        Step::new("Thaw it; the counter runs. The hang needs a stopped process.", Act::Thaw(BOX))
            .sees([Check::Counts("counter")]),
        Step::new(
            "Stop the counter with SIGSTOP. A process stopped by a signal seems to be nothing special.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([Check::Letter("counter", 'T'), Check::Still("counter")]),
        Step::new(
            "criu dump, with the group: it freezes the group itself, and tries to attach to the counter. The kernel \
             makes it wait for the stopped process to respond, and a frozen process cannot. criu's own timeout does \
             not end that wait.",
            dump("counter", "hang", Told::Absolute(BOX)),
        )
        .sees([Check::Hangs("counter", "hang"), Check::Is(BOX, State::Frozen), Check::Same("counter")])
        .asks(
            "criu hangs. What do you do?",
            2,
            [
                ("Kill criu", "No! Never kill a criu that is attached to a process: the process may be lost."),
                ("Wait", "It waits forever: nobody thaws the group."),
                ("Thaw the group", "Yes: criu finishes, and the process lives."),
            ],
        ),
        Step::new(
            "Thaw the group, and leave criu alone. It finishes and exits with 0; the counter is stopped, as before. \
             This is what cryoscope rescue does.",
            Act::Thaw(BOX),
        )
        .sees([Check::Dumped("hang"), Check::Lives("counter"), Check::Letter("counter", 'T')]),
        Step::new("Let the counter continue. A signal stopped it, so a signal resumes it.", {
            Act::Signal("counter", Sent::Continue)
        })
        .sees([Check::Counts("counter")]),
    ]
}

fn option(version: Version, _: bool) -> Vec<Step> {
    let mut steps = the_path();
    steps.extend(match version {
        Version::V2 => the_ancestor_on_v2(),
        Version::V1 => the_ancestor_on_v1(),
    });
    steps.extend(the_hand_over());
    steps
}

fn the_path() -> Vec<Step> {
    vec![
        Step::new(
            "--freeze-cgroup tells criu which group is frozen. criu thaws it once it is attached to every process in \
             it, and freezes it again at the end. First freeze inner by hand.",
            Act::Freeze(INNER),
        )
        .sees([Check::Is(INNER, State::Frozen), Check::Still("counter")]),
        Step::new(
            "The path must be the one on the file system. criu does not understand the path that /proc/PID/cgroup \
             shows, relative to the root of the hierarchy, and its message does not say so.",
            dump("counter", "relative", Told::Relative(INNER)),
        )
        .sees([
            Check::CriuSays("relative", "Neither a cgroupv1 (freezer.state) or cgroupv2 (cgroup.freeze) control file"),
            Check::Same("counter"),
        ]),
        Step::new(
            "With the absolute path it takes a tenth of a second. The group is frozen afterwards, as before, and the \
             counter did not run.",
            dump("counter", "absolute", Told::Absolute(INNER)),
        )
        .sees([Check::Dumped("absolute"), Check::Is(INNER, State::Frozen), Check::Same("counter")]),
        Step::new("Thaw inner. Next the freeze will come from above.", Act::Thaw(INNER))
            .sees([Check::Is(INNER, State::Thawed), Check::Counts("counter")]),
        Step::new(
            "Freeze box, the parent group. It freezes inner, which has no request of its own.",
            Act::Freeze(BOX),
        )
        .sees([Check::Asks(INNER, false), Check::Is(INNER, State::Frozen), Check::Still("counter")]),
    ]
}

fn the_ancestor_on_v2() -> Vec<Step> {
    vec![
        Step::new(
            "criu, with inner: it attaches to the counter and thaws inner, which has no request of its own. Box \
             still holds it, so criu hangs.",
            dump("counter", "inner", Told::Absolute(INNER)),
        )
        .sees([Check::Hangs("counter", "inner"), Check::Same("counter")]),
        Step::new("The rescue: thaw the group that has the request, which is box. criu finishes.", Act::Thaw(BOX))
            .sees([Check::Dumped("inner"), Check::Counts("counter")]),
        Step::new("Freeze box again, and do it right. The counter inherits the freeze.", Act::Freeze(BOX))
            .sees([Check::Is(INNER, State::Frozen), Check::Still("counter")]),
    ]
}

fn the_ancestor_on_v1() -> Vec<Step> {
    vec![
        Step::new(
            "criu, with inner: box still holds the counter, and on v1 criu gives up after ten seconds. It mistook \
             the state of inner for inner's own request, and leaves it with a request that nobody made: \
             freezer.self_freezing is 1.",
            dump("counter", "inner", Told::Absolute(INNER)),
        )
        .sees([
            Check::CriuSays("inner", "Timeout reached"),
            Check::Lives("counter"),
            Check::Asks(INNER, true),
            Check::Same("counter"),
        ]),
        Step::new("Clear the request that criu has left. Box is still frozen, so nothing runs.", Act::Thaw(INNER))
            .sees([Check::Asks(INNER, false), Check::Is(INNER, State::Frozen), Check::Same("counter")]),
    ]
}

fn the_hand_over() -> Vec<Step> {
    vec![
        Step::new(
            "criu, with box, the frozen ancestor: it works. All other processes in box would be held for that \
             moment, too.",
            dump("counter", "box", Told::Absolute(BOX)),
        )
        .sees([Check::Dumped("box"), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new("Now freeze inner as well. Two groups have a request, and criu accepts only one.", Act::Freeze(INNER))
            .sees([Check::Asks(INNER, true), Check::Asks(BOX, true)])
            .asks(
                "box and inner are both frozen. What does criu dump --freeze-cgroup box do?",
                0,
                [
                    ("It hangs: it thaws box, and inner still holds the counter", "Yes. It thaws only the group that \
                                                                                   it is given."),
                    ("It works: box is above inner", "No: inner's own request stays, and holds the counter."),
                    ("It thaws both", "No: only the group that it is given."),
                ],
            ),
        Step::new(
            "The hand-over: clear the requests below box, one by one. Box holds everything meanwhile, so nothing \
             runs.",
            Act::Thaw(INNER),
        )
        .sees([Check::Is(INNER, State::Frozen), Check::Same("counter")]),
        Step::new("Now there is one request, and criu knows it. It works.", {
            dump("counter", "handed-over", Told::Absolute(BOX))
        })
        .sees([Check::Dumped("handed-over"), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new(
            "Restore inner's request. Everything is as before, and the counter has not run a single step.",
            Act::Freeze(INNER),
        )
        .sees([Check::Asks(INNER, true), Check::Asks(BOX, true), Check::Same("counter")]),
        Step::new(
            "cryoscope checkpoint does exactly this, for any mix of requests. If it is killed halfway, cryoscope \
             rescue restores the requests.",
            Act::Checkpoint { group: INNER, images: "images", after: None },
        )
        .sees([
            Check::Reported("images"),
            Check::Asks(INNER, true),
            Check::Asks(BOX, true),
            Check::Same("counter"),
        ]),
        Step::new("Thaw inner. Box still holds it.", Act::Thaw(INNER))
            .sees([Check::Is(INNER, State::Frozen), Check::Same("counter")]),
        Step::new("Thaw box, and the counter runs. That is all.", Act::Thaw(BOX))
            .sees([Check::Is(INNER, State::Thawed), Check::Counts("counter")]),
    ]
}
