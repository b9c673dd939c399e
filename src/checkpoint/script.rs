//! A plan as a script: it does the same by hand.

use std::os::unix::ffi::OsStrExt;

use super::Plan;
use super::flag::Flag;
use super::step::{Step, until_frozen};
use crate::model::{Version, printable};

/// A signal ends the script with the code that a shell gives it, by way of whatever is trapped on EXIT: dash does not go that
/// way by itself. A shell waits for the command that runs before it does so, and criu is in a session of its own: what a
/// terminal sends to the script does not reach it.
const SIGNALS: [&str; 5] = [
    "# A signal ends this once the command that runs has ended: criu must not be left alone.",
    "trap 'exit 129' HUP",
    "trap 'exit 130' INT",
    "trap 'exit 131' QUIT",
    "trap 'exit 143' TERM",
];

impl Plan {
    /// The plan as a shell script with comments. Whatever fails in it, and whatever signal ends it, the freeze flags are put
    /// back.
    pub fn shell(&self) -> String {
        let bash = self.steps.iter().any(Step::needs_bash);
        let roots: Vec<i32> = self.trees.iter().map(|tree| tree.root()).collect();
        let mut lines = vec![
            if bash { "#!/bin/bash" } else { "#!/bin/sh" }.to_owned(),
            format!("# Checkpoint of {} of {}", processes(&roots), printable(self.group.0.as_bytes())),
            "set -eu".to_owned(),
        ];
        lines.extend(self.way_back());
        lines.extend(std::iter::once("").chain(SIGNALS).map(str::to_owned));
        for step in &self.steps {
            lines.extend([String::new(), format!("# {}", step.comment()), step.shell()]);
        }
        if !self.written.is_empty() {
            lines.extend([String::new(), "# All is as promised.".to_owned(), "trap - EXIT".to_owned()]);
        }
        lines.join("\n") + "\n"
    }

    /// What puts the flags back where a step fails, in the order of [`set`](super::flag::set).
    fn way_back(&self) -> Vec<String> {
        let flags = self.written();
        if flags.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![
            String::new(),
            "# If anything fails: the freeze flags as they were found.".to_owned(),
            "put_back() {".to_owned(),
            "  trap '' HUP INT QUIT TERM".to_owned(),
            "  set +e".to_owned(),
        ];
        lines.extend(back(flags).into_iter().map(|line| format!("  {line}")));
        lines.extend(["}".to_owned(), "trap put_back EXIT".to_owned()]);
        lines
    }
}

fn back(mut flags: Vec<Flag>) -> Vec<String> {
    flags.sort_by_key(|flag| (!flag.requested, flag.hierarchy == Version::V1, flag.group.0.len()));
    let (freezes, thaws): (Vec<_>, Vec<_>) = flags.iter().partition(|flag| flag.requested);
    let (v1, v2): (Vec<&Flag>, Vec<&Flag>) = freezes.into_iter().partition(|f| f.hierarchy == Version::V1);
    let settled = |flags: &[&Flag]| {
        let bounded = |flag: &&Flag| format!("n=0; {}", until_frozen(flag, "[ $n -ge 40 ]", "n=$((n+1)); "));
        flags.iter().map(bounded).collect::<Vec<_>>()
    };
    let freeze = |flags: &[&Flag]| flags.iter().map(|flag| flag.line(true)).collect::<Vec<_>>();
    let mut lines = freeze(&v2);
    lines.extend(if v1.is_empty() { Vec::new() } else { settled(&v2) });
    lines.extend(freeze(&v1));
    lines.extend(if thaws.is_empty() { Vec::new() } else { settled(&v1) });
    lines.extend(thaws.into_iter().map(|flag| flag.line(false)));
    lines
}

/// Processes by their numbers: `process 7`, `processes 7, 8`.
pub(super) fn processes(pids: &[i32]) -> String {
    let list = pids.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
    format!("{} {list}", if pids.len() == 1 { "process" } else { "processes" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_more() {
        assert_eq!(processes(&[7]), "process 7");
        assert_eq!(processes(&[7, 8]), "processes 7, 8");
    }
}
