//! Freeze is not SIGSTOP.

use crate::lab::act::{Act, Sent};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 2,
    title: "Freeze is not SIGSTOP",
    about: "State letters, what the parent sees, who may resume it, children and threads.",
    criu: false,
    groups: &[BOX],
    roles: &[Role { name: "counter", at: BOX, child: Some("child"), threads: 3 }],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let (letter, text) = match version {
        Version::V2 => (
            'S',
            "Now the freezer, on the whole group. Parent, threads and child stop together, and nobody is notified: \
             the parent gets no SIGCHLD. The state letter stays S, like that of any sleeping process, so ps and top \
             cannot tell that it is frozen.",
        ),
        Version::V1 => (
            'D',
            "Now the freezer, on the whole group. Parent, threads and child stop together, and nobody is notified: \
             the parent gets no SIGCHLD. The state letter is D on v1, like that of a process that waits for a disk, \
             so ps and top cannot tell that it is frozen.",
        ),
    };
    vec![
        Step::look(
            "This counter has three threads, and a child that counts too. Both are in the group box. The lab is the \
             counter's parent, so it receives what the kernel tells a parent.",
        )
        .sees([Check::Threads("counter", 3), Check::Counts("counter"), Check::Counts("child")]),
        Step::new(
            "SIGSTOP stops one process with all its threads. Its state letter becomes T, which every tool shows. Its \
             parent receives SIGCHLD. Its child keeps counting: nobody signalled it.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([
            Check::Letter("counter", 'T'),
            Check::Still("counter"),
            Check::ParentTold("counter", true),
            Check::Counts("child"),
        ]),
        Step::new(
            "Anyone who may send it a signal can resume it with SIGCONT: another tool, a shell, the process's own \
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
                    ("Look at its state letter in ps", "No: the freezer has no letter of its own. S and D have other causes."),
                    ("Send it SIGCONT", "No: that neither tells you nor thaws it."),
                    (
                        "Look up its group in /proc/PID/cgroup, and read that group's files",
                        "Yes: the group is frozen, not the process. On a hybrid host check both hierarchies.",
                    ),
                ],
            ),
        Step::new(
            "Both can be combined. A SIGSTOP sent to a frozen process is not lost: it takes effect once the process \
             is thawed.",
            Act::Signal("counter", Sent::Stop),
        )
        .sees([Check::Stopped("counter", true), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new(
            "SIGCONT ends the stop, but not the freeze. Only someone who may write the group's file can thaw it, and \
             the processes in it cannot do that themselves.",
            Act::Signal("counter", Sent::Continue),
        )
        .sees([Check::Stopped("counter", false), Check::Is(BOX, State::Frozen), Check::Same("counter")]),
        Step::new(
            "Thawed, all of them continue together. None can tell that they were frozen, except from the clock.",
            Act::Thaw(BOX),
        )
        .sees([Check::Is(BOX, State::Thawed), Check::Counts("counter"), Check::Counts("child")]),
    ]
}
