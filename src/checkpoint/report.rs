//! What is kept beside the images: `cryoscope.json`.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::arg::Arg;
use super::flag::Flag;
use super::folder::ImageFolder;
use super::images::{DumpStats, stats};
use super::service::ServiceRecord;
use super::tree::Tree;
use super::{Finding, Plan, Ran, Verification};
use crate::kernel::host;
use crate::model::printable;

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
    /// What ends with the service that they were of, and is made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceRecord>,
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
            service: plan.service.clone(),
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

    /// Whether images were made that can be read.
    pub fn has_images(&self) -> bool {
        !self.checks.iter().any(|check| check.blocks() && matches!(check.code, "image" | "image-folder"))
    }

    /// Writes it beside the images, into the folder that was made for them, mode 0600, never over a file that is there.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn write(&self, folder: &ImageFolder) -> Result<(), ReportError> {
        let shown = || printable(self.folder.0.as_encoded_bytes()).into_owned();
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        let written = text.and_then(|mut text| {
            text.push(b'\n');
            folder.write_new(FILE, &text)
        });
        written.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReportError::Gone(shown()),
            _ => ReportError::Io(shown(), error),
        })
    }
}

/// Why the report was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder was deleted.
    #[error("{0} was deleted during the checkpoint, with everything in it")]
    Gone(String),
    /// Another failure.
    #[error("cannot write the report {FILE} into {0}: {1}")]
    Io(String, io::Error),
}
