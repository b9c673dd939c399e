//! Who made a group, and what they think its state is.

pub mod advice;
pub mod containers;
pub mod systemd;

use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{self, FreezerError, Outcome};
use crate::model::Version;
use systemd::{SystemdError, Unit};

pub use advice::{Advice, advice};
pub use containers::Containers;

/// Why a group was not thawed.
#[derive(Debug, thiserror::Error)]
pub enum ThawError {
    /// systemd froze the unit, and did not thaw it.
    #[error("systemd did not thaw {unit}: {why}")]
    Systemd {
        /// The group's path.
        unit: String,
        /// What systemctl said.
        why: SystemdError,
    },
    /// The kernel's side of it failed.
    #[error(transparent)]
    Freezer(#[from] FreezerError),
}

/// Thaws a group through whoever froze it: a unit that systemd froze through systemd, so that systemd and the kernel agree
/// afterwards, any other through its own file.
///
/// # Errors
/// [`ThawError`].
pub fn thaw(group: &Group, fs: &Filesystem) -> Result<Outcome, ThawError> {
    // systemd freezes through v2 alone; a group of that path on v1 is not what it means.
    let unit = Unit::of(&group.path).filter(|_| group.version == Version::V2);
    let Some(unit) = unit.filter(Unit::is_frozen_by_systemd) else {
        return Ok(freezer::thaw(group, fs)?);
    };
    unit.thaw().map_err(|why| ThawError::Systemd { unit: group.path.to_string(), why })?;
    match freezer::thaw(group, fs)? {
        Outcome::Already => Ok(Outcome::Done),
        outcome => Ok(outcome),
    }
}
