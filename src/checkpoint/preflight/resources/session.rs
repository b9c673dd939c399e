//! Sessions and terminals whose leader is not dumped (credentials(7), `criu/pstree.c`, `criu/tty.c`).

use std::collections::BTreeSet;

use rustix::fs::FileType;

use super::{Finding, Holder, name, names};
use crate::kernel::Status;
use crate::kernel::descriptors::Descriptor;
use crate::kernel::processes::session_leaders;
use crate::model::Process;

const REMEDY: &str = "adding --shell-job; restore with --shell-job from a terminal, whose session it joins";

pub(super) fn look(tree: &[Process], holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let Some(root) = tree.first() else { return };
    session(root, findings);
    terminals(holders, findings);
}

/// A root that does not lead its session belongs to one that is not dumped (`NSsid`, `NSpid` of proc_pid_status(5)).
fn session(root: &Process, findings: &mut Vec<Finding>) {
    let who = name(root);
    let status = Status::read(root.id.pid).ok().flatten();
    let ids = |key| status.as_ref().and_then(|status| status.numbers(key));
    let (Some(sid), Some(own)) = (ids("NSsid"), ids("NSpid")) else {
        findings.push(Finding::unknown(
            "session",
            format!("whether {who} is a session leader"),
            "/proc/PID/status",
        ));
        return;
    };
    findings.push(match sid.last() {
        _ if sid == own => Finding::ok("session", format!("{who} is a session leader")),
        Some(0) => Finding::blocker(
            "session",
            format!("the session leader of {who} is outside its PID namespace"),
            "criu cannot refer to a leader outside the namespace",
        )
        .remedy("start the first process of the namespace in its own session, with setsid(1)")
        .criu_says("A session leader of N(M) is outside of its pid namespace"),
        _ => Finding::warning(
            "session",
            format!("{who} is not a session leader"),
            "its session leader is outside the dump",
        )
        .remedy(REMEDY)
        .options(["--shell-job"])
        .criu_says("The root process N is not a session leader. Consider using --shell-job option"),
    });
}

/// Major numbers of the terminals' ends of pseudo-terminals (kernel: admin-guide/devices.txt), and `/dev/ptmx`.
const TERMINALS: std::ops::RangeInclusive<u32> = 136..=143;
const MASTER: (u32, u32) = (5, 2);

/// Terminals that belong to a session outside, or whose master is held outside.
fn terminals(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let open = || holders.iter().flat_map(|holder| holder.open.iter().map(move |open| (holder, open)));
    let ends: Vec<_> = open().filter_map(|(holder, open)| Some((holder, end(open)?))).collect();
    if ends.is_empty() {
        return;
    }
    let masters: BTreeSet<_> =
        ends.iter().filter(|(_, end)| end.master).map(|(_, end)| end.terminal).collect();
    let leaders = session_leaders();
    let led_outside = |terminal| {
        let leader = leaders.get(&terminal);
        leader.is_some_and(|sid| !holders.iter().any(|holder| holder.process.id.pid == *sid))
    };
    let outside =
        ends.iter().filter(|(_, end)| !masters.contains(&end.terminal) || led_outside(end.terminal));
    let outside: Vec<&Holder<'_>> = outside.map(|(holder, _)| *holder).collect();
    if outside.is_empty() {
        return;
    }
    findings.push(
        Finding::warning(
            "terminal",
            format!("a terminal from outside is open in {}", names(outside)),
            "its session or its other end (a shell, tmux, ssh) is outside the dump",
        )
        .remedy(REMEDY)
        .options(["--shell-job"])
        .criu_says("Found dangling tty with sid N"),
    );
}

/// An end of a pseudo-terminal.
struct End {
    /// The device number of the terminal's end.
    terminal: (u32, u32),
    master: bool,
}

fn end(open: &Descriptor) -> Option<End> {
    if open.facts.kind != FileType::CharacterDevice {
        return None;
    }
    let device = open.facts.device;
    if device == MASTER {
        let number = open.info.terminal?;
        return Some(End { terminal: (TERMINALS.start() + number / 256, number % 256), master: true });
    }
    TERMINALS.contains(&device.0).then_some(End { terminal: device, master: false })
}
