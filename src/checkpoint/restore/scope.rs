//! A scope of systemd for the processes of a service: systemd supervises it, and can stop and limit what was restored.
//!
//! In the service's own group they would be nobody's: systemd made none of them, calls the service failed, does nothing when it is
//! to stop it, and kills them when it is to start it. (Measured with systemd 257.)

use std::ffi::OsString;

use serde::Serialize;

use super::groups::GROUP_OPTIONS;
use super::preflight::Request;
use crate::checkpoint::Finding;
use crate::checkpoint::arg::{Arg, gives};
use crate::checkpoint::images::{Group, ImageSet, State};
use crate::checkpoint::service::ServiceRecord;
use crate::model::shell::quoted;
use crate::model::{CgroupPath, printable};
use crate::runtime::systemd::{self, Service, SystemdError, Unit};

/// A scope that is made for the restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// The service that the processes were of.
    pub service: String,
    /// The slice that it is made in: that of the service.
    pub slice: String,
    /// The limits of the service, as `NAME=VALUE`.
    pub properties: Vec<String>,
    /// The group of the slice.
    #[serde(skip)]
    pub(super) slice_group: CgroupPath,
}

/// The processes in their old group, as criu puts them there.
pub(super) const OLD_WAY: &str =
    "-- --manage-cgroups=soft restores them into its old group, where systemd does not supervise them";

/// Chooses the scope for the processes of one service; `None` where they come elsewhere.
pub(super) fn choose(
    request: &Request<'_>,
    sets: &[ImageSet],
    service: Option<&ServiceRecord>,
    findings: &mut Vec<Finding>,
) -> Option<Scope> {
    let elsewhere = request.copy.is_some() || request.into_group.is_some();
    if elsewhere || gives(&request.extra, &GROUP_OPTIONS) || !systemd::is_running() {
        return None;
    }
    let group = unit_group(sets)?;
    let unit = Unit::of(&group)?;
    // Their own run goes on, of which they are a part: systemd has not lost them.
    if service.is_some_and(|service| runs_on(&unit, service)) {
        return None;
    }
    // What was restored into a scope before is still of its service.
    let recorded = service.and_then(|record| Unit::of(&CgroupPath::root().join(record.name.as_bytes())));
    let service = recorded.filter(|_| systemd::is_restored_scope(&unit.name())).unwrap_or(unit);
    match plan(&service, &group, findings) {
        Ok(mut scope) => {
            // Into no other scope does systemd let a second criu.
            scope.properties.extend((sets.len() > 1).then(|| "Delegate=yes".to_owned()));
            findings.push(chosen(&scope));
            Some(scope)
        }
        Err(error) => {
            let what = format!("a scope for the processes of {}", service.name());
            findings.push(Finding::unknown("scope", what, error));
            None
        }
    }
}

fn plan(unit: &Unit, group: &CgroupPath, findings: &mut Vec<Finding>) -> Result<Scope, SystemdError> {
    let service = unit.name().into_owned();
    let limits = unit.limits()?;
    let name = systemd::free_scope_name(&service)?;
    if !limits.left.is_empty() {
        let what = format!("{name} does not get {} of {service}", limits.left.join(", "));
        findings.push(Finding::warning(
            "scope-limits",
            what,
            "the processes may use devices that the service may not",
        ));
    }
    let slice_group = group.parent().unwrap_or_else(CgroupPath::root);
    let slice =
        Unit::of(&slice_group).map_or_else(|| "-.slice".to_owned(), |slice| slice.name().into_owned());
    let mut properties = limits.assignments;
    // A start of the service stops the scope before. It would fail beside it, and take the runtime directories away as it ends.
    // (systemd.unit(5): the stop comes before the start where there is an order.)
    if !unit.service()?.is_some_and(|service| service.runs) {
        // A backslash in a list takes away the meaning of what follows.
        let name = service.replace('\\', r"\\");
        properties.extend([format!("Conflicts={name}"), format!("After={name}")]);
    }
    Ok(Scope { name, service, slice, properties, slice_group })
}

fn chosen(scope: &Scope) -> Finding {
    let Scope { name, service, .. } = scope;
    let what = format!("the processes belonged to {service}: they go into {name}, their own scope");
    let why = format!(
        "systemd supervises, limits and stops that; it does not restart it, and {service} itself stays as it is"
    );
    Finding::warning("scope", what, why).remedy(OLD_WAY)
}

/// Whether the very run of the unit that the images were made of goes on.
pub(super) fn runs_on(unit: &Unit, record: &ServiceRecord) -> bool {
    let is_same = |now: Service| {
        let runs = now.runs && !now.is_to_restart;
        runs && !now.invocation.is_empty() && now.invocation == record.invocation
    };
    record.name == unit.name() && unit.service().ok().flatten().is_some_and(is_same)
}

/// The own group of the one service, or scope that a restore made, in which all processes were; `None` where there is no such one.
/// Of the hierarchies in which systemd may have its units some are without them.
fn unit_group(sets: &[ImageSet]) -> Option<CgroupPath> {
    let is_of_unit = |group: &&Group| group.is_of_units() && Unit::of(&group.below).is_some();
    let holds_all = |set: &ImageSet| {
        let living = set.processes.iter().filter(|process| process.state != State::Zombie).count();
        let held = set.cgroups.iter().filter(is_of_unit).any(|group| group.pids.len() >= living);
        held && !set.namespaces.contains(&"cgroup")
    };
    let mut groups = sets.iter().flat_map(|set| &set.cgroups).filter(is_of_unit).map(|group| &group.below);
    let is_restorable = |group: &&CgroupPath| {
        group.name().ends_with(b".service") || systemd::is_restored_scope(&printable(group.name()))
    };
    let first = groups.next().filter(is_restorable)?;
    (groups.all(|group| group == first) && sets.iter().all(holds_all)).then(|| first.clone())
}

/// How one criu comes into the scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// It is the first process of the scope.
    New(Scope),
    /// It joins the scope with this name.
    Join(String),
}

/// Has systemd put the shell into the scope that is named first, and becomes what stands behind it. (org.freedesktop.systemd1(5))
const JOIN: &str = r#"busctl --quiet call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager AttachProcessesToUnit ssau "$1" "" 1 $$ || exit; shift; exec "$@""#;

impl Entry {
    /// The words before those of criu.
    pub(super) fn words(&self, images: &Arg) -> Vec<OsString> {
        match self {
            Self::New(scope) => scope.words(images),
            Self::Join(name) => ["/bin/sh", "-c", JOIN, "sh", name].into_iter().map(OsString::from).collect(),
        }
    }

    /// The scope's name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::New(scope) => &scope.name,
            Self::Join(name) => name,
        }
    }
}

impl Scope {
    /// systemd-run becomes the command behind these words: it has the same PID.
    fn words(&self, images: &Arg) -> Vec<OsString> {
        let images = printable(images.0.as_encoded_bytes());
        let mut words = ["systemd-run", "--scope", "--quiet", "--collect"].map(OsString::from).to_vec();
        words.extend([
            format!("--unit={}", self.name).into(),
            format!("--slice={}", self.slice).into(),
            format!("--description={}", systemd::scope_description(&self.service, &images)).into(),
        ]);
        words.extend(self.properties.iter().map(|property| format!("--property={property}").into()));
        words.push("--".into());
        words
    }

    /// What a person does with it, a line each.
    pub fn advice(&self) -> [String; 2] {
        let (name, service) = (quoted(self.name.as_ref()), quoted(self.service.as_ref()));
        [
            format!(
                "systemd supervises it as {}: systemctl status {name}; to end it: systemctl stop {name}",
                self.name
            ),
            format!(
                "{} stays as it is; to go back to it: systemctl start {service}, which ends {} first",
                self.service, self.name
            ),
        ]
    }

    /// Its group, in every hierarchy in which systemd has its units. (systemd: cg_escape())
    pub(super) fn group(&self) -> CgroupPath {
        let prefix = if self.name.starts_with(['_', '.']) { "_" } else { "" };
        self.slice_group.join(format!("{prefix}{}", self.name).as_bytes())
    }

    /// Looks whether systemd has it.
    pub(super) fn check(&self) -> Finding {
        let (group, name) = (self.group(), &self.name);
        match Unit::of(&group).and_then(|unit| unit.control_group()) {
            Some(found) if found == group => Finding::ok("scope", format!("systemd supervises {name}")),
            _ => {
                let what = format!("systemd does not report that it supervises {name}");
                Finding::warning(
                    "scope",
                    what,
                    "the restored processes have ended, or systemd does not answer",
                )
                .remedy(format!("systemctl status {}", quoted(name.as_ref())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            name: "a-b-restored.scope".to_owned(),
            service: "a@b.service".to_owned(),
            slice: "system-a.slice".to_owned(),
            properties: vec!["MemoryMax=7".to_owned()],
            slice_group: CgroupPath::new(b"/system.slice/system-a.slice"),
        }
    }

    fn line(entry: &Entry) -> String {
        let words = entry.words(&"/i x".into());
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn criu_is_started_in_the_scope() {
        assert_eq!(
            line(&Entry::New(scope())),
            "systemd-run --scope --quiet --collect --unit=a-b-restored.scope --slice=system-a.slice '--description=a@b.service, restored from /i x' --property=MemoryMax=7 --"
        );
        let join = line(&Entry::Join("a-b-restored.scope".to_owned()));
        assert!(join.starts_with("/bin/sh -c ") && join.ends_with(" sh a-b-restored.scope"), "{join}");
        assert_eq!(scope().group(), CgroupPath::new(b"/system.slice/system-a.slice/a-b-restored.scope"));
    }

    #[test]
    fn what_a_person_does_with_it() {
        let [supervised, service] = scope().advice();
        assert!(supervised.ends_with("to end it: systemctl stop a-b-restored.scope"), "{supervised}");
        assert!(
            service.ends_with("systemctl start a@b.service, which ends a-b-restored.scope first"),
            "{service}"
        );
    }
}
