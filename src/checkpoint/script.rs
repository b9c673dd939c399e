//! A plan as a script: it does the same by hand.

use std::os::unix::ffi::OsStrExt;

use super::Plan;
use super::flag::Flag;
use super::step::until_frozen;
use crate::model::shell::script;
use crate::model::{Version, printable};

/// A signal ends the script with the code that a shell gives it, by way of whatever is trapped on EXIT: dash does not go that
/// way by itself. A shell waits for the command that runs before it does so, and criu is in a session of its own: what a
/// terminal sends to the script does not reach it.
const SIGNALS: [&str; 5] = [
    "# A signal ends this script once the current command has ended: criu must not be left unattended.",
    "trap 'exit 129' HUP",
    "trap 'exit 130' INT",
    "trap 'exit 131' QUIT",
    "trap 'exit 143' TERM",
];

impl Plan {
    /// The plan as a shell script with comments. Whatever fails in it, and whatever signal ends it, the freeze flags are put
    /// back.
    pub fn shell(&self) -> String {
        let roots: Vec<i32> = self.trees.iter().map(|tree| tree.root()).collect();
        let mut lines = vec![
            format!("# Checkpoint of {} of {}", processes(&roots), printable(self.group.0.as_bytes())),
            "set -eu".to_owned(),
        ];
        lines.extend(self.way_back());
        lines.extend(std::iter::once("").chain(SIGNALS).map(str::to_owned));
        for step in &self.steps {
            lines.extend([String::new(), format!("# {}", step.comment()), step.shell()]);
        }
        if !self.written.is_empty() {
            lines.extend([String::new(), "# Everything is as planned.".to_owned(), "trap - EXIT".to_owned()]);
        }
        script(&lines)
    }

    /// What puts the flags back where a step fails, in the order of [`set`](super::flag::set).
    fn way_back(&self) -> Vec<String> {
        let flags = self.written();
        if flags.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![
            String::new(),
            "# If anything fails: restore the freeze flags.".to_owned(),
            "put_back() {".to_owned(),
            "  trap '' HUP INT QUIT TERM".to_owned(),
            "  set +e".to_owned(),
        ];
        lines.extend(back(flags).into_iter().map(|line| format!("  {line}")));
        lines.extend(["}".to_owned(), "trap put_back EXIT".to_owned()]);
        lines
    }
}

/// The lines that set flags as they were found.
pub(super) fn back(mut flags: Vec<Flag>) -> Vec<String> {
    flags.sort_by_key(|flag| (!flag.requested, flag.hierarchy == Version::V1, flag.group.0.len()));
    let (freezes, thaws): (Vec<_>, Vec<_>) = flags.iter().partition(|flag| flag.requested);
    let (v1, v2): (Vec<&Flag>, Vec<&Flag>) = freezes.into_iter().partition(|f| f.hierarchy == Version::V1);
    let settled = |flags: &[&Flag]| flags.iter().map(|flag| settle(flag)).collect::<Vec<_>>();
    let freeze = |flags: &[&Flag]| flags.iter().map(|flag| flag.line(true)).collect::<Vec<_>>();
    let mut lines = freeze(&v2);
    lines.extend(if v1.is_empty() { Vec::new() } else { settled(&v2) });
    lines.extend(freeze(&v1));
    lines.extend(if thaws.is_empty() { Vec::new() } else { settled(&v1) });
    lines.extend(thaws.into_iter().map(|flag| flag.line(false)));
    lines
}

/// The line that waits until a group is frozen, but not for long.
pub(super) fn settle(flag: &Flag) -> String {
    format!("n=0; {}", until_frozen(flag, "[ $n -ge 40 ]", "n=$((n+1)); "))
}

/// Processes by their numbers: `process 7`, `processes 7, 8`.
pub(super) fn processes(pids: &[i32]) -> String {
    let list = pids.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
    format!("{} {list}", if pids.len() == 1 { "process" } else { "processes" })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::flag::Directory;
    use crate::checkpoint::{Dump, Step};
    use crate::model::{CgroupId, CgroupPath, State};

    #[test]
    fn one_and_more() {
        assert_eq!(processes(&[7]), "process 7");
        assert_eq!(processes(&[7, 8]), "processes 7, 8");
    }

    fn flag(version: Version, requested: bool, group: &[u8]) -> Flag {
        Flag {
            group: OsString::from_vec(group.into()).into(),
            hierarchy: version,
            requested,
            promised: requested,
            timed: false,
            state: State::Thawed,
            id: CgroupId { dev: 1, ino: 1 },
            path: CgroupPath::new(b"/g"),
            directory: Directory::default(),
        }
    }

    /// A plan that names these four: a group of v2, one of v1, the folder, and criu.
    fn plan(names: [&[u8]; 4], (asks, after): (bool, bool)) -> Plan {
        let [v2, v1] = [flag(Version::V2, asks, names[0]), flag(Version::V1, true, names[1])];
        let (into, criu) = (OsString::from_vec(names[2].into()), OsString::from_vec(names[3].into()));
        let args = vec!["-D".into(), into.clone().into(), "--freeze-cgroup".into(), v2.group.clone()];
        let group = Some(v2.group.clone());
        let dump = Dump {
            root: 7,
            criu: criu.into(),
            args,
            freeze_cgroup: group,
            images: into.clone().into(),
            hook: None,
        };
        let mut steps = vec![Step::MakeFolder { path: into.clone().into(), exists: after }, Step::Dump(dump)];
        steps.extend(after.then(|| Step::AwaitFrozen { flag: v1.clone() }));
        Plan {
            group: v2.group.clone(),
            trees: vec![],
            into: into.into(),
            after: None,
            service: None,
            written: vec![v2.group.clone(), v1.group.clone()],
            flags: vec![v2, v1],
            criu_version: None,
            kernel: String::new(),
            steps,
        }
    }

    fn path() -> impl Strategy<Value = Vec<u8>> {
        let odd = proptest::collection::vec((1_u8..).prop_filter("a name", |b| *b != b'/'), 1..6);
        prop_oneof!["[a-z $'#\"\\\\`]{1,6}".prop_map(String::into_bytes), odd].prop_map(|mut name| {
            name.insert(0, b'/');
            name
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The way back of any plan, run by the shell that the first line names, writes to the groups that are meant.
        #[test]
        fn the_first_line_names_a_shell_that_reads_all(names in [path(), path(), path(), path()], how in any::<(bool, bool)>()) {
            let root = tempfile::tempdir().unwrap();
            let under = |name: &[u8]| [root.path().as_os_str().as_bytes(), name].concat();
            let full = names.each_ref().map(|name| under(name));
            prop_assume!(names[0] != names[1] && !names.iter().any(|name| matches!(&name[..], b"/." | b"/..")));
            for group in &full[..2] {
                let group = std::path::PathBuf::from(OsString::from_vec(group.clone()));
                std::fs::create_dir(&group).unwrap();
                std::fs::write(group.join("cgroup.events"), "frozen 1").unwrap();
            }
            let plan = plan(full.each_ref().map(Vec::as_slice), how);
            let text = plan.shell();
            let odd = full.iter().any(|name| printable(name).as_bytes() != &name[..]);
            prop_assert_eq!(text.starts_with("#!/bin/bash\n"), odd, "{}", text);
            let shell = if odd { "bash" } else { "dash" };
            prop_assert!(Command::new(shell).args(["-n", "-c", &text]).status().unwrap().success(), "{}", text);
            // No step can succeed: there is no such criu.
            let ran = Command::new(shell).args(["-c", &text]).env("PATH", "/usr/bin:/bin").output().unwrap();
            prop_assert!(!ran.status.success());
            for flag in &plan.flags {
                let file = flag.absolute().join(flag.hierarchy.control_file());
                let written = std::fs::read_to_string(&file).unwrap();
                prop_assert_eq!(written.trim(), flag.hierarchy.request(flag.requested), "{}", text);
            }
        }
    }
}
