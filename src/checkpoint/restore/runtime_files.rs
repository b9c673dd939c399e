//! What systemd removed when the service ended, and is made again before criu runs: it binds no socket in a directory that is gone.

use std::collections::{BTreeSet, HashSet};
use std::io::ErrorKind;
use std::path::Path;

use super::tree::Tree;
use crate::checkpoint::Finding;
use crate::checkpoint::images::{ImageSet, Socket};
use crate::checkpoint::service::{RuntimeFile, ServiceRecord};
use crate::model::shell::quoted;
use crate::model::span::{and_more, count};

/// Those that are missing; a PID file only where its process is restored with its number.
pub(super) fn look(
    service: Option<&ServiceRecord>,
    trees: &[Tree],
    findings: &mut Vec<Finding>,
) -> Vec<RuntimeFile> {
    let Some(service) = service else { return Vec::new() };
    let here = trees.iter().filter(|tree| !tree.own_pids);
    let pids: HashSet<i32> = here.flat_map(|tree| &tree.processes).map(|member| member.pid).collect();
    let is_wanted = |file: &&RuntimeFile| file.pid.is_none_or(|pid| pids.contains(&pid));
    let wanted = service.runtime_files.iter().filter(is_wanted);
    let missing: Vec<RuntimeFile> = wanted.filter(|file| is_missing(&file.path)).cloned().collect();
    if !missing.is_empty() {
        let (files, directories): (Vec<&RuntimeFile>, Vec<&RuntimeFile>) =
            missing.iter().partition(|file| file.pid.is_some());
        let parts = [(directories, "directory", "directories"), (files, "PID file", "PID files")];
        let parts = parts.into_iter().filter(|(files, ..)| !files.is_empty());
        let parts: Vec<String> = parts.map(|(files, one, many)| count(files.len(), one, many)).collect();
        let what = format!(
            "{} of {} below /run, which systemd removed when it ended: created again",
            parts.join(" and "),
            service.name
        );
        findings.push(Finding::ok("runtime-files", what));
    }
    let gone: Vec<&String> = service.other_files.iter().filter(|path| is_missing(path)).collect();
    if let Some(first) = gone.first() {
        let more = and_more(gone.len());
        let what = format!("{first}{more} is gone: systemd removed that when {} ended", service.name);
        findings.push(Finding::warning(
            "runtime-files",
            what,
            "it is not in the images, so a program that opens it again will not find it",
        ));
    }
    missing
}

/// Directories of sockets that are gone, and not made again: criu makes a socket, and no directory. (Measured: 4.1.1)
pub(super) fn look_at_sockets(sets: &[ImageSet], made_again: &[RuntimeFile], findings: &mut Vec<Finding>) {
    let here = sets.iter().filter(|set| !set.namespaces.contains(&"mnt"));
    let sockets = here.flat_map(|set| &set.sockets).map(|held| &held.socket);
    // What is not printable stands with backslashes, and is not looked for.
    let is_bound = |socket: &&Socket| {
        socket.state == "listen" && socket.local.starts_with('/') && !socket.local.contains('\\')
    };
    let directories: BTreeSet<&str> = sockets
        .filter(is_bound)
        .filter_map(|socket| Path::new(&socket.local).parent()?.to_str())
        .filter(|path| is_missing(path) && made_again.iter().all(|file| file.path != *path))
        .collect();
    let finding = |path: &&str| {
        let what = format!("{path} is gone, and a unix socket was in it");
        Finding::warning("socket-directory", what, "criu makes the socket again, and not the directory")
            .criu_says("unix: Can't bind id N: No such file or directory")
            .remedy(format!("mkdir -p {}, with the mode and owner that it had", quoted(path.as_ref())))
    };
    findings.extend(directories.iter().map(finding));
}

fn is_missing(path: &str) -> bool {
    Path::new(path).symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The lines for a shell that make them: first all of them, for root alone, and then each as it was, what is below first.
pub(super) fn shell(files: &[RuntimeFile]) -> String {
    let make = |file: &RuntimeFile| {
        let path = quoted(file.path.as_ref());
        match file.pid {
            None => format!("mkdir -m 0700 {path}"),
            Some(pid) => format!("(umask 077; echo {pid} > {path})"),
        }
    };
    let give = |file: &RuntimeFile| {
        let path = quoted(file.path.as_ref());
        format!("chown {}:{} {path}\nchmod {:04o} {path}", file.uid, file.gid, file.mode)
    };
    files.iter().map(make).chain(files.iter().rev().map(give)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, mode: u32, pid: Option<i32>) -> RuntimeFile {
        RuntimeFile { path: path.to_owned(), mode, uid: 7, gid: 8, pid }
    }

    #[test]
    fn lines_for_a_shell() {
        let files = [file("/run/r", 0o2755, None), file("/run/r/x.pid", 0o640, Some(71))];
        assert_eq!(
            shell(&files),
            "mkdir -m 0700 /run/r\n(umask 077; echo 71 > /run/r/x.pid)\nchown 7:8 /run/r/x.pid\nchmod 0640 /run/r/x.pid\nchown 7:8 /run/r\nchmod 2755 /run/r"
        );
    }

    #[test]
    fn only_what_is_missing() {
        let service = ServiceRecord {
            name: "x.service".to_owned(),
            invocation: String::new(),
            runtime_files: vec![
                file("/run", 0o755, None),
                file("/run/cryoscope-test-none", 0o755, None),
                file("/run/cryoscope-test-none/x.pid", 0o644, Some(71)),
            ],
            other_files: vec!["/run/cryoscope-test-none/y".to_owned()],
        };
        let mut findings = Vec::new();
        let missing = look(Some(&service), &[], &mut findings);
        let paths: Vec<_> = missing.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/run/cryoscope-test-none"], "process 71 is not restored");
        assert!(findings[0].what.starts_with("1 directory of x.service below /run"), "{}", findings[0]);
        assert!(findings[1].what.starts_with("/run/cryoscope-test-none/y is gone"), "{}", findings[1]);
    }
}
