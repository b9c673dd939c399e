//! The processes of a group.

use std::collections::HashMap;

/// A process's identity: a PID alone is used again, with the start time it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId {
    /// The PID in the PID namespace of this program's `/proc`.
    pub pid: i32,
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat` (proc_pid_stat(5)).
    pub start: u64,
}

/// One process, as one look found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its identity.
    pub id: ProcessId,
    /// The PID of its parent; 0 where the parent is outside the PID namespace.
    pub parent: i32,
    /// Its real user.
    pub uid: u32,
    /// That user's name, or the number where it has none.
    pub user: String,
    /// The state letter of `/proc/PID/stat`: R, S, D, T (stopped), t (stopped by a tracer), Z, X, I. Of a process whose main
    /// thread has ended before the others, the state of one that lives.
    pub state: char,
    /// The main thread has ended (`pthread_exit`) and others live: the kernel shows such a process as a zombie.
    pub main_thread_ended: bool,
    /// The PID of the process that traces it.
    pub tracer: Option<i32>,
    /// Its tracer is a criu, and is believed to be one ([`running_criu`](crate::kernel::running_criu)).
    pub held_by_criu: bool,
    /// A thread of the kernel: it ignores the freezer of user space.
    pub kernel_thread: bool,
    /// How many threads it has.
    pub threads: u32,
    /// Resident memory in bytes.
    pub rss: u64,
    /// The command line with spaces between the arguments, or the command name where there is none (a zombie, a kernel thread).
    pub command: Box<[u8]>,
}

impl Process {
    /// Stopped by a signal: the freezer has nothing to do with it, and a thaw does not make it run.
    pub fn is_stopped(&self) -> bool {
        self.state == 'T'
    }

    /// Has ended with all its threads, and its parent has not asked for its exit code yet.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// What makes this process special for a freeze or a checkpoint, in a word.
    pub fn mark(&self) -> Option<&'static str> {
        match self.state {
            'Z' | 'X' => Some("zombie"),
            _ if self.kernel_thread => Some("kernel"),
            _ if self.tracer.is_some() => Some("traced"),
            'T' => Some("stopped"),
            _ if self.main_thread_ended => Some("main thread ended"),
            _ => None,
        }
    }
}

/// A place in the tree that a list of processes makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    /// Which process of the list.
    pub index: usize,
    /// How deep below a root: 0 for a process whose parent is not in the list.
    pub depth: usize,
}

/// The processes as a tree: each below its parent, siblings by PID, every process exactly once.
///
/// A list is not read in one instant, so a PID may have been used again in between: a circle of parents is cut.
pub fn tree(list: &[Process]) -> Vec<Branch> {
    let by_pid: HashMap<i32, usize> = list.iter().enumerate().map(|(i, p)| (p.id.pid, i)).collect();
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (index, process) in list.iter().enumerate() {
        let parent = by_pid.get(&process.parent).copied().filter(|&p| p != index);
        children.entry(parent).or_default().push(index);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|&i| list[i].id.pid);
    }
    let mut branches = Vec::with_capacity(list.len());
    let mut seen = vec![false; list.len()];
    let mut roots = children.remove(&None).unwrap_or_default();
    roots.extend(0..list.len());
    for root in roots {
        descend(root, &children, &mut seen, &mut branches);
    }
    branches
}

fn descend(
    root: usize,
    children: &HashMap<Option<usize>, Vec<usize>>,
    seen: &mut [bool],
    branches: &mut Vec<Branch>,
) {
    let mut stack = vec![Branch { index: root, depth: 0 }];
    while let Some(branch) = stack.pop() {
        if std::mem::replace(&mut seen[branch.index], true) {
            continue;
        }
        branches.push(branch);
        let below = children.get(&Some(branch.index)).into_iter().flatten().rev();
        stack.extend(below.map(|&index| Branch { index, depth: branch.depth + 1 }));
    }
}

/// The roots of a list: the processes whose parent is not in it. `criu dump -t` takes one root's tree.
pub fn roots(list: &[Process]) -> Vec<&Process> {
    tree(list).into_iter().filter(|b| b.depth == 0).map(|b| &list[b.index]).collect()
}

/// A process of a list and all below it: the tree that `criu dump -t` takes. Parents stand before children; empty where the
/// process is not in the list.
pub fn descendants(list: &[Process], root: i32) -> Vec<&Process> {
    let mut children: HashMap<i32, Vec<&Process>> = HashMap::new();
    for process in list.iter().filter(|process| process.id.pid != root) {
        children.entry(process.parent).or_default().push(process);
    }
    let mut tree: Vec<&Process> = list.iter().filter(|process| process.id.pid == root).collect();
    let mut next = 0;
    while let Some(parent) = tree.get(next).map(|process| process.id.pid) {
        next += 1;
        // Taken out: a circle of parents, read while PIDs were used again, ends here.
        tree.extend(children.remove(&parent).into_iter().flatten());
    }
    tree
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    use proptest::prelude::*;

    pub(crate) fn process(pid: i32, parent: i32) -> Process {
        Process {
            id: ProcessId { pid, start: 7 },
            parent,
            uid: 0,
            user: "root".into(),
            state: 'S',
            main_thread_ended: false,
            tracer: None,
            held_by_criu: false,
            kernel_thread: false,
            threads: 1,
            rss: 4096,
            command: b"sleep 9".as_slice().into(),
        }
    }

    fn shape(list: &[Process]) -> Vec<(i32, usize)> {
        tree(list).iter().map(|b| (list[b.index].id.pid, b.depth)).collect()
    }

    #[test]
    fn children_stand_below_their_parents() {
        let list = [process(9, 5), process(5, 1), process(7, 5), process(8, 7), process(3, 1)];
        assert_eq!(shape(&list), [(3, 0), (5, 0), (7, 1), (8, 2), (9, 1)]);
        assert_eq!(roots(&list).len(), 2);
    }

    #[test]
    fn a_circle_is_cut() {
        assert_eq!(shape(&[process(1, 2), process(2, 1)]), [(1, 0), (2, 1)]);
        assert_eq!(shape(&[process(4, 4)]), [(4, 0)]);
    }

    #[test]
    fn all_below_a_process() {
        let list = [process(9, 5), process(5, 1), process(7, 5), process(8, 7), process(3, 1)];
        let below = |root| descendants(&list, root).iter().map(|p| p.id.pid).collect::<Vec<_>>();
        assert_eq!(below(5), [5, 9, 7, 8]);
        assert!(below(4).is_empty());
        let circle = [process(1, 2), process(2, 1)];
        assert_eq!(descendants(&circle, 2).len(), 2);
    }

    #[test]
    fn marks() {
        let mut one = process(1, 0);
        assert_eq!(one.mark(), None);
        one.state = 'T';
        assert_eq!(one.mark(), Some("stopped"));
        one.tracer = Some(4);
        assert_eq!(one.mark(), Some("traced"));
        one.state = 'Z';
        assert_eq!(one.mark(), Some("zombie"));
    }

    proptest! {
        #[test]
        fn every_process_once(parents in proptest::collection::vec(0..12i32, 0..12)) {
            let list: Vec<_> = parents.iter().enumerate().map(|(i, &p)| process(i as i32 + 1, p)).collect();
            let mut pids: Vec<_> = shape(&list).into_iter().map(|(pid, _)| pid).collect();
            pids.sort_unstable();
            prop_assert_eq!(pids, (1..=list.len() as i32).collect::<Vec<_>>());
        }
    }
}
