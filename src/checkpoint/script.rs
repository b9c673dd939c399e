//! A plan as a script: it does the same by hand.

use std::os::unix::ffi::OsStrExt;

use super::Plan;
use super::step::Step;
use crate::model::printable;

impl Plan {
    /// The plan as a shell script with comments. Whatever fails in it, the freeze flags are put back.
    pub fn shell(&self) -> String {
        let bash = self.steps.iter().any(Step::needs_bash);
        let roots: Vec<i32> = self.trees.iter().map(|tree| tree.root()).collect();
        let mut lines = vec![
            if bash { "#!/bin/bash" } else { "#!/bin/sh" }.to_owned(),
            format!("# Checkpoint of {} of {}", processes(&roots), printable(self.group.0.as_bytes())),
            "set -eu".to_owned(),
        ];
        lines.extend(self.way_back());
        for step in &self.steps {
            lines.extend([String::new(), format!("# {}", step.comment()), step.shell()]);
        }
        if !self.written.is_empty() {
            lines.extend([String::new(), "# All is as promised.".to_owned(), "trap - EXIT".to_owned()]);
        }
        lines.join("\n") + "\n"
    }

    /// What puts the flags back where a step fails. Freezes come first, so that nothing runs in between.
    fn way_back(&self) -> Vec<String> {
        let mut flags = self.written();
        if flags.is_empty() {
            return Vec::new();
        }
        flags.sort_by_key(|flag| (!flag.requested, flag.group.0.len()));
        let mut lines = vec![
            String::new(),
            "# If anything fails: the freeze flags as they were found.".to_owned(),
            "put_back() {".to_owned(),
        ];
        lines.extend(flags.iter().map(|flag| format!("  {}", flag.line(flag.requested))));
        lines.extend(["}".to_owned(), "trap put_back EXIT".to_owned()]);
        lines
    }
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
