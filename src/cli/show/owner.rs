//! What `show` says of a group's owner.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::super::json;
use super::Shown;
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::asking_ancestor;
use crate::model::owner::UnitName;
use crate::model::{Process, Version, span};
use crate::runtime::systemd::{
    Belief, Disagreement, Obstacle, Settings, SystemdError, Unit, logs_to_journal,
};

/// What systemd says of a unit.
#[derive(Serialize)]
pub(super) struct Systemd {
    unit: String,
    /// Null where it did not answer.
    belief: Option<Belief>,
    /// Why it did not answer.
    problem: Option<String>,
    disagreement: Option<Disagreement>,
    obstacles: Vec<Obstacle>,
    after_kill: Option<String>,
    /// The scope in which what was restored of the service runs.
    restored_scope: Option<String>,
    /// The unit's state and since when, where it has ended: processes that are in its group all the same were restored there.
    #[serde(skip)]
    ended: Option<String>,
    /// How long `systemctl stop` waits while it is frozen.
    #[serde(skip)]
    stop_timeout: Option<Duration>,
}

impl Systemd {
    /// `None` where systemd does not run. `requested` is the own request of the unit's group.
    pub(super) fn new(
        unit: &Unit,
        fs: &Filesystem,
        group: &Group,
        requested: bool,
        list: &[Process],
    ) -> Option<Self> {
        let name = unit.name().into_owned();
        match unit.ask() {
            Err(SystemdError::NotRunning) => None,
            Err(problem) => Some(Self {
                unit: name,
                belief: None,
                problem: Some(problem.to_string()),
                disagreement: None,
                obstacles: Vec::new(),
                after_kill: None,
                restored_scope: None,
                ended: None,
                stop_timeout: None,
            }),
            Ok(answer) => Some(Self {
                unit: name,
                belief: Some(answer.belief),
                problem: None,
                // systemd freezes through v2 alone, and knows no other freeze.
                disagreement: answer
                    .disagreement(requested, asking_ancestor(fs, &group.path).as_ref())
                    .filter(|_| group.version == Version::V2),
                after_kill: answer.after_kill(),
                restored_scope: unit.restored_scope(),
                ended: answer.status.filter(|_| answer.has_ended),
                stop_timeout: answer.stop_timeout,
                // Their remedy is a restart, which kills what was restored into the group of a unit that has ended.
                obstacles: if answer.has_ended { Vec::new() } else { obstacles(group, list) },
            }),
        }
    }

    /// systemd believes that it froze this very unit.
    pub(super) fn froze(&self) -> bool {
        self.belief == Some(Belief::Frozen)
    }
}

/// What is in the way of a dump. Where its processes may not be looked at, the settings say where its output goes.
fn obstacles(group: &Group, list: &[Process]) -> Vec<Obstacle> {
    let settings = UnitName::of(&group.path).and_then(|unit| Settings::ask(&unit).ok());
    let logs = || logs_to_journal(list.iter().map(|process| process.id.pid)).unwrap_or(true);
    settings.map(|settings| settings.obstacles(logs())).unwrap_or_default()
}

/// Who owns it, and what the owner says.
pub(super) fn print(shown: &Shown, out: &mut impl Write) -> io::Result<()> {
    if let Some(owner) = &shown.group.owner {
        let whose = owner.user.map(|uid| format!(", of user {uid}")).unwrap_or_default();
        let pod = owner.pod.as_ref().filter(|pod| **pod != owner.id);
        let pod = pod.map(|pod| format!(", in pod {pod}")).unwrap_or_default();
        let above = if owner.path == shown.group.path { "" } else { ", an ancestor group" };
        writeln!(out, "  owner      {} {}{whose}{pod}{above}", owner.kind, owner.id)?;
    }
    if let Some(advice) = &shown.advice {
        writeln!(out, "  checkpoint {}", advice.what)?;
        for line in advice.command.iter().chain(&advice.warning) {
            writeln!(out, "             {line}")?;
        }
    }
    // While it runs, none of them has anything to do with a freeze.
    let is_held = shown.group.state.as_deref().is_some_and(|state| state != "thawed");
    for clock in shown.clocks.iter().flatten().filter(|_| is_held) {
        writeln!(out, "  systemd    {clock}")?;
    }
    match (&shown.systemd, &shown.group.owner) {
        (Some(systemd), _) => {
            if let Some(ended) = systemd.ended.as_ref().filter(|_| !shown.process_list.is_empty()) {
                writeln!(
                    out,
                    "  systemd    says that it is {ended}, and does not supervise these processes: stop does nothing, start kills them"
                )?;
            }
            if let Some(scope) = &systemd.restored_scope {
                writeln!(out, "  systemd    its restored processes run in {scope}")?;
            }
            unit(systemd, shown.group.requested, out)
        }
        (None, Some(json::Owner { user: Some(uid), id, .. })) => {
            writeln!(out, "  systemd    only the systemd of user {uid} knows {id}; cryoscope does not ask it")
        }
        _ => Ok(()),
    }
}

fn unit(systemd: &Systemd, requested: bool, out: &mut impl Write) -> io::Result<()> {
    match (&systemd.disagreement, systemd.belief, &systemd.problem) {
        (Some(found), ..) => writeln!(out, "  systemd    {}: {}", found.what, found.remedy)?,
        (_, Some(Belief::Frozen), _) => {
            writeln!(out, "  systemd    froze it: cryoscope thaw goes through systemd, so that both agree")?
        }
        (_, Some(Belief::FrozenByParent), _) => {
            writeln!(out, "  systemd    froze it together with its slice: thaw that slice")?
        }
        (.., Some(problem)) => writeln!(out, "  systemd    unknown: {problem}")?,
        _ => {}
    }
    let is_past_systemd = requested && systemd.belief == Some(Belief::Running);
    if let Some(most) = systemd.stop_timeout.filter(|_| is_past_systemd) {
        let most = span::left(most);
        writeln!(
            out,
            "  systemd    systemctl stop waits for the thaw, at most {most}, if a process handles SIGTERM"
        )?;
    }
    for obstacle in &systemd.obstacles {
        writeln!(out, "  checkpoint {}: criu fails", obstacle.what)?;
    }
    // It is the same for all of them.
    if let Some(drop_in) = systemd.obstacles.iter().find_map(|obstacle| obstacle.drop_in.as_ref()) {
        for command in drop_in.commands() {
            writeln!(out, "             {command}")?;
        }
        writeln!(out, "             to undo: {}", drop_in.undo)?;
    }
    Ok(())
}
