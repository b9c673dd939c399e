//! The steps of a restore, each with the line for a shell that does the same.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::copy::{CopyPlan, INIT_WORD, KEEP_SHELL, resume_shell};
use super::runtime_files;
use super::scope::Entry;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::flag::Flag;
use crate::checkpoint::script::{back, settle};
use crate::checkpoint::service::RuntimeFile;
use crate::checkpoint::step::until_frozen;
use crate::kernel::pid_namespace::enter;
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
    /// Make what systemd removed when the service ended.
    MakeRuntimeFiles {
        /// What, each directory before what is in it.
        files: Vec<RuntimeFile>,
    },
    /// Make a PID namespace and groups for a copy.
    Namespace(CopyPlan),
    /// Run criu.
    Restore(Restore),
    /// Freeze the copy, which is stopped and has not run yet.
    Freeze {
        /// The flag of its group.
        flag: Flag,
    },
    /// SIGCONT to processes that criu has left stopped.
    Continue {
        /// Their PIDs; those that were stopped when they were dumped are not among them.
        pids: Vec<i32>,
        /// They are of a copy: these are their PIDs in its namespace.
        #[serde(skip)]
        of_copy: bool,
    },
    /// Leave the copy to itself: until then it ends where a step fails.
    Keep,
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
    /// The groups that it is started in.
    pub within: Vec<Arg>,
    /// How it comes into a scope of systemd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Entry>,
    /// It is started in the namespace of a copy.
    #[serde(skip)]
    pub of_copy: bool,
}

/// Goes into the groups whose `cgroup.procs` stand before `--`, and becomes what stands behind it.
const ENTER: &str = r#"until [ "$1" = -- ]; do echo $$ > "$1" || exit; shift; done; shift; exec "$@""#;

impl Restore {
    /// The program and its arguments: where it is of a copy, by way of PID 1 of its namespace.
    pub(super) fn command(&self, init: Option<i32>) -> Vec<OsString> {
        let Some(init) = init else { return self.words() };
        enter(&init.to_string()).into_iter().map(OsString::from).chain(self.words()).collect()
    }

    /// A shell that goes into the groups and becomes criu, or criu. In a namespace it is in a session with a number there.
    fn words(&self) -> Vec<OsString> {
        let session = self.of_copy.then_some(["setsid", "-w"]).into_iter().flatten().map(OsString::from);
        let scope = self.scope.iter().flat_map(|entry| entry.words(&self.images));
        let criu = scope.chain(std::iter::once(&self.criu).chain(&self.args).map(|arg| arg.0.clone()));
        let criu = session.chain(criu);
        if self.within.is_empty() {
            return criu.collect();
        }
        let shell = ["/bin/sh", "-c", ENTER, "sh"].into_iter().map(OsString::from);
        let procs = self.within.iter().map(|group| Path::new(&group.0).join("cgroup.procs").into_os_string());
        shell.chain(procs).chain([OsString::from("--")]).chain(criu).collect()
    }

    /// The line for a shell.
    pub fn shell(&self) -> String {
        let words: Vec<String> = self.words().iter().map(|word| quoted(word)).collect();
        match self.on_terminal {
            _ if self.of_copy => format!("{} {} </dev/null", enter(INIT_WORD).join(" "), words.join(" ")),
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
            Self::MakeRuntimeFiles { files } => runtime_files::shell(files),
            Self::Namespace(copy) => copy.shell(),
            Self::Restore(restore) => restore.shell(),
            Self::Freeze { flag } => format!("{}\n{}", flag.line(true), until_frozen(flag, "", "")),
            Self::Continue { pids, of_copy: true } => resume_shell(pids),
            Self::Continue { pids, .. } => format!("kill -CONT {}", list(pids)),
            Self::Keep => KEEP_SHELL.to_owned(),
        }
    }

    /// What it is for, in a sentence.
    pub fn comment(&self) -> &'static str {
        match self {
            Self::Thaw { .. } => "Thaw what would hold the processes: criu would wait for them forever.",
            Self::FreezeAgain { .. } => "Freeze it again, as it was found.",
            Self::MakeRuntimeFiles { .. } => {
                "What systemd removed when the service ended; it stays where a later step fails."
            }
            Self::Namespace(_) => {
                "A PID namespace and groups for the copy. If this script ends before its last line, the copy ends \
                 too."
            }
            Self::Freeze { .. } => "Freeze the copy, which has not run yet.",
            Self::Keep => "Keep the copy: its groups are removed when it has ended.",
            Self::Restore(restore) if restore.of_copy => {
                "criu in the namespace and the groups of the copy: it creates and changes none."
            }
            Self::Restore(Restore { scope: Some(Entry::New(_)), on_terminal: false, .. }) => {
                "criu in its own session, started in a systemd scope: it creates and changes no group."
            }
            Self::Restore(Restore { scope: Some(Entry::Join(_)), on_terminal: false, .. }) => {
                "criu in its own session, in the same scope."
            }
            Self::Restore(restore) if restore.on_terminal => {
                "criu on this terminal, which the processes get. Do not interrupt it."
            }
            Self::Restore(restore) if !restore.within.is_empty() => {
                "criu in its own session, started in the group that the processes go into: it creates and changes \
                 none."
            }
            Self::Restore(restore) if restore.args.iter().any(|arg| arg.0 == LEAVE_STOPPED) => {
                "criu in its own session. The processes stay stopped until all trees are there."
            }
            Self::Restore(_) => "criu in its own session, out of reach of Ctrl-C.",
            Self::Continue { .. } => "All are there: resume them all at once.",
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
        let mut restore = Restore {
            root: 7,
            criu,
            args,
            images: "/i x".into(),
            on_terminal: false,
            within: vec![],
            scope: None,
            of_copy: false,
        };
        assert_eq!(restore.shell(), "setsid -w /c/criu restore -D '/i x' </dev/null");
        restore.on_terminal = true;
        assert_eq!(restore.shell(), "/c/criu restore -D '/i x'");
        restore.within = vec!["/g a".into(), "/h".into()];
        let line = restore.shell();
        assert!(
            line.ends_with(" sh '/g a/cgroup.procs' /h/cgroup.procs -- /c/criu restore -D '/i x'"),
            "{line}"
        );
    }

    #[test]
    fn it_enters_groups_before_it_is_criu() {
        let temp = tempfile::tempdir().unwrap();
        let group = |name: &str| {
            let group = temp.path().join(name);
            std::fs::create_dir(&group).unwrap();
            group
        };
        let (one, two) = (group("a b"), group("c"));
        let restore = |within: Vec<Arg>| Restore {
            root: 7,
            criu: "/bin/sh".into(),
            args: vec!["-c".into(), "echo $$".into()],
            images: "/i".into(),
            on_terminal: true,
            within,
            scope: None,
            of_copy: false,
        };
        let run = |restore: &Restore| {
            std::process::Command::new("sh").args(["-c", &restore.shell()]).output().unwrap()
        };
        let output = run(&restore(vec![one.clone().into(), two.clone().into()]));
        assert!(output.status.success());
        for group in [&one, &two] {
            assert_eq!(std::fs::read(group.join("cgroup.procs")).unwrap(), output.stdout);
        }
        let none = run(&restore(vec![temp.path().join("none").into()]));
        assert!(!none.status.success() && none.stdout.is_empty(), "what is not in the group does not start");
        assert_eq!(Step::Continue { pids: vec![7, 8], of_copy: false }.shell(), "kill -CONT 7 8");
    }
}
