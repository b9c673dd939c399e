//! A plan as a script: it does the same by hand.

use super::Plan;
use super::step::{Step, list};
use crate::checkpoint::script::{back, processes};
use crate::model::shell::script;

impl Plan {
    /// The plan as a shell script with comments. Where a tree of several fails, those before it are ended again.
    pub fn shell(&self) -> String {
        let roots: Vec<i32> = self.trees.iter().map(super::Tree::root).collect();
        // A copy ends by itself where a step fails.
        let several = self.trees.len() > 1 && self.copy.is_none();
        let mut lines = vec![format!("# Restore of {}", processes(&roots)), "set -eu".to_owned()];
        let way_back = self.way_back(several);
        let has_way_back = !way_back.is_empty();
        lines.extend(way_back);
        for step in &self.steps {
            lines.extend([String::new(), format!("# {}", step.comment()), step.shell()]);
            if let (Step::Restore(restore), true) = (step, several) {
                lines.push(format!("restored=\"$restored {}\"", list(&self.pids(restore.root))));
            }
        }
        if has_way_back {
            lines.push("trap - EXIT".to_owned());
        }
        script(&lines)
    }

    /// What is done where a step fails, or a signal ends the script.
    fn way_back(&self, several: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut trapped = Vec::new();
        if several {
            lines.extend(UNDO.map(str::to_owned));
            trapped.push("undo");
        }
        if !self.lent().is_empty() {
            lines.extend(
                ["", "# If anything fails: freeze it again, as it was found.", "put_back() {"]
                    .map(str::to_owned),
            );
            lines.extend(["  trap '' HUP INT QUIT TERM", "  set +e"].map(str::to_owned));
            lines.extend(back(self.lent().to_vec()).into_iter().map(|line| format!("  {line}")));
            lines.push("}".to_owned());
            trapped.push("put_back");
        }
        if !trapped.is_empty() {
            lines.push(format!("trap '{}' EXIT", trapped.join("; ")));
            lines.extend(["trap '' HUP INT QUIT", "trap 'exit 143' TERM"].map(str::to_owned));
        }
        lines
    }

    fn pids(&self, root: i32) -> Vec<i32> {
        self.members(root).map(|member| member.pid).collect()
    }
}

/// A zombie has ended; under the v1 freezer one that was killed would not.
const UNDO: [&str; 7] = [
    "",
    "# All or nothing: if anything fails, end what was restored. The images stay unchanged.",
    "restored=",
    "undo() {",
    "  [ -z \"$restored\" ] || kill -KILL $restored",
    "  for pid in $restored; do while grep -q '^State:.[^ZX]' /proc/$pid/status 2>/dev/null; do sleep 0.05; done; done",
    "}",
];
