//! The folder: readable, complete, and made by a host and a criu that this one can follow.

use std::path::Path;

use rustix::fs::{Access, access};

use crate::checkpoint::Finding;
use crate::checkpoint::criu::numbers;
use crate::checkpoint::images::{self, ImageSet, ImagesError, Record};
use crate::checkpoint::service::ServiceRecord;
use crate::kernel::trust;
use crate::model::printable;

/// Reads the images, and what is kept of their service; none where they cannot be read, and a finding says why then.
pub(super) fn look(
    folder: &Path,
    criu: Option<&str>,
    kernel: &str,
    findings: &mut Vec<Finding>,
) -> (Vec<ImageSet>, Option<ServiceRecord>) {
    let stored = match images::stored(folder) {
        Ok(stored) => stored,
        Err(error) => {
            findings.push(unreadable(&error));
            return (Vec::new(), None);
        }
    };
    if let Some(problem) = &stored.record_problem {
        findings.push(Finding::unknown("record", "the criu version of the images", problem));
    }
    if let Some(record) = &stored.record {
        ages(record, criu, kernel, findings);
    }
    let missing = stored.missing.iter().map(|name| {
        Finding::blocker("images", format!("{}/{name} is missing", stored.folder), "criu would fail halfway")
            .remedy("dump again, or copy the images again")
    });
    let before = findings.len();
    findings.extend(missing);
    for set in &stored.trees {
        parent(set, findings);
        writable(set, findings);
        trusted(&set.place, findings);
        if set.incremental {
            trusted(&set.place.join("parent"), findings);
        }
    }
    if findings.len() == before {
        let processes: usize = stored.trees.iter().map(|set| set.processes.len()).sum();
        let what = format!("the images are readable and complete; processes: {processes}");
        findings.push(Finding::ok("images", what));
    }
    (stored.trees, stored.record.and_then(|record| record.service))
}

fn unreadable(error: &ImagesError) -> Finding {
    let code = match error {
        ImagesError::Gone(_) => "no-such-folder",
        ImagesError::NotPermitted(_) => "not-permitted",
        _ => "images",
    };
    Finding::blocker(code, error.to_string(), "")
}

/// criu reads what older ones wrote, and not always what newer ones did; a process may use what only its kernel has.
fn ages(record: &Record, criu: Option<&str>, kernel: &str, findings: &mut Vec<Finding>) {
    let older = |now: Option<&str>, then: &Option<String>| {
        let (now, then) = (now?, then.as_deref()?);
        (numbers(now) < numbers(then)).then(|| format!("{then} when the images were made, {now} now"))
    };
    let mut warn = |code, name: &str, older: Option<String>, remedy: &str| {
        let Some(versions) = older else { return };
        let warning = Finding::warning(
            code,
            format!("an older {name}: {versions}"),
            "it may not support everything in the \
                                                                            images",
        );
        findings.push(warning.remedy(remedy));
    };
    warn("criu-older", "criu", older(criu, &record.criu_version), "pass the newer one with --criu");
    warn(
        "kernel-older",
        "kernel",
        older(Some(kernel), &record.kernel),
        "restore on a host with the newer one",
    );
}

/// Images that hold only what changed lead to the others by a symbolic link.
fn parent(set: &ImageSet, findings: &mut Vec<Finding>) {
    let link = set.place.join("parent");
    if set.incremental && !link.is_dir() {
        let what = format!("{} points to nothing", printable(link.as_os_str().as_encoded_bytes()));
        let why = "these images contain only what changed since the ones that it must point to";
        findings.push(Finding::blocker("images", what, why).remedy("put the earlier images there again"));
    }
}

/// Images say who a process is and what it runs: whoever may change them is root, if root restores them.
fn trusted(images: &Path, findings: &mut Vec<Finding>) {
    let shown = || printable(images.as_os_str().as_encoded_bytes()).into_owned();
    let what = match trust::distrust_all_in(images) {
        Ok(None) => return,
        Ok(Some(found)) => format!("the images in {} are not trusted: {found}", shown()),
        // Where it leads nowhere that is said already.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => format!("could not check whether the images in {} can be trusted: {error}", shown()),
    };
    let why = "whoever can change them decides what the processes do, and with which rights";
    let remedy =
        "if you know what is in them, copy them to a private directory of your own, and restore from there";
    findings.push(Finding::blocker("images-untrusted", what, why).remedy(remedy));
}

/// criu's log goes beside the images.
fn writable(set: &ImageSet, findings: &mut Vec<Finding>) {
    if let Err(error) = access(&set.place, Access::WRITE_OK) {
        let what = format!("cannot write to {}: {error}", set.folder);
        findings.push(
            Finding::blocker("folder-read-only", what, "criu writes its log, restore.log, beside the images")
                .criu_says("Can't create log file")
                .remedy("copy the images to a writable directory"),
        );
    }
}
