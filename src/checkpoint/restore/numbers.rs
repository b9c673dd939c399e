//! Whether the numbers of processes and threads are free.

use std::collections::{BTreeMap, HashSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::tree::Tree;
use crate::checkpoint::Finding;
use crate::kernel::Status;
use crate::kernel::processes::{Processes, every_pid};
use crate::model::{Process, printable};

const WHY: &str = "criu restores every process and thread with the ID that it had";
const SAYS: &str = "Can't fork for N: File exists";

/// How many are said one by one.
const FEW: usize = 5;

/// A number of the images that is in use here.
struct Taken {
    number: i32,
    by: By,
}

enum By {
    /// A process, or a thread of it.
    Process(Process),
    /// It is the number of a process group or a session that still has this process.
    Group(Process),
}

pub(super) fn look(trees: &[Tree], findings: &mut Vec<Finding>) {
    for tree in trees.iter().filter(|tree| tree.own_pids) {
        let what = format!("the tree of process {} has its own PID namespace", tree.root());
        let why = "criu creates a new one: the processes have their PIDs there, and other PIDs here";
        findings.push(Finding::warning("pid-namespace", what, why));
    }
    let here = trees.iter().filter(|tree| !tree.own_pids);
    let numbers: Vec<i32> = here.flat_map(|tree| &tree.processes).flat_map(|p| p.threads.clone()).collect();
    twice(&numbers, findings);
    let taken = still_taken(&numbers);
    if taken.is_empty() && !numbers.is_empty() {
        findings.push(Finding::ok(
            "pids",
            match numbers.len() {
                1 => "the PID of the process is free".to_owned(),
                many => format!("{many} process and thread IDs are free"),
            },
        ));
    }
    findings.extend(taken.iter().take(FEW).map(finding));
    if taken.len() > FEW {
        let what = format!("{} more IDs are in use", taken.len() - FEW);
        findings.push(Finding::blocker("pid-taken", what, WHY).criu_says(SAYS));
    }
}

/// In a namespace of their own all numbers are free.
pub(super) fn of_copy(trees: &[Tree], findings: &mut Vec<Finding>) {
    let numbers: Vec<i32> =
        trees.iter().flat_map(|tree| &tree.processes).flat_map(|p| p.threads.clone()).collect();
    twice(&numbers, findings);
    let what =
        "the copy is in its own PID namespace: it has the PIDs of the images there, and other PIDs here";
    findings.push(Finding::ok("pids", what));
}

/// Two trees that want one number cannot both be had.
fn twice(numbers: &[i32], findings: &mut Vec<Finding>) {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        let what = format!("two trees have process or thread {}", pair[0]);
        findings.push(
            Finding::blocker("pid-taken", what, WHY).criu_says(SAYS).remedy("restore only one directory"),
        );
    }
}

/// How long is waited for parents that have not yet asked for an exit code: most do at once, PID 1 of a container later.
const ZOMBIE_PATIENCE: Duration = Duration::from_secs(3);

/// The numbers that are taken, once no zombie is among them, or none that is reaped soon.
fn still_taken(numbers: &[i32]) -> Vec<Taken> {
    let deadline = Instant::now() + ZOMBIE_PATIENCE;
    loop {
        let taken = taken(numbers);
        let is_zombie = |one: &Taken| matches!(&one.by, By::Process(process) if process.is_zombie());
        if !taken.iter().any(is_zombie) || Instant::now() > deadline {
            return taken;
        }
        sleep(Duration::from_millis(20));
    }
}

fn taken(numbers: &[i32]) -> Vec<Taken> {
    let groups = groups();
    let mut processes = Processes::default();
    let mut seen = HashSet::new();
    let mut taken = Vec::new();
    for &number in numbers {
        let owner = Status::read(number).ok().flatten().and_then(|status| status.number("Tgid"));
        let owner = owner.and_then(|pid| processes.read(i32::try_from(pid).ok()?));
        let by = match owner {
            // The threads of one process are said once.
            Some(process) if !seen.insert(process.id.pid) => continue,
            Some(process) => By::Process(process),
            None => match groups.get(&number).and_then(|&pid| processes.read(pid)) {
                Some(process) => By::Group(process),
                None => continue,
            },
        };
        taken.push(Taken { number, by });
    }
    taken
}

/// The numbers of process groups and sessions, each with a process that is in it: the kernel does not give them away, though
/// no process has them (kernel/pid.c: `alloc_pid`).
fn groups() -> BTreeMap<i32, i32> {
    let mut groups = BTreeMap::new();
    for pid in every_pid() {
        let Ok(Some(status)) = Status::read(pid) else { continue };
        for number in ["NSpgid", "NSsid"].iter().filter_map(|key| status.numbers(key)?.first().copied()) {
            groups.entry(number).or_insert(pid);
        }
    }
    groups
}

fn finding(taken: &Taken) -> Finding {
    let number = taken.number;
    let name = |process: &Process| format!("process {} ({})", process.id.pid, program(process));
    let (code, what, remedy) = match &taken.by {
        By::Process(process) if process.is_zombie() => {
            let parent = Processes::default().read(process.parent);
            let parent = parent.as_ref().map_or_else(|| format!("process {}", process.parent), name);
            let what = format!(
                "process {number} has ended, but its parent, {parent}, has not collected its exit code"
            );
            let remedy = match process.parent {
                1 => "wait until it does".to_owned(),
                parent => format!("make process {parent} do so, or end it"),
            };
            ("zombie", what, remedy)
        }
        By::Process(process) => {
            let is = if process.id.pid == number { "lives" } else { "has a thread with this ID" };
            let what = format!("PID {number} is in use: {} {is}", name(process));
            ("pid-taken", what, format!("end process {} first", process.id.pid))
        }
        By::Group(process) => {
            let what =
                format!("PID {number} is in use: it is the process group or session of {}", name(process));
            ("pid-taken", what, format!("end process {} first", process.id.pid))
        }
    };
    Finding::blocker(code, what, WHY).criu_says(SAYS).remedy(remedy)
}

/// The beginning of a command line: enough to know the program by.
fn program(process: &Process) -> String {
    const ENOUGH: usize = 40;
    let command = printable(&process.command);
    match command.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{} …", command[..end].trim_end()),
        None => command.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_thread() {
        let me = std::process::id().cast_signed();
        let thread = std::thread::spawn(|| {
            let own = nix::unistd::gettid().as_raw();
            (own, taken(&[own, i32::MAX]))
        });
        let (own, taken) = thread.join().unwrap();
        assert!(own != me && taken.len() == 1);
        let finding = finding(&taken[0]);
        assert!(
            finding.blocks() && finding.what.starts_with(&format!("PID {own} is in use: process {me} ("))
        );
        assert!(finding.what.ends_with("has a thread with this ID"), "{}", finding.what);
    }

    #[test]
    fn one_number_for_two() {
        let mut findings = Vec::new();
        twice(&[3, 1, 2], &mut findings);
        assert!(findings.is_empty());
        twice(&[3, 1, 3], &mut findings);
        assert!(findings[0].blocks() && findings[0].what.contains('3'));
    }
}
