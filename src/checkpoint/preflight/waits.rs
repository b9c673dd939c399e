//! Threads that criu can't stop, because they wait in the kernel where no tracer reaches them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::Finding;
use crate::kernel::frozen::is_held;
use crate::kernel::{threads, unstoppable};
use crate::model::culprit::{Cause, Culprit, FileSystem};
use crate::model::{CgroupPath, Process, Thread, Version, shell};

/// So many threads have a finding of their own; the others are counted in the last.
const MAX_FINDINGS: usize = 5;

/// Looks at every thread of the trees.
pub(super) fn look(trees: &[Vec<Process>], group: &CgroupPath, findings: &mut Vec<Finding>) {
    let pids = trees.iter().flatten().filter(|process| !process.is_zombie() && !process.kernel_thread);
    let found = unstoppable::find(pids.map(|process| process.id.pid), group);
    findings.extend(found.iter().take(MAX_FINDINGS).map(finding));
    if found.len() > MAX_FINDINGS {
        let what = format!("{} more threads wait like this", found.len() - MAX_FINDINGS);
        findings.push(Finding::warning("uninterruptible", what, WHY));
    }
}

const WHY: &str = "criu cannot stop a thread that waits like this, and gives up after ten seconds";

fn finding(culprit: &Culprit) -> Finding {
    let finding = match culprit.cause {
        // It ends by itself, most often before criu gives up.
        Cause::FileSystem { kind: FileSystem::Disk, .. } | Cause::Unknown => Finding::warning,
        _ => Finding::blocker,
    };
    let remedy = if waits_for_frozen_child(culprit) {
        let group = shell::quoted(OsStr::from_bytes(culprit.group.as_bytes()));
        format!("it was frozen while starting a program: cryoscope thaw {group}, then try again")
    } else {
        culprit.remedy()
    };
    finding("uninterruptible", culprit.to_string(), WHY)
        .criu_says("Unseizable non-zombie N found, state D")
        .remedy(remedy)
}

/// Whether a thread waits for its `vfork` child, and that for a thaw.
fn waits_for_frozen_child(culprit: &Culprit) -> bool {
    let Cause::Vfork { child: Some(child) } = culprit.cause else { return false };
    let held =
        |thread: &Thread| [Version::V2, Version::V1].into_iter().any(|version| is_held(thread, version));
    threads::read(child).is_some_and(|child| !child.has_ended() && held(&child))
}
