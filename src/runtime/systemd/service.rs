//! What systemd does with a service when it ends, and what starts it again. (systemd.service(5), systemd.exec(5))

use std::collections::HashMap;
use std::time::Duration;

use super::systemctl::{self, PLAN_TIMEOUT};
use super::{SystemdError, Unit, timespan};
use crate::model::owner::Manager;

/// The properties that are asked for. (org.freedesktop.systemd1(5))
const PROPERTIES: &str = "--property=LoadState,ActiveState,SubState,InvocationID,Restart,RestartUSec,RuntimeDirectory,RuntimeDirectoryPreserve,PIDFile,TriggeredBy";

/// A service, as systemd knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// It has a process, or is on its way there.
    pub runs: bool,
    /// `Restart=` is about to start it anew: it is not the run any more that it was.
    pub is_to_restart: bool,
    /// Which run of it this is, or was: another one each time that it is started.
    pub invocation: String,
    /// `Restart=` starts it anew when its main process is killed; its value.
    pub restart: Option<String>,
    /// How long after that.
    pub restart_delay: Duration,
    /// The names below `/run` of its runtime directories, which systemd removes when it ends.
    pub runtime_directories: Vec<String>,
    /// The file with its main PID, which systemd removes when it ends.
    pub pid_file: Option<String>,
    /// The sockets, timers and paths that start it.
    pub triggers: Vec<String>,
}

impl Unit {
    /// What systemd knows of a service; `None` where it has no such one. One call of systemctl.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub fn service(&self) -> Result<Option<Service>, SystemdError> {
        let text =
            systemctl::run(Manager::System, &["show", PROPERTIES], &[self.name.as_bytes()], PLAN_TIMEOUT)?;
        Ok(Service::parse(&text).filter(|_| self.name.as_bytes().ends_with(b".service")))
    }
}

impl Service {
    fn parse(text: &[u8]) -> Option<Self> {
        let lines = systemctl::printable_lines(text);
        let values: HashMap<&str, &str> = lines.iter().filter_map(|line| line.split_once('=')).collect();
        let value = |key: &str| values.get(key).copied().unwrap_or_default();
        let words = |key: &str| value(key).split(' ').filter(|word| !word.is_empty());
        let is_kept = value("RuntimeDirectoryPreserve") == "yes";
        // A symbolic link may stand behind a colon.
        let directory = |word: &str| word.split(':').next().unwrap_or(word).to_owned();
        let is_restarting = value("SubState").starts_with("auto-restart");
        (value("LoadState") != "not-found").then(|| Self {
            is_to_restart: is_restarting,
            runs: is_restarting || !matches!(value("ActiveState"), "" | "inactive" | "failed"),
            invocation: value("InvocationID").to_owned(),
            restart: Some(value("Restart").to_owned()).filter(|restart| restarts(restart)),
            restart_delay: timespan::limit(value("RestartUSec")).unwrap_or_default(),
            runtime_directories: if is_kept {
                Vec::new()
            } else {
                words("RuntimeDirectory").map(directory).collect()
            },
            pid_file: Some(value("PIDFile").to_owned()).filter(|path| !path.is_empty()),
            triggers: words("TriggeredBy").map(str::to_owned).collect(),
        })
    }
}

/// Whether `Restart=` with this value starts a service whose main process was killed by SIGKILL: an unclean end.
/// (systemd.service(5))
pub(super) fn restarts(value: &str) -> bool {
    !matches!(value, "" | "no" | "on-success" | "on-watchdog")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_ends_with_a_service() {
        let text = "LoadState=loaded\nActiveState=active\nSubState=running\nInvocationID=ab12\nRestart=always\nRestartUSec=100ms\nRuntimeDirectory=redis a/b:c\nRuntimeDirectoryPreserve=no\nPIDFile=/run/redis/redis-server.pid\nTriggeredBy=r.socket r.timer\n";
        let found = Service::parse(text.as_bytes()).unwrap();
        assert!(found.runs && found.invocation == "ab12");
        assert_eq!(
            (found.restart.as_deref(), found.restart_delay),
            (Some("always"), Duration::from_millis(100))
        );
        assert_eq!(found.runtime_directories, ["redis", "a/b"]);
        assert_eq!(found.pid_file.as_deref(), Some("/run/redis/redis-server.pid"));
        assert_eq!(found.triggers, ["r.socket", "r.timer"]);
        let kept = text.replace("Preserve=no", "Preserve=yes").replace("=always", "=on-success");
        let kept = Service::parse(kept.replace("=active", "=failed").as_bytes()).unwrap();
        assert!(!kept.runs && kept.runtime_directories.is_empty() && kept.restart.is_none());
        let again = Service::parse(text.replace("=running", "=auto-restart-queued").as_bytes()).unwrap();
        assert!(again.runs && again.is_to_restart && !found.is_to_restart);
        assert_eq!(Service::parse(b"LoadState=not-found\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            Service::parse(&text);
        }
    }
}
