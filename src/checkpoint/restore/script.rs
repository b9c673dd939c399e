//! A plan as a script: it does the same by hand.

use super::Plan;
use super::step::{Step, list};
use crate::checkpoint::script::processes;
use crate::model::shell::script;

impl Plan {
    /// The plan as a shell script with comments. Where a tree of several fails, those before it are ended again.
    pub fn shell(&self) -> String {
        let roots: Vec<i32> = self.trees.iter().map(super::Tree::root).collect();
        let several = self.trees.len() > 1;
        let mut lines = vec![format!("# Restore of {}", processes(&roots)), "set -eu".to_owned()];
        if several {
            lines.extend(WAY_BACK.map(str::to_owned));
        }
        for step in &self.steps {
            lines.extend([String::new(), format!("# {}", step.comment()), step.shell()]);
            if let (Step::Restore(restore), true) = (step, several) {
                lines.push(format!("restored=\"$restored {}\"", list(&self.pids(restore.root))));
            }
        }
        if several {
            lines.push("trap - EXIT".to_owned());
        }
        script(&lines)
    }

    fn pids(&self, root: i32) -> Vec<i32> {
        self.members(root).map(|member| member.pid).collect()
    }
}

const WAY_BACK: [&str; 7] = [
    "",
    "# All or nothing: if anything fails, what was restored is ended again. The images are still there.",
    "restored=",
    "undo() { [ -z \"$restored\" ] || kill -KILL $restored; }",
    "trap undo EXIT",
    "trap '' HUP INT QUIT",
    "trap 'exit 143' TERM",
];
