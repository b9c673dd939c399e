//! Who made a group, and what they think its state is.

pub mod advice;
pub mod containers;
pub mod forecast;
pub mod systemd;

use std::time::Duration;

use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{self, FreezeWatch, FreezerError, Outcome};
use crate::model::shell::quoted;
use crate::model::{CgroupPath, State, Version};
use systemd::{Release, SystemdError, Unit};

pub use advice::{Advice, advice};
pub use containers::Containers;
pub use forecast::{Forecast, Way, forecast};

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

/// Freezes a group in this way, and returns when that is complete; after this time the request is taken back.
///
/// # Errors
/// [`FreezerError`]; after it the group's own request is as it was found.
pub fn freeze(
    group: &Group,
    way: &Way,
    timeout: Duration,
    watch: FreezeWatch<'_>,
) -> Result<Outcome, FreezerError> {
    let by_systemd = freeze_by_systemd(group, way);
    let frozen = freezer::freeze_watched(group, timeout, watch);
    match by_systemd {
        None => frozen,
        Some(by_systemd) => frozen.map(|_| Outcome::Done).inspect_err(|_| by_systemd.take_back()),
    }
}

/// A freeze that systemd was asked for.
#[derive(Debug)]
pub struct BySystemd<'a>(&'a Unit);

impl BySystemd<'_> {
    /// Has systemd thaw the unit again.
    pub fn take_back(self) {
        let thawed = self.0.thaw();
        tracing::info!(unit = %self.0.name(), ?thawed, "systemctl thaw");
    }
}

/// Has systemd freeze a unit first, where that stops the watchdog of the unit; `None` where it does not. The group's own file
/// is written after that all the same: systemd goes by the unit's name, and writes nothing where a group above is frozen.
///
/// The other way round the watchdog goes on: systemd stops it only when it sees the unit freeze. (Measured: 257.13)
pub fn freeze_by_systemd<'a>(group: &Group, way: &'a Way) -> Option<BySystemd<'a>> {
    let Way::Systemd(unit) = way else { return None };
    let read = group.read().ok().flatten()?;
    let is_thawed = !read.freezer.requested() && read.freezer.state(false) == Some(State::Thawed);
    let frozen = is_thawed.then(|| unit.freeze())?;
    tracing::info!(unit = %unit.name(), ?frozen, "systemctl freeze");
    // One that is not complete yet goes on.
    matches!(frozen, Ok(()) | Err(SystemdError::TimedOut { .. })).then_some(BySystemd(unit))
}

/// What became of the watchdog of a unit whose freeze was handed over to systemd, behind a sentence on the freeze.
pub fn watchdog_stopped(way: &Way) -> String {
    match (way, way.command()) {
        (Way::Systemd(unit), Some(command)) => match has_watchdog(unit) {
            Ok(false) => format!(", through systemd ({command}), which stopped its watchdog"),
            Ok(true) => "; systemd did not stop its watchdog".to_owned(),
            Err(error) => format!("; could not check whether its watchdog is stopped: {error}"),
        },
        _ => String::new(),
    }
}

fn has_watchdog(unit: &Unit) -> Result<bool, SystemdError> {
    let units = systemd::clocks(std::slice::from_ref(unit))?;
    Ok(units.iter().any(|unit| unit.has_watchdog()))
}

/// A group that was thawed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thawed {
    /// What that came to.
    pub outcome: Outcome,
    /// systemd believes otherwise now: what it believes, and what puts that right.
    pub disagreement: Option<String>,
}

impl From<Outcome> for Thawed {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, disagreement: None }
    }
}

/// Thaws a group through whoever froze it: a unit that systemd froze through systemd, so that systemd and the kernel agree
/// afterwards, any other through its own file. What a group above asks for stays: a systemd that would take that back as well
/// is not asked to thaw.
///
/// # Errors
/// [`ThawError`].
pub fn thaw(group: &Group, fs: &Filesystem) -> Result<Thawed, ThawError> {
    // systemd freezes through v2 alone; a group of that path on v1 is not what it means.
    let unit = Unit::of(&group.path).filter(|_| group.version == Version::V2);
    let Some(unit) = unit.filter(Unit::is_frozen_by_systemd) else {
        return Ok(freezer::thaw(group, fs)?.into());
    };
    let above = freezer::asking_ancestor(fs, &group.path);
    if let Some(above) = above.filter(|_| systemd::release().map_or(true, Release::thaw_reaches_above)) {
        let outcome = freezer::thaw(group, fs)?;
        return Ok(Thawed { outcome, disagreement: Some(left_frozen(&unit, Some(&above))) });
    }
    let said = unit.thaw();
    let requested = group.read().ok().flatten().is_some_and(|read| read.freezer.requested());
    if let Err(why) = said
        && requested
    {
        // It thaws no unit that it is ending; and that does not end before it is thawed.
        if unit.ask().map_or(true, |answer| answer.is_active) {
            return Err(ThawError::Systemd { unit: group.path.to_string(), why });
        }
        let outcome = freezer::thaw(group, fs)?;
        return Ok(Thawed { outcome, disagreement: Some(ending(&unit)) });
    }
    // What was asked for is done, whatever systemd said: a group above may hold it still.
    let outcome = match freezer::thaw(group, fs)? {
        Outcome::Already => Outcome::Done,
        outcome => outcome,
    };
    let above = freezer::asking_ancestor(fs, &group.path);
    let disagreement = unit.is_frozen_by_systemd().then(|| left_frozen(&unit, above.as_ref()));
    Ok(Thawed { outcome, disagreement })
}

/// systemd calls a unit frozen that it is ending, and does not thaw it.
fn ending(unit: &Unit) -> String {
    let name = unit.name();
    let shown = quoted(name.as_ref().as_ref());
    format!(
        "systemd is ending {name} and still considers it frozen: cryoscope show {shown} explains how to start it \
         again"
    )
}

/// systemd calls a unit frozen whose group does not ask for a freeze.
fn left_frozen(unit: &Unit, above: Option<&CgroupPath>) -> String {
    let name = unit.name();
    format!("systemd still considers {name} frozen: run {}", systemd::thaw_command(&name, above))
}
