//! The steps of a restore, each with the line for a shell that does the same.

use serde::Serialize;

use crate::checkpoint::arg::Arg;
use crate::checkpoint::flag::Flag;
use crate::checkpoint::script::{back, settle};
use crate::model::shell::quoted;

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Take back the requests that would hold the processes while criu makes them.
    Thaw {
        /// The flags, as they were found; those of groups below before those above.
        flags: Vec<Flag>,
    },
    /// Set these requests again, and wait until the groups are frozen, but not for long.
    FreezeAgain {
        /// The flags, as they were found.
        flags: Vec<Flag>,
    },
    /// Run criu.
    Restore(Restore),
    /// SIGCONT to processes that criu has left stopped.
    Continue {
        /// Their PIDs; those that were stopped when they were dumped are not among them.
        pids: Vec<i32>,
    },
}

/// A run of `criu restore`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restore {
    /// The root of the tree.
    pub root: i32,
    /// criu's absolute path.
    pub criu: Arg,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// The folder with the images.
    pub images: Arg,
    /// It runs on this terminal, not in a session of its own.
    pub on_terminal: bool,
}

impl Restore {
    /// The line for a shell.
    pub fn shell(&self) -> String {
        let words: Vec<String> =
            std::iter::once(&self.criu).chain(&self.args).map(|arg| quoted(&arg.0)).collect();
        match self.on_terminal {
            true => words.join(" "),
            false => format!("setsid -w {} </dev/null", words.join(" ")),
        }
    }
}

impl Step {
    /// The line for a shell.
    pub fn shell(&self) -> String {
        match self {
            Self::Thaw { flags } => lines(flags.iter().map(|flag| flag.line(false))),
            Self::FreezeAgain { flags } => {
                lines(back(flags.clone()).into_iter().chain(flags.iter().map(settle)))
            }
            Self::Restore(restore) => restore.shell(),
            Self::Continue { pids } => format!("kill -CONT {}", list(pids)),
        }
    }

    /// What it is for, in a sentence.
    pub fn comment(&self) -> &'static str {
        match self {
            Self::Thaw { .. } => "Thaw what would hold the processes: criu would wait for them for ever.",
            Self::FreezeAgain { .. } => "Freeze it again, as it was found.",
            Self::Restore(restore) if restore.on_terminal => {
                "criu on this terminal: the processes get it. Do not interrupt it."
            }
            Self::Restore(restore) if restore.args.iter().any(|arg| arg.0 == LEAVE_STOPPED) => {
                "criu in a session of its own. The processes are left stopped until all trees are there."
            }
            Self::Restore(_) => "criu in a session of its own, out of reach of Ctrl-C.",
            Self::Continue { .. } => "All are there: let them run, at once.",
        }
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// The option of criu.
pub(super) const LEAVE_STOPPED: &str = "--leave-stopped";

pub(super) fn list(pids: &[i32]) -> String {
    pids.iter().map(i32::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_a_shell() {
        let (criu, args) = ("/c/criu".into(), vec!["restore".into(), "-D".into(), "/i x".into()]);
        let mut restore = Restore { root: 7, criu, args, images: "/i x".into(), on_terminal: false };
        assert_eq!(restore.shell(), "setsid -w /c/criu restore -D '/i x' </dev/null");
        restore.on_terminal = true;
        assert_eq!(Step::Restore(restore).shell(), "/c/criu restore -D '/i x'");
        assert_eq!(Step::Continue { pids: vec![7, 8] }.shell(), "kill -CONT 7 8");
    }
}
