//! What a change of the unit's settings takes away: one drop-in for all of it, said once.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Finding;
use crate::model::shell;
use crate::runtime::systemd::{Cause, DropIn, Settings};

/// A change of a unit's settings after which criu can dump it, and which needs a restart of the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preparation {
    /// The unit's name as text.
    pub unit: String,
    /// What is changed.
    pub drop_in: DropIn,
    /// The one that is there already, which it takes the place of.
    #[serde(skip)]
    pub earlier: Option<DropIn>,
}

impl Preparation {
    /// The commands, below one another, each as it can be pasted, with what they cost and how they are undone.
    pub fn lines(&self) -> Vec<String> {
        let Self { unit, drop_in, .. } = self;
        let who = drop_in.user.map(|uid| format!(", as user {uid}")).unwrap_or_default();
        let mut lines = vec![format!(
            "To override the settings of {unit} until the next boot{who} (the restart loses its state in memory):"
        )];
        lines.extend(drop_in.commands().map(|command| format!("  {command}")));
        lines.push("To undo:".to_owned());
        lines.push(format!("  {}", drop_in.undo));
        lines
    }
}

/// Gives each blocker that settings of the unit decide its remedy: the drop-in once, and that it is the same one. Where the
/// program itself is in the way too, or needs what is in the way, a restart would be in vain: that is said in its place.
pub(super) fn remedies(settings: &Settings, findings: &mut [Finding]) -> Option<Preparation> {
    let blockers = || findings.iter().filter(|finding| finding.blocks());
    let causes: BTreeSet<Cause> = blockers().filter_map(|finding| finding.cause).collect();
    let is_final = causes.iter().any(|&cause| is_final(cause, settings));
    let drop_in = settings.drop_in(&causes).filter(|_| !is_final);
    let mut is_said = false;
    for finding in findings.iter_mut().filter(|finding| finding.blocks()) {
        let Some(cause) = finding.cause else { continue };
        if let Some(remedy) = remedy(cause, settings, drop_in.is_some(), is_said) {
            is_said |= settings.takes_away(cause);
            finding.remedy = Some(remedy);
        }
    }
    Some(Preparation { unit: settings.unit().to_owned(), drop_in: drop_in?, earlier: settings.earlier() })
}

/// Whether no change of the settings takes this away. A socket of the journal that the settings do not ask for is an old one.
fn is_final(cause: Cause, settings: &Settings) -> bool {
    !settings.takes_away(cause) && cause != Cause::Journal && !settings.is_changed()
}

/// `None` where the finding's own words fit: it is not of the unit's settings.
fn remedy(cause: Cause, settings: &Settings, is_prepared: bool, is_said: bool) -> Option<String> {
    let needed = settings.needed();
    if cause == Cause::Sandbox && !needed.is_empty() {
        return Some(without(&needed, settings.unit()));
    }
    if !settings.takes_away(cause) {
        let is_stale = settings.is_changed() && cause != Cause::Program;
        return is_stale.then(|| {
            let unit = shell::quoted(settings.unit().as_ref());
            format!("a drop-in overrides the settings already: systemctl restart {unit} if it was not restarted since; otherwise the program itself causes this")
        });
    }
    Some(match (is_prepared, is_said) {
        (true, false) => {
            let unit = shell::quoted(settings.unit().as_ref());
            format!(
                "cryoscope checkpoint {unit} --prepare overrides the settings that cause it until the next boot and restarts the service, which loses its state in memory"
            )
        }
        (true, true) => "the same drop-in".to_owned(),
        (false, _) => "a drop-in could fix this, but not the other blockers".to_owned(),
    })
}

/// What to do about settings that the program cannot do without.
fn without(needed: &[&str], unit: &str) -> String {
    if needed == ["DynamicUser"] {
        return format!(
            "{unit} has DynamicUser=yes, which always creates a mount namespace: give it a static user (useradd --system NAME; [Service] DynamicUser=no User=NAME; chown -R NAME its StateDirectory=)"
        );
    }
    format!(
        "not possible: {} of {unit} provides the files that its program needs, and criu cannot dump the mounts that it creates; run the program without it",
        needed.join("= and ") + "="
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::of_text("x.service", text)
    }

    fn said(settings: &Settings, causes: &[Cause]) -> (Option<Preparation>, Vec<String>) {
        let finding = |&cause: &Cause| Finding::blocker("x", "x", "").remedy("own words").caused_by(cause);
        let mut findings: Vec<Finding> = causes.iter().map(finding).collect();
        let found = remedies(settings, &mut findings);
        (found, findings.into_iter().filter_map(|finding| finding.remedy).collect())
    }

    const TEXT: &str = "StandardOutput=journal\nStandardError=inherit\nPrivateTmp=yes\n";

    #[test]
    fn one_change_for_all() {
        let (found, said) = said(&settings(TEXT), &[Cause::Sandbox, Cause::Journal, Cause::Sandbox]);
        let text = found.unwrap().drop_in.text;
        assert_eq!(
            text,
            "[Service]\nStandardOutput=append:/var/log/x.log\nStandardError=append:/var/log/x.log\nPrivateTmp=no\n"
        );
        assert!(said[0].starts_with("cryoscope checkpoint x.service --prepare "), "{said:?}");
        assert_eq!(said[1..], ["the same drop-in"; 2]);
        let (found, _) = self::said(&settings(TEXT), &[Cause::Sandbox]);
        assert_eq!(found.unwrap().drop_in.text, "[Service]\nPrivateTmp=no\n", "its output is not in the way");
    }

    #[test]
    fn a_warning_changes_nothing() {
        let mut warning = [Finding::warning("x", "x", "").caused_by(Cause::Sandbox)];
        assert_eq!(remedies(&settings(TEXT), &mut warning), None);
        assert_eq!(warning[0].remedy, None);
    }

    #[test]
    fn no_restart_in_vain() {
        let (found, said) = said(&settings(TEXT), &[Cause::Program, Cause::Sandbox]);
        assert_eq!(found, None);
        assert_eq!(said, ["own words", "a drop-in could fix this, but not the other blockers"]);
        let image = settings(&format!("{TEXT}RootImage=/x.raw\n"));
        let (found, said) = self::said(&image, &[Cause::Sandbox, Cause::Journal]);
        assert_eq!(found, None);
        assert!(said[0].starts_with("not possible: RootImage= of x.service"), "{said:?}");
        let plain = settings("StandardOutput=journal\nStandardError=journal\n");
        assert_eq!(
            self::said(&plain, &[Cause::Journal, Cause::Sandbox]).0,
            None,
            "the program made the namespace"
        );
        let (found, said) = self::said(&settings(TEXT), &[Cause::SharedMemory, Cause::Sandbox]);
        assert_eq!(
            (found, &*said[0]),
            (None, "own words"),
            "PrivateIPC= would only change what is in the way"
        );
    }

    #[test]
    fn namespaces_of_the_program_itself() {
        let plain = settings("StandardOutput=null\nStandardError=null\n");
        assert_eq!(said(&plain, &[Cause::Sandbox]), (None, vec!["own words".to_owned()]));
    }
}
