//! The steps of a plan, each with the line for a shell that does the same.

use serde::{Deserialize, Serialize};

use super::arg::Arg;
use super::flag::Flag;
use super::hook::Hook;
use super::tree::Member;
use crate::model::Version;
use crate::model::shell::quoted;

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Make a folder for images, mode 0700, or use the empty one that exists.
    MakeFolder {
        /// Where.
        path: Arg,
        /// It was there already.
        exists: bool,
    },
    /// Ask for a freeze of a group.
    Freeze {
        /// Its flag, as it was found.
        flag: Flag,
    },
    /// Take a group's request back.
    Thaw {
        /// Its flag, as it was found.
        flag: Flag,
    },
    /// Wait until every process of a group has stopped.
    AwaitFrozen {
        /// Its flag, as it was found.
        flag: Flag,
    },
    /// Prove that the images can be restored, before processes are ended.
    Prove {
        /// The folders with the images, one a tree.
        images: Vec<Arg>,
        /// This program, and what it is told.
        hook: Hook,
    },
    /// Wait until processes that were killed have ended.
    AwaitEnded {
        /// Which.
        processes: Vec<Member>,
    },
    /// Run criu.
    Dump(Dump),
    /// Send a signal to frozen processes: it takes effect before any of them runs again.
    Signal {
        /// Which.
        signal: Signal,
        /// Whom.
        processes: Vec<Member>,
    },
}

/// A run of `criu dump`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dump {
    /// The root of the tree.
    pub root: i32,
    /// criu's absolute path.
    pub criu: Arg,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// The group that is handed to `--freeze-cgroup`.
    pub freeze_cgroup: Option<Arg>,
    /// The folder for the images.
    pub images: Arg,
    /// What proves the images before criu ends the processes, where it does.
    pub hook: Option<Hook>,
}

/// A signal that a plan sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// SIGSTOP.
    Stop,
    /// SIGKILL.
    Kill,
}

impl Signal {
    /// The word behind `kill -`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Kill => "KILL",
        }
    }
}

impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Stop => Self::STOP,
            Signal::Kill => Self::KILL,
        }
    }
}

impl Dump {
    /// The line for a shell.
    pub fn shell(&self) -> String {
        let words: Vec<String> =
            std::iter::once(&self.criu).chain(&self.args).map(|arg| quoted(&arg.0)).collect();
        let told = self.hook.as_ref().map(Hook::shell).unwrap_or_default();
        format!("{told}setsid -w {} </dev/null", words.join(" "))
    }
}

/// The line for a shell that waits until a group is frozen, or `or` is so; `and` is done between two looks.
pub(super) fn until_frozen(flag: &Flag, or: &str, and: &str) -> String {
    let (word, file, again) = match flag.hierarchy {
        Version::V1 => ("FROZEN", "freezer.state", format!("{}; ", flag.line(true))),
        Version::V2 => ("'frozen 1'", "cgroup.events", String::new()),
    };
    let file = quoted(flag.absolute().join(file).as_os_str());
    let or = if or.is_empty() { String::new() } else { format!(" || {or}") };
    format!("until grep -q {word} {file}{or}; do {again}{and}sleep 0.05; done")
}

impl Step {
    /// The line for a shell.
    pub fn shell(&self) -> String {
        match self {
            Self::MakeFolder { path, exists: false } => format!("mkdir -m 0700 {}", quoted(&path.0)),
            Self::MakeFolder { path, exists: true } => format!("test -d {}", quoted(&path.0)),
            Self::Freeze { flag } => flag.line(true),
            Self::Thaw { flag } => flag.line(false),
            Self::AwaitFrozen { flag } => until_frozen(flag, "", ""),
            Self::AwaitEnded { processes } => {
                let pids: Vec<String> = processes.iter().map(|member| member.pid.to_string()).collect();
                // A zombie has ended; kill -0 still finds it.
                let lives = "grep -q '^State:.[^ZX]' /proc/$pid/status 2>/dev/null";
                format!("for pid in {}; do while {lives}; do sleep 0.05; done; done", pids.join(" "))
            }
            Self::Dump(dump) => dump.shell(),
            Self::Prove { images, hook } => {
                let one = |folder: &Arg| hook.line(&folder.0);
                images.iter().map(one).collect::<Vec<_>>().join("\n")
            }
            Self::Signal { signal, processes } => {
                let pids: Vec<String> = processes.iter().map(|member| member.pid.to_string()).collect();
                format!("kill -{} {}", signal.word(), pids.join(" "))
            }
        }
    }

    /// What it is for, in a sentence.
    pub fn comment(&self) -> String {
        match self {
            Self::MakeFolder { exists: false, .. } => {
                "A directory for images; they contain every secret of the processes.".to_owned()
            }
            Self::MakeFolder { exists: true, .. } => {
                "The image directory exists, empty and private.".to_owned()
            }
            Self::Freeze { flag } if flag.requested => "Freeze it again, as it was found.".to_owned(),
            Self::Freeze { flag } if flag.promised => {
                "Frozen from here on, and left frozen.".to_owned()
            }
            Self::Freeze { .. } => "This group holds everything while criu works.".to_owned(),
            Self::Thaw { flag } if flag.requested && flag.promised => {
                "Temporarily cleared: criu would hang on it. The group above, or the other hierarchy, holds the \
                 processes."
                    .to_owned()
            }
            Self::Thaw { .. } => "Let them run.".to_owned(),
            Self::AwaitFrozen { flag } if flag.hierarchy == Version::V1 => {
                "Wait until every process has stopped; v1 does not retry by itself.".to_owned()
            }
            Self::AwaitFrozen { .. } => "Wait until every process has stopped.".to_owned(),
            Self::AwaitEnded { .. } => {
                "Wait until they have ended: under the v1 freezer they would not.".to_owned()
            }
            Self::Dump(Dump { hook: Some(Hook { freeze_again: Some(_), .. }), .. }) => {
                "criu in its own session. It asks cryoscope whether the images can be restored; cryoscope freezes \
                 the group again, and only then criu ends the processes. Never kill criu while it hangs: thaw the \
                 group."
                    .to_owned()
            }
            Self::Dump(Dump { hook: Some(_), .. }) => {
                "criu in its own session. It asks cryoscope whether the images can be restored, and only then ends \
                 the processes. Never kill criu while it hangs on a frozen group: thaw the group."
                    .to_owned()
            }
            Self::Prove { .. } => {
                "Verify the images: no process is ended before that. If they cannot be restored, the script ends \
                 here.".to_owned()
            }
            Self::Dump(Dump { freeze_cgroup: Some(_), .. }) => {
                "criu in its own session. It thaws the group and restores its freeze. Never kill it while it hangs: \
                 thaw the group."
                    .to_owned()
            }
            Self::Dump(_) => {
                "criu in its own session. Never kill it while it hangs on a frozen group: thaw the group."
                    .to_owned()
            }
            Self::Signal { .. } => "Takes effect before any of them runs again.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::flag::Directory;
    use crate::model::{CgroupId, CgroupPath, State};

    #[test]
    fn lines_for_a_shell() {
        let dump = Dump {
            root: 7,
            criu: "/c/criu".into(),
            args: vec!["dump".into(), "a b".into()],
            freeze_cgroup: None,
            images: "/i".into(),
            hook: None,
        };
        assert_eq!(Step::Dump(dump).shell(), "setsid -w /c/criu dump 'a b' </dev/null");
        assert_eq!(Step::MakeFolder { path: "/i x".into(), exists: false }.shell(), "mkdir -m 0700 '/i x'");
        let flag = Flag {
            group: "/sys/fs/cgroup/g".into(),
            hierarchy: Version::V2,
            requested: false,
            promised: false,
            timed: false,
            state: State::Thawed,
            id: CgroupId { dev: 1, ino: 2 },
            path: CgroupPath::new(b"/g"),
            directory: Directory::default(),
        };
        assert_eq!(
            Step::AwaitFrozen { flag: flag.clone() }.shell(),
            "until grep -q 'frozen 1' /sys/fs/cgroup/g/cgroup.events; do sleep 0.05; done"
        );
        let v1 = Flag { hierarchy: Version::V1, ..flag.clone() };
        assert_eq!(
            Step::AwaitFrozen { flag: v1 }.shell(),
            "until grep -q FROZEN /sys/fs/cgroup/g/freezer.state; do echo FROZEN > /sys/fs/cgroup/g/freezer.state; sleep 0.05; done"
        );
        let member =
            |pid| Member { pid, start: 1, state: 'S', stopped: false, command: String::new(), inner: pid };
        let signal = Step::Signal { signal: Signal::Stop, processes: vec![member(7), member(8)] };
        assert_eq!(signal.shell(), "kill -STOP 7 8");
    }
}
