//! `checkpoint --prepare`, with a systemctl that is a script: it knows one unit, and starts that as the drop-in says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::real::support::group::PREFIX;
use crate::real::support::program::{self, assert_said};
use crate::real::support::requirement::{criu, with_criu};
use crate::real::support::wait::{SOON, until};
use crate::real::support::{Group, trial};
use cryoscope::model::Version;

pub fn tests() -> Vec<Trial> {
    let needs = with_criu(Version::V2);
    vec![
        trial("systemd::prepare::what_is_printed_is_enough", needs, what_is_printed_is_enough),
        trial("systemd::prepare::then_a_checkpoint", needs, then_a_checkpoint),
        trial("systemd::prepare::alone", needs, alone),
        trial("systemd::prepare::what_does_not_start_is_put_back", needs, what_does_not_start_is_put_back),
        trial("systemd::prepare::no_restart_in_vain", needs, no_restart_in_vain),
        trial("systemd::prepare::only_of_services", needs, only_of_services),
    ]
}

const DROP_IN: &str = "/run/systemd/system/w.service.d/zz-cryoscope.conf";

/// A unit whose settings give it mounts that criu cannot dump, and its manager.
struct Host {
    folder: TempDir,
    // The outer one removes both.
    _slice: Group,
    unit: Group,
}

impl Host {
    /// `more`: lines that `systemctl show` prints besides; `start`: what is done before a start with the drop-in.
    fn new(more: &str, start: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
        let slice = Group::v2("p.slice");
        let unit = slice.child("w.service");
        let at = folder.path().display();
        let group = unit.path().display();
        let systemctl = format!(
            r#"#!/bin/sh
echo "$1" >>{at}/calls
is_changed() {{ grep -qs PrivateMounts=no {DROP_IN}; }}
case "$*" in
*ActiveState*--value*) echo active ;;
show*)
    echo LoadState=loaded; echo ActiveState=active; echo SubState=running
    echo StandardOutput=null; echo StandardError=null
    if is_changed; then echo PrivateMounts=no; else echo PrivateMounts=yes; fi
    printf '{more}' ;;
restart*)
    if is_changed; then {start} :; fi
    for pid in $(cat {group}/cgroup.procs); do kill -9 $pid; done
    while [ -s {group}/cgroup.procs ]; do sleep 0.05; done
    exec {at}/start ;;
esac
"#
        );
        program::write(&folder.path().join("systemctl"), systemctl);
        // Started from a shell in the background it has no descriptor of the test's.
        let start = format!(
            "#!/bin/sh
apart='exec unshare --mount sh -c \"mount -t ramfs x /mnt; exec sleep 1000 </dev/null >/dev/null 2>&1\"'
grep -qs PrivateMounts=no {DROP_IN} && apart='exec sleep 1000'
setsid sh -c \"echo 0 >{group}/cgroup.procs; exec </dev/null >/dev/null 2>&1; $apart\" &
for try in $(seq 600); do grep -qs sleep /proc/$!/comm && exit; sleep 0.05; done; exit 1
"
        );
        program::write(&folder.path().join("start"), start);
        let host = Self { folder, _slice: slice, unit };
        assert!(Command::new(host.folder.path().join("start")).status().unwrap().success());
        until("the unit's program runs", SOON, || host.unit.pids().len() == 1);
        host
    }

    /// What a shell does where systemd runs, as far as it can see. `cryoscope` stands for the program, with a criu that works.
    fn shell(&self, line: &str) -> Output {
        let host = format!(
            "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && cryoscope() {{ {} \"$@\" --criu {}; }} && {line}",
            env!("CARGO_BIN_EXE_cryoscope"),
            criu().display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-c", &host]);
        let path = std::env::var_os("PATH").unwrap();
        let places = std::iter::once(PathBuf::from(self.folder.path())).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(places).unwrap()).stdin(Stdio::null()).output().unwrap()
    }

    fn checkpoint(&self, options: &str) -> Output {
        self.shell(&format!("cryoscope checkpoint {} {options}", self.unit.path().display()))
    }

    /// Where the images go.
    fn images(&self) -> PathBuf {
        self.folder.path().join("images")
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap();
        calls.lines().filter(|call| !matches!(*call, "show" | "cat")).map(str::to_owned).collect()
    }

    /// The drop-in, as the unit's process sees it.
    fn drop_in(&self) -> Option<PathBuf> {
        let [pid] = self.unit.pids()[..] else { panic!("{:?}", self.unit.pids()) };
        Some(Path::new(&format!("/proc/{pid}/root{DROP_IN}")).to_owned()).filter(|path| path.exists())
    }

    fn has_images(&self) -> bool {
        self.images().join("inventory.img").is_file()
    }
}

/// The lines that a refusal prints, run as they stand: one restart, and the next checkpoint works.
fn what_is_printed_is_enough() {
    let host = Host::new("", "");
    let (group, into) = (host.unit.path().display(), host.images());
    let (said, into) = (host.folder.path().join("said"), into.display());
    let line = format!(
        "! cryoscope checkpoint {group} --into {into} 2>{said} && sed -n '/^To override/,/^To undo/s/^  //p' {said} >{said}.sh && sh -e {said}.sh && cryoscope checkpoint {group} --into {into}",
        said = said.display()
    );
    let done = host.shell(&line);
    let said = fs::read_to_string(&said).unwrap();
    assert_said(&done, 0, &["checkpoint of 1 process"]);
    assert!(host.has_images() && host.calls() == ["daemon-reload", "restart"], "{said}");
    assert!(said.contains("cryoscope checkpoint w.service --prepare"), "{said}");
    assert!(said.contains(&format!("To undo:\n  rm {DROP_IN} && systemctl daemon-reload")), "{said}");
    let json = host.shell(&format!("rm -r {into} && rm -f {DROP_IN} && {}/systemctl restart && cryoscope checkpoint {group} --into {into} --json", host.folder.path().display()));
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["preparation"]["drop_in"]["text"], "[Service]\nPrivateMounts=no\n");
}

fn then_a_checkpoint() {
    let host = Host::new("", "");
    let done = host.checkpoint(&format!("--prepare --into {} --yes", host.images().display()));
    assert_said(
        &done,
        0,
        &["which loses its state in memory", "to undo: rm /run/", "checkpoint of 1 process"],
    );
    assert!(host.has_images());
    assert_eq!(host.calls(), ["daemon-reload", "restart"]);
    let drop_in = host.drop_in().unwrap();
    assert_eq!(fs::read_to_string(&drop_in).unwrap(), "[Service]\nPrivateMounts=no\n");
    assert_eq!(fs::metadata(&drop_in).unwrap().permissions().mode() & 0o777, 0o644);
}

/// It is not restarted without a word, nor where nothing is in the way any more.
fn alone() {
    let host = Host::new("", "");
    assert_said(&host.checkpoint("--prepare"), 4, &["[Service]", "add --yes to confirm"]);
    let script = host.checkpoint("--prepare --dry-run");
    assert_said(
        &script,
        0,
        &[
            "#!/bin/sh\n",
            &format!(">{DROP_IN}\n"),
            "\nsystemctl daemon-reload && systemctl restart w.service\n",
        ],
    );
    assert!(host.calls().is_empty());
    let group = host.unit.path().display();
    let twice = format!(
        "cryoscope checkpoint {group} --prepare --yes && cryoscope checkpoint {group} --prepare --yes"
    );
    let done = host.shell(&twice);
    assert_said(
        &done,
        0,
        &[
            "w.service is ready for a checkpoint",
            "cryoscope checkpoint w.service --into DIR",
            "w.service needs no drop-in; nothing was changed",
        ],
    );
    assert_eq!(host.calls(), ["daemon-reload", "restart"]);
    assert!(!host.has_images());
}

fn what_does_not_start_is_put_back() {
    let host = Host::new("", "echo no such user >&2; exit 1;");
    let before = host.unit.pids();
    let failed = host.checkpoint(&format!("--prepare --into {} --yes", host.images().display()));
    assert_said(
        &failed,
        1,
        &[
            "w.service does not start with the drop-in (no such user); it was removed, and the service runs as before",
        ],
    );
    assert_eq!(host.calls(), ["daemon-reload", "restart", "reset-failed", "daemon-reload", "restart"]);
    assert!(host.drop_in().is_none() && !host.has_images());
    assert_ne!(host.unit.pids(), before);
}

fn no_restart_in_vain() {
    let host = Host::new("RootImage=/x.raw\\n", "");
    let before = host.unit.pids();
    let refused = host.checkpoint("--prepare --yes");
    assert_said(&refused, 4, &["no drop-in can fix this", "not possible: RootImage= of w.service"]);
    let refused = host.checkpoint(&format!("--into {}", host.images().display()));
    assert_said(&refused, 4, &["not possible: RootImage= of w.service"]);
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("To override"), "{refused:?}");
    assert!(host.calls().is_empty() && host.unit.pids() == before);
}

fn only_of_services() {
    let host = Host::new("", "");
    let slice = host.unit.path().parent().unwrap().display();
    let refused = host.shell(&format!("cryoscope checkpoint {slice} --prepare --yes"));
    assert_said(&refused, 4, &["is not the group of a service, so"]);
}
