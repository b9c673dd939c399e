//! A copy: the processes of the images in a PID namespace of their own, where all numbers are free, while the original may live.
//!
//! Measured with criu 4.1.1 on Linux 6.18, on both hierarchies: `--leave-stopped`, then a freeze, then SIGCONT leaves what was
//! restored frozen before its first step, and it goes on as soon as it is thawed. (A freeze in criu's own `pre-resume` hook hangs:
//! criu is in the group itself, so that it makes no groups.)

pub mod groups;
pub mod keeper;
mod left;
mod preflight;
mod record;
mod running;

use serde::Serialize;

pub use groups::NewGroup;
pub use left::{LeftGroups, left_groups};
pub(super) use preflight::{check, plan_copy};
pub(super) use running::Keeper;

use super::step::list;
use super::tree::Tree;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::flag::{Directory, Flag};
use crate::model::shell::quoted;
use crate::model::{CgroupId, State, Version};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyRequest {
    /// It is frozen before it runs.
    pub frozen: bool,
    /// Through which freezer; `None` for v2, where the host has it.
    pub freezer: Option<Version>,
}

/// A copy, ready to be made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyPlan {
    /// The groups that are made for it, and removed when it has ended; none where it comes into a group of somebody's.
    pub groups: Vec<Arg>,
    /// The group whose freeze is requested before the copy runs.
    pub frozen: Option<Flag>,
    /// The same groups, as they are made.
    #[serde(skip)]
    pub new: Vec<NewGroup>,
    /// The number after which the kernel gives its own in the namespace: those behind it are not in the images.
    #[serde(skip)]
    pub last_pid: i32,
    /// This program.
    #[serde(skip)]
    pub program: Arg,
}

/// A copy that is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunningCopy {
    /// PID 1 of its namespace, by its number here: the copy ends when this process is killed.
    pub init: i32,
    /// The process that removes the groups when the copy has ended.
    pub keeper: i32,
    /// The groups that were made for it.
    pub groups: Vec<Arg>,
    /// The group that was frozen before the copy ran.
    pub frozen: Option<Arg>,
    /// Its processes.
    pub processes: Vec<Numbers>,
}

/// The two numbers of a process of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// The number that it has in the namespace, and had before.
    pub pid: i32,
    /// The number that it has here.
    pub here: i32,
}

impl NewGroup {
    /// Its flag, as it is to be.
    fn frozen(&self) -> Flag {
        Flag {
            group: self.absolute().into(),
            hierarchy: self.hierarchy.version,
            requested: false,
            promised: true,
            timed: false,
            state: State::Thawed,
            // It is not there yet.
            id: CgroupId { dev: 0, ino: 0 },
            path: self.below.clone(),
            directory: Directory::default(),
        }
    }
}

/// The variable of a script with the PID of the namespace's PID 1, as a word.
pub(super) const INIT_WORD: &str = "\"$init\"";

impl CopyPlan {
    /// The lines for a shell that start the keeper: descriptor 3 is its input.
    pub(super) fn shell(&self) -> String {
        let words = self.keeper_words();
        let keeper: Vec<String> = words.iter().map(|word| quoted(&word.0)).collect();
        [
            "pipes=$(mktemp -d)",
            "mkfifo \"$pipes/in\" \"$pipes/out\"",
            &format!("setsid {} <\"$pipes/in\" >\"$pipes/out\" &", keeper.join(" ")),
            "exec 3>\"$pipes/in\"",
            "read -r init <\"$pipes/out\"",
            "rm -r \"$pipes\"",
        ]
        .join("\n")
    }

    /// The keeper's command line.
    fn keeper_words(&self) -> Vec<Arg> {
        let start = [self.program.clone(), keeper::KEEPER.into(), "--last-pid".into()];
        let groups = self.groups.iter().cloned();
        start.into_iter().chain([self.last_pid.to_string().into()]).chain(groups).collect()
    }
}

/// The line for a shell that has processes of the namespace go on, by their numbers there.
pub(super) fn resume_shell(pids: &[i32]) -> String {
    format!("nsenter -t {INIT_WORD} -p -m -- sh -c 'kill -CONT {}'", list(pids))
}

/// The line for a shell that has the keeper keep the copy.
pub(super) const KEEP_SHELL: &str = "echo keep >&3\nexec 3>&-";

/// All numbers that the images want: of processes, threads and sessions.
fn wanted_numbers(trees: &[Tree]) -> Vec<i32> {
    let members = trees.iter().flat_map(|tree| &tree.processes);
    members.flat_map(|member| member.threads.iter().copied().chain(member.sid)).collect()
}

/// How many numbers in a row criu may need for itself while it restores.
const CRIU_NUMBERS: i32 = 256;
/// Below it the kernel gives no number when it begins again (`RESERVED_PIDS` of kernel/pid.c).
const RESERVED: i32 = 300;

/// The number before the first run of free ones: behind all that are wanted, or else in the highest gap between them.
fn before_free_run(mut wanted: Vec<i32>, max: i32) -> i32 {
    wanted.push(RESERVED);
    wanted.sort_unstable();
    let ends = wanted.iter().skip(1).copied().chain([max]);
    let gaps =
        wanted.iter().copied().zip(ends).filter(|(from, to)| to - from > CRIU_NUMBERS && *from >= RESERVED);
    gaps.last().map_or(RESERVED, |(from, _)| from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_criu_itself() {
        assert_eq!(before_free_run(vec![7, 8], 32_768), 300);
        assert_eq!(before_free_run(vec![7, 20_000], 32_768), 20_000);
        assert_eq!(before_free_run(vec![7, 20_000, 32_700], 32_768), 20_000);
        assert_eq!(before_free_run(vec![32_700], 32_768), 300);
    }
}
