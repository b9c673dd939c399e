//! What systemd says of a unit, and what follows from it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::time::Duration;

use serde::Serialize;

use super::service::restarts;
use super::systemctl::printable_lines;
use super::timespan;
use crate::model::CgroupPath;
use crate::model::shell::quoted;

/// The properties that are asked for. (org.freedesktop.systemd1(5))
const PROPERTIES: [&str; 11] = [
    "UnitFileState",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "StateChangeTimestamp",
    "FreezerState",
    "CanFreeze",
    "Slice",
    "Restart",
    "TimeoutStopUSec",
];

/// The properties that name the units that refer to one, so that systemd keeps it in memory. (org.freedesktop.systemd1(5))
const REFERRERS: [&str; 5] = ["WantedBy", "RequiredBy", "UpheldBy", "BoundBy", "TriggeredBy"];

/// All that is asked for, as systemctl takes it.
pub(super) fn properties() -> String {
    PROPERTIES.into_iter().chain(REFERRERS).collect::<Vec<_>>().join(",")
}

/// Whether the unit's own file has it started with another. (systemctl(1), `enable`)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enabled {
    /// It does not.
    No,
    /// Until the next boot.
    Runtime,
    /// For good.
    Always,
}

/// What systemd believes of a unit's freeze state: what it did itself, not what the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Belief {
    /// It did not freeze the unit.
    Running,
    /// It froze the unit.
    Frozen,
    /// It froze a slice above.
    FrozenByParent,
}

/// What systemd says of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The unit's name as text.
    pub unit: String,
    /// Its state and since when, in systemd's words: `failed (watchdog) since Fri 2026-11-27 15:34:55 UTC`; `None` where systemd
    /// has no such unit.
    pub status: Option<String>,
    /// What it believes of the freeze state.
    pub belief: Belief,
    /// It is active, and not on its way there or from there: systemd thaws no other.
    pub is_active: bool,
    /// Its own file has it started with another unit.
    pub enabled: Enabled,
    /// The units that refer to it: as long as one of them is in memory systemd keeps what it knows of this one, `reset-failed`
    /// or not.
    pub referrers: Vec<String>,
    /// `Restart=` is about to start it again.
    pub is_to_restart: bool,
    /// It has no process: it is inactive, has failed, or waits to be started again.
    pub has_ended: bool,
    /// How long `systemctl stop` waits for processes that are frozen; `None` where that has no end.
    pub stop_timeout: Option<Duration>,
    /// Whether systemctl can freeze and thaw the unit.
    pub can_freeze: bool,
    /// The slice that the unit is in; empty for the topmost.
    pub slice: String,
    /// `Restart=` of a service; empty for other units.
    pub restart: String,
}

/// systemd and the kernel do not say the same of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// Whether something goes wrong unless it is put right: systemd refuses to stop the unit.
    pub harmful: bool,
    /// What each of them says.
    pub what: String,
    /// The command that makes them agree.
    pub remedy: String,
}

impl Answer {
    /// Reads what `systemctl show` prints: `Key=value`, a line each.
    pub(super) fn parse(unit: &str, text: &[u8]) -> Self {
        let text = printable_lines(text);
        let values: HashMap<&str, &str> = text.iter().filter_map(|line| line.split_once('=')).collect();
        let value = |key: &str| values.get(key).copied().unwrap_or_default();
        let belief = match value("FreezerState") {
            "frozen" | "freezing" => Belief::Frozen,
            "frozen-by-parent" | "freezing-by-parent" => Belief::FrozenByParent,
            _ => Belief::Running,
        };
        let service = unit.ends_with(".service") && value("LoadState") != "not-found";
        Self {
            unit: unit.to_owned(),
            status: status(value),
            belief,
            is_active: value("ActiveState") == "active",
            enabled: match value("UnitFileState") {
                "enabled" => Enabled::Always,
                "enabled-runtime" => Enabled::Runtime,
                _ => Enabled::No,
            },
            referrers: REFERRERS
                .into_iter()
                .flat_map(|key| value(key).split(' '))
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            is_to_restart: value("SubState").starts_with("auto-restart"),
            has_ended: matches!(value("ActiveState"), "inactive" | "failed")
                || value("SubState").starts_with("auto-restart"),
            stop_timeout: timespan::limit(value("TimeoutStopUSec")),
            can_freeze: value("CanFreeze") == "yes",
            slice: value("Slice").to_owned(),
            restart: if service { value("Restart").to_owned() } else { String::new() },
        }
    }

    /// The processes of the unit ended while systemd held it frozen: systemd does not start it, and does not thaw what does
    /// not run. It forgets the freeze only with the unit, which it does not forget while another refers to it, or `Restart=` is
    /// about to start it. (Measured: 257.13. 252 starts it.)
    pub fn ended_frozen(&self) -> Option<Disagreement> {
        let unit = &self.unit;
        let remedy = self.forgetting();
        let what = format!(
            "the processes of {unit} ended while systemd held it frozen, and systemd 256 and newer do not start a \
             unit in this state"
        );
        let ended = self.has_ended && self.belief == Belief::Frozen;
        ended.then_some(Disagreement { harmful: true, what, remedy })
    }

    /// The commands that make systemd forget the unit, so that it can be started again. (Measured: 257.13)
    fn forgetting(&self) -> String {
        if self.is_to_restart {
            return "systemctl reboot (nothing less helps once Restart= is about to start it)".to_owned();
        }
        let (targets, others): (Vec<&String>, Vec<&String>) =
            self.referrers.iter().partition(|name| name.ends_with(".target"));
        let (disable, enable) = match self.enabled {
            Enabled::Always => ("systemctl disable", "systemctl enable"),
            Enabled::Runtime => ("systemctl disable --runtime", "systemctl enable --runtime"),
            Enabled::No => ("", ""),
        };
        // Nobody stops a target for this; of a unit that is enabled it is a link that goes with it.
        if let Some(target) = targets.first().filter(|_| disable.is_empty()) {
            return format!("systemctl reboot (nothing less helps if {target} starts it)");
        }
        let name = quoted(OsStr::new(&self.unit));
        let others = others.iter().map(|name| quoted(OsStr::new(name))).collect::<Vec<_>>().join(" ");
        let all = [
            (disable, &name),
            ("systemctl reset-failed", &name),
            ("systemctl stop", &others),
            ("systemctl start", &others),
            (enable, &name),
        ];
        let commands = all.iter().filter(|(command, names)| !command.is_empty() && !names.is_empty());
        commands.map(|(command, names)| format!("{command} {names}")).collect::<Vec<_>>().join("; ")
    }

    /// Whether the kernel says otherwise: `requested` is the own request of the unit's group on cgroup v2, `above` the nearest
    /// group above that requests a freeze.
    pub fn disagreement(&self, requested: bool, above: Option<&CgroupPath>) -> Option<Disagreement> {
        if let Some(ended) = self.ended_frozen() {
            return Some(ended);
        }
        let unit = &self.unit;
        let thaw = |unit: &str| thaw_command(unit, above);
        match (self.belief, requested) {
            (Belief::Frozen, false) => Some(Disagreement {
                harmful: true,
                what: format!(
                    "systemd considers {unit} frozen and refuses to stop it, but the kernel has no freeze request"
                ),
                remedy: thaw(unit),
            }),
            // Thawing the unit alone: "Unit is frozen by a parent slice".
            (Belief::FrozenByParent, false) => Some(Disagreement {
                harmful: true,
                what: format!(
                    "systemd considers {unit} frozen with its slice and refuses to stop it, but the kernel has no \
                     freeze request for it"
                ),
                remedy: thaw(&self.slice),
            }),
            (Belief::Running, true) => Some(Disagreement {
                harmful: false,
                what: format!(
                    "{unit} was frozen without systemd, which does not know that and can still stop it"
                ),
                // A unit that systemd cannot freeze it does not thaw either; and before 256 it thaws the groups above as well.
                remedy: if self.can_freeze && above.is_none() {
                    thaw(unit)
                } else {
                    format!("cryoscope thaw {}", quoted(OsStr::new(unit)))
                },
            }),
            (Belief::Frozen | Belief::FrozenByParent, true) | (Belief::Running, false) => None,
        }
    }

    /// What systemd does when the unit's main process ends by a checkpoint that kills it: criu sends SIGKILL, which is an
    /// unclean end. `None` for what is not a service. (systemd.service(5), `Restart=`)
    pub fn after_kill(&self) -> Option<String> {
        let unit = &self.unit;
        if self.restart.is_empty() {
            return None;
        }
        Some(if restarts(&self.restart) {
            format!(
                "systemd starts {unit} again when its main process is killed (Restart={}): processes restored later \
                 run beside it",
                self.restart
            )
        } else {
            format!(
                "systemd marks {unit} failed when its main process is killed; a restore puts its processes into a \
                 scope beside it"
            )
        })
    }
}

/// The command that has systemd thaw a unit. It waits for the thaw of the group above that requests a freeze: a systemd before 256
/// would take that request back as well.
pub(in crate::runtime) fn thaw_command(unit: &str, above: Option<&CgroupPath>) -> String {
    let when = above.map(|above| format!(" once {above} is thawed")).unwrap_or_default();
    format!("systemctl thaw {}{when}", quoted(OsStr::new(unit)))
}

fn status<'a>(value: impl Fn(&str) -> &'a str) -> Option<String> {
    let state =
        Some(value("ActiveState")).filter(|state| !state.is_empty() && value("LoadState") != "not-found")?;
    let detail = if state == "failed" { value("Result") } else { value("SubState") };
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    let since = value("StateChangeTimestamp");
    let since = if since.is_empty() { String::new() } else { format!(" since {since}") };
    Some(format!("{state}{detail}{since}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(unit: &str, text: &str) -> Answer {
        Answer::parse(unit, text.as_bytes())
    }

    #[test]
    fn beliefs() {
        for (value, belief) in [
            ("running", Belief::Running),
            ("frozen", Belief::Frozen),
            ("freezing", Belief::Frozen),
            ("thawing", Belief::Running),
            ("frozen-by-parent", Belief::FrozenByParent),
            ("", Belief::Running),
        ] {
            assert_eq!(answer("x.service", &format!("FreezerState={value}\n")).belief, belief, "{value}");
        }
    }

    #[test]
    fn disagreements_have_a_remedy() {
        let frozen = answer(r"a\x2db.service", "FreezerState=frozen\nCanFreeze=yes\n");
        assert_eq!(frozen.disagreement(true, None), None);
        let found = frozen.disagreement(false, None).unwrap();
        assert!(found.harmful);
        assert_eq!(found.remedy, r"systemctl thaw 'a\x2db.service'");
        let running = answer("x.service", "FreezerState=running\nCanFreeze=yes\n");
        assert_eq!(running.disagreement(false, None), None);
        let found = running.disagreement(true, None).unwrap();
        assert_eq!((found.harmful, found.remedy.as_str()), (false, "systemctl thaw x.service"));
        let slice = answer("system.slice", "FreezerState=running\nCanFreeze=no\n");
        assert_eq!(slice.disagreement(true, None).unwrap().remedy, "cryoscope thaw system.slice");
        let below = answer("x.service", "FreezerState=frozen-by-parent\nCanFreeze=yes\nSlice=my.slice\n");
        // systemd asks for a freeze of each unit in a slice that it freezes.
        assert_eq!(below.disagreement(true, None), None);
        assert_eq!(below.disagreement(false, None).unwrap().remedy, "systemctl thaw my.slice");
    }

    #[test]
    fn a_thaw_waits_for_the_group_above() {
        let above = CgroupPath::new(b"/my.slice");
        let remedy = |text: &str, requested| {
            answer("x.service", text).disagreement(requested, Some(&above)).unwrap().remedy
        };
        let frozen = "FreezerState=frozen\nCanFreeze=yes\n";
        assert_eq!(remedy(frozen, false), "systemctl thaw x.service once /my.slice is thawed");
        // Through systemd 252 this would thaw the slice.
        assert_eq!(remedy(&frozen.replace("frozen", "running"), true), "cryoscope thaw x.service");
    }

    #[test]
    fn the_state_and_since_when() {
        let status = |text: &str| answer("x.service", text).status;
        let failed = "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\nStateChangeTimestamp=Fri 2026-11-27 15:34:55 UTC\n";
        assert_eq!(status(failed).unwrap(), "failed (watchdog) since Fri 2026-11-27 15:34:55 UTC");
        let dead =
            "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nStateChangeTimestamp=\n";
        assert_eq!(status(dead).unwrap(), "inactive (dead)");
        assert_eq!(status("LoadState=not-found\nActiveState=inactive\nSubState=dead\n"), None);
        assert_eq!(status(""), None);
    }

    #[test]
    fn a_unit_that_ended_while_it_was_frozen() {
        let text = "ActiveState=failed\nSubState=failed\nFreezerState=frozen\nCanFreeze=yes\n";
        let found = answer("k.service", text).disagreement(false, None).unwrap();
        assert!(found.harmful && found.what.contains("ended while systemd held it frozen"), "{found:?}");
        assert_eq!(found.remedy, "systemctl reset-failed k.service");
        let again =
            text.replace("=failed", "=activating").replace("State=activating", "State=auto-restart-queued");
        assert!(answer("kr.service", &again).ended_frozen().unwrap().remedy.starts_with("systemctl reboot"));
        for (more, remedy) in [
            (
                "UnitFileState=enabled\nWantedBy=multi-user.target\n",
                "systemctl disable k.service; systemctl reset-failed k.service; systemctl enable k.service",
            ),
            (
                "UnitFileState=enabled-runtime\nWantedBy=multi-user.target\n",
                "systemctl disable --runtime k.service; systemctl reset-failed k.service; systemctl enable --runtime k.service",
            ),
            (
                "UnitFileState=static\nTriggeredBy=k.socket k.timer\n",
                "systemctl reset-failed k.service; systemctl stop k.socket k.timer; systemctl start k.socket k.timer",
            ),
            (
                "UnitFileState=enabled\nWantedBy=multi-user.target\nTriggeredBy=k.socket\n",
                "systemctl disable k.service; systemctl reset-failed k.service; systemctl stop k.socket; systemctl start k.socket; systemctl enable k.service",
            ),
            (
                "UnitFileState=static\nWantedBy=sysinit.target\n",
                "systemctl reboot (nothing less helps if sysinit.target starts it)",
            ),
        ] {
            assert_eq!(answer("k.service", &format!("{text}{more}")).ended_frozen().unwrap().remedy, remedy);
        }
        for alive in [
            "ActiveState=active\nSubState=running\nFreezerState=frozen\n",
            "ActiveState=failed\nFreezerState=running\n",
        ] {
            assert_eq!(answer("k.service", alive).ended_frozen(), None);
        }
    }

    #[test]
    fn what_a_kill_leads_to() {
        let sentence =
            |restart: &str| answer("x.service", &format!("Restart={restart}\n")).after_kill().unwrap();
        for restart in ["no", "on-success", "on-watchdog"] {
            assert!(sentence(restart).contains("failed"), "{restart}");
        }
        for restart in ["always", "on-failure", "on-abnormal", "on-abort"] {
            assert!(sentence(restart).contains(&format!("(Restart={restart})")), "{restart}");
        }
        assert_eq!(answer("x.scope", "Restart=\n").after_kill(), None);
        assert_eq!(answer("x.service", "LoadState=not-found\nRestart=no\n").after_kill(), None);
    }

    #[test]
    fn hostile_text_is_harmless() {
        let found = answer("x.service", "Restart=on-\x1b[2J\nnonsense\n=\n");
        assert_eq!(found.restart, r"on-\x1b[2J");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            Answer::parse("x.service", &text);
        }
    }
}
