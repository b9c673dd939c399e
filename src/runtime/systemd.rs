//! Units of systemd, and what systemd believes of their freeze state.
//!
//! systemd remembers what it froze itself, and does not look at the kernel: after `systemctl freeze` a raw write thaws the
//! processes, and systemd still calls the unit frozen and refuses to stop it. So a unit that systemd froze is thawed
//! through systemd. (Measured with systemd 257; `systemctl(1)`, freeze and thaw.)
//!
//! systemd freezes through cgroup v2 alone: on a host without it no unit can be frozen by systemd.

use std::borrow::Cow;

use crate::model::CgroupPath;
use crate::model::owner::{Manager, UnitName};

mod answer;
mod obstacle;
mod systemctl;

pub use answer::{Answer, Belief, Disagreement};
pub use obstacle::{DropIn, Obstacle};
pub use systemctl::SystemdError;

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
        let text = systemctl::run(&["show", &properties], self.name.as_bytes())?;
        Ok(Answer::parse(&self.name(), &text))
    }

    /// Whether systemd believes that it froze this unit. False where systemd does not run or does not answer.
    pub fn is_frozen_by_systemd(&self) -> bool {
        self.ask().is_ok_and(|answer| answer.belief == Belief::Frozen)
    }

    /// Has systemd thaw the unit, so that systemd and the kernel agree.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub fn thaw(&self) -> Result<(), SystemdError> {
        systemctl::run(&["thaw"], self.name.as_bytes()).map(drop)
    }
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
}
