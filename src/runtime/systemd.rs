//! Units of systemd, and what systemd believes of their freeze state.
//!
//! systemd remembers what it froze itself, and does not look at the kernel: after `systemctl freeze` a raw write thaws the
//! processes, and systemd still calls the unit frozen and refuses to stop it. So a unit that systemd froze is thawed
//! through systemd. (Measured with systemd 257; `systemctl(1)`, freeze and thaw.)
//!
//! systemd freezes through cgroup v2 alone, and only where no v1 hierarchy is in use: see [`has_freezer`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use crate::model::owner::{Manager, UnitName};
use crate::model::{CgroupPath, Hierarchies};

mod answer;
mod clock;
mod drop_in;
mod journal;
mod prepare;
mod release;
mod sandbox;
mod scope;
mod service;
mod settings;
mod start;
mod systemctl;
mod timespan;

pub(in crate::runtime) use answer::thaw_command;
pub use answer::{Answer, Belief, Disagreement};
pub use clock::{Clock, Limit};
pub use drop_in::DropIn;
pub use journal::{is_journal_socket, logs_to_journal};
pub use prepare::{PrepareError, prepare};
pub use release::Release;
pub use scope::{Limits, free_scope_name, is_restored_scope, scope_description, scope_name};
pub use service::Service;
pub use settings::{Cause, Obstacle, Settings};
use systemctl::ANSWER_TIMEOUT;
pub use systemctl::{SystemdError, has_freezer, is_running};

/// A unit of the system's manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    name: UnitName,
}

impl Unit {
    /// The unit whose own group a path is; `None` for other groups, and for those of a user's own manager, which the system's
    /// manager does not know: see [`UnitName`] for these.
    pub fn of(path: &CgroupPath) -> Option<Self> {
        let name = UnitName::of(path).filter(|name| name.manager == Manager::System)?;
        Some(Self { name })
    }

    /// The unit that a person means by a bare name, or by a path that may be gone; `None` for what is no unit's name.
    pub fn named(target: &OsStr, hosts: &Hierarchies) -> Option<Self> {
        let path = hosts
            .containing(Path::new(target))
            .map_or_else(|| CgroupPath::new(target.as_bytes()), |(_, path)| path);
        Self::of(&path)
    }

    /// The name as text.
    pub fn name(&self) -> Cow<'_, str> {
        self.name.text()
    }

    /// Asks systemd about the unit: one call of systemctl, which is given up after a short time. Not for each row of a list.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub fn ask(&self) -> Result<Answer, SystemdError> {
        let properties = format!("--property={}", answer::properties());
        let text =
            systemctl::run(Manager::System, &["show", &properties], &[self.name.as_bytes()], ANSWER_TIMEOUT)?;
        let answer = Answer::parse(&self.name(), &text);
        Ok(Answer { can_freeze: answer.can_freeze && has_freezer(), ..answer })
    }

    /// The group that systemd runs the unit in, as systemd tells it; `None` where there is none, or systemd does not answer.
    pub fn control_group(&self) -> Option<CgroupPath> {
        // Of a pattern systemctl shows whatever it stands for.
        let is_pattern = self.name.as_bytes().iter().any(|byte| b"*?[".contains(byte));
        let arguments = ["show", "--property=ControlGroup", "--value"];
        let shown = (!is_pattern)
            .then(|| systemctl::run(Manager::System, &arguments, &[self.name.as_bytes()], ANSWER_TIMEOUT))?;
        let shown = shown.ok()?;
        Some(shown.trim_ascii()).filter(|path| !path.is_empty()).map(CgroupPath::new)
    }

    /// Whether systemd believes that it froze this unit. False where systemd does not run or does not answer.
    pub fn is_frozen_by_systemd(&self) -> bool {
        self.ask().is_ok_and(|answer| answer.belief == Belief::Frozen)
    }

    /// Has systemd freeze the unit, and waits until that is complete, but not for long. What systemd began goes on after an
    /// error.
    ///
    /// # Errors
    /// [`SystemdError`]; [`SystemdError::TimedOut`] where it is not complete by then.
    pub fn freeze(&self) -> Result<(), SystemdError> {
        systemctl::run(Manager::System, &["freeze"], &[self.name.as_bytes()], ANSWER_TIMEOUT).map(drop)
    }

    /// Has systemd thaw the unit, so that systemd and the kernel agree.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub fn thaw(&self) -> Result<(), SystemdError> {
        systemctl::run(Manager::System, &["thaw"], &[self.name.as_bytes()], ANSWER_TIMEOUT).map(drop)
    }
}

/// What systemd says of one of several units that were asked about together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitClocks {
    /// The unit's name as text.
    pub unit: String,
    /// Its time limits that run.
    pub clocks: Vec<Clock>,
    /// systemd can freeze it now: it does not while the unit is in transition.
    pub can_freeze: bool,
}

impl UnitClocks {
    /// A watchdog runs.
    pub fn has_watchdog(&self) -> bool {
        self.clocks.iter().any(|clock| clock.limit == Limit::Watchdog)
    }
}

/// The time limits that run for these units: one call of systemctl, which is given up after a short time.
///
/// # Errors
/// [`SystemdError`].
pub fn clocks(units: &[Unit]) -> Result<Vec<UnitClocks>, SystemdError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let properties = format!("--property={},CanFreeze,Job", clock::PROPERTIES.join(","));
    let names: Vec<&[u8]> = units.iter().map(|unit| unit.name.as_bytes()).collect();
    let text = systemctl::run(Manager::System, &["show", &properties], &names, ANSWER_TIMEOUT)?;
    Ok(unit_clocks(&text, since_start()))
}

/// What `systemctl show` prints of several units: blocks of lines, with an empty line between them.
fn unit_clocks(text: &[u8], now: Duration) -> Vec<UnitClocks> {
    let lines = systemctl::printable_lines(text);
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    let of = |block: &[String]| {
        let values: HashMap<&str, &str> = block.iter().filter_map(|line| line.split_once('=')).collect();
        let value = |key: &str| values.get(key).copied().unwrap_or_default();
        UnitClocks {
            unit: value("Id").to_owned(),
            clocks: Clock::all(&values, now),
            can_freeze: value("CanFreeze") == "yes"
                && matches!(value("Job"), "" | "0")
                && value("ActiveState") == "active",
        }
    };
    blocks.map(of).collect()
}

/// `CLOCK_MONOTONIC`, by which systemd measures its time limits: it stands still while the machine is suspended.
fn since_start() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // The kernel's values are in range.
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Which systemd runs: PID 1 itself, whatever systemctl is installed by now.
///
/// # Errors
/// [`SystemdError`].
pub fn release() -> Result<Release, SystemdError> {
    let text = systemctl::run(Manager::System, &["show", "--property=Version"], &[], ANSWER_TIMEOUT)?;
    let said = || SystemdError::Failed("systemctl does not say which systemd runs".to_owned());
    Release::parse(&text).ok_or_else(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(path: &str) -> Option<String> {
        Unit::of(&CgroupPath::new(path.as_bytes())).map(|unit| unit.name().into_owned())
    }

    #[test]
    fn units_of_the_system_manager() {
        assert_eq!(unit("/system.slice/ssh.service").as_deref(), Some("ssh.service"));
        assert_eq!(unit("/user.slice/user-0.slice/session-1.scope").as_deref(), Some("session-1.scope"));
        assert_eq!(unit("/system.slice/ssh.service/sub"), None);
        assert_eq!(unit("/user.slice/user-1.slice/user@1.service/app.slice"), None);
    }

    #[test]
    fn several_units_at_once() {
        let text = b"CanFreeze=yes\nJob=\nId=wd.service\nActiveState=active\nSubState=running\nWatchdogUSec=4s\nWatchdogTimestampMonotonic=44713475\n\nCanFreeze=yes\nJob=734\nId=st.service\nActiveState=activating\nSubState=start\nTimeoutStartUSec=6s\nStateChangeTimestampMonotonic=42999953\n\nId=gone.service\nActiveState=inactive\n";
        let found = unit_clocks(text, Duration::from_secs(47));
        let short: Vec<_> = found
            .iter()
            .map(|unit| {
                (
                    &*unit.unit,
                    unit.clocks.iter().map(|clock| clock.limit).collect::<Vec<_>>(),
                    unit.can_freeze,
                )
            })
            .collect();
        assert_eq!(
            short,
            [
                ("wd.service", vec![Limit::Watchdog], true),
                ("st.service", vec![Limit::Start], false),
                ("gone.service", vec![], false)
            ]
        );
    }
}
