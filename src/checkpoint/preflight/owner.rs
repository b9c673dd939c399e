//! Whose the group is: a container's runtime has a checkpoint of its own, and a unit has settings that criu cannot cope with.

use super::{After, Finding, Request};
use crate::kernel::freezer;
use crate::model::owner::{Manager, UnitName};
use crate::model::{CgroupPath, State, Version, shell};
use crate::runtime::systemd::{self, Belief, Obstacle, Release, SystemdError, Unit};
use crate::runtime::{Containers, advice};

/// The command that edits the settings of a unit (systemctl(1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitEdit(String);

impl UnitEdit {
    /// For the unit whose own group a path is; `None` for other groups, and where systemd does not run.
    pub(super) fn of(path: &CgroupPath) -> Option<Self> {
        systemd::is_running().then(|| UnitName::of(path)).flatten().map(|unit| Self::of_unit(&unit))
    }

    fn of_unit(unit: &UnitName) -> Self {
        let manager = if matches!(unit.manager, Manager::User(_)) { "--user " } else { "" };
        Self(format!("systemctl {manager}edit {}", shell::quoted(unit.text().as_ref().as_ref())))
    }

    /// What takes a mount namespace away. Where systemd names a setting that makes one, its drop-in is said in place of this.
    pub(super) fn without_sandboxing(&self) -> String {
        format!(
            "where the unit's sandboxing made the namespace: {}, turn that off ([Service] PrivateTmp=no ProtectSystem=no …), and restart it; where the program made it: private mounts (unshare --mount --propagation private), and files opened inside",
            self.0
        )
    }

    /// What keeps libuv from io_uring.
    pub(super) fn without_io_uring(&self) -> String {
        format!("{}, write [Service] Environment=UV_USE_IO_URING=0, and restart it", self.0)
    }

    /// What keeps the journal's socket away.
    pub(super) fn without_journal(&self) -> String {
        format!(
            "{}, write [Service] StandardOutput=append:/var/log/NAME.log StandardError=inherit (or StandardOutput=null), and restart it",
            self.0
        )
    }
}

/// Gives back what the settings of the unit do: how much that matters is seen on the processes.
pub(super) fn look(request: &Request<'_>, findings: &mut Vec<Finding>) -> Vec<Finding> {
    container(request, findings);
    Unit::of(&request.group.path).map(|unit| of_unit(request, &unit, findings)).unwrap_or_default()
}

/// The runtime's own command is the first advice: it saves what a plain dump lacks.
fn container(request: &Request<'_>, findings: &mut Vec<Finding>) {
    let Some(owner) = Containers::read().owner(request.fs.hierarchy(), &request.group.path) else { return };
    let state: Option<State> =
        request.group.read().ok().flatten().and_then(|group| group.freezer.state(false));
    let into = shell::quoted(request.into.as_os_str());
    let Some(advice) = advice(&owner, state, &into).filter(|_| owner.kind.is_container()) else { return };
    let why = "a dump by criu alone can be restored only by hand, without the runtime";
    let finding = Finding::warning("container", advice.what, why);
    findings.push(match advice.command {
        Some(command) => finding.remedy(format!("use {command}")),
        None => finding,
    });
    if let Some(warning) = advice.warning {
        findings.push(Finding::warning("container-state", warning, "the runtime's own command refuses then"));
    }
}

fn of_unit(request: &Request<'_>, unit: &Unit, findings: &mut Vec<Finding>) -> Vec<Finding> {
    let answer = match unit.ask() {
        Ok(answer) => answer,
        Err(SystemdError::NotRunning) => return Vec::new(),
        Err(error) => {
            findings.push(Finding::unknown(
                "systemd",
                format!("what systemd says of {}", unit.name()),
                error,
            ));
            return Vec::new();
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
            "systemd holds {name} frozen, and goes on calling it frozen when its processes have ended"
        );
        let why = "it is not started again then: one with Restart= not before the next boot, an enabled one not before it was disabled and its failure reset";
        let remedy = format!(
            "systemctl thaw {0}, and then the same again: it runs until criu takes hold of it; or without --after killed",
            shell::quoted(name.as_ref().as_ref())
        );
        findings.push(Finding::blocker("systemd-ends-frozen", what, why).remedy(remedy));
    }
    // Their remedy is a restart, which kills what was restored into the group of a unit that has ended.
    answer.obstacles().iter().filter(|_| !answer.has_ended).map(obstacle).collect()
}

/// Whether the processes are to end while systemd holds their unit frozen, and this systemd would not start it after that.
fn ends_frozen(request: &Request<'_>, belief: Belief) -> bool {
    request.after == Some(After::Killed)
        && request.group.version == Version::V2
        && belief == Belief::Frozen
        && systemd::release().map_or(true, Release::keeps_ended_frozen)
}

/// A setting. Whether the processes were started with it is seen on them; here is what to write.
fn obstacle(obstacle: &Obstacle) -> Finding {
    let drop_in = &obstacle.drop_in;
    let lines = drop_in.text.lines().collect::<Vec<_>>().join(" / ");
    Finding::warning(obstacle.code, obstacle.what.clone(), obstacle.why).remedy(format!(
        "write to {}: {lines}; then {} (what it has in memory is lost by that)",
        drop_in.path, drop_in.apply
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_edits_a_unit() {
        let edit = |path: &str| {
            UnitName::of(&CgroupPath::new(path.as_bytes())).map(|unit| UnitEdit::of_unit(&unit).0)
        };
        assert_eq!(edit("/system.slice/nginx.service").as_deref(), Some("systemctl edit nginx.service"));
        let of_user = "/user.slice/user-1000.slice/user@1000.service/app.slice/my.service";
        assert_eq!(edit(of_user).as_deref(), Some("systemctl --user edit my.service"));
        assert_eq!(edit("/box"), None);
    }
}
