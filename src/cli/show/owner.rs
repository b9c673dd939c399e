//! What `show` says of a group's owner.

use std::io::{self, Write};

use serde::Serialize;

use super::super::json;
use super::Shown;
use crate::model::Version;
use crate::runtime::systemd::{Belief, Disagreement, DropIn, Obstacle, SystemdError, Unit};

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
}

impl Systemd {
    /// `None` where systemd does not run. `requested` is the own request of the unit's group.
    pub(super) fn new(unit: &Unit, version: Version, requested: bool) -> Option<Self> {
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
            }),
            Ok(answer) => Some(Self {
                unit: name,
                belief: Some(answer.belief),
                problem: None,
                // systemd freezes through v2 alone, and knows no other freeze.
                disagreement: answer.disagreement(requested).filter(|_| version == Version::V2),
                after_kill: answer.after_kill(),
                obstacles: answer.obstacles,
            }),
        }
    }

    /// systemd believes that it froze this very unit.
    pub(super) fn froze(&self) -> bool {
        self.belief == Some(Belief::Frozen)
    }
}

/// Who owns it, and what the owner says.
pub(super) fn print(shown: &Shown, out: &mut impl Write) -> io::Result<()> {
    if let Some(owner) = &shown.group.owner {
        let whose = owner.user.map(|uid| format!(", of user {uid}")).unwrap_or_default();
        let pod = owner.pod.as_ref().filter(|pod| **pod != owner.id);
        let pod = pod.map(|pod| format!(", in pod {pod}")).unwrap_or_default();
        let above = if owner.path == shown.group.path { "" } else { ", whose group is above" };
        writeln!(out, "  owner      {} {}{whose}{pod}{above}", owner.kind, owner.id)?;
    }
    if let Some(advice) = &shown.advice {
        writeln!(out, "  checkpoint {}", advice.what)?;
        for line in advice.command.iter().chain(&advice.warning) {
            writeln!(out, "             {line}")?;
        }
    }
    match (&shown.systemd, &shown.group.owner) {
        (Some(systemd), _) => unit(systemd, out),
        (None, Some(json::Owner { user: Some(uid), id, .. })) => {
            writeln!(
                out,
                "  systemd    {id} is known to the one of user {uid} alone, which is not asked here"
            )
        }
        _ => Ok(()),
    }
}

fn unit(systemd: &Systemd, out: &mut impl Write) -> io::Result<()> {
    match (&systemd.disagreement, systemd.belief, &systemd.problem) {
        (Some(found), ..) => writeln!(out, "  systemd    {}: {}", found.what, found.remedy)?,
        (_, Some(Belief::Frozen), _) => {
            writeln!(out, "  systemd    froze it: cryoscope thaw goes through systemd, so that both agree")?
        }
        (_, Some(Belief::FrozenByParent), _) => {
            writeln!(out, "  systemd    froze it with a slice that it is in: thaw that slice")?
        }
        (.., Some(problem)) => writeln!(out, "  systemd    unknown: {problem}")?,
        _ => {}
    }
    for Obstacle { what, drop_in: DropIn { path, text, apply }, .. } in &systemd.obstacles {
        writeln!(out, "  checkpoint {what}: criu fails\n             write {path}")?;
        text.lines().try_for_each(|line| writeln!(out, "               {line}"))?;
        writeln!(out, "             {apply}")?;
    }
    Ok(())
}
