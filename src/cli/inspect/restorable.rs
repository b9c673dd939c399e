//! Whether the images can be restored on this host, by the checks of a restore.

use serde::Serialize;

use crate::checkpoint::restore::{Request, preflight};
use crate::checkpoint::{Finding, Level};
use crate::cli::Context;
use crate::cli::args::{Global, Inspect};

/// So many of what is in the way is shown: each process that lives is.
const MAX_BLOCKERS: usize = 3;

/// Whether the images can be restored on this host, now.
#[derive(Serialize)]
pub(super) struct Restorable {
    /// `None` where that could not be looked at.
    restorable_here: Option<bool>,
    /// What is in the way, and what is to be known first.
    restore_findings: Vec<Finding>,
    #[serde(skip)]
    problem: Option<String>,
}

impl Restorable {
    /// Runs the checks of a restore; nothing is changed.
    pub(super) fn new(global: &Global, options: &Inspect) -> Self {
        let context = match Context::new(global.clone()) {
            Ok(context) => context,
            Err(problem) => {
                return Self {
                    restorable_here: None,
                    restore_findings: Vec::new(),
                    problem: Some(problem.to_string()),
                };
            }
        };
        let request = Request {
            folder: options.folder.clone(),
            hierarchies: &context.hosts,
            criu: options.criu.clone(),
            extra: Vec::new(),
            // Whoever restores can do so from one.
            on_terminal: true,
            thaw: false,
            into_group: None,
            copy: None,
        };
        let mut findings = preflight(&request).findings;
        findings.retain(|finding| finding.level != Level::Ok);
        let restorable_here = Some(!findings.iter().any(Finding::blocks));
        Self { restorable_here, restore_findings: findings, problem: None }
    }

    /// The lines that say it.
    pub(super) fn lines(&self) -> Vec<String> {
        match self.restorable_here {
            None => vec![format!("unknown: {}", self.problem.as_deref().unwrap_or("it was not checked"))],
            Some(true) => match self.restore_findings.len() {
                0 => vec!["yes".to_owned()],
                1 => vec![format!("yes, but: {}", self.restore_findings[0])],
                more => vec![format!("yes, with {more} warnings; cryoscope restore --dry-run shows them")],
            },
            Some(false) => {
                let blockers = self.restore_findings.iter().filter(|finding| finding.blocks());
                let more = blockers.clone().count().saturating_sub(MAX_BLOCKERS);
                let line = |(number, finding): (usize, &Finding)| {
                    let so = if number == 0 { "no, because" } else { "and because" };
                    format!("{so} {finding}")
                };
                let lines = blockers.take(MAX_BLOCKERS).enumerate().map(line);
                let more =
                    (more > 0).then(|| format!("and {more} more; cryoscope restore --dry-run shows them"));
                lines.chain(more).collect()
            }
        }
    }
}
