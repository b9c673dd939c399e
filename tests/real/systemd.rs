//! What follows from systemd's answers. The answers are a script's: nothing here needs a systemd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cryoscope::model::Version;
use libtest_mimic::Trial;
use tempfile::TempDir;

use super::support::checkpoint::{Images, assert_done, checkpoint};
use super::support::group::PREFIX;
use super::support::program::{self, assert_said};
use super::support::requirement::{criu, with_criu};
use super::support::{Group, Need, Workload, trial};

mod prepare;
mod scope;

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial(
            "systemd::a_watchdog_that_it_does_not_stop_is_told_before",
            &[Need::Root, Need::V2, Need::V1],
            a_watchdog_that_it_does_not_stop,
        ),
        trial(
            "systemd::a_unit_is_thawed_after_the_slice_above",
            &[Need::Root, Need::V2],
            a_unit_is_thawed_after_the_slice_above,
        ),
        trial(
            "systemd::a_unit_that_runs_again_is_found_without_v2",
            with_criu(Version::V1),
            a_unit_that_runs_again_without_v2,
        ),
        trial(
            "systemd::processes_of_a_unit_that_has_ended",
            &[Need::Root, Need::V2],
            processes_of_an_ended_unit,
        ),
        trial("systemd::why_a_unit_has_no_group", &[Need::Root, Need::V2], why_a_unit_has_no_group),
    ];
    all.extend(prepare::tests());
    all.extend(scope::tests());
    all
}

/// A systemctl that answers each call with the same text, and keeps the arguments of all.
struct Systemctl {
    folder: TempDir,
}

impl Systemctl {
    fn answering(text: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
        let script =
            format!("#!/bin/sh\necho \"$*\" >> {}/calls\ncat <<'END'\n{text}END\n", folder.path().display());
        program::write(&folder.path().join("systemctl"), script);
        Self { folder }
    }

    /// cryoscope where systemd runs, as far as it can see.
    fn cryoscope(&self) -> Command {
        self.on_host(env!("CARGO_BIN_EXE_cryoscope"))
    }

    /// A program on such a host.
    fn on_host(&self, program: &str) -> Command {
        let host = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", host, "sh", program]);
        let path = std::env::var_os("PATH").unwrap();
        let places = std::iter::once(PathBuf::from(self.folder.path())).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(places).unwrap()).stdin(Stdio::null());
        command
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap()
    }
}

/// Where v1 is mounted beside v2, systemd says that it can freeze a unit, and cannot: its watchdog goes on.
fn a_watchdog_that_it_does_not_stop() {
    let slice = Group::v2("w.slice");
    let unit = slice.child("w.service");
    let _workload = Workload::in_group(&unit);
    let systemctl = Systemctl::answering(
        "Version=257.13-1~deb13u1\nId=w.service\nActiveState=active\nSubState=running\nCanFreeze=yes\nJob=\nFreezerState=running\nWatchdogUSec=4s\nWatchdogTimestampMonotonic=1\n",
    );
    let frozen = systemctl.cryoscope().arg("freeze").arg(unit.path()).output().unwrap();
    assert_said(&frozen, 0, &["systemd kills w.service now (WatchdogSec=4s)", "is frozen\n"]);
    assert!(unit.is_frozen());
    assert!(!systemctl.calls().lines().any(|call| call.starts_with("freeze")), "{}", systemctl.calls());
    let shown = systemctl.cryoscope().arg("show").arg(unit.path()).output().unwrap();
    assert_said(&shown, 0, &["was frozen without systemd", "cryoscope thaw w.service"]);
}

/// systemd 252 thaws the slices above a unit as well.
fn a_unit_is_thawed_after_the_slice_above() {
    let slice = Group::v2("w.slice");
    let unit = slice.child("w.service");
    let _workload = Workload::in_group(&unit);
    slice.freeze();
    let answers = |state: &str| {
        Systemctl::answering(&format!(
            "Version=252.39-1~deb12u2\nId=w.service\nActiveState=active\nSubState=running\nCanFreeze=yes\nFreezerState={state}\n"
        ))
    };
    let shown = answers("frozen").cryoscope().arg("show").arg(unit.path()).output().unwrap();
    assert_said(
        &shown,
        0,
        &["systemd considers w.service frozen", ": systemctl thaw w.service once /", "w.slice is thawed\n"],
    );
    unit.freeze();
    let shown = answers("running").cryoscope().arg("show").arg(unit.path()).output().unwrap();
    assert_said(&shown, 0, &["was frozen without systemd", ": cryoscope thaw w.service\n"]);
}

/// A unit that has ended has no group; systemd knows since when.
fn why_a_unit_has_no_group() {
    let of = |text: &str, words: &[&str]| {
        let systemctl = Systemctl::answering(text);
        for verb in ["show", "thaw", "freeze"] {
            let said = systemctl.cryoscope().args([verb, "cryoscope-test-ended.service"]).output().unwrap();
            assert_said(&said, 5, words);
        }
    };
    of(
        "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\nStateChangeTimestamp=Fri 2026-11-27 15:34:55 UTC\n",
        &[
            "cryoscope-test-ended.service has no cgroup: systemd reports it as failed (watchdog) since Fri 2026-11-27 15:34:55 UTC\n",
        ],
    );
    of(
        "LoadState=not-found\nActiveState=inactive\nSubState=dead\n",
        &["no such cgroup: cryoscope-test-ended.service (cryoscope list shows all)\n"],
    );
}

/// The hierarchy without a controller in which systemd has its units where v2 is not all there is. Mounted here once more.
struct Units(TempDir);

impl Units {
    fn mounted() -> Self {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "cgroup", "-o", "none,name=systemd", "cgroup"]).arg(folder.path());
        assert!(mount.status().unwrap().success());
        Self(folder)
    }

    /// Moves a process into the group of a new unit.
    fn add(&self, unit: &str, pid: i32) -> UnitGroup {
        let group = UnitGroup(self.0.path().join(unit));
        fs::create_dir(&group.0).unwrap();
        fs::write(group.0.join("cgroup.procs"), pid.to_string()).unwrap();
        group
    }
}

impl Drop for Units {
    fn drop(&mut self) {
        // Lazily: a file in it may still be open.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Removed when its process has ended.
struct UnitGroup(PathBuf);

impl Drop for UnitGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// The group of the v1 freezer says nothing of the unit: systemd has another hierarchy for that.
fn a_unit_that_runs_again_without_v2() {
    const UNIT: &str = "cryoscope-test-again.service";
    let units = Units::mounted();
    let (group, images) = (Group::v1("again"), Images::new());
    let workload = Workload::in_group(&group);
    let _unit = units.add(UNIT, workload.pid());
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    workload.reap();
    let restore = |text: &str, folder: &Path| {
        let systemctl = Systemctl::answering(text);
        let mut restore = systemctl.cryoscope();
        restore.arg("restore").arg(folder).arg("--criu").arg(criu()).arg("--dry-run").output().unwrap()
    };
    let again = restore("LoadState=loaded\nActiveState=active\nSubState=running\n", &images.folder());
    assert_said(&again, 0, &["which systemd has started again", &format!("systemctl stop {UNIT}")]);
    let ended = restore("LoadState=loaded\nActiveState=failed\nSubState=failed\n", &images.folder());
    let scope = "systemd-run --scope --quiet --collect --unit=cryoscope-test-again-restored.scope";
    assert_said(&ended, 0, &[&format!("the processes belonged to {UNIT}: they go into"), scope]);
}

/// As after a restore: systemd knows nothing of what criu made.
fn processes_of_an_ended_unit() {
    let slice = Group::v2("w.slice");
    let unit = slice.child("w.service");
    let _workload = Workload::in_group(&unit);
    let show = |text: &str| {
        let systemctl = Systemctl::answering(text);
        systemctl.cryoscope().arg("show").arg(unit.path()).output().unwrap()
    };
    let ended = "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=signal\n";
    assert_said(
        &show(ended),
        0,
        &[
            "systemd    says that it is failed (signal), and does not supervise these processes: stop does nothing, start kills them\n",
        ],
    );
    let runs = show("LoadState=loaded\nActiveState=active\nSubState=running\n");
    assert!(!String::from_utf8_lossy(&runs.stdout).contains("supervise"), "{runs:?}");
}
