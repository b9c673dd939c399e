//! Containers of a real runc: recognised, advised, and checkpointed as advised.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::group::PREFIX;
use super::support::program;
use super::support::requirement::{BUSYBOX, Need, criu, trial};
use super::support::wait::{SOON, until};
use super::support::workload::quiet;

const NEEDS: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu, Need::Runc];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("runtime::runc_is_recognised_in_both_hierarchies", NEEDS, recognised),
        trial("runtime::runc_with_another_root_is_not_recognised", NEEDS, another_root),
        trial("runtime::the_advice_for_runc_works", NEEDS, || advice_works(false)),
        trial("runtime::the_advice_for_runc_works_when_paused", NEEDS, || advice_works(true)),
    ]
}

/// Starts one process after the other, so that one sees whether the container runs.
const LOOP: &str = "while :; do /bin/busybox sleep 0.1; done";

/// A container with busybox and nothing else. It is deleted when this is dropped.
struct Container {
    id: String,
    root: Option<PathBuf>,
    group: String,
    bundle: TempDir,
}

impl Container {
    /// One whose state is where runc keeps it unasked, or in a folder of its own.
    fn start(own_root: bool) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let bundle = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
        let id = format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let root = own_root.then(|| bundle.path().join("state"));
        // Not the ID: it is the state, not the name, that tells.
        let group = format!("{id}-runc");
        let container = Self { id, root, group, bundle };
        container.configure();
        let mut run = container.runc("run");
        run.args(["--detach", "--bundle"]).arg(container.bundle.path()).arg(&container.id);
        assert!(quiet(&mut run).status().unwrap().success(), "runc run");
        let program = || fs::read(format!("/proc/{}/cmdline", container.state()["pid"])).unwrap_or_default();
        until("the container's own program runs", SOON, || program().starts_with(b"/bin/busybox\0"));
        container
    }

    /// Its configuration as CRIU can take it: no terminal, no rlimits.
    fn configure(&self) {
        let bin = self.bundle.path().join("rootfs/bin");
        fs::create_dir_all(&bin).unwrap();
        program::copy(BUSYBOX, &bin.join("busybox"));
        let spec = Command::new("runc").arg("spec").current_dir(self.bundle.path()).status().unwrap();
        assert!(spec.success(), "runc spec");
        let file = self.bundle.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!(["/bin/busybox", "sh", "-c", LOOP]);
        config["process"].as_object_mut().unwrap().remove("rlimits");
        config["linux"]["cgroupsPath"] = json!(format!("/{}", self.group));
        fs::write(&file, config.to_string()).unwrap();
    }

    fn runc(&self, verb: &str) -> Command {
        let mut command = Command::new("runc");
        if let Some(root) = &self.root {
            command.arg("--root").arg(root);
        }
        command.arg(verb);
        command
    }

    fn state(&self) -> Value {
        let output = self.runc("state").arg(&self.id).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What runs in it now.
    fn pids(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path(Version::V2).join("cgroup.procs")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// It starts another process, again and again.
    fn assert_running(&self) {
        let before = self.pids();
        until("the container runs", SOON, || {
            let now = self.pids();
            now.len() > 1 && now.iter().any(|pid| !before.contains(pid))
        });
    }

    /// Its group in a hierarchy.
    fn path(&self, version: Version) -> PathBuf {
        hierarchies().unwrap().get(version).unwrap().mount_point.join(&self.group)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // A process that the v1 freezer holds does not die. One that is not paused is not resumed, which is no matter.
        let _ = quiet(self.runc("resume").arg(&self.id)).status();
        let deleted = quiet(self.runc("delete").arg("--force").arg(&self.id)).status();
        let left =
            [Version::V1, Version::V2].map(|version| self.path(version)).iter().any(|path| path.exists());
        if !std::thread::panicking() {
            assert!(deleted.unwrap().success() && !left, "{} is left behind", self.id);
        }
    }
}

fn show(group: &Path) -> Value {
    let output =
        Command::new(env!("CARGO_BIN_EXE_cryoscope")).args(["show", "--json"]).arg(group).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn recognised() {
    let container = Container::start(false);
    for version in [Version::V2, Version::V1] {
        let path = container.path(version);
        let owner = &show(&path)["owner"];
        assert_eq!((&owner["kind"], &owner["id"]), (&json!("runc"), &json!(container.id)), "{version}");
        assert_eq!(owner["path"], json!(path));
        // What is below belongs to the container.
        let below = path.join("inner");
        fs::create_dir(&below).unwrap();
        let owner = show(&below)["owner"].take();
        fs::remove_dir(&below).unwrap();
        assert_eq!((&owner["id"], &owner["path"]), (&json!(container.id), &json!(path)));
    }
    let list = Command::new(env!("CARGO_BIN_EXE_cryoscope")).arg("list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let rows: Vec<&str> = list.lines().filter(|row| row.contains(&container.group)).collect();
    // As many characters of the ID as there is room for.
    let note = format!("  runc {}", &container.id[..12]);
    assert!(rows.len() == 2 && rows.iter().all(|row| row.ends_with(&note)), "{rows:?}");
}

fn another_root() {
    let container = Container::start(true);
    let shown = show(&container.path(Version::V2));
    assert_eq!((&shown["owner"], &shown["advice"]), (&Value::Null, &Value::Null));
    assert!(shown["processes"].as_u64() >= Some(1));
}

fn advice_works(paused: bool) {
    let container = Container::start(false);
    if paused {
        assert!(container.runc("pause").arg(&container.id).status().unwrap().success());
    }
    // runc freezes through v1 where there is one.
    let shown = show(&container.path(Version::V1));
    assert_eq!(shown["state"], if paused { "frozen" } else { "thawed" });
    let command = shown["advice"]["command"].as_str().unwrap();
    let id = &container.id;
    assert_eq!(command, format!("runc checkpoint --image-path DIR --work-path DIR --leave-running {id}"));

    let images = container.bundle.path().join("images");
    let output = follow(&command.replace("DIR", images.to_str().unwrap()));
    let log = || fs::read_to_string(images.join("dump.log")).unwrap_or_default();
    assert_eq!(output.status.code(), Some(0), "{}{}", String::from_utf8_lossy(&output.stderr), log());
    assert!(images.join("inventory.img").is_file() && images.join("pstree.img").is_file());
    assert_eq!(container.state()["status"], if paused { "paused" } else { "running" });
    assert_eq!(show(&container.path(Version::V1))["state"], shown["state"]);
    if paused {
        assert!(container.runc("resume").arg(&container.id).status().unwrap().success());
    }
    container.assert_running();
}

/// Runs a line in a shell that finds the tests' CRIU, as runc does, by PATH.
fn follow(line: &str) -> Output {
    let path = std::env::var("PATH").unwrap();
    let criu = criu();
    let path = format!("{}:{path}", criu.parent().unwrap().display());
    Command::new("sh").args(["-c", line]).env("PATH", path).stdin(Stdio::null()).output().unwrap()
}
