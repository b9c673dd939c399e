//! What is kept beside the images: `cryoscope.json`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;

use super::arg::Arg;
use super::flag::Flag;
use super::images::{DumpStats, stats};
use super::tree::Tree;
use super::{Finding, Plan, Ran, Verification};
use crate::kernel::host;

/// The name of the file.
pub const FILE: &str = "cryoscope.json";

/// A group's own freeze request, before and after.
#[derive(Debug, Clone, Serialize)]
pub struct FlagReport {
    /// The group's absolute path.
    pub group: Arg,
    /// Its own request before.
    pub before: bool,
    /// Its own request after; `None` where it is gone or cannot be read.
    pub after: Option<bool>,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When the plan had run to its end (RFC 3339).
    pub made_at: String,
    /// The host's name, printable.
    pub host: String,
    /// The group.
    pub group: Arg,
    /// The folder with the images.
    pub folder: Arg,
    /// The command, as a line for a shell.
    pub command: String,
    /// The version of criu.
    pub criu_version: Option<String>,
    /// The kernel's release.
    pub kernel: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u128,
    /// How many bytes the images have.
    pub bytes: u64,
    /// What criu measured, of all dumps together; `None` where it kept nothing.
    pub stats: Option<DumpStats>,
    /// What was known before.
    pub findings: Vec<Finding>,
    /// The freeze flags.
    pub flags: Vec<FlagReport>,
    /// What was dumped.
    pub trees: Vec<Tree>,
    /// What was looked at afterwards.
    pub checks: Vec<Finding>,
}

impl Report {
    /// Puts together what was planned, done and found.
    pub fn new(plan: &Plan, findings: &[Finding], ran: &Ran, verification: &Verification) -> Self {
        let flag = |f: &Flag| FlagReport { group: f.group.clone(), before: f.requested, after: f.asks_now() };
        let stats = plan.trees.iter().filter_map(|tree| stats(Path::new(&tree.images.0)));
        Self {
            made_at: jiff::Timestamp::now().to_string(),
            host: host::name(),
            group: plan.group.clone(),
            folder: plan.into.clone(),
            command: plan.command(),
            criu_version: plan.criu_version.clone(),
            kernel: plan.kernel.clone(),
            elapsed_ms: ran.elapsed.as_millis(),
            bytes: ran.bytes,
            stats: stats.reduce(DumpStats::and),
            findings: findings.to_vec(),
            flags: plan.flags.iter().map(flag).collect(),
            trees: plan.trees.clone(),
            checks: verification.checks.clone(),
        }
    }

    /// How many processes were dumped.
    pub fn processes(&self) -> usize {
        self.trees.iter().map(|tree| tree.processes.len()).sum()
    }

    /// True where everything is as promised.
    pub fn holds(&self) -> bool {
        !self.checks.iter().any(Finding::blocks)
    }

    /// Writes it beside the images, mode 0600, never over a file that is there (`O_EXCL`, open(2)).
    ///
    /// # Errors
    /// What open(2) and write(2) say.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(folder.join(FILE))?.write_all(&text)
    }
}
