//! A group, its files, its processes.

use crate::lab::act::Act;
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, SPARE, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 1,
    title: "A group, its files, its processes",
    about: "Create a group, move a process into it, freeze it, thaw it, remove it.",
    criu: false,
    groups: &[BOX],
    roles: &[Role::new("counter", BOX)],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let freeze = match version {
        Version::V2 => {
            "To freeze a group, write 1 into its cgroup.freeze. That is the request; the line frozen in \
             cgroup.events tells you when it is complete. Watch the counter stop."
        }
        Version::V1 => {
            "To freeze a group, write FROZEN into its freezer.state. When you read it, it tells you the progress: \
             FREEZING, then FROZEN. Watch the counter stop."
        }
    };
    vec![
        Step::look(
            "A control group (cgroup) is a set of processes that the kernel treats together. It is a directory on \
             the cgroup file system, and the kernel itself creates the files in it. The lab has created one for you, \
             called box, with a harmless counting process in it.",
        )
        .sees([Check::Exists(BOX, true), Check::In("counter", BOX), Check::Counts("counter")]),
        Step::new(
            "To create a group, create a directory. Look into it afterwards: the control files are there at once, \
             and it contains no process.",
            Act::Make(SPARE),
        )
        .sees([Check::Exists(SPARE, true), Check::Populated(SPARE, false)]),
        Step::new(
            "To move a process, write its PID into cgroup.procs of the destination group. In each hierarchy a \
             process is in exactly one group (threads aside), so it leaves the old one. It notices nothing and keeps \
             counting.",
            Act::Move("counter", SPARE),
        )
        .sees([
            Check::In("counter", SPARE),
            Check::Populated(SPARE, true),
            Check::Populated(BOX, false),
            Check::Counts("counter"),
        ])
        .asks(
            "The group spare contains a process. What does rmdir spare do?",
            1,
            [
                ("It removes the group and ends the process", "No: removing a group never ends a process."),
                ("It refuses: Device or resource busy", "Yes. Only an empty group can be removed."),
                ("It moves the process up and removes the group", "No: the kernel never moves a process by itself."),
            ],
        ),
        Step::new(freeze, Act::Freeze(SPARE)).sees([Check::Is(SPARE, State::Frozen), Check::Still("counter")]),
        Step::new(
            "To thaw the group, clear the request. The process continues where it stopped, and does not know that \
             time has passed.",
            Act::Thaw(SPARE),
        )
        .sees([Check::Is(SPARE, State::Thawed), Check::Counts("counter")]),
        Step::new("Move the process back to where it started. The group spare is empty again.", Act::Move("counter", BOX))
            .sees([Check::In("counter", BOX), Check::Populated(SPARE, false)]),
        Step::new(
            "rmdir removes an empty group. You need not remove its files first: they belong to the kernel.",
            Act::Remove(SPARE),
        )
        .sees([Check::Exists(SPARE, false), Check::Counts("counter")]),
    ]
}
