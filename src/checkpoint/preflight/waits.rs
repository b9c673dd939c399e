//! Threads that criu can't stop, because they wait in the kernel where no tracer reaches them.

use super::Finding;
use crate::kernel::unstoppable;
use crate::model::culprit::{Cause, Culprit, FileSystem};
use crate::model::{CgroupPath, Process};

/// So many threads have a finding of their own; the others are counted in the last.
const MAX_FINDINGS: usize = 5;

/// Looks at every thread of the trees.
pub(super) fn look(trees: &[Vec<Process>], group: &CgroupPath, findings: &mut Vec<Finding>) {
    let pids = trees.iter().flatten().filter(|process| !process.is_zombie() && !process.kernel_thread);
    let found = unstoppable::find(pids.map(|process| process.id.pid), group);
    findings.extend(found.iter().take(MAX_FINDINGS).map(finding));
    if found.len() > MAX_FINDINGS {
        let what = format!("{} more threads wait so", found.len() - MAX_FINDINGS);
        findings.push(Finding::warning("uninterruptible", what, WHY));
    }
}

const WHY: &str = "criu cannot stop a thread that waits so, and gives up after ten seconds";

fn finding(culprit: &Culprit) -> Finding {
    let finding = match culprit.cause {
        // It ends by itself, most often before criu gives up.
        Cause::FileSystem { kind: FileSystem::Disk, .. } | Cause::Unknown => Finding::warning,
        _ => Finding::blocker,
    };
    finding("uninterruptible", culprit.to_string(), WHY)
        .criu_says("Unseizable non-zombie N found, state D")
        .remedy(culprit.remedy())
}
