//! Freeze is not SIGSTOP.

use crate::lab::act::{Act, Sent};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 2,
    title: "Freeze is not SIGSTOP",
    about: "State letters, what the parent is told, who may continue it, children and threads.",
    criu: false,
    groups: &[BOX],
    roles: &[Role { name: "counter", at: BOX, child: Some("child"), threads: 3 }],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let (letter, text) = match version {
        Version::V2 => (
            'S',
            "Now the freezer, on the whole group. Parent, threads and child stop together, and nobody is told: the parent gets \
             no SIGCHLD. The state letter is S, as of any process that sleeps, so ps and top cannot tell that it is frozen.",
        ),
        Version::V1 => (
            'D',
            "Now the freezer, on the whole group. Parent, threads and child stop together, and nobody is told: the parent gets \
             no SIGCHLD. The state letter is D on v1, as of a process that waits for a disk, so ps and top cannot tell that it \
             is frozen.",
        ),
    };
    vec![
        Step::look(
            "This counter has three threads, and a child that counts too. Both are in the group box. The lab is the parent of \
             the counter, and so hears what the kernel tells a parent.",
        )
        .sees([Check::Threads("counter", 3), Check::Counts("counter"), Check::Counts("child")]),
        Step::new(
            "SIGSTOP stops one process with all its threads. Its state letter becomes T, which every tool shows. Its parent \
             is told with SIGCHLD, and its child counts on: nobody sent a signal to that.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([
            Check::Letter("counter", 'T'),
            Check::Still("counter"),
            Check::ParentTold("counter", true),
            Check::Counts("child"),
        ]),
        Step::new(
            "Anybody who may send it a signal can let it go on with SIGCONT: another tool, a shell, the process's own \
             supervisor. So a process that you have stopped may run again without you.",
            Act::Signal("counter", Sent::Continue),
        )
        .sees([Check::Stopped("counter", false), Check::Counts("counter"), Check::ParentTold("counter", false)]),
        Step::new(text, Act::Freeze(BOX))
            .sees([
                Check::Is(BOX, State::Frozen),
                Check::Letter("counter", letter),
                Check::ParentTold("counter", false),
                Check::Still("counter"),
                Check::Still("child"),
            ])
            .asks(
                "How do you find out whether a process is frozen?",
                2,
                [
                    ("By its state letter in ps", "No: the freezer has no letter of its own. S and D have other causes."),
                    ("By sending it SIGCONT", "No: that neither tells you nor thaws it."),
                    (
                        "By its group, from /proc/PID/cgroup, and that group's files",
                        "Yes: the group is frozen, not the process. On a hybrid host ask both hierarchies.",
                    ),
                ],
            ),
        Step::new(
            "Both can come together. SIGSTOP sent to a frozen process is not lost: it holds once the process is thawed.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([Check::Stopped("counter", true), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new(
            "SIGCONT takes the stop away, and not the freeze. Only who may write the group's file can thaw it, and the \
             processes in it cannot do it themselves.",
            Act::Signal("counter", Sent::Continue),
        )
        .sees([Check::Stopped("counter", false), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new(
            "Thawed, all of them go on together. None of them can know that it was frozen, but by the clock.",
            Act::Thaw(BOX),
        )
        .sees([Check::Is(BOX, State::Thawed), Check::Counts("counter"), Check::Counts("child")]),
    ]
}
