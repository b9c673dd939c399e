//! The units that the processes were of: whether systemd supervises them again, or runs them anew.

use std::collections::BTreeSet;

use super::scope::runs_on;
use super::tree::Destination;
use crate::checkpoint::Finding;
use crate::checkpoint::images::{Group, ImageSet};
use crate::checkpoint::service::ServiceRecord;
use crate::model::owner::{Manager, UnitName};
use crate::model::shell::quoted;
use crate::model::{CgroupPath, printable};
use crate::runtime::systemd::{self, Unit};

/// systemd takes a process that criu made for none of its own, though it is in the group of a unit (measured: it becomes a
/// child of PID 1, and the unit stays failed or dead).
pub(super) fn look(
    sets: &[ImageSet],
    destination: Destination<'_>,
    record: Option<&ServiceRecord>,
    findings: &mut Vec<Finding>,
) {
    let groups = sets.iter().flat_map(|set| &set.cgroups).filter(|group| group.is_of_units());
    let is_unit = |group: &&Group| {
        let name = group.below.name();
        name.ends_with(b".service") || name.ends_with(b".scope")
    };
    let mut seen = BTreeSet::new();
    for group in groups.filter(is_unit).filter(|group| seen.insert(group.below.name().to_vec())) {
        let name = printable(group.below.name()).into_owned();
        match Unit::of(&group.below).filter(runs) {
            Some(unit) if record.is_some_and(|record| runs_on(&unit, record)) => {
                findings.push(Finding::ok(
                    "unit",
                    format!("{name} keeps running, and the processes go back into it"),
                ));
            }
            // Of another run than that of the images, as far as these say so.
            Some(_) => {
                let is_another =
                    record.is_some_and(|record| !record.invocation.is_empty() && record.name == name);
                findings.push(runs_again(&name, is_another && matches!(destination, Destination::Scope(_))));
            }
            None if matches!(destination, Destination::Images) => {
                findings.extend(UnitName::of(&group.below).map(|unit| unsupervised(&unit, &group.below)));
            }
            None => {}
        }
    }
}

fn unsupervised(unit: &UnitName, group: &CgroupPath) -> Finding {
    let name = unit.text();
    let word = quoted(name.as_ref().as_ref());
    let (whose, what_systemd_does, remedy) = match unit.manager {
        Manager::System => {
            let remedy = format!("to go back to it end them with kill, and then: systemctl start {word}");
            let does = "it does nothing when it is to stop it, and kills them when it is to start it";
            (String::new(), does, remedy)
        }
        Manager::User(uid) => {
            let does = "the group is made by root, and that user's systemd starts nothing in it";
            (format!(" of user {uid}"), does, in_scope_of_user(&name, group))
        }
    };
    let what = format!("the processes belonged to the unit {name}{whose}");
    let why =
        format!("restored, they are in its group, and systemd does not supervise them: {what_systemd_does}");
    Finding::warning("unit", what, why).remedy(remedy)
}

/// A user's systemd makes no scope for root; but criu can be started in one that the user makes. (Measured: systemd 257)
fn in_scope_of_user(unit: &str, group: &CgroupPath) -> String {
    let scope = systemd::scope_name(unit, 1);
    let above = group.parent().unwrap_or_else(CgroupPath::root);
    let into = above.join(scope.as_bytes()).to_string();
    let (slice, scope) = (printable(above.name()).into_owned(), quoted(scope.as_ref()));
    format!(
        "for one that supervises them, as that user: systemd-run --user --scope --slice={} --unit={scope} sleep infinity; then restore with --into-group {}, and end the sleep",
        quoted(slice.as_ref()),
        quoted(into.as_ref())
    )
}

/// systemd has started it again, or is about to.
fn runs(unit: &Unit) -> bool {
    unit.ask().is_ok_and(|answer| answer.is_to_restart || !answer.has_ended)
}

fn runs_again(unit: &str, blocks: bool) -> Finding {
    let what = format!("the processes belonged to the unit {unit}, which systemd has started again");
    let why = "the restored processes would share files and ports with the new ones";
    let remedy = format!("stop the new ones first: systemctl stop {}", quoted(unit.as_ref()));
    match blocks {
        true => Finding::blocker("unit", what, why).remedy(remedy),
        false => Finding::warning("unit", what, why).remedy(remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_systemd_is_asked() {
        let remedy = |path: &str| {
            let path = CgroupPath::new(path.as_bytes());
            unsupervised(&UnitName::of(&path).unwrap(), &path).remedy.unwrap()
        };
        assert!(remedy("/system.slice/x.service").ends_with("systemctl start x.service"));
        assert_eq!(
            remedy("/user.slice/user-7.slice/user@7.service/app.slice/x@1.service"),
            "for one that supervises them, as that user: systemd-run --user --scope --slice=app.slice --unit=x-1-restored.scope sleep infinity; then restore with --into-group /user.slice/user-7.slice/user@7.service/app.slice/x-1-restored.scope, and end the sleep"
        );
    }
}
