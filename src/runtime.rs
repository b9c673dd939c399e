//! Who made a group, and what they think its state is.

pub mod advice;
pub mod containers;
pub mod forecast;
pub mod systemd;

use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{self, FreezerError, Outcome};
use crate::model::shell::quoted;
use crate::model::{CgroupPath, Version};
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

/// Has systemd take over the freeze of a unit that stands already, where that stops the watchdog of the unit, and looks whether
/// it did. The freeze itself is the kernel's, and stands whatever comes of this.
///
/// # Errors
/// [`SystemdError`]: the watchdog goes on.
pub fn hand_over(group: &Group, way: &Way) -> Result<(), SystemdError> {
    let Way::Systemd(unit) = way else { return Ok(()) };
    let failed = |what: &str| Err(SystemdError::Failed(what.to_owned()));
    let requested = || group.read().ok().flatten().is_some_and(|read| read.freezer.requested());
    // systemd goes by the name: the unit may have been started again, in a group of its own, and runs there.
    if !requested() {
        return failed("the group is frozen no more");
    }
    unit.freeze()?;
    if !requested() {
        unit.thaw()?;
        return failed("the group is frozen no more");
    }
    if has_watchdog(unit)? { failed("it goes on all the same") } else { Ok(()) }
}

/// What became of the watchdog of a unit whose freeze was handed over to systemd, behind a sentence on the freeze.
pub fn watchdog_stopped(way: &Way) -> String {
    match (way, way.command()) {
        (Way::Systemd(unit), Some(command)) => match has_watchdog(unit) {
            Ok(false) => format!("; systemd holds it too ({command}), and its watchdog is stopped"),
            Ok(true) => "; systemd did not stop its watchdog".to_owned(),
            Err(error) => format!("; whether its watchdog is stopped is not known: {error}"),
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
        return Err(ThawError::Systemd { unit: group.path.to_string(), why });
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

/// systemd calls a unit frozen whose group does not ask for a freeze.
fn left_frozen(unit: &Unit, above: Option<&CgroupPath>) -> String {
    let name = unit.name();
    let remedy = quoted(name.as_ref().as_ref());
    let when = above.map(|above| format!(" once {above} is thawed")).unwrap_or_default();
    format!("systemd still calls {name} frozen: run systemctl thaw {remedy}{when}")
}
