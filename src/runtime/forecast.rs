//! What systemd does to the processes of a group while they are frozen, and so how they are best frozen: known before the
//! first write.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::systemd::{self, Clock, Limit, Release, SystemdError, Unit, UnitClocks};
use crate::kernel::Group;
use crate::kernel::freezer::may_freeze;
use crate::kernel::service_groups::{ServiceGroups, service_groups};
use crate::model::owner::{Manager, UnitName};
use crate::model::shell::quoted;
use crate::model::{CgroupPath, Version, span};

/// At most so many processes are looked at for the units that they belong to.
const MAX_PROCESSES: usize = 2_000;
/// At most so many units are asked about: systemd answers a hundred in some milliseconds.
const MAX_UNITS: usize = 200;

/// How a group is frozen: always by a write to its own control file, and by more before that where it is of use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Way {
    /// By its own control file alone.
    #[default]
    Kernel,
    /// systemd freezes the unit first, and stops its watchdog for as long.
    Systemd(Unit),
}

impl Way {
    /// The command that runs before the write; `None` where there is none.
    pub fn command(&self) -> Option<String> {
        match self {
            Self::Kernel => None,
            Self::Systemd(unit) => {
                Some(format!("systemctl freeze {}", quoted(unit.name().as_ref().as_ref())))
            }
        }
    }
}

/// What is known before a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Forecast {
    /// How the group is frozen.
    #[serde(skip)]
    pub way: Way,
    /// The time limits that go on while it is frozen so.
    pub clocks: Vec<Clock>,
    /// The watchdog that a freeze in this way stops.
    #[serde(skip)]
    pub stopped: Option<Clock>,
    /// A freeze of a unit through systemd stops its watchdog here.
    #[serde(skip)]
    pub stops_watchdogs: bool,
    /// How many units were asked about.
    pub units: usize,
    /// What could not be known, a sentence each.
    pub unknown: Vec<String>,
}

impl Forecast {
    /// What is to be said before a freeze for this time, or without an end: a sentence each.
    pub fn warnings(&self, span: Option<Duration>) -> Vec<String> {
        let matters = |clock: &&Clock| span.is_none_or(|span| clock.left <= span);
        let clocks = self.clocks.iter().filter(matters);
        let watchdogs: Vec<&str> =
            clocks.clone().filter(|clock| clock.limit == Limit::Watchdog).map(|clock| &*clock.unit).collect();
        let first = (self.stops_watchdogs && !watchdogs.is_empty()).then(|| {
            let units = watchdogs.iter().map(|unit| quoted(unit.as_ref())).collect::<Vec<_>>().join(" ");
            format!("systemd stops a unit's watchdog only if that unit itself is frozen: first run cryoscope freeze \
                     {units}")
        });
        clocks.map(Clock::to_string).chain(first).chain(self.unknown.iter().cloned()).collect()
    }
}

/// Asks systemd about the units whose processes are in a group and below. On a host without systemd nothing is to be known.
pub fn forecast(group: &Group) -> Forecast {
    let found = service_groups(&group.dir, MAX_PROCESSES);
    let concerned = Concerned::of(&found);
    let clocks = match systemd::clocks(&concerned.units) {
        Ok(clocks) => clocks,
        Err(SystemdError::NotRunning) => return Forecast::default(),
        Err(error) => {
            let what = format!(
                "could not check whether systemd ends processes of {} while they are frozen: {error}",
                group.path
            );
            return Forecast { unknown: vec![what], ..Forecast::default() };
        }
    };
    // Who may not write the file is told so; systemd would only ask for a password.
    let own = Unit::of(&group.path).filter(|_| group.version == Version::V2 && may_freeze(group));
    let is_of_use = clocks.iter().any(UnitClocks::has_watchdog) && systemd::has_freezer();
    let release = is_of_use.then(systemd::release).and_then(Result::ok);
    let (way, stopped, clocks) = decide(own, clocks, release);
    let unknown = concerned.left_out(&group.path);
    let stops_watchdogs = release.is_some_and(Release::freeze_stops_watchdog);
    Forecast { way, stopped, clocks, stops_watchdogs, units: concerned.units.len(), unknown }
}

fn watchdog_of<'a>(own: &Unit, units: &'a [UnitClocks]) -> Option<&'a UnitClocks> {
    units.iter().find(|unit| unit.unit == own.name() && unit.has_watchdog())
}

/// Through systemd where that stops a clock; that clock; and the clocks that go on all the same, the first to end first. `own`: the unit
/// whose group is frozen. `release`: which systemd runs, where that is known and it freezes units.
fn decide(
    own: Option<Unit>,
    units: Vec<UnitClocks>,
    release: Option<Release>,
) -> (Way, Option<Clock>, Vec<Clock>) {
    let stops = release.is_some_and(Release::freeze_stops_watchdog);
    let own = own.filter(|own| stops && watchdog_of(own, &units).is_some_and(|unit| unit.can_freeze));
    let is_stopped = |clock: &Clock| {
        clock.limit == Limit::Watchdog && own.as_ref().is_some_and(|own| own.name() == clock.unit)
    };
    let clocks = units.into_iter().flat_map(|unit| unit.clocks);
    let (stopped, mut clocks): (Vec<Clock>, Vec<Clock>) = clocks.partition(is_stopped);
    clocks.sort_by_key(|clock| clock.left);
    (own.map_or(Way::Kernel, Way::Systemd), stopped.into_iter().next(), clocks)
}

/// The units that processes belong to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Concerned {
    units: Vec<Unit>,
    /// How many units there are beyond [`MAX_UNITS`].
    more_units: usize,
    /// How many processes were looked at, where there are more.
    processes: Option<usize>,
    /// The users whose own managers have units among them.
    users: BTreeSet<u32>,
}

impl Concerned {
    fn of(found: &ServiceGroups) -> Self {
        let mut concerned = Self { processes: found.cut.then_some(found.processes), ..Self::default() };
        let mut paths = BTreeSet::new();
        for group in &found.groups {
            for above in std::iter::once(group.clone()).chain(group.ancestors()) {
                match UnitName::of(&above).map(|name| name.manager) {
                    Some(Manager::System) if !is_slice(&above) => drop(paths.insert(above)),
                    Some(Manager::User(uid)) => drop(concerned.users.insert(uid)),
                    _ => {}
                }
            }
        }
        let mut units = paths.iter().filter_map(Unit::of);
        concerned.units = units.by_ref().take(MAX_UNITS).collect();
        concerned.more_units = units.count();
        concerned
    }

    fn left_out(&self, group: &CgroupPath) -> Vec<String> {
        let asked = span::count(self.units.len(), "unit", "units");
        let more = (self.more_units > 0).then(|| {
            format!(
                "the time limits of {asked} in {group} are known, those of {} more are not",
                self.more_units
            )
        });
        let processes = self.processes.map(|n| {
            format!(
                "only {n} processes in {group} were checked for units with time limits, which are {asked}"
            )
        });
        let users = (!self.users.is_empty()).then(|| {
            let uids = self.users.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            format!(
                "time limits of units of user {uids}'s own systemd are unknown: systemctl --user shows them"
            )
        });
        more.into_iter().chain(processes).chain(users).collect()
    }
}

/// A slice has no processes of its own, and no time limit.
fn is_slice(path: &CgroupPath) -> bool {
    path.name().ends_with(b".slice")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Duration = Duration::from_secs(9);

    fn unit(path: &str) -> Unit {
        Unit::of(&CgroupPath::new(path.as_bytes())).unwrap()
    }

    fn answer(name: &str, can_freeze: bool, limits: &[(Limit, u64)]) -> UnitClocks {
        let clock = |&(limit, left): &(Limit, u64)| Clock {
            unit: name.to_owned(),
            limit,
            whole: WHOLE,
            left: Duration::from_secs(left),
            restarts: false,
        };
        UnitClocks { unit: name.to_owned(), clocks: limits.iter().map(clock).collect(), can_freeze }
    }

    fn release(text: &str) -> Option<Release> {
        Release::parse(format!("Version={text}").as_bytes())
    }

    #[test]
    fn through_systemd_only_where_that_stops_a_clock() {
        let own = || Some(unit("/system.slice/w.service"));
        let both = || vec![answer("w.service", true, &[(Limit::Watchdog, 2), (Limit::Runtime, 5)])];
        let (way, _, clocks) = decide(own(), both(), release("257.13"));
        assert_eq!(way.command().as_deref(), Some("systemctl freeze w.service"));
        assert_eq!(clocks.iter().map(|clock| clock.limit).collect::<Vec<_>>(), [Limit::Runtime]);
        for (own, units, release, why) in [
            (own(), both(), release("252.39"), "it does not stop it"),
            (own(), both(), None, "it is not known which systemd runs"),
            (None, both(), release("257.13"), "the group is no unit's own"),
            (Some(unit("/system.slice/v.service")), both(), release("257.13"), "it is another unit's"),
        ] {
            let (way, _, clocks) = decide(own, units, release);
            assert_eq!((way, clocks.len()), (Way::Kernel, 2), "{why}");
        }
        let unable = vec![answer("w.service", false, &[(Limit::Watchdog, 2)])];
        assert_eq!(decide(own(), unable, release("257.13")).0, Way::Kernel);
        let runtime = vec![answer("w.service", true, &[(Limit::Runtime, 2)])];
        assert_eq!(decide(own(), runtime, release("257.13")).0, Way::Kernel);
    }

    #[test]
    fn what_ends_after_the_thaw_is_not_said() {
        let units = vec![
            answer("a.service", true, &[(Limit::Runtime, 60)]),
            answer("b.service", true, &[(Limit::Stop, 3)]),
        ];
        let (way, _, clocks) = decide(None, units, None);
        let forecast = Forecast { way, clocks, ..Forecast::default() };
        assert_eq!(forecast.warnings(None).len(), 2);
        assert!(forecast.warnings(None)[0].starts_with("b.service"), "the first to end comes first");
        assert_eq!(forecast.warnings(Some(Duration::from_secs(30))).len(), 1);
        assert!(forecast.warnings(Some(Duration::from_secs(2))).is_empty());
    }

    #[test]
    fn what_stops_the_watchdogs_below() {
        let units = vec![
            answer("a.service", true, &[(Limit::Watchdog, 1)]),
            answer("b.service", true, &[(Limit::Watchdog, 2)]),
        ];
        let (way, _, clocks) = decide(None, units, release("257.13"));
        assert_eq!(way, Way::Kernel);
        let forecast = Forecast { way, clocks, stops_watchdogs: true, ..Forecast::default() };
        assert!(forecast.warnings(None)[2].ends_with("cryoscope freeze a.service b.service"));
        assert_eq!(Forecast { stops_watchdogs: false, ..forecast }.warnings(None).len(), 2);
    }

    #[test]
    fn the_units_of_processes() {
        let groups = [
            "/system.slice/a.service/inner",
            "/system.slice/a.service",
            "/user.slice/user-7.slice/session-1.scope",
            "/user.slice/user-7.slice/user@7.service/app.slice/x.service",
            "/not/a/unit",
        ];
        let groups = groups.iter().map(|path| CgroupPath::new(path.as_bytes())).collect();
        let concerned = Concerned::of(&ServiceGroups { groups, processes: 5, cut: false });
        let names: Vec<_> = concerned.units.iter().map(|unit| unit.name().into_owned()).collect();
        assert_eq!(names, ["a.service", "session-1.scope", "user@7.service"]);
        assert_eq!(concerned.users, BTreeSet::from([7]));
        let group = CgroupPath::new(b"/user.slice");
        assert_eq!(concerned.left_out(&group).len(), 1);
        let many = (0..MAX_UNITS + 3)
            .map(|n| CgroupPath::new(format!("/system.slice/u{n}.service").as_bytes()))
            .collect();
        let concerned = Concerned::of(&ServiceGroups { groups: many, processes: MAX_PROCESSES, cut: true });
        assert_eq!(
            concerned.left_out(&group),
            [
                "the time limits of 200 units in /user.slice are known, those of 3 more are not",
                "only 2000 processes in /user.slice were checked for units with time limits, which are 200 units"
            ]
        );
    }
}
