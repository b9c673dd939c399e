//! Whose the group is: a container's runtime has a checkpoint of its own, and a unit has settings that criu cannot cope with.

use super::{After, Finding, Request};
use crate::kernel::freezer;
use crate::model::owner::UnitName;
use crate::model::{State, Version, shell};
use crate::runtime::systemd::{self, Belief, Release, Settings, SystemdError, Unit};
use crate::runtime::{Containers, advice};

/// Gives back the settings of the unit whose group it is: how much they matter is seen on the processes.
pub(super) fn look(request: &Request<'_>, findings: &mut Vec<Finding>) -> Option<Settings> {
    container(request, findings);
    let has_ended = Unit::of(&request.group.path).is_some_and(|unit| of_unit(request, &unit, findings));
    // A restart would kill what was restored into the group of a unit that has ended.
    if has_ended {
        return None;
    }
    let unit = UnitName::of(&request.group.path).filter(|unit| unit.as_bytes().ends_with(b".service"))?;
    match Settings::ask(&unit) {
        Ok(settings) => Some(settings),
        Err(SystemdError::NotRunning) => None,
        Err(error) => {
            let what = format!("the settings of {}", unit.text());
            findings.push(Finding::unknown("systemd", what, error));
            None
        }
    }
}

/// The runtime's own command is the first advice: it saves what a plain dump lacks.
fn container(request: &Request<'_>, findings: &mut Vec<Finding>) {
    let Some(owner) = Containers::read().owner(request.fs.hierarchy(), &request.group.path) else { return };
    let state: Option<State> =
        request.group.read().ok().flatten().and_then(|group| group.freezer.state(false));
    let into = shell::quoted(request.into.as_os_str());
    let Some(advice) = advice(&owner, state, &into).filter(|_| owner.kind.is_container()) else { return };
    let why = "without the runtime, a dump by criu alone can be restored only by hand";
    let finding = Finding::warning("container", advice.what, why);
    findings.push(match advice.command {
        Some(command) => finding.remedy(format!("use {command}")),
        None => finding,
    });
    if let Some(warning) = advice.warning {
        findings.push(Finding::warning(
            "container-state",
            warning,
            "the runtime's own command refuses in this state",
        ));
    }
}

/// Whether systemd says that the unit has ended.
fn of_unit(request: &Request<'_>, unit: &Unit, findings: &mut Vec<Finding>) -> bool {
    let answer = match unit.ask() {
        Ok(answer) => answer,
        Err(SystemdError::NotRunning) => return false,
        Err(error) => {
            findings.push(Finding::unknown(
                "systemd",
                format!("what systemd reports about {}", unit.name()),
                error,
            ));
            return false;
        }
    };
    let requested = request.group.read().ok().flatten().is_some_and(|group| group.freezer.requested());
    // systemd freezes through v2 alone.
    let above = freezer::asking_ancestor(request.fs, &request.group.path);
    let disagreement = answer
        .disagreement(requested, above.as_ref())
        .filter(|d| d.harmful && request.group.version == Version::V2);
    if let Some(disagreement) = disagreement {
        let why = "systemd remembers what it froze itself, and does not check the kernel";
        findings
            .push(Finding::warning("systemd-disagrees", disagreement.what, why).remedy(disagreement.remedy));
    }
    if ends_frozen(request, answer.belief) {
        let name = unit.name();
        let what = format!(
            "systemd holds {name} frozen, and still considers it frozen after its processes have ended"
        );
        let why = "systemd then does not start it again: a unit with Restart= not before the next boot, an enabled \
                   one not before it was disabled and its failure reset";
        let remedy = format!(
            "systemctl thaw {0}, then try again: it runs until criu stops it; or omit --after killed",
            shell::quoted(name.as_ref().as_ref())
        );
        findings.push(Finding::blocker("systemd-ends-frozen", what, why).remedy(remedy));
    }
    answer.has_ended
}

/// Whether the processes are to end while systemd holds their unit frozen, and this systemd would not start it after that.
fn ends_frozen(request: &Request<'_>, belief: Belief) -> bool {
    request.after == Some(After::Killed)
        && request.group.version == Version::V2
        && belief == Belief::Frozen
        && systemd::release().map_or(true, Release::keeps_ended_frozen)
}
