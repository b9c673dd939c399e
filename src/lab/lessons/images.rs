//! Checkpoint and restore; two trees at one instant.

use crate::checkpoint::After;
use crate::lab::act::{Act, Told, dump};
use crate::lab::check::Check;
use crate::lab::lesson::{BOX, INNER, Lesson, Role, SECOND, Step};
use crate::model::{State, Version};

pub(super) const RESTORE: Lesson = Lesson {
    number: 8,
    title: "A checkpoint, a restore, and the counter continues",
    about: "Save a process to files, end it, and bring it back with its memory and its PID.",
    criu: true,
    groups: &[BOX],
    roles: &[Role { name: "counter", at: BOX, child: None, threads: 2 }],
    steps: restore,
};

pub(super) const TREES: Lesson = Lesson {
    number: 9,
    title: "Two trees at one instant",
    about: "criu dumps one process tree at a time; a frozen parent group makes it one instant for all.",
    criu: true,
    groups: &[BOX, INNER, SECOND],
    roles: &[Role::new("counter", INNER), Role::new("second", SECOND)],
    steps: trees,
};

fn restore(_: Version, _: bool) -> Vec<Step> {
    vec![
        Step::look(
            "The counter keeps its number in memory, and writes it to a file. It never reads the file back: only a \
             process with that memory can continue from it.",
        )
        .sees([Check::Counts("counter")]),
        Step::new(
            "Make a checkpoint that ends the process. Its memory, threads and open files are now in the directory. \
             Nobody else may read it, because it contains every secret of the process.",
            Act::Checkpoint { group: BOX, images: "images", after: Some(After::Killed) },
        )
        .sees([
            Check::Reported("images"),
            Check::Gone("counter"),
            Check::Populated(BOX, false),
            Check::Still("counter"),
        ])
        .asks(
            "The process comes back with the PID that it had. When does a restore fail?",
            1,
            [
                ("When the machine is busy", "No: it only takes longer."),
                (
                    "When the PID is in use, even by a zombie",
                    "Yes: Can't fork for PID: File exists. A zombie's parent must collect its exit code first.",
                ),
                ("When the group is gone", "No: criu creates the groups again."),
            ],
        ),
        Step::new(
            "Restore it. The process is back: the same PID, the same group, the same threads. And it continues from \
             the saved number, not from one.",
            Act::Restore("images"),
        )
        .sees([
            Check::Restored("images"),
            Check::Lives("counter"),
            Check::In("counter", BOX),
            Check::Threads("counter", 2),
            Check::GoesOn("counter"),
        ]),
        Step::new("It is a process like any other. Freeze it, for instance.", Act::Freeze(BOX))
            .sees([Check::Is(BOX, State::Frozen), Check::Still("counter")]),
        Step::new("And thaw it. It does not know that it was ever gone.", Act::Thaw(BOX))
            .sees([Check::Is(BOX, State::Thawed), Check::Counts("counter")]),
    ]
}

fn trees(_: Version, _: bool) -> Vec<Step> {
    let same = [Check::Same("counter"), Check::Same("second")];
    vec![
        Step::look(
            "Two processes work together, each with its own tree, like the containers of a pod. criu dumps one tree \
             at a time. Dumped one after the other while they run, the two images would not match.",
        )
        .sees([Check::Counts("counter"), Check::Counts("second")]),
        Step::new("So freeze the group that contains both, which is box. Both stop.", Act::Freeze(BOX))
            .sees([Check::Is(BOX, State::Frozen), Check::Still("counter"), Check::Still("second")]),
        Step::new(
            "Dump the first tree with --freeze-cgroup box. criu pauses the other one, dumps only the first, and \
             restores the freeze of box.",
            dump("counter", "images-1", Told::Absolute(BOX)),
        )
        .sees([Check::Dumped("images-1"), Check::Is(BOX, State::Frozen)])
        .sees(same)
        .asks(
            "Why --freeze-cgroup box, and not inner, where the counter is?",
            2,
            [
                ("Because it is the shorter path", "No: the length of the path does not matter."),
                ("Because box has more processes", "No: criu dumps the tree that it is given, wherever it is."),
                ("Because box has the request, and inner does not", "Yes. With inner it would hang."),
            ],
        ),
        Step::new(
            "Dump the second tree in the same way. Neither of them has counted between the two dumps: it is one \
             instant.",
            dump("second", "images-2", Told::Absolute(BOX)),
        )
        .sees([Check::Dumped("images-2"), Check::Is(BOX, State::Frozen)])
        .sees(same),
        Step::new(
            "cryoscope checkpoint does all of it at once, with a directory for each tree. cryoscope restore brings \
             back all of them, or none.",
            Act::Checkpoint { group: BOX, images: "images", after: None },
        )
        .sees([Check::Reported("images"), Check::Is(BOX, State::Frozen)])
        .sees(same),
        Step::new("Thaw box. Both continue from the same instant.", Act::Thaw(BOX))
            .sees([Check::Counts("counter"), Check::Counts("second")]),
    ]
}
