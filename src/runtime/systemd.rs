//! Units of systemd, and what systemd believes of their freeze state.
//!
//! systemd remembers what it froze itself, and does not look at the kernel: after `systemctl freeze` a raw write thaws the
//! processes, and systemd still calls the unit frozen and refuses to stop it. So a unit that systemd froze is thawed
//! through systemd. (Measured with systemd 257; `systemctl(1)`, freeze and thaw.)

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::model::CgroupPath;

/// A unit of the system's manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    name: Box<[u8]>,
}

/// The kinds of unit that have a group and can be frozen. (systemd: docs/CONTROL_GROUP_INTERFACE.md)
const KINDS: [&[u8]; 3] = [b".service", b".scope", b".slice"];

impl Unit {
    /// The unit whose group a path is; `None` for other groups, and for those of a user's own manager, which the system's
    /// manager does not know.
    pub fn of(path: &CgroupPath) -> Option<Self> {
        let is_user_manager = |name: &[u8]| name.starts_with(b"user@") && name.ends_with(b".service");
        let name = path.name();
        let foreign = path.ancestors().any(|above| is_user_manager(above.name()));
        (KINDS.iter().any(|kind| name.ends_with(kind)) && !foreign).then(|| Self { name: name.into() })
    }

    /// Whether systemd believes that it froze this unit. False where systemd does not run or does not answer.
    pub fn is_frozen_by_systemd(&self) -> bool {
        let answer = systemctl(&["show", "--property=FreezerState", "--value"], &self.name);
        answer.is_ok_and(|answer| answer.trim_ascii().starts_with(b"fr"))
    }

    /// Has systemd thaw the unit, so that systemd and the kernel agree.
    ///
    /// # Errors
    /// What systemctl said.
    pub fn thaw(&self) -> Result<(), String> {
        systemctl(&["thaw"], &self.name).map(drop)
    }
}

/// Runs systemctl on a unit; its output, or a sentence.
fn systemctl(arguments: &[&str], unit: &[u8]) -> Result<Vec<u8>, String> {
    // The manager's own sign that it runs. (sd_booted(3))
    if !Path::new("/run/systemd/system").is_dir() {
        return Err("systemd does not run here".to_owned());
    }
    let mut command = Command::new("systemctl");
    command.args(arguments).arg("--").arg(OsStr::from_bytes(unit)).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("cannot run systemctl: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(crate::model::printable(output.stderr.trim_ascii()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(path: &str) -> Option<Vec<u8>> {
        Unit::of(&CgroupPath::new(path.as_bytes())).map(|unit| unit.name.into_vec())
    }

    #[test]
    fn units_of_the_system_manager() {
        assert_eq!(unit("/system.slice/ssh.service").as_deref(), Some(&b"ssh.service"[..]));
        assert_eq!(
            unit("/user.slice/user-0.slice/session-1.scope").as_deref(),
            Some(&b"session-1.scope"[..])
        );
        assert_eq!(unit("/system.slice/ssh.service/sub"), None);
        assert_eq!(unit("/user.slice/user-1.slice/user@1.service/app.slice"), None);
    }
}
