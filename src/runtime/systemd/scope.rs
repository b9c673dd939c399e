//! Scopes: units of processes that systemd did not start, and supervises all the same. (systemd.scope(5))
//!
//! Measured with systemd 257: `systemd-run --scope` becomes the command that it is given, with the same PID; the scope lives until
//! its last process has ended.

use std::collections::HashMap;

use super::systemctl::{self, PLAN_TIMEOUT};
use super::{SystemdError, Unit, timespan};
use crate::model::CgroupPath;
use crate::model::owner::Manager;

/// Settings of a unit that a scope has as well, each with the value that sets nothing. (systemd.resource-control(5), systemd.kill(5))
const SAME: [(&str, &str); 13] = [
    ("MemoryMax", "infinity"),
    ("MemoryHigh", "infinity"),
    ("MemorySwapMax", "infinity"),
    ("MemoryLow", "0"),
    ("MemoryMin", "0"),
    ("CPUWeight", UNSET),
    ("IOWeight", UNSET),
    ("AllowedCPUs", ""),
    ("AllowedMemoryNodes", ""),
    ("IPAddressAllow", ""),
    ("IPAddressDeny", ""),
    ("KillSignal", "15"),
    ("SendSIGHUP", "no"),
];

/// Settings whose value may be the manager's default: the unit's property, the manager's, and how it is assigned.
const DEFAULTED: [(&str, &str, &str); 2] = [
    ("TasksMax", "DefaultTasksMax", "TasksMax"),
    ("TimeoutStopUSec", "DefaultTimeoutStopUSec", "TimeoutStopSec"),
];

/// A share of the CPU, which is assigned in percent.
const CPU_QUOTA: &str = "CPUQuotaPerSecUSec";

/// Settings of a unit's group that are not taken over, each with the values that set nothing.
const LEFT: [(&str, [&str; 2]); 2] = [("DevicePolicy", ["auto", ""]), ("DeviceAllow", ["", ""])];

/// How systemctl shows a number that is not set.
const UNSET: &str = "[not set]";

/// The most scopes of one service.
const MAX_SCOPES: usize = 100;

/// What a unit's group limits, for a scope in its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// `NAME=VALUE`, as systemd-run takes them; those that are not set are not among them.
    pub assignments: Vec<String>,
    /// The names of those that a scope does not get.
    pub left: Vec<&'static str>,
}

impl Unit {
    /// What systemd limits the unit to, whether it runs or not: two calls of systemctl.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub fn limits(&self) -> Result<Limits, SystemdError> {
        let of_unit = SAME.map(|(name, _)| name).into_iter().chain(DEFAULTED.map(|(name, ..)| name));
        let of_unit = of_unit.chain(LEFT.map(|(name, _)| name)).chain([CPU_QUOTA]);
        let of_manager = DEFAULTED.map(|(_, name, _)| name);
        let unit = show(&of_unit.collect::<Vec<_>>(), &[self.name.as_bytes()])?;
        let manager = show(&of_manager, &[])?;
        Ok(limits(&unit, &manager))
    }
}

fn show(properties: &[&str], units: &[&[u8]]) -> Result<Vec<String>, SystemdError> {
    let properties = format!("--property={}", properties.join(","));
    Ok(systemctl::printable_lines(&systemctl::run(
        Manager::System,
        &["show", &properties],
        units,
        PLAN_TIMEOUT,
    )?))
}

fn limits(unit: &[String], manager: &[String]) -> Limits {
    let values = |lines| -> HashMap<&str, &str> {
        <[String]>::iter(lines).filter_map(|line: &String| line.split_once('=')).collect()
    };
    let (unit, manager) = (values(unit), values(manager));
    // What this systemd does not know is not set.
    let set =
        |name: &str, none: &str| unit.get(name).copied().filter(|&value| value != none && value != UNSET);
    let same = SAME.into_iter().filter_map(|(name, none)| Some(format!("{name}={}", set(name, none)?)));
    let defaulted = DEFAULTED.into_iter().filter_map(|(name, default, assigned)| {
        let default = manager.get(default).copied().unwrap_or_default();
        Some(format!("{assigned}={}", set(name, default)?))
    });
    let quota = unit.get(CPU_QUOTA).and_then(|value| timespan::limit(value));
    let quota = quota.map(|quota| format!("CPUQuota={:.2}%", quota.as_secs_f64() * 100.0));
    let left =
        LEFT.into_iter().filter(|(name, none)| unit.get(name).is_some_and(|value| !none.contains(value)));
    Limits {
        assignments: same.chain(defaulted).chain(quota).collect(),
        left: left.map(|(name, _)| name).collect(),
    }
}

/// A name for a scope that no unit has: that of the service, `-restored`, and a number where that is taken.
///
/// # Errors
/// [`SystemdError`]; also where all that are tried are taken.
pub fn free_scope_name(service: &str) -> Result<String, SystemdError> {
    let taken = loaded_scopes(service)?;
    let mut names = (1..=MAX_SCOPES).map(|number| scope_name(service, number));
    let free = names.find(|name| taken.iter().all(|(taken, _)| taken != name));
    free.ok_or_else(|| SystemdError::Failed(format!("{MAX_SCOPES} scopes of {service} are there")))
}

impl Unit {
    /// The scope in which what was restored of this service runs; `None` for what is no service, and where systemd does not answer.
    pub fn restored_scope(&self) -> Option<String> {
        let service = self.name().into_owned();
        let scopes = service.ends_with(".service").then(|| loaded_scopes(&service))?.ok()?;
        scopes.into_iter().find(|(_, is_active)| *is_active).map(|(name, _)| name)
    }
}

/// The scopes with the names of those that a restore of this service makes, and whether each is active. systemctl takes a pattern
/// for the units that are loaded.
fn loaded_scopes(service: &str) -> Result<Vec<(String, bool)>, SystemdError> {
    let stem = scope_stem(service);
    let pattern = format!("{}*.scope", stem.replace('\\', r"\\"));
    let lines = show(&["Id", "ActiveState"], &[pattern.as_bytes()])?;
    Ok(scopes(&stem, &lines))
}

/// Blocks of lines, with an empty line between them.
fn scopes(stem: &str, lines: &[String]) -> Vec<(String, bool)> {
    let scope = |block: &[String]| {
        let name = block.iter().find_map(|line| line.strip_prefix("Id="))?;
        let is_one = name.starts_with(stem) && is_restored_scope(name);
        is_one.then(|| (name.to_owned(), block.iter().any(|line| line == "ActiveState=active")))
    };
    lines.split(|line| line.is_empty()).filter_map(scope).collect()
}

/// What stands between the service and the images in the description of a scope.
const RESTORED_FROM: &str = ", restored from ";

/// The description of a scope that is made for what is restored of a service.
pub fn scope_description(service: &str, images: &str) -> String {
    format!("{service}{RESTORED_FROM}{images}")
}

impl Unit {
    /// The service that was restored into this scope, as its description says; `None` for every other unit.
    pub fn restored_service(&self) -> Option<Self> {
        let lines = show(&["Description"], &[self.name.as_bytes()]).ok()?;
        let description = lines.iter().find_map(|line| line.strip_prefix("Description="))?;
        let (service, _) =
            description.split_once(RESTORED_FROM).filter(|_| is_restored_scope(&self.name()))?;
        Self::of(&CgroupPath::root().join(service.as_bytes())).filter(|_| service.ends_with(".service"))
    }
}

/// What the names of the scopes of a service begin with. A scope is no instance of a template: `@` is not in its name.
fn scope_stem(service: &str) -> String {
    format!("{}-restored", service.strip_suffix(".service").unwrap_or(service).replace('@', "-"))
}

/// The name of the scope for what is restored of a service: the first has no number in it.
pub fn scope_name(service: &str, number: usize) -> String {
    let stem = scope_stem(service);
    if number == 1 { format!("{stem}.scope") } else { format!("{stem}-{number}.scope") }
}

/// Whether a scope has the name of one that a restore has made.
pub fn is_restored_scope(name: &str) -> bool {
    let stem = name.strip_suffix(".scope").unwrap_or_default();
    stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-').ends_with("-restored")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn limits_that_are_set() {
        let unit = "MemoryMax=209715200\nMemoryHigh=infinity\nMemoryLow=0\nCPUWeight=[not set]\nIOWeight=50\nTasksMax=50\nTimeoutStopUSec=1min 30s\nKillSignal=2\nAllowedCPUs=\nCPUQuotaPerSecUSec=500ms\nDevicePolicy=closed\nDeviceAllow=\n";
        let found = limits(&lines(unit), &lines("DefaultTasksMax=4915\nDefaultTimeoutStopUSec=1min 30s\n"));
        assert_eq!(
            found.assignments,
            ["MemoryMax=209715200", "IOWeight=50", "KillSignal=2", "TasksMax=50", "CPUQuota=50.00%"]
        );
        assert_eq!(found.left, ["DevicePolicy"]);
        let none = "MemoryMax=infinity\nTasksMax=4915\nTimeoutStopUSec=5s\nKillSignal=15\nCPUQuotaPerSecUSec=infinity\nDevicePolicy=auto\n";
        let found = limits(&lines(none), &lines("DefaultTasksMax=4915\nDefaultTimeoutStopUSec=1min 30s\n"));
        assert_eq!(found, Limits { assignments: vec!["TimeoutStopSec=5s".to_owned()], left: Vec::new() });
    }

    #[test]
    fn names_of_scopes() {
        let names: Vec<String> =
            (1..=3).map(|number| scope_name("postgresql@17-main.service", number)).collect();
        assert_eq!(names[0], "postgresql-17-main-restored.scope");
        assert_eq!(names[1], "postgresql-17-main-restored-2.scope");
        let said = "Id=postgresql-17-main-restored.scope\nActiveState=failed\n\nId=postgresql-17-main-restored-2.scope\nActiveState=active\n\nId=postgresql-17-main-restored-x.scope\nActiveState=active\n";
        let found = scopes("postgresql-17-main-restored", &lines(said));
        assert_eq!(found, [(names[0].clone(), false), (names[1].clone(), true)]);
        assert_eq!(scopes("x-restored", &lines("")), []);
        assert!(names.iter().all(|name| is_restored_scope(name)) && !is_restored_scope("session-1.scope"));
    }
}
