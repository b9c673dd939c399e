//! What will run, as a value: it is shown, printed as a script, and run.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use super::arg::Arg;
use super::origins::Flag;
use super::preflight::{After, Member, Preflight, Request};
use super::{Exit, Finding};
use crate::model::printable;
use crate::model::shell::{needs_bash, quoted};

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Make the folder for the images, mode 0700, or use the empty one that exists.
    MakeFolder {
        /// Where.
        path: Arg,
        /// It was there already.
        exists: bool,
    },
    /// Run criu.
    Dump {
        /// Its absolute path.
        criu: Arg,
        /// Its arguments.
        args: Vec<Arg>,
        /// The group that is handed to `--freeze-cgroup`.
        freeze_cgroup: Option<Arg>,
    },
}

/// A checkpoint, ready to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The group.
    pub group: Arg,
    /// The processes to dump, the root first.
    pub tree: Vec<Member>,
    /// Their resident memory in bytes.
    pub rss: u64,
    /// Where the images go.
    pub into: Arg,
    /// What is to become of the processes; as they were found where it is `None`.
    pub after: Option<After>,
    /// The freeze flags as they were found, and as they will be afterwards.
    pub flags: Vec<Flag>,
    /// The criu version.
    pub criu_version: Option<String>,
    /// The kernel's release.
    pub kernel: String,
    /// What runs, in this order.
    pub steps: Vec<Step>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The preflight found something in the way.
    #[error("the checkpoint would not work: {}", sentence(.0))]
    Blocked(Vec<Finding>),
    /// The outcome that was asked for cannot be had.
    #[error("{0}")]
    After(&'static str),
    /// An option of criu that this program sets itself.
    #[error("{0} is set by this program; leave it out of the options for criu")]
    Option(String),
}

fn sentence(blockers: &[Finding]) -> String {
    let one = |f: &Finding| {
        let why = if f.why.is_empty() { String::new() } else { format!(" ({})", f.why) };
        f.remedy.as_ref().map_or(format!("{}{why}", f.what), |remedy| format!("{}{why}; {remedy}", f.what))
    };
    blockers.iter().map(one).collect::<Vec<_>>().join(". ")
}

impl Refused {
    /// What it means to the program that called.
    pub fn exit(&self) -> Exit {
        let has = |code| matches!(self, Self::Blocked(all) if all.iter().any(|f| f.code == code));
        match self {
            _ if has("not-permitted") => Exit::NotPermitted,
            _ if has("no-such-process") => Exit::Gone,
            _ => Exit::Refused,
        }
    }
}

/// The options that decide what becomes of the target.
const OURS: [&str; 17] = [
    "-t",
    "--tree",
    "-D",
    "--images-dir",
    "-o",
    "--log-file",
    "-R",
    "--leave-running",
    "-s",
    "--leave-stopped",
    "--freeze-cgroup",
    "-W",
    "--work-dir",
    "--timeout",
    "-v0",
    "--pidfile",
    "-d",
];

/// Makes the plan.
///
/// # Errors
/// [`Refused`].
pub fn plan(found: &Preflight, request: &Request<'_>) -> Result<Plan, Refused> {
    let blockers: Vec<Finding> = found.blockers().cloned().collect();
    let (Some(root), Some(criu), true) = (found.tree.first(), &found.criu, blockers.is_empty()) else {
        return Err(Refused::Blocked(blockers));
    };
    let name = |arg: &OsString| printable(arg.as_bytes()).split('=').next().unwrap_or_default().to_owned();
    let glued = |n: &str| ["-t", "-D", "-o", "-W"].iter().any(|o| n.starts_with(o));
    if let Some(ours) = request.extra.iter().map(name).find(|n| OURS.contains(&n.as_str()) || glued(n)) {
        return Err(Refused::Option(ours));
    }
    let outcome = outcome(request.after, found)?;
    let mut args: Vec<Arg> = ["dump", "-t"].map(Arg::from).into();
    args.extend([Arg::from(root.pid.to_string()), "-D".into(), found.into.clone()]);
    args.extend(["-o", "dump.log", "-v4"].map(Arg::from));
    args.extend(outcome.map(Arg::from));
    if let Some(group) = &found.freeze_cgroup {
        args.extend(["--freeze-cgroup".into(), group.clone()]);
    }
    args.extend(proposed(found, &request.extra).into_iter().map(Arg::from));
    args.extend(request.extra.iter().cloned().map(Arg::from));
    let make = Step::MakeFolder { path: found.into.clone(), exists: found.folder_exists };
    let dump =
        Step::Dump { criu: criu.path.clone().into(), args, freeze_cgroup: found.freeze_cgroup.clone() };
    Ok(Plan {
        group: request.group.absolute.clone().into(),
        tree: found.tree.clone(),
        rss: found.rss,
        into: found.into.clone(),
        after: request.after,
        flags: found.flags.clone(),
        criu_version: criu.version.clone(),
        kernel: found.kernel.clone(),
        steps: vec![make, dump],
    })
}

/// The options that answer findings, each once; one that the person gives in their own way is theirs.
fn proposed(found: &Preflight, extra: &[OsString]) -> Vec<String> {
    let name = |word: &[u8]| word.split(|&b| b == b'=').next().unwrap_or_default().to_vec();
    let mut seen: Vec<Vec<u8>> = extra.iter().map(|word| name(word.as_bytes())).collect();
    let mut words = Vec::new();
    for finding in &found.findings {
        let Some(option) = finding.options.first().map(|word| name(word.as_bytes())) else { continue };
        if !seen.contains(&option) {
            seen.push(option);
            words.extend(finding.options.iter().cloned());
        }
    }
    words
}

/// The option of criu that leaves the processes so.
fn outcome(after: Option<After>, found: &Preflight) -> Result<Option<&'static str>, Refused> {
    let frozen = found.origin.is_some();
    let own_alone = found.others == 0;
    match after {
        None => Ok(Some("--leave-running")),
        Some(After::Running) if frozen => Err(Refused::After(
            "the group is frozen, and is left so; thaw it after the checkpoint, or before",
        )),
        Some(After::Frozen) if !frozen => Err(Refused::After(
            "the group is thawed, and is left so; freeze it first to have it frozen afterwards",
        )),
        Some(After::Running | After::Frozen) => Ok(Some("--leave-running")),
        Some(After::Stopped) if frozen => Err(Refused::After(
            "the group is frozen; thaw it first to have its processes stopped by a signal afterwards",
        )),
        Some(After::Stopped) => Ok(Some("--leave-stopped")),
        Some(After::Killed) if frozen && !own_alone => Err(Refused::After(
            "the freeze holds other processes too, which would run when criu thaws it for good; thaw the group first",
        )),
        Some(After::Killed) => Ok(None),
    }
}

impl Step {
    /// The line for a shell.
    pub fn shell(&self) -> String {
        match self {
            Self::MakeFolder { path, exists: false } => format!("mkdir -m 0700 {}", quoted(&path.0)),
            Self::MakeFolder { path, exists: true } => format!("test -d {}", quoted(&path.0)),
            Self::Dump { criu, args, .. } => {
                let words: Vec<String> =
                    std::iter::once(criu).chain(args).map(|arg| quoted(&arg.0)).collect();
                format!("setsid -w {} </dev/null", words.join(" "))
            }
        }
    }

    fn comment(&self) -> &'static str {
        match self {
            Self::MakeFolder { exists: false, .. } => {
                "The folder for the images; they hold every secret of the processes."
            }
            Self::MakeFolder { exists: true, .. } => "The folder for the images is there, empty and private.",
            Self::Dump { freeze_cgroup: Some(_), .. } => {
                "criu in a session of its own. It thaws the group and puts its freeze back. Never kill it while it hangs: thaw the group."
            }
            Self::Dump { .. } => {
                "criu in a session of its own. Never kill it while it hangs on a frozen group: thaw the group."
            }
        }
    }
}

impl Plan {
    /// The plan as a script.
    pub fn shell(&self) -> String {
        let hostile = self.steps.iter().any(|step| match step {
            Step::MakeFolder { path, .. } => needs_bash(&path.0),
            Step::Dump { criu, args, .. } => std::iter::once(criu).chain(args).any(|arg| needs_bash(&arg.0)),
        });
        let root = self.tree.first().map_or(0, |root| root.pid);
        let mut lines = vec![
            if hostile { "#!/bin/bash" } else { "#!/bin/sh" }.to_owned(),
            format!("# Checkpoint of process {root} of {}", printable(self.group.0.as_bytes())),
            "set -eu".to_owned(),
        ];
        for step in &self.steps {
            lines.extend([String::new(), format!("# {}", step.comment()), step.shell()]);
        }
        lines.join("\n") + "\n"
    }

    /// Where the images go.
    pub fn folder(&self) -> &Path {
        Path::new(&self.into.0)
    }

    /// The group that criu freezes and thaws itself.
    pub fn freeze_cgroup(&self) -> Option<&Arg> {
        self.steps.iter().find_map(|step| match step {
            Step::Dump { freeze_cgroup, .. } => freeze_cgroup.as_ref(),
            Step::MakeFolder { .. } => None,
        })
    }

    /// The line for a shell that runs criu.
    pub fn command(&self) -> String {
        self.steps.iter().find(|s| matches!(s, Step::Dump { .. })).map(Step::shell).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(origin: bool, others: usize) -> Preflight {
        let origin = origin.then(|| Arg::from("/g"));
        Preflight {
            findings: vec![],
            tree: vec![Member { pid: 7, start: 1, state: 'S', command: "x".into(), inner: 7 }],
            rss: 1,
            flags: vec![],
            freeze_cgroup: origin.clone(),
            origin,
            others,
            criu: None,
            kernel: "6.18".into(),
            folder_exists: false,
            into: "/i".into(),
        }
    }

    #[test]
    fn outcomes() {
        assert_eq!(outcome(None, &found(true, 3)).unwrap(), Some("--leave-running"));
        assert!(outcome(Some(After::Running), &found(true, 0)).is_err());
        assert!(outcome(Some(After::Frozen), &found(false, 0)).is_err());
        assert_eq!(outcome(Some(After::Stopped), &found(false, 0)).unwrap(), Some("--leave-stopped"));
        assert_eq!(outcome(Some(After::Killed), &found(true, 0)).unwrap(), None);
        assert!(outcome(Some(After::Killed), &found(true, 1)).is_err());
    }

    #[test]
    fn options_that_findings_propose() {
        let mut found = found(false, 0);
        let warning = |words: &[&str]| Finding::warning("x", "x", "x").options(words.iter().copied());
        found.findings = vec![
            warning(&["--ghost-limit", "5M"]),
            warning(&["--file-locks"]),
            warning(&["--file-locks"]),
            warning(&[]),
        ];
        assert_eq!(proposed(&found, &[]), ["--ghost-limit", "5M", "--file-locks"]);
        assert_eq!(proposed(&found, &["--ghost-limit=9M".into()]), ["--file-locks"]);
    }

    #[test]
    fn steps_for_a_shell() {
        let dump = Step::Dump {
            criu: "/c/criu".into(),
            args: vec!["dump".into(), "a b".into()],
            freeze_cgroup: None,
        };
        assert_eq!(dump.shell(), "setsid -w /c/criu dump 'a b' </dev/null");
        assert_eq!(Step::MakeFolder { path: "/i x".into(), exists: false }.shell(), "mkdir -m 0700 '/i x'");
    }

    #[test]
    fn refusals_name_the_remedy() {
        let refused = Refused::Blocked(vec![
            Finding::blocker("not-permitted", "no right", "why").remedy("run as root"),
        ]);
        assert_eq!(refused.to_string(), "the checkpoint would not work: no right (why); run as root");
        assert_eq!(refused.exit(), Exit::NotPermitted);
    }
}
