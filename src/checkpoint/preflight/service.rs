//! What ends with the service whose processes are dumped, what starts it again, and what is kept of it for a restore.

use std::collections::HashSet;

use super::{After, Finding, Request};
use crate::checkpoint::service::{ServiceRecord, runtime_files};
use crate::kernel::descriptors::ProcessDir;
use crate::kernel::membership::group_of;
use crate::model::shell::quoted;
use crate::model::{CgroupPath, Process, Version, printable, span};
use crate::runtime::systemd::{self, Service, SystemdError, Unit};

/// What is kept of the service that the trees are of; `None` where they are of none.
pub(super) fn look(
    request: &Request<'_>,
    trees: &[Vec<Process>],
    findings: &mut Vec<Finding>,
) -> Option<ServiceRecord> {
    let unit = unit(request, trees)?;
    let is_service = unit.name().ends_with(".service");
    let unit = if is_service { unit } else { unit.restored_service()? };
    let name = unit.name().into_owned();
    let service = match unit.service() {
        Ok(service) => service?,
        Err(SystemdError::NotRunning) => return None,
        Err(error) => {
            let what = format!("what systemd does with {name} when it ends");
            findings.push(Finding::unknown("systemd", what, error));
            return None;
        }
    };
    let is_supervised = is_service && service.runs;
    if is_service && !is_supervised {
        findings.push(unsupervised(&name));
    }
    let is_killed = is_supervised && request.after == Some(After::Killed);
    if is_killed {
        findings.push(after_kill(&name, &service));
        findings.extend(service.triggers.iter().map(|trigger| triggered(&name, trigger)));
    }
    let pids: HashSet<i32> = trees.iter().flatten().map(|process| process.id.pid).collect();
    let files = runtime_files(&service.runtime_directories, service.pid_file.as_deref(), &pids);
    let files = files.unwrap_or_else(|error| {
        let what = format!("what {name} has below /run, which systemd removes when it ends");
        findings.push(Finding::unknown("runtime-files", what, error));
        Default::default()
    });
    if is_killed {
        findings.extend(lost(&name, &files.others, &pids));
    }
    Some(ServiceRecord {
        name,
        // What is in a scope is of no run of the service.
        invocation: if is_service { service.invocation } else { String::new() },
        runtime_files: files.made_again,
        other_files: files.others,
    })
}

/// The service, or the scope that a restore made, in whose own group all trees are: that of the request, or, of a v1 group, that
/// of the roots on v2.
fn unit(request: &Request<'_>, trees: &[Vec<Process>]) -> Option<Unit> {
    let service = |path: &CgroupPath| {
        let is_one = |unit: &Unit| {
            let name = unit.name();
            name.ends_with(".service") || systemd::is_restored_scope(&name)
        };
        Unit::of(path).filter(is_one)
    };
    if let Some(unit) = service(&request.group.path) {
        return Some(unit);
    }
    let v2 = request.hierarchies.get(Version::V2)?;
    let mut groups = trees.iter().filter_map(|tree| group_of(tree.first()?.id.pid, v2).ok()?.group());
    let first = groups.next()?;
    service(&first).filter(|_| groups.all(|group| group == first))
}

/// The processes were restored into the unit's group.
fn unsupervised(unit: &str) -> Finding {
    let what = format!("systemd says that {unit} has ended, and does not supervise these processes");
    let why = "systemctl start and systemctl restart kill them, systemctl stop does nothing to them";
    Finding::warning("systemd-unsupervised", what, why)
}

/// A drop-in below `/run`: it takes effect at once, without a restart, and is gone with the next boot. (Measured: 257)
fn at_once(unit: &str, name: &str, setting: &str) -> String {
    let folder = quoted(format!("/run/systemd/system/{unit}.d").as_ref());
    let file = quoted(format!("/run/systemd/system/{unit}.d/cryoscope-{name}.conf").as_ref());
    format!(
        "without a restart: mkdir -p {folder} && printf '[Service]\\n{setting}\\n' > {file} && systemctl daemon-reload (undo: rm {file} && systemctl daemon-reload)"
    )
}

fn after_kill(unit: &str, service: &Service) -> Finding {
    let word = quoted(unit.as_ref());
    let Some(restart) = &service.restart else {
        let what = format!("systemd marks {unit} failed when its main process is killed");
        let why =
            "cryoscope restore brings its processes back in a scope beside it, which systemd supervises";
        return Finding::warning("systemd-after-kill", what, why);
    };
    let after = match service.restart_delay.as_secs() {
        0 => "as soon as".to_owned(),
        _ => format!("{} after", span::short(service.restart_delay)),
    };
    let what = format!("systemd starts {unit} anew {after} its main process is killed (Restart={restart})");
    let why =
        "the new one takes its ports and writes to its files, and the images cannot be restored beside it";
    Finding::warning("systemd-after-kill", what, why).remedy(format!(
        "keep it from that first, {}; or stop the new one before the restore: systemctl stop {word}",
        at_once(unit, "restart", "Restart=no")
    ))
}

fn triggered(unit: &str, trigger: &str) -> Finding {
    let what = format!("{trigger} starts {unit} again once it has ended");
    let why =
        "a socket does at the next connection, a timer at its time; the images cannot be restored beside it";
    let word = quoted(trigger.as_ref());
    Finding::warning("systemd-trigger", what, why)
        .remedy(format!("systemctl stop {word} first; systemctl start {word} when you go back to {unit}"))
}

/// Files that go with the service, and are not made again: what is open is missed by criu, the rest perhaps by nobody.
fn lost(unit: &str, files: &[String], pids: &HashSet<i32>) -> Option<Finding> {
    let open: HashSet<String> = pids.iter().flat_map(|&pid| open_files(pid)).collect();
    let first_open = files.iter().find(|file| open.contains(*file));
    let first = first_open.or_else(|| files.first())?;
    let more = span::and_more(files.len());
    let what = format!("systemd removes {first}{more} when {unit} ends");
    let remedy = format!("keep all of it, {}", at_once(unit, "runtime", "RuntimeDirectoryPreserve=yes"));
    let finding = match first_open {
        Some(_) => {
            let why = "a process has it open, and criu opens it again at the restore";
            Finding::blocker("runtime-files", what, why)
        }
        None => Finding::warning("runtime-files", what, "a restore does not create that again"),
    };
    Some(finding.remedy(remedy))
}

/// The paths of what a process has open; of one that is gone, none.
fn open_files(pid: i32) -> Vec<String> {
    let open = ProcessDir::open(pid).ok().flatten().and_then(|folder| folder.descriptors().ok());
    open.into_iter().flatten().map(|descriptor| printable(&descriptor.link).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_starts_it_again() {
        let mut service = Service { restart_delay: Duration::from_millis(100), ..Service::default() };
        let failed = after_kill("x.service", &service);
        assert!(failed.what.contains("marks x.service failed") && failed.remedy.is_none(), "{failed}");
        service.restart = Some("always".to_owned());
        let again = after_kill("x.service", &service);
        assert!(again.what.contains("(Restart=always)"), "{again}");
        let remedy = again.remedy.unwrap();
        assert!(remedy.contains(r"printf '[Service]\nRestart=no\n' > /run/systemd/system/x.service.d/cryoscope-restart.conf && systemctl daemon-reload"), "{remedy}");
        assert!(remedy.ends_with("systemctl stop x.service"), "{remedy}");
        let socket = triggered("x.service", "x.socket").remedy.unwrap();
        assert!(socket.starts_with("systemctl stop x.socket first"), "{socket}");
    }

    #[test]
    fn what_is_open_is_in_the_way() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let (open, other) = (temp.path().to_str().unwrap().to_owned(), "/run/x/other".to_owned());
        let me = HashSet::from([std::process::id().cast_signed()]);
        let warned = lost("x.service", std::slice::from_ref(&other), &me).unwrap();
        assert!(!warned.blocks() && warned.what.starts_with("systemd removes /run/x/other when"), "{warned}");
        let blocked = lost("x.service", &[other, open.clone()], &me).unwrap();
        assert!(blocked.blocks() && blocked.what.contains(&format!("{open} and 1 more")), "{blocked}");
        assert!(blocked.remedy.unwrap().contains("RuntimeDirectoryPreserve=yes"));
        assert_eq!(lost("x.service", &[], &me), None);
    }
}
