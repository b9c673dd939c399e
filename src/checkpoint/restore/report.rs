//! What was done.

use serde::Serialize;

use super::copy::RunningCopy;
use super::scope::Scope;
use super::{Plan, Ran, Tree};
use crate::checkpoint::Finding;
use crate::checkpoint::arg::Arg;

/// What was done, and what was found afterwards.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The folder with the images.
    pub folder: Arg,
    /// The commands, as lines for a shell.
    pub command: String,
    /// The version of criu.
    pub criu_version: Option<String>,
    /// The kernel's release.
    pub kernel: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u128,
    /// What was restored.
    pub trees: Vec<Tree>,
    /// The copy that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<RunningCopy>,
    /// The scope of systemd that they are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What was looked at afterwards.
    pub checks: Vec<Finding>,
}

impl Report {
    /// Puts together what was planned, done and found.
    pub fn new(plan: &Plan, ran: &Ran, checks: Vec<Finding>) -> Self {
        Self {
            folder: plan.folder.clone(),
            command: plan.command(),
            criu_version: plan.criu_version.clone(),
            kernel: plan.kernel.clone(),
            elapsed_ms: ran.elapsed.as_millis(),
            trees: plan.trees.clone(),
            copy: ran.copy.clone(),
            scope: plan.scope.clone(),
            checks,
        }
    }

    /// How many processes were restored.
    pub fn processes(&self) -> usize {
        self.trees.iter().map(|tree| tree.processes.len()).sum()
    }

    /// True where everything is as the images have it.
    pub fn holds(&self) -> bool {
        !self.checks.iter().any(Finding::blocks)
    }
}
