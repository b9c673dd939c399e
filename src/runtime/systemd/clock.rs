//! Time limits of units that go on while the processes are frozen: systemd is not frozen with them.
//!
//! Measured with systemd 252 and 257.13, which acts on a frozen unit as on any other: when a limit is over it ends the
//! processes. A freeze through systemd 257.13 stops the watchdog, and no other limit. (systemd.service(5), systemd.scope(5))

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::timespan;
use crate::model::span;

/// The properties from which the limits are read. (org.freedesktop.systemd1(5))
pub(super) const PROPERTIES: [&str; 12] = [
    "Id",
    "SubState",
    "ActiveState",
    "Restart",
    "WatchdogUSec",
    "WatchdogTimestampMonotonic",
    "RuntimeMaxUSec",
    "ActiveEnterTimestampMonotonic",
    "TimeoutStartUSec",
    "TimeoutStopUSec",
    "TimeoutAbortUSec",
    "StateChangeTimestampMonotonic",
];

/// Which time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// `WatchdogSec=`: the service must say again and again that it is alive.
    Watchdog,
    /// `RuntimeMaxSec=`: how long the unit may be active.
    Runtime,
    /// `TimeoutStartSec=` of a unit that is being started.
    Start,
    /// `TimeoutStartSec=` of a service that is being reloaded.
    Reload,
    /// `TimeoutStopSec=` of a unit that is being stopped.
    Stop,
    /// `TimeoutAbortSec=` of a service whose watchdog limit is over.
    Abort,
}

/// A time limit of a unit, and how long until systemd acts on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// The unit's name as text.
    pub unit: String,
    /// Which limit.
    pub limit: Limit,
    /// The whole limit.
    #[serde(rename = "limit_usec", serialize_with = "micros")]
    pub whole: Duration,
    /// How long until it is over, unless the unit does meanwhile what is expected of it.
    #[serde(rename = "left_usec", serialize_with = "micros")]
    pub left: Duration,
    /// `Restart=` starts the unit again when the limit is over; the new processes are not frozen.
    pub restarts: bool,
}

fn micros<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}

impl Clock {
    /// The limits that run for a unit. `now`: `CLOCK_MONOTONIC`, by which systemd measures them.
    pub(super) fn all(values: &HashMap<&str, &str>, now: Duration) -> Vec<Self> {
        let value = |key: &str| values.get(key).copied().unwrap_or_default();
        let clock = |limit: Limit, whole: &str, since: &str| {
            let (whole, since) = (timespan::limit(value(whole))?, moment(value(since))?);
            let left = (since + whole).saturating_sub(now);
            let restarts = limit.restarts(value("Restart"));
            Some(Self { unit: value("Id").to_owned(), limit, whole, left, restarts })
        };
        let changed = "StateChangeTimestampMonotonic";
        let of_state = match (value("ActiveState"), value("SubState")) {
            (_, "auto-restart" | "auto-restart-queued") => None,
            ("activating", _) => clock(Limit::Start, "TimeoutStartUSec", changed),
            ("reloading" | "refreshing", _) => clock(Limit::Reload, "TimeoutStartUSec", changed),
            ("deactivating", "stop-watchdog") => clock(Limit::Abort, "TimeoutAbortUSec", changed),
            ("deactivating", _) => clock(Limit::Stop, "TimeoutStopUSec", changed),
            ("active", "running") => clock(Limit::Runtime, "RuntimeMaxUSec", "ActiveEnterTimestampMonotonic"),
            _ => None,
        };
        let alive = matches!(value("ActiveState"), "active" | "reloading" | "refreshing" | "activating");
        let watchdog = alive.then(|| clock(Limit::Watchdog, "WatchdogUSec", "WatchdogTimestampMonotonic"));
        watchdog.flatten().into_iter().chain(of_state).collect()
    }
}

/// A moment of `CLOCK_MONOTONIC`; `None` for one that has not been. (0 in systemd's properties)
fn moment(micros: &str) -> Option<Duration> {
    micros.parse().ok().filter(|&micros| micros != 0).map(Duration::from_micros)
}

impl Limit {
    /// The setting's name.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Watchdog => "WatchdogSec",
            Self::Runtime => "RuntimeMaxSec",
            Self::Start | Self::Reload => "TimeoutStartSec",
            Self::Stop => "TimeoutStopSec",
            Self::Abort => "TimeoutAbortSec",
        }
    }

    /// Whether `Restart=` of this value starts the unit again after this limit. (systemd.service(5), `Restart=`)
    fn restarts(self, setting: &str) -> bool {
        match (self, setting) {
            (Self::Stop | Self::Reload, _) => false,
            (Self::Watchdog | Self::Abort, "on-watchdog") => true,
            (_, setting) => matches!(setting, "always" | "on-failure" | "on-abnormal"),
        }
    }
}

/// A sentence without its full stop.
impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, limit, whole, left, restarts } = self;
        let setting = format!("{}={}", limit.setting(), span::left(*whole).replace(' ', ""));
        let when = if left.is_zero() { "now".to_owned() } else { format!("in {}", span::left(*left)) };
        match limit {
            Limit::Watchdog => write!(
                f,
                "systemd kills {unit} {when} ({setting}): while frozen, it cannot report that it is alive"
            ),
            Limit::Runtime => write!(f, "systemd ends {unit} {when} ({setting}), frozen or not"),
            Limit::Start => {
                write!(f, "{unit} is starting: systemd ends it {when} ({setting}), frozen or not")
            }
            Limit::Reload => {
                write!(f, "{unit} is reloading: systemd ends the reload {when} ({setting}), frozen or not")
            }
            Limit::Stop => {
                write!(f, "{unit} is stopping: systemd kills it {when} ({setting}), frozen or not")
            }
            Limit::Abort => write!(
                f,
                "the watchdog of {unit} has expired: systemd kills it {when} ({setting}), frozen or not"
            ),
        }?;
        if *restarts { f.write_str(", and starts it again, not frozen") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What systemd 257.13 said on a host, 47.05 s after its boot.
    const NOW: Duration = Duration::from_millis(47_050);

    fn clocks(text: &str) -> Vec<Clock> {
        let values = text.lines().filter_map(|line| line.split_once('=')).collect();
        Clock::all(&values, NOW)
    }

    fn sentences(text: &str) -> Vec<String> {
        clocks(text).iter().map(Clock::to_string).collect()
    }

    #[test]
    fn a_watchdog() {
        let text = "ActiveEnterTimestampMonotonic=42701552\nActiveState=active\nId=wd.service\nRestart=no\nRuntimeMaxUSec=infinity\nStateChangeTimestampMonotonic=42701552\nSubState=running\nTimeoutAbortUSec=1min 30s\nTimeoutStartUSec=1min 30s\nTimeoutStopUSec=1min 30s\nWatchdogTimestampMonotonic=44713475\nWatchdogUSec=4s\n";
        let found = clocks(text);
        assert_eq!((found[0].limit, found[0].left), (Limit::Watchdog, Duration::from_micros(1_663_475)));
        assert_eq!(
            sentences(text),
            [
                "systemd kills wd.service in 2s (WatchdogSec=4s): while frozen, it cannot report that it is alive"
            ]
        );
        let again = sentences(&text.replace("Restart=no", "Restart=on-watchdog"));
        assert!(again[0].ends_with(", and starts it again, not frozen"), "{again:?}");
        // Before the service is ready, and after a freeze through a systemd that stops the watchdog.
        assert_eq!(clocks(&text.replace("=44713475", "=0")), []);
        assert_eq!(clocks(&text.replace("WatchdogUSec=4s", "WatchdogUSec=0")), []);
    }

    #[test]
    fn a_runtime_limit() {
        let text = "ActiveEnterTimestampMonotonic=42345289\nActiveState=active\nId=rt.service\nRestart=no\nRuntimeMaxUSec=6s\nStateChangeTimestampMonotonic=42345289\nSubState=running\nTimeoutStartUSec=1min 30s\nTimeoutStopUSec=1min 30s\nWatchdogTimestampMonotonic=0\nWatchdogUSec=0\n";
        assert_eq!(sentences(text), ["systemd ends rt.service in 2s (RuntimeMaxSec=6s), frozen or not"]);
        let scope = "ActiveEnterTimestampMonotonic=43990555\nActiveState=active\nId=sc.scope\nRuntimeMaxUSec=1h 30min\nStateChangeTimestampMonotonic=43990555\nSubState=running\nTimeoutStopUSec=1min 30s\n";
        assert_eq!(
            sentences(scope),
            ["systemd ends sc.scope in 1h 30m (RuntimeMaxSec=1h30m), frozen or not"]
        );
        assert_eq!(clocks(&scope.replace("SubState=running", "SubState=abandoned")), []);
    }

    #[test]
    fn units_in_transition() {
        let of = |state: &str, sub: &str| {
            sentences(&format!(
                "ActiveEnterTimestampMonotonic=0\nActiveState={state}\nId=x.service\nRestart=always\nRuntimeMaxUSec=infinity\nStateChangeTimestampMonotonic=42999953\nSubState={sub}\nTimeoutAbortUSec=7s\nTimeoutStartUSec=6s\nTimeoutStopUSec=1min 30s\nWatchdogTimestampMonotonic=0\nWatchdogUSec=0\n"
            ))
        };
        assert_eq!(
            of("activating", "start"),
            [
                "x.service is starting: systemd ends it in 2s (TimeoutStartSec=6s), frozen or not, and starts it again, not frozen"
            ]
        );
        assert_eq!(
            of("reloading", "reload"),
            ["x.service is reloading: systemd ends the reload in 2s (TimeoutStartSec=6s), frozen or not"]
        );
        assert_eq!(
            of("deactivating", "stop-sigterm"),
            ["x.service is stopping: systemd kills it in 1m 26s (TimeoutStopSec=1m30s), frozen or not"]
        );
        assert_eq!(
            of("deactivating", "stop-watchdog"),
            [
                "the watchdog of x.service has expired: systemd kills it in 3s (TimeoutAbortSec=7s), frozen or not, and starts it again, not frozen"
            ]
        );
        assert!(of("activating", "auto-restart").is_empty(), "it has no process");
        assert!(of("failed", "failed").is_empty() && of("inactive", "dead").is_empty());
    }

    #[test]
    fn a_limit_that_is_over() {
        let text = "ActiveState=active\nId=x.service\nSubState=running\nRuntimeMaxUSec=1s\nActiveEnterTimestampMonotonic=1\n";
        assert_eq!(sentences(text), ["systemd ends x.service now (RuntimeMaxSec=1s), frozen or not"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(values: std::collections::HashMap<String, String>, micros: u64) {
            let key = |at: usize| PROPERTIES.get(at).copied().unwrap_or_default();
            let values = values.iter().enumerate().map(|(at, (_, value))| (key(at), &**value)).collect();
            Clock::all(&values, Duration::from_micros(micros));
        }
    }
}
