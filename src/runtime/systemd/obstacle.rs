//! Settings of a service that are in the way of a dump, and the drop-ins that take them out.
//!
//! Measured with systemd 257 and CRIU 4.1.1: each remedy, followed, makes `criu dump` succeed.

use std::ffi::OsStr;

use serde::Serialize;

use crate::model::shell::quoted;

/// A setting of a service that criu cannot cope with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// A name for scripts.
    pub code: &'static str,
    /// What is set.
    pub what: String,
    /// What criu says to it.
    pub why: &'static str,
    /// What to write.
    pub drop_in: DropIn,
}

/// A file that changes a unit's settings. (systemd.unit(5), "drop-in")
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DropIn {
    /// Where it goes; it holds from the next start of the unit on.
    pub path: String,
    /// What it says.
    pub text: String,
    /// The command that makes systemd read it and starts the unit anew: what the unit has in memory is lost.
    pub apply: String,
}

/// Values of `StandardOutput=` and `StandardError=` that are a socket of the journal. (systemd.exec(5))
fn is_journal(value: &str) -> bool {
    ["journal", "kmsg", "syslog"].iter().any(|start| value.starts_with(start))
}

/// Settings that give a service mounts of its own, which share with the host's; `no` takes each away. Not all that
/// systemd.exec(5) has: a process in another mount namespace than PID 1's is the sure sign.
pub(super) const MOUNTS: [&str; 10] = [
    "PrivateTmp",
    "PrivateDevices",
    "PrivateMounts",
    "PrivateNetwork",
    "ProtectSystem",
    "ProtectHome",
    "ProtectControlGroups",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
];

/// The obstacles among the values of a service's properties.
pub(super) fn of<'a>(unit: &str, value: impl Fn(&str) -> &'a str) -> Vec<Obstacle> {
    let out = value("StandardOutput");
    // What error output inherits is the setting of the output.
    let err = Some(value("StandardError")).filter(|&err| err != "inherit").unwrap_or(out);
    let journal = (is_journal(out) || is_journal(err)).then(|| journal(unit, out, err));
    let set = |key: &&str| !matches!(value(key), "" | "no");
    let mounts: Vec<&str> = MOUNTS.into_iter().filter(set).collect();
    journal.into_iter().chain((!mounts.is_empty()).then(|| private_mounts(unit, &mounts))).collect()
}

fn journal(unit: &str, out: &str, err: &str) -> Obstacle {
    let log: String = stem(unit)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .collect();
    // One that goes elsewhere stays as it is; one that is inherited follows the other.
    let line = |key, value| is_journal(value).then(|| format!("{key}=append:/var/log/{log}.log\n"));
    let lines = [line("StandardOutput", out), line("StandardError", err)];
    Obstacle {
        code: "journal-socket",
        what: format!("the output of {unit} goes to the journal, through a socket"),
        why: "criu fails after all memory is written: \"Can't dump half of stream unix connection\"; no option helps",
        drop_in: drop_in(unit, "journal", &lines.into_iter().flatten().collect::<String>()),
    }
}

fn private_mounts(unit: &str, set: &[&str]) -> Obstacle {
    let lines: String = set.iter().map(|key| format!("{key}=no\n")).collect();
    Obstacle {
        code: "mount-sharing",
        what: format!("{unit} has mounts of its own that share with the host's ({})", set.join(", ")),
        why: "criu fails: \"has unreachable sharing. Try --enable-external-masters\"; that option does not help",
        drop_in: drop_in(unit, "mounts", &lines),
    }
}

fn drop_in(unit: &str, name: &str, lines: &str) -> DropIn {
    DropIn {
        path: format!("/etc/systemd/system/{unit}.d/cryoscope-{name}.conf"),
        text: format!("[Service]\n{lines}"),
        apply: format!("systemctl daemon-reload && systemctl restart {}", quoted(OsStr::new(unit))),
    }
}

fn stem(unit: &str) -> &str {
    unit.strip_suffix(".service").unwrap_or(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &'static str)]) -> Vec<Obstacle> {
        let value = |key: &str| pairs.iter().find(|(k, _)| *k == key).map_or("", |&(_, value)| value);
        of("my@1.service", value)
    }

    #[test]
    fn the_journal() {
        let both =
            found(&[("StandardOutput", "journal"), ("StandardError", "inherit"), ("PrivateTmp", "no")]);
        let [obstacle] = &both[..] else { panic!("{both:?}") };
        assert_eq!(obstacle.drop_in.path, "/etc/systemd/system/my@1.service.d/cryoscope-journal.conf");
        assert_eq!(
            obstacle.drop_in.text,
            "[Service]\nStandardOutput=append:/var/log/my-1.log\nStandardError=append:/var/log/my-1.log\n"
        );
        assert_eq!(obstacle.drop_in.apply, "systemctl daemon-reload && systemctl restart my@1.service");
        let error = found(&[("StandardOutput", "null"), ("StandardError", "journal+console")]);
        assert_eq!(error[0].drop_in.text, "[Service]\nStandardError=append:/var/log/my-1.log\n");
        assert_eq!(found(&[("StandardOutput", "append:/x"), ("StandardError", "inherit")]), []);
        assert_eq!(found(&[("StandardOutput", "null"), ("StandardError", "null")]), []);
    }

    #[test]
    fn mounts_of_its_own() {
        let private =
            found(&[("StandardOutput", "null"), ("PrivateTmp", "yes"), ("ProtectSystem", "strict")]);
        assert_eq!(private[0].code, "mount-sharing");
        assert!(private[0].what.ends_with("(PrivateTmp, ProtectSystem)"), "{}", private[0].what);
        assert_eq!(private[0].drop_in.text, "[Service]\nPrivateTmp=no\nProtectSystem=no\n");
        assert_eq!(found(&[("StandardOutput", "null"), ("PrivateTmp", "no"), ("ProtectHome", "")]), []);
    }
}
