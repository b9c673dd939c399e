//! The settings of a service that are in the way of a dump, and the drop-in that changes them.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::drop_in::{self, DropIn};
use super::sandbox::{SETTINGS, Setting};
use super::systemctl::printable_lines;
use super::systemctl::{self, PLAN_TIMEOUT};
use super::{SystemdError, start};
use crate::model::owner::{Manager, UnitName};

/// What makes that criu cannot dump a process, as far as it can be taken away before the process is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its output goes to the journal.
    Journal,
    /// Its sandbox gives it namespaces of its own.
    Sandbox,
    /// It uses io_uring.
    IoUring,
    /// It uses System V shared memory, and has the IPC namespace of the host, or would have it without its sandbox.
    SharedMemory,
    /// What the program does itself: no setting of a unit takes it away.
    Program,
}

/// A setting of a service that criu cannot cope with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// A name for scripts.
    pub code: &'static str,
    /// What is set.
    pub what: String,
    /// What criu says to it.
    pub why: &'static str,
    /// What to write: the same file for all obstacles of a unit; `None` where no setting helps.
    pub drop_in: Option<DropIn>,
}

/// What systemd says of a service's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    unit: String,
    manager: Manager,
    /// `StandardOutput=` and `StandardError=`.
    output: String,
    error: String,
    /// What gives it namespaces.
    sandbox: Vec<&'static Setting>,
    /// The user that its programs are started as; empty for the manager's own.
    user: String,
    restricts_namespaces: bool,
    /// What an earlier drop-in of this program changes already.
    changed: Vec<String>,
    /// The lines that start its programs in an IPC namespace of their own; `None` where that cannot be told.
    start: Option<Vec<String>>,
}

/// The properties that are asked for beside the sandbox. (org.freedesktop.systemd1(5))
const PROPERTIES: [&str; 5] = ["LoadState", "StandardOutput", "StandardError", "User", "RestrictNamespaces"];

impl Settings {
    /// Asks the unit's own manager: two calls of systemctl.
    ///
    /// # Errors
    /// [`SystemdError`]; also for what is no service, or is not known.
    pub fn ask(unit: &UnitName) -> Result<Self, SystemdError> {
        let names = PROPERTIES.into_iter().chain(SETTINGS.iter().map(|setting| setting.name));
        let properties = format!("--property={}", names.collect::<Vec<_>>().join(","));
        let run =
            |arguments: &[&str]| systemctl::run(unit.manager, arguments, &[unit.as_bytes()], PLAN_TIMEOUT);
        let shown = run(&["show", &properties])?;
        let name = unit.text().into_owned();
        let mut settings = Self::parse(&name, unit.manager, &shown)
            .ok_or_else(|| SystemdError::Failed(format!("{name} is no service that systemd knows")))?;
        // Where the files cannot be shown, how it is started is not known.
        let files = run(&["cat"]).unwrap_or_default();
        settings.changed = drop_in::earlier(&name, unit.manager, &files);
        settings.start = start::in_ipc_namespace(&files);
        Ok(settings)
    }

    /// Reads what `systemctl show` prints.
    fn parse(unit: &str, manager: Manager, text: &[u8]) -> Option<Self> {
        let text = printable_lines(text);
        let values: HashMap<&str, &str> = text.iter().filter_map(|line| line.split_once('=')).collect();
        let value = |key: &str| values.get(key).copied().unwrap_or_default();
        if !unit.ends_with(".service") || value("LoadState") == "not-found" {
            return None;
        }
        let output = value("StandardOutput");
        Some(Self {
            unit: unit.to_owned(),
            manager,
            output: output.to_owned(),
            // What error output inherits is the setting of the output.
            error: Some(value("StandardError"))
                .filter(|&error| error != "inherit")
                .unwrap_or(output)
                .to_owned(),
            sandbox: SETTINGS.iter().filter(|setting| setting.is_set(value(setting.name))).collect(),
            user: value("User").to_owned(),
            restricts_namespaces: !matches!(value("RestrictNamespaces"), "" | "no"),
            changed: Vec::new(),
            start: None,
        })
    }

    /// Those of a service of the system's manager that answers so.
    #[cfg(test)]
    pub(crate) fn of_text(unit: &str, text: &str) -> Self {
        Self::parse(unit, Manager::System, text.as_bytes()).unwrap()
    }

    /// The unit's name as text.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The settings that give it namespaces of its own.
    pub fn sandbox(&self) -> Vec<&'static str> {
        self.sandbox.iter().map(|setting| setting.name).collect()
    }

    /// Those among them that its program needs.
    pub fn needed(&self) -> Vec<&'static str> {
        self.sandbox.iter().filter(|setting| setting.off.is_none()).map(|setting| setting.name).collect()
    }

    /// Whether one of these is set.
    pub fn has(&self, names: &[&str]) -> bool {
        self.sandbox.iter().any(|setting| names.contains(&setting.name))
    }

    /// The lines that take this away; `None` where no setting does.
    fn lines(&self, cause: Cause) -> Option<Vec<String>> {
        let lines = match cause {
            Cause::Journal => self.files(),
            Cause::Sandbox if !self.needed().is_empty() => return None,
            Cause::Sandbox => self.sandbox.iter().filter_map(|setting| setting.line()).collect(),
            // A program has to do without on an older kernel, which answers so. criu dumps the filter, and makes it again.
            Cause::IoUring => vec!["SystemCallFilter=~io_uring_setup:ENOSYS".to_owned()],
            Cause::SharedMemory => self.ipc_namespace()?,
            Cause::Program => return None,
        };
        (!lines.is_empty()).then_some(lines)
    }

    /// Output in files in place of the journal. One that goes elsewhere stays as it is.
    fn files(&self) -> Vec<String> {
        let stem = self.unit.strip_suffix(".service").unwrap_or(&self.unit);
        let stem: String = stem
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
            .collect();
        // Where its user may write, which a user's own manager cannot elsewhere. (systemd.unit(5), specifiers)
        let folder = if self.manager == Manager::System { "/var/log" } else { "%h" };
        let line = |key, value| is_journal(value).then(|| format!("{key}=append:{folder}/{stem}.log"));
        [line("StandardOutput", &self.output), line("StandardError", &self.error)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Only root makes such a namespace, and only without a filter against it.
    fn ipc_namespace(&self) -> Option<Vec<String>> {
        let is_root = self.manager == Manager::System && matches!(&*self.user, "" | "root" | "0");
        let start = self.start.as_ref().filter(|_| is_root)?;
        let allowed = self.restricts_namespaces.then(|| "RestrictNamespaces=no".to_owned());
        Some(allowed.into_iter().chain(start.iter().cloned()).collect())
    }

    /// The drop-in that is there already.
    pub fn earlier(&self) -> Option<DropIn> {
        self.is_changed().then(|| DropIn::new(&self.unit, self.manager, &self.changed))
    }

    /// Whether an earlier drop-in of this program changes some already: the processes may be older.
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Whether a change of the settings takes this away.
    pub fn takes_away(&self, cause: Cause) -> bool {
        self.lines(cause).is_some()
    }

    /// The drop-in that takes all of these away which the settings decide; `None` where they decide none. What an earlier one
    /// has changed stays so.
    pub fn drop_in(&self, causes: &BTreeSet<Cause>) -> Option<DropIn> {
        let new: Vec<String> = causes.iter().filter_map(|&cause| self.lines(cause)).flatten().collect();
        if new.is_empty() {
            return None;
        }
        let mut lines = self.changed.clone();
        lines.retain(|line| !new.contains(line));
        lines.extend(new);
        Some(DropIn::new(&self.unit, self.manager, &lines))
    }

    /// The settings that are in the way of a dump, as far as they tell: whether its output still goes to the journal only its
    /// processes tell.
    pub fn obstacles(&self, logs_to_journal: bool) -> Vec<Obstacle> {
        let journal = (logs_to_journal && self.takes_away(Cause::Journal)).then_some(Cause::Journal);
        let sandbox = (!self.sandbox.is_empty()).then_some(Cause::Sandbox);
        let causes: BTreeSet<Cause> = journal.into_iter().chain(sandbox).collect();
        let drop_in = self.drop_in(&causes).filter(|_| self.needed().is_empty());
        let obstacle = |&cause: &Cause| match cause {
            Cause::Journal => Obstacle {
                code: "journal-socket",
                what: format!("the output of {} goes to the journal, through a socket", self.unit),
                why: "criu fails after all memory is written: \"Can't dump half of stream unix connection\"; no option helps",
                drop_in: drop_in.clone(),
            },
            _ => Obstacle {
                code: "mount-sharing",
                what: format!("{} has namespaces of its own ({})", self.unit, self.sandbox().join(", ")),
                why: "criu fails: \"has unreachable sharing. Try --enable-external-masters\"; that option does not help",
                drop_in: drop_in.clone(),
            },
        };
        causes.iter().map(obstacle).collect()
    }
}

/// Values of `StandardOutput=` and `StandardError=` that are a socket of the journal. (systemd.exec(5))
fn is_journal(value: &str) -> bool {
    ["journal", "kmsg", "syslog"].iter().any(|start| value.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Cause; 2] = [Cause::Journal, Cause::Sandbox];

    fn settings(text: &str) -> Settings {
        Settings::of_text("my@1.service", text)
    }

    fn text(text: &str, causes: &[Cause]) -> Option<String> {
        settings(text).drop_in(&causes.iter().copied().collect()).map(|found| found.text)
    }

    #[test]
    fn the_journal() {
        let both = "StandardOutput=journal\nStandardError=inherit\nPrivateTmp=no\n";
        let expected =
            "[Service]\nStandardOutput=append:/var/log/my-1.log\nStandardError=append:/var/log/my-1.log\n";
        assert_eq!(text(both, &ALL).as_deref(), Some(expected));
        let error = "StandardOutput=null\nStandardError=journal+console\n";
        let expected = "[Service]\nStandardError=append:/var/log/my-1.log\n";
        assert_eq!(text(error, &ALL).as_deref(), Some(expected));
        assert_eq!(text("StandardOutput=append:/x\nStandardError=inherit\n", &ALL), None);
        assert_eq!(text("StandardOutput=null\nStandardError=null\n", &ALL), None);
        let user = Settings::parse("x.service", Manager::User(7), both.as_bytes()).unwrap();
        let found = user.drop_in(&BTreeSet::from([Cause::Journal])).unwrap();
        assert!(found.text.contains("append:%h/x.log"), "{}", found.text);
    }

    /// redis-server as Debian 13 ships it, and what systemd 257 reports of it.
    #[test]
    fn each_setting_that_is_set_and_no_other() {
        let redis = "StandardOutput=journal\nStandardError=inherit\nRootDirectory=\nDynamicUser=no\nReadWritePaths=-/var/lib/redis\nReadOnlyPaths=\nExecPaths=/usr/lib\nNoExecPaths=/\nMountFlags=\nPrivateTmp=yes\nPrivateUsers=yes\nPrivateNetwork=no\nPrivatePIDs=no\nProtectHome=yes\nProtectSystem=strict\nProtectProc=invisible\nProcSubset=all\nBindPaths=\n";
        let expected = "[Service]\nPrivateTmp=no\nPrivateUsers=no\nProtectSystem=no\nProtectHome=no\nProtectProc=default\nReadWritePaths=\nExecPaths=\nNoExecPaths=\n";
        assert_eq!(text(redis, &[Cause::Sandbox]).as_deref(), Some(expected));
        let both = text(redis, &ALL).unwrap();
        assert!(both.starts_with("[Service]\nStandardOutput="), "one file: {both}");
        let obstacles = settings(redis).obstacles(true);
        let codes: Vec<_> = obstacles.iter().map(|obstacle| obstacle.code).collect();
        assert_eq!(codes, ["journal-socket", "mount-sharing"]);
        assert!(
            obstacles[1].what.contains("ProtectSystem, ProtectHome, ProtectProc"),
            "{}",
            obstacles[1].what
        );
        assert!(obstacles.iter().all(|obstacle| obstacle.drop_in.as_ref().unwrap().text == both));
        assert_eq!(settings(redis).obstacles(false).len(), 1);
    }

    #[test]
    fn what_the_program_needs_stays() {
        for set in ["RootImage=/x.raw", "RootDirectory=/srv/x", "DynamicUser=yes"] {
            let set =
                settings(&format!("{set}\nPrivateTmp=yes\nStandardOutput=journal\nStandardError=inherit\n"));
            assert!(!set.takes_away(Cause::Sandbox) && set.takes_away(Cause::Journal));
            assert!(set.obstacles(true).iter().all(|obstacle| obstacle.drop_in.is_none()));
        }
        assert_eq!(settings("RootDirectory=/\n").sandbox(), [""; 0]);
    }

    #[test]
    fn what_was_changed_before_stays_changed() {
        let earlier =
            ["StandardOutput=append:/var/log/my-1.log", "PrivateTmp=no"].map(str::to_owned).to_vec();
        let set = Settings { changed: earlier, ..settings("PrivateTmp=yes\nProtectHome=yes\n") };
        let found = set.drop_in(&BTreeSet::from([Cause::Sandbox])).unwrap();
        assert_eq!(
            found.text,
            "[Service]\nStandardOutput=append:/var/log/my-1.log\nPrivateTmp=no\nProtectHome=no\n"
        );
        let nothing = Settings { changed: set.changed, ..settings("") };
        assert_eq!(nothing.drop_in(&BTreeSet::from([Cause::Sandbox])), None);
    }

    #[test]
    fn an_ipc_namespace() {
        let start = || Some(vec!["ExecStart=".to_owned(), "ExecStart=unshare --ipc -- /x".to_owned()]);
        let of = |text: &str| Settings { start: start(), ..settings(text) };
        let lines =
            |set: Settings| set.drop_in(&BTreeSet::from([Cause::SharedMemory])).map(|found| found.text);
        assert_eq!(lines(of("User=\n")).unwrap(), "[Service]\nExecStart=\nExecStart=unshare --ipc -- /x\n");
        assert!(
            lines(of("RestrictNamespaces=yes\n")).unwrap().starts_with("[Service]\nRestrictNamespaces=no\n")
        );
        assert_eq!(lines(of("User=redis\n")), None, "only root makes one");
        assert_eq!(lines(settings("User=\n")), None, "how it is started is not known");
    }

    #[test]
    fn services_that_are_known() {
        let of = |unit: &str, text: &str| Settings::parse(unit, Manager::System, text.as_bytes());
        assert_eq!(of("x.slice", "PrivateTmp=yes\n"), None);
        assert_eq!(of("x.service", "LoadState=not-found\n"), None);
        let hostile = of("x.service", "User=\x1b[2J\nnonsense\n=\n").unwrap();
        assert_eq!(hostile.user, r"\x1b[2J");
    }
}
