//! Looks afterwards whether everything is as promised.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::finding::Level;
use super::flag::{Flag, PutBack};
use super::preflight::After;
use super::tree::{Member, Tree};
use super::{Finding, Plan, Ran, images, proof, restore};
use crate::kernel::processes::Processes;
use crate::kernel::signals::is_stopped;
use crate::kernel::{freezer, mounts};
use crate::model::{State, Version, printable};
use crate::runtime::systemd::Unit;

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
    checks.extend(systemd(plan));
    let replaced = replaced(plan, ran);
    for tree in &plan.trees {
        let found = dumped(tree, plan);
        // What is found at its path is something else.
        checks
            .extend(found.into_iter().filter(|check| replaced.is_none() || !check.code.starts_with("image")));
    }
    checks.extend(replaced);
    Verification { checks }
}

/// How long systemd may take to see that the processes of a unit have ended.
const SEEN_TIMEOUT: Duration = Duration::from_secs(3);

/// Whether systemd and the kernel agree on the unit whose group was named: both its freeze flag and its processes were
/// changed past systemd.
fn systemd(plan: &Plan) -> Option<Finding> {
    let flag = plan.flags.iter().find(|flag| flag.group == plan.group && flag.hierarchy == Version::V2)?;
    let unit = Unit::of(&flag.path)?;
    let deadline = Instant::now() + SEEN_TIMEOUT;
    let found = loop {
        let answer = unit.ask().ok()?;
        let waits = plan.after == Some(After::Killed) && !answer.has_ended && Instant::now() < deadline;
        // One that is gone asks for nothing.
        if !waits {
            let hosts = mounts::hierarchies().ok();
            let above = hosts.and_then(|hosts| freezer::requesting_ancestor_on_v2(&hosts, &flag.path));
            let requested = flag.asks_now() == Some(true);
            break answer.disagreement(requested, above.as_ref()).filter(|found| found.harmful)?;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let why = "systemd remembers what it froze itself, and does not check the kernel";
    Some(Finding::warning("systemd-disagrees", found.what, why).remedy(found.remedy))
}

/// Whether the folder was deleted, moved or replaced while images were made in it.
fn replaced(plan: &Plan, ran: &Ran) -> Option<Finding> {
    ran.folder.as_ref().filter(|folder| !folder.is_at(plan.folder()))?;
    let folder = printable(plan.into.0.as_encoded_bytes());
    let what = format!("{folder} was deleted or replaced during the checkpoint: its images are gone");
    Some(Finding::blocker("image-folder", what, "nothing can be restored from it"))
}

/// The images and the processes of one tree. What ran until criu came may have ended before, and may have ended since.
fn dumped(tree: &Tree, plan: &Plan) -> Vec<Finding> {
    let read = images::read(Path::new(&tree.images.0));
    let was_held = plan.flags.iter().any(|flag| flag.requested && flag.state == State::Frozen);
    let was_dumped = |member: &&Member| {
        read.as_ref().ok().is_none_or(|set| set.processes.iter().any(|process| process.pid == member.inner))
    };
    let is_gone = |member: &&Member| look(member, Some(After::Killed)).level == Level::Ok;
    let expected = |member: &&Member| was_dumped(member) || !is_gone(member);
    let (members, ended): (Vec<&Member>, Vec<&Member>) = tree.processes.iter().partition(expected);
    let living = members.iter().filter(|member| !member.was_zombie());
    let mut checks = images::verify_read(&read, &living.map(|member| member.inner).collect::<Vec<_>>());
    checks.extend(proved(tree, plan));
    checks.extend(read.as_ref().ok().and_then(restore::lost_timers));
    checks.extend(ended.into_iter().map(|member| match member.pid == tree.root() {
        true => look(member, plan.after),
        false => Finding::ok("process", format!("process {} had ended before criu came", member.pid)),
    }));
    checks.extend(members.into_iter().map(|member| {
        let found = process(member, plan.after);
        let may_end = member.pid != tree.root() && plan.after != Some(After::Killed) && !was_held;
        if found.blocks() && may_end && is_gone(&member) {
            let what = format!("process {} has ended since", member.pid);
            return Finding::warning("process", what, "it runs, and may have ended by itself");
        }
        found
    }));
    checks
}

/// That the images of what was ended had been proved before.
fn proved(tree: &Tree, plan: &Plan) -> Option<Finding> {
    if plan.after != Some(After::Killed) {
        return None;
    }
    Some(match proof::read(Path::new(&tree.images.0)).filter(|said| said.restorable) {
        Some(said) => {
            let what =
                format!("the images were verified before any process was ended, in {} ms", said.elapsed_ms);
            Finding::ok("proved", what)
        }
        None => {
            let what = format!("{} does not say that the images can be restored", proof::FILE);
            Finding::warning("proved", what, "it was removed or changed since")
        }
    })
}

fn flags(plan: &Plan, ran: &Ran) -> Vec<Finding> {
    let mut checks = Vec::new();
    for done in &ran.put_back {
        checks.push(match done {
            PutBack::Over(what) => Finding::ok("freeze-over", what),
            PutBack::Done(done) => {
                Finding::warning("flag-put-back", done, "its state was not as planned after the last step")
            }
            PutBack::Failed(failed) => {
                Finding::blocker("flag-differs", failed, "its state is not as planned")
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
                format!("the freeze flag of {} is not as planned", flag.shown()),
                "somebody else changed it meanwhile",
            )),
            (Some(now), false) => {
                let word = if now { "frozen" } else { "thawed" };
                let what = format!("{} was {word} by somebody else meanwhile", flag.shown());
                checks.push(Finding::warning("flag-changed", what, "it stays like that"));
            }
            // Whoever made it removes it: systemd does so with the group of a unit that has ended.
            (None, _) if plan.after == Some(After::Killed) && flag.is_gone() => {
                checks.push(Finding::ok("flag-gone", format!("{} is gone with its processes", flag.shown())));
            }
            (None, _) => {
                let what = format!("{} is gone, or cannot be read", flag.shown());
                checks.push(Finding::warning("flag-gone", what, "cannot check its freeze flag"));
            }
        }
    }
    checks.extend(plan.flags.iter().filter_map(|flag| incomplete(flag, plan)));
    if checks.is_empty() {
        let as_found = plan.flags.iter().all(|flag| flag.promised == flag.requested);
        let what = if as_found { "restored" } else { "set as planned" };
        checks.push(Finding::ok("flags", format!("all freeze flags {what}")));
    }
    checks
}

/// A group that asks as promised, but in which a process runs: it was frozen when it was found, or is to be frozen now.
fn incomplete(flag: &Flag, plan: &Plan) -> Option<Finding> {
    let promised = flag.promised && (flag.state == State::Frozen || !flag.requested);
    let asks = |flag: &Flag| flag.asks_now() == Some(true);
    // A freeze through v2 completes when v1 lets go, which holds the processes until then.
    let v1_holds = || plan.flags.iter().any(|flag| flag.hierarchy == Version::V1 && asks(flag));
    if !promised || !asks(flag) || flag.await_frozen(SETTLE) != Some(false) {
        return None;
    }
    if flag.hierarchy == Version::V2 && v1_holds() {
        return None;
    }
    let what = format!("{} has a freeze request, but is not frozen", flag.shown());
    let finding = Finding::blocker("not-frozen", what, "one of its processes has not stopped");
    Some(finding.remedy(format!("cryoscope show {} shows which", flag.shown())))
}

/// How long a group may take until it is frozen.
const SETTLE: Duration = Duration::from_secs(2);

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
            "this differs from the plan",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel shows a group that asks and in which something runs.
    #[test]
    fn a_group_that_asks_and_is_not_frozen() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
        write("cgroup.freeze", "1\n");
        write("cgroup.events", "populated 1\nfrozen 0\n");
        write("cgroup.procs", "");
        let of = folder.path().metadata().unwrap();
        let flag = Flag {
            group: folder.path().into(),
            hierarchy: Version::V2,
            requested: true,
            promised: true,
            timed: false,
            state: State::Frozen,
            id: crate::model::CgroupId { dev: of.dev(), ino: of.ino() },
            path: crate::model::CgroupPath::new(b"/g"),
            directory: crate::checkpoint::flag::Directory::default(),
        };
        let plan = Plan {
            group: flag.group.clone(),
            trees: vec![],
            into: "/i".into(),
            after: None,
            service: None,
            flags: vec![flag.clone()],
            written: vec![flag.group.clone()],
            criu_version: None,
            kernel: String::new(),
            steps: vec![],
        };
        let ran = Ran { elapsed: Duration::ZERO, bytes: 0, folder: None, rescued: vec![], put_back: vec![] };
        let codes = || flags(&plan, &ran).iter().map(|check| check.code).collect::<Vec<_>>();
        assert_eq!(codes(), ["not-frozen"]);
        write("cgroup.events", "populated 1\nfrozen 1\n");
        assert_eq!(codes(), ["flags"]);
    }

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
