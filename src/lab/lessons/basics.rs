//! A group, its files, its processes.

use crate::lab::act::Act;
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, Lesson, Role, SPARE, Step};
use crate::model::{State, Version};

pub(super) const LESSON: Lesson = Lesson {
    number: 1,
    title: "A group, its files, its processes",
    about: "Make a group, move a process into it, freeze it, thaw it, remove it.",
    criu: false,
    groups: &[BOX],
    roles: &[Role::new("counter", BOX)],
    steps,
};

fn steps(version: Version, _: bool) -> Vec<Step> {
    let freeze = match version {
        Version::V2 => {
            "To freeze a group, write 1 into its cgroup.freeze. That is the request; whether it is fulfilled stands in \
             cgroup.events, in the line frozen. Watch the counter stop."
        }
        Version::V1 => {
            "To freeze a group, write FROZEN into its freezer.state. Read it, and it says how far that has come: FREEZING, \
             then FROZEN. Watch the counter stop."
        }
    };
    vec![
        Step::look(
            "A control group (cgroup) is a set of processes that the kernel treats together. It is a directory on the cgroup \
             file system, and the kernel itself makes the files in it. The lab has made one for you, called box, and has put \
             a harmless process into it that counts.",
        )
        .sees([Check::Exists(BOX, true), Check::In("counter", BOX), Check::Counts("counter")]),
        Step::new(
            "Making a group is making a directory. Look into it afterwards: the control files are there at once, and no \
             process is in it.",
            Act::Make(SPARE),
        )
        .sees([Check::Exists(SPARE, true), Check::Populated(SPARE, false)]),
        Step::new(
            "A process is moved by writing its number (PID) into cgroup.procs of the group it is to go to. In each hierarchy \
             a process is in exactly one group, so it leaves the old one. It does not notice anything, and counts on.",
            Act::Move("counter", SPARE),
        )
        .sees([
            Check::In("counter", SPARE),
            Check::Populated(SPARE, true),
            Check::Populated(BOX, false),
            Check::Counts("counter"),
        ])
        .asks(
            "What does rmdir do now with the group spare, in which a process is?",
            1,
            [
                ("It removes the group and ends the process", "No: removing a group never ends a process."),
                ("It refuses: Device or resource busy", "Yes. Only an empty group can be removed."),
                ("It moves the process up and removes the group", "No: the kernel moves nobody unasked."),
            ],
        ),
        Step::new(freeze, Act::Freeze(SPARE)).sees([Check::Is(SPARE, State::Frozen), Check::Still("counter")]),
        Step::new(
            "Thawing is taking the request back. The process goes on from where it was, and has no idea that time has passed.",
            Act::Thaw(SPARE),
        )
        .sees([Check::Is(SPARE, State::Thawed), Check::Counts("counter")]),
        Step::new("The process goes back to where it began. The group spare is empty again.", Act::Move("counter", BOX))
            .sees([Check::In("counter", BOX), Check::Populated(SPARE, false)]),
        Step::new(
            "An empty group is removed with rmdir. Its files need not be removed first: they are the kernel's.",
            Act::Remove(SPARE),
        )
        .sees([Check::Exists(SPARE, false), Check::Counts("counter")]),
    ]
}
