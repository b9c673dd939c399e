//! Looks afterwards whether everything is as promised.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::flag::PutBack;
use super::preflight::After;
use super::tree::Member;
use super::{Finding, Plan, Ran, images};
use crate::kernel::processes::Processes;
use crate::kernel::signals::is_stopped;
use crate::model::printable;

/// What was found afterwards.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Each thing that was looked at.
    pub checks: Vec<Finding>,
}

impl Verification {
    /// True where everything is as promised.
    pub fn holds(&self) -> bool {
        !self.checks.iter().any(Finding::blocks)
    }
}

/// Looks at images, processes and freeze flags.
pub fn verify(plan: &Plan, ran: &Ran) -> Verification {
    let mut checks = flags(plan, ran);
    for tree in &plan.trees {
        let living = tree.processes.iter().filter(|member| !member.was_zombie());
        let pids: Vec<i32> = living.map(|member| member.inner).collect();
        checks.extend(images::verify(Path::new(&tree.images.0), &pids));
        checks.extend(tree.processes.iter().map(|member| process(member, plan.after)));
    }
    Verification { checks }
}

fn flags(plan: &Plan, ran: &Ran) -> Vec<Finding> {
    let mut checks = Vec::new();
    for done in &ran.put_back {
        checks.push(match done {
            PutBack::Over(what) => Finding::ok("freeze-over", what),
            PutBack::Done(done) => {
                Finding::warning("flag-put-back", done, "it was not as promised after the last step")
            }
            PutBack::Failed(failed) => {
                Finding::blocker("flag-differs", failed, "it is not as it was promised")
            }
        });
    }
    if !ran.rescued.is_empty() {
        let names: Vec<_> = ran.rescued.iter().map(|group| printable(group.0.as_encoded_bytes())).collect();
        checks.push(Finding::warning(
            "rescued",
            format!("thawed while criu hung, and frozen again: {}", names.join(", ")),
            "its processes may have run meanwhile",
        ));
    }
    let written = plan.written();
    // Somebody else's freeze was put back: that is said above.
    for flag in plan.flags.iter().filter(|flag| !ran.rescued.contains(&flag.group)) {
        match (flag.asks_now(), written.contains(flag)) {
            (Some(now), _) if now == flag.promised => {}
            // Its timer thaws it, or has thawed it.
            (Some(_), true) if flag.is_over() => {}
            (Some(_), true) => checks.push(Finding::blocker(
                "flag-differs",
                format!("the freeze flag of {} is not as promised", flag.shown()),
                "somebody else wrote it meanwhile",
            )),
            (Some(now), false) => {
                let word = if now { "frozen" } else { "thawed" };
                let what = format!("{} was {word} by somebody else meanwhile", flag.shown());
                checks.push(Finding::warning("flag-changed", what, "it is left so"));
            }
            (None, _) => {
                let what = format!("{} is gone, or cannot be read", flag.shown());
                checks.push(Finding::warning("flag-gone", what, "its freeze flag cannot be looked at"));
            }
        }
    }
    if checks.is_empty() {
        let as_found = plan.flags.iter().all(|flag| flag.promised == flag.requested);
        let what = if as_found { "as it was found" } else { "as promised" };
        checks.push(Finding::ok("flags", format!("every freeze flag is {what}")));
    }
    checks
}

fn process(member: &Member, after: Option<After>) -> Finding {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let finding = look(member, after);
        // A process that was just let go needs a moment to arrive in its state.
        if !finding.blocks() || Instant::now() > deadline {
            return finding;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn look(member: &Member, after: Option<After>) -> Finding {
    let pid = member.pid;
    let now = Processes::default().read(pid).filter(|p| p.id.start == member.start);
    let promised = match after {
        Some(After::Killed) => "gone",
        Some(After::Stopped) => "stopped",
        _ if member.stopped => "stopped",
        _ => "alive",
    };
    let is = match &now {
        None => "gone",
        Some(p) if p.is_zombie() && !member.was_zombie() => "gone",
        Some(p) if is_stopped(p) == Some(true) => "stopped",
        Some(_) => "alive",
    };
    if is == promised {
        Finding::ok("process", format!("process {pid} is {is}"))
    } else {
        Finding::blocker(
            "process",
            format!("process {pid} is {is}, not {promised}"),
            "it was promised otherwise",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_lives() {
        let me = Processes::default().read(std::process::id().cast_signed()).unwrap();
        let member = Member {
            pid: me.id.pid,
            start: me.id.start,
            state: 'R',
            stopped: false,
            command: String::new(),
            inner: me.id.pid,
        };
        assert!(!look(&member, None).blocks());
        assert!(look(&member, Some(After::Killed)).blocks());
        assert!(look(&Member { start: member.start + 1, ..member }, None).blocks());
    }
}
