//! criu and a group that was frozen by hand: the hang, and how it is avoided.

use crate::lab::act::{Act, Sent, Told, dump};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, INNER, Lesson, Role, Step};
use crate::model::{State, Version};

pub(super) const HANG: Lesson = Lesson {
    number: 6,
    title: "criu on a group frozen by hand: the hang, and the rescue",
    about: "Why criu dump waits for ever on a frozen process, and why one thaws and never kills.",
    criu: true,
    groups: &[BOX],
    roles: &[Role { name: "counter", at: BOX, child: None, threads: 2 }],
    steps: hang,
};

pub(super) const OPTION: Lesson = Lesson {
    number: 7,
    title: "--freeze-cgroup: the right path, the frozen ancestor, the hand-over",
    about: "Tell criu of the group that really holds the freeze, and make sure that there is only one.",
    criu: true,
    groups: &[BOX, INNER],
    roles: &[Role::new("counter", INNER)],
    steps: option,
};

const WHY: &str = "criu saves a process to files. It takes hold of it as a debugger does, and puts a little code of its own into \
                   it, which has to run. So freeze the group by hand first, as one would to keep it still, and see what that does.";

fn hang(version: Version, _: bool) -> Vec<Step> {
    let freeze =
        Step::new(WHY, Act::Freeze(BOX)).sees([Check::Is(BOX, State::Frozen), Check::Still("counter")]);
    let end = [
        Step::new(
            "Freeze the group once more. This time cryoscope makes the checkpoint: it sees who asks for the freeze, and \
             tells criu with --freeze-cgroup.",
            Act::Freeze(BOX),
        )
        .sees([Check::Is(BOX, State::Frozen), Check::Still("counter")]),
        Step::new(
            "The checkpoint is made, and the group is frozen as it was found. The counter has not run one step meanwhile.",
            Act::Checkpoint { group: BOX, images: "images", after: None },
        )
        .sees([Check::Reported("images"), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new("Thaw it, and it goes on. Nothing was lost.", Act::Thaw(BOX))
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
            "Now criu dump, told of nothing. It has taken hold of the counter, and waits for its code to run there; but the \
             counter is frozen. There is no timeout for this: it was seen to wait for more than eleven minutes.",
            dump("counter", "hang", Told::Nothing),
        )
        .sees([Check::Hangs("counter", "hang"), Check::Is(BOX, State::Frozen), Check::Same("counter")])
        .asks(
            "criu hangs. What do you do?",
            2,
            [
                (
                    "Kill criu",
                    "No! criu's code is in the process already. Thawed without criu, the process died (2 of 2 times).",
                ),
                ("Wait", "It waits for ever: nobody thaws the group."),
                ("Thaw the group", "Yes: criu's code runs, criu finishes, and the process lives (3 of 3 times)."),
            ],
        ),
        Step::new(
            "Thaw the group, and leave criu alone. It wakes up, finishes its work, and ends with exit code 0. This is what \
             cryoscope rescue does.",
            Act::Thaw(BOX),
        )
        .sees([Check::Dumped("hang"), Check::Lives("counter"), Check::Counts("counter")]),
    ]
}

fn hangs_on_v1() -> Vec<Step> {
    vec![
        Step::new(
            "Now criu dump, told of nothing. On v1 it sees the counter in state D, waits for ten seconds that it may stop, and \
             gives up. The counter lives, and there is no image.",
            dump("counter", "given-up", Told::Nothing),
        )
        .sees([
            Check::CriuSays("given-up", "Timeout reached"),
            Check::Lives("counter"),
            Check::Is(BOX, State::Frozen),
        ]),
        Step::new("Thaw it; the hang comes with a process that is stopped. The counter runs.", Act::Thaw(BOX))
            .sees([Check::Counts("counter")]),
        Step::new(
            "Stop the counter with SIGSTOP. A process that is stopped by a signal is nothing special, one would think.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([Check::Letter("counter", 'T'), Check::Still("counter")]),
        Step::new(
            "criu dump, told of the group: it freezes the group itself, and wants to take hold of the counter. The kernel has \
             it wait until the stopped process has noticed, which is frozen and cannot. criu's own timeout does not end that.",
            dump("counter", "hang", Told::Absolute(BOX)),
        )
        .sees([Check::Hangs("counter", "hang"), Check::Is(BOX, State::Frozen), Check::Same("counter")])
        .asks(
            "criu hangs. What do you do?",
            2,
            [
                ("Kill criu", "No! A criu that has taken hold of a process is not killed: the process may be lost."),
                ("Wait", "It waits for ever: nobody thaws the group."),
                ("Thaw the group", "Yes: criu finishes, and the process lives."),
            ],
        ),
        Step::new(
            "Thaw the group, and leave criu alone. It finishes and ends with exit code 0; the counter is stopped, as it was. \
             This is what cryoscope rescue does.",
            Act::Thaw(BOX),
        )
        .sees([Check::Dumped("hang"), Check::Lives("counter"), Check::Letter("counter", 'T')]),
        Step::new("Let the counter go on. It was stopped by a signal, so a signal lets it go.", {
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
            "With --freeze-cgroup criu is told of the group that is frozen. It thaws it once it has taken hold of everybody \
             in it, and freezes it again at the end. First freeze inner by hand.",
            Act::Freeze(INNER),
        )
        .sees([Check::Is(INNER, State::Frozen), Check::Still("counter")]),
        Step::new(
            "The path must be the one on the file system. The path that /proc/PID/cgroup shows, below the root of the \
             hierarchy, is not understood, and criu's message does not say so.",
            dump("counter", "relative", Told::Relative(INNER)),
        )
        .sees([
            Check::CriuSays("relative", "Neither a cgroupv1 (freezer.state) or cgroupv2 (cgroup.freeze) control file"),
            Check::Same("counter"),
        ]),
        Step::new(
            "With the absolute path it takes a tenth of a second. The group is frozen afterwards, as before, and the counter \
             has not run.",
            dump("counter", "absolute", Told::Absolute(INNER)),
        )
        .sees([Check::Dumped("absolute"), Check::Is(INNER, State::Frozen), Check::Same("counter")]),
        Step::new("Thaw inner. Next the freeze will come from above.", Act::Thaw(INNER))
            .sees([Check::Is(INNER, State::Thawed), Check::Counts("counter")]),
        Step::new(
            "Freeze box, the group above. Inner is frozen through it, and does not ask itself.",
            Act::Freeze(BOX),
        )
        .sees([Check::Asks(INNER, false), Check::Is(INNER, State::Frozen), Check::Still("counter")]),
    ]
}

fn the_ancestor_on_v2() -> Vec<Step> {
    vec![
        Step::new(
            "criu, told of inner: it takes hold of the counter, and thaws inner, which does not ask for a freeze. Box still \
             holds it, so criu hangs.",
            dump("counter", "inner", Told::Absolute(INNER)),
        )
        .sees([Check::Hangs("counter", "inner"), Check::Same("counter")]),
        Step::new("The rescue: thaw who asks, which is box. criu finishes.", Act::Thaw(BOX))
            .sees([Check::Dumped("inner"), Check::Counts("counter")]),
        Step::new("Freeze box again, and do it right. The counter is inherited into the freeze.", Act::Freeze(BOX))
            .sees([Check::Is(INNER, State::Frozen), Check::Still("counter")]),
    ]
}

fn the_ancestor_on_v1() -> Vec<Step> {
    vec![
        Step::new(
            "criu, told of inner: box still holds the counter, and on v1 criu gives up after ten seconds. It took the state of \
             inner for inner's own request, and leaves it with one that nobody had made: freezer.self_freezing is 1.",
            dump("counter", "inner", Told::Absolute(INNER)),
        )
        .sees([
            Check::CriuSays("inner", "Timeout reached"),
            Check::Lives("counter"),
            Check::Asks(INNER, true),
            Check::Same("counter"),
        ]),
        Step::new("Take back what criu has left. Box still asks, so nothing runs.", Act::Thaw(INNER))
            .sees([Check::Asks(INNER, false), Check::Is(INNER, State::Frozen), Check::Same("counter")]),
    ]
}

fn the_hand_over() -> Vec<Step> {
    vec![
        Step::new(
            "criu, told of box, the ancestor that asks: it works. Everybody else in box would be held for that moment, too.",
            dump("counter", "box", Told::Absolute(BOX)),
        )
        .sees([Check::Dumped("box"), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new("Now let inner ask as well. Two groups ask, and criu can be told of one.", Act::Freeze(INNER))
            .sees([Check::Asks(INNER, true), Check::Asks(BOX, true)])
            .asks(
                "box and inner both ask for a freeze. What does criu dump --freeze-cgroup box do?",
                0,
                [
                    ("It hangs: it thaws box, and inner still holds the counter", "Yes. It thaws the one that it is told of."),
                    ("It works: box is above inner", "No: inner's own request stays, and holds the counter."),
                    ("It thaws both", "No: only the one that it is told of."),
                ],
            ),
        Step::new(
            "The hand-over: take back the requests below, one by one. Box holds everything meanwhile, so nothing runs.",
            Act::Thaw(INNER),
        )
        .sees([Check::Is(INNER, State::Frozen), Check::Same("counter")]),
        Step::new("Now there is one request, and criu is told of it. It works.", {
            dump("counter", "handed-over", Told::Absolute(BOX))
        })
        .sees([Check::Dumped("handed-over"), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new(
            "Put inner's request back. Everything is as it was found, and the counter has not run one step in all of this.",
            Act::Freeze(INNER),
        )
        .sees([Check::Asks(INNER, true), Check::Asks(BOX, true), Check::Same("counter")]),
        Step::new(
            "cryoscope checkpoint does exactly this, for any mix of requests. If it is killed in the middle, cryoscope rescue \
             puts the requests back.",
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
