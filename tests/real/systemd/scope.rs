//! Restores of a service into a scope. systemd's part is played by scripts: `systemd-run` makes a group below the slice and
//! becomes the command, as the real one does.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Output;

use cryoscope::model::Version;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::Systemctl;
use crate::real::restore::assert_restored;
use crate::real::support::checkpoint::{Images, checkpoint};
use crate::real::support::criu::{Restored, adopt};
use crate::real::support::program::{self, assert_said};
use crate::real::support::requirement::{criu, trial, with_criu};
use crate::real::support::{Group, SOON, Workload, until};

pub(super) fn tests() -> Vec<Trial> {
    let v2 = with_criu(Version::V2);
    vec![
        trial("systemd::scope::a_service_comes_into_one", v2, a_service),
        trial("systemd::scope::two_trees_share_it", v2, two_trees),
        trial("systemd::scope::the_old_way_on_request", v2, old_way),
        trial("systemd::scope::systemd_says_no", v2, systemd_says_no),
        trial("systemd::scope::not_into_a_frozen_slice", v2, frozen_slice),
        trial("systemd::scope::runtime_directories_are_made_again", v2, runtime_directories),
        trial("systemd::scope::not_beside_a_new_run", v2, new_run),
        trial("systemd::scope::into_its_own_run", v2, own_run),
    ]
}

/// What systemd says of a service that was killed; no other unit has the name of its scope.
const ENDED: &str = "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=signal\nMemoryMax=104857600\nTasksMax=[not set]\n";

/// A service whose processes a checkpoint has killed, and whose group systemd has removed.
struct Service {
    slice: Group,
    workloads: Vec<Workload>,
    counts: Vec<u64>,
    images: Images,
    systemd: Systemctl,
}

impl Service {
    fn killed(trees: usize) -> Self {
        let slice = Group::v2("w.slice");
        let unit = slice.child("w.service");
        let workloads: Vec<Workload> = (0..trees).map(|_| Workload::in_group(&unit)).collect();
        let images = Images::new();
        assert_said(&checkpoint(&unit, &images.folder(), &["--after", "killed", "--yes"]), 0, &[]);
        workloads.iter().for_each(Workload::reap);
        unit.remove();
        let counts = workloads.iter().map(Workload::count).collect();
        let systemd = Systemctl::answering(ENDED);
        let run = format!(
            "#!/bin/sh\necho \"$*\" >> {}/runs\nwhile [ \"$1\" != -- ]; do case $1 in --unit=*) unit=${{1#--unit=}}; esac; shift; done\nshift\nmkdir {slice}/$unit 2>/dev/null || {{ echo \"Failed to start transient scope unit: it is there\" >&2; exit 1; }}\necho $$ > {slice}/$unit/cgroup.procs\nexec \"$@\"\n",
            systemd.folder.path().display(),
            slice = slice.path().display(),
        );
        program::write(&systemd.folder.path().join("systemd-run"), run);
        let attach = format!(
            "#!/bin/sh\nfor word; do last=$word; done\necho $last > {}/w-restored.scope/cgroup.procs\n",
            slice.path().display()
        );
        program::write(&systemd.folder.path().join("busctl"), attach);
        Self { slice, workloads, counts, images, systemd }
    }

    fn scope(&self) -> Scope {
        Scope(self.slice.path().join("w-restored.scope"))
    }

    fn restore(&self, more: &[&str]) -> Output {
        let (own, extra) = more.split_at(more.iter().position(|word| *word == "--").unwrap_or(more.len()));
        let mut command = self.systemd.cryoscope();
        command.arg("restore").arg(self.images.folder()).arg("--criu").arg(criu());
        command.args(own).args(extra).output().unwrap()
    }

    fn adopt(&self) -> Vec<Restored> {
        self.workloads.iter().map(|workload| adopt(workload.pid())).collect()
    }

    fn pids(&self) -> Vec<i32> {
        let mut pids: Vec<i32> = self.workloads.iter().map(Workload::pid).collect();
        pids.sort_unstable();
        pids
    }

    #[track_caller]
    fn assert_counts_on(&self) {
        for (workload, &count) in self.workloads.iter().zip(&self.counts) {
            until("it counts on", SOON, || workload.count() > count);
        }
    }
}

/// The group that the script has made; removed when its processes have ended.
struct Scope(std::path::PathBuf);

impl Scope {
    fn pids(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap();
        let mut pids: Vec<i32> = text.lines().map(|line| line.parse().unwrap()).collect();
        pids.sort_unstable();
        pids
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn a_service() {
    for by_script in [false, true] {
        let service = Service::killed(1);
        let scope = service.scope();
        let _restored = service.adopt();
        if by_script {
            let printed = service.restore(&["--dry-run"]);
            assert_said(&printed, 0, &["systemd-run --scope --quiet --collect --unit=w-restored.scope"]);
            let mut shell = service.systemd.on_host("sh");
            assert_restored(
                &shell.arg("-c").arg(String::from_utf8(printed.stdout).unwrap()).output().unwrap(),
            );
        } else {
            let words = [
                "they go into w-restored.scope, their own scope",
                "-- --manage-cgroups=soft",
                "--property=MemoryMax=104857600",
                "to end it: systemctl stop w-restored.scope",
                "--property=Conflicts=w.service",
                "to go back to it: systemctl start w.service, which ends w-restored.scope first",
            ];
            assert_said(&service.restore(&["--yes"]), 0, &words);
        }
        assert_eq!(scope.pids(), service.pids());
        assert!(!service.slice.path().join("w.service").exists(), "the old group is not made again");
        service.assert_counts_on();
        let runs = fs::read_to_string(service.systemd.folder.path().join("runs")).unwrap();
        assert!(runs.contains("w.service, restored from") && !runs.contains("TasksMax"), "{runs}");
    }
}

fn two_trees() {
    let service = Service::killed(2);
    let scope = service.scope();
    let _restored = service.adopt();
    assert_restored(&service.restore(&["--yes"]));
    assert_eq!(scope.pids(), service.pids());
    service.assert_counts_on();
}

/// Dry: criu would make the groups of other tests again.
fn old_way() {
    let service = Service::killed(1);
    let output = service.restore(&["--dry-run", "--", "--manage-cgroups=soft"]);
    assert_said(&output, 0, &["the processes belonged to the unit w.service", "does not supervise them"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("systemd-run"));
}

/// Nothing is lost, and it is said who said no.
fn systemd_says_no() {
    let service = Service::killed(1);
    let scope = service.scope();
    fs::create_dir(&scope.0).unwrap();
    let output = service.restore(&["--yes"]);
    let words = [
        "systemd did not start criu in w-restored.scope: Failed to start transient scope unit: it is there",
        "nothing was restored, and the images are unchanged",
        "-- --manage-cgroups=soft",
    ];
    assert_said(&output, 1, &words);
    assert!(!Path::new(&format!("/proc/{}", service.pids()[0])).exists());
    drop(scope);
    let scope = service.scope();
    let _restored = service.adopt();
    assert_restored(&service.restore(&["--yes"]));
    assert_eq!(scope.pids(), service.pids());
}

/// What a checkpoint of the service would have kept beside the images.
fn record(service: &Service, fields: &Value) {
    let file = service.images.folder().join("cryoscope.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    record["service"] = json!({"name": "w.service", "invocation": "a1"});
    let all = record["service"].as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    fs::write(&file, record.to_string()).unwrap();
}

/// systemd removed them when the service ended. The `/run` of the processes is that of the program that restored them.
fn runtime_directories() {
    for by_script in [false, true] {
        let service = Service::killed(1);
        let pid = service.workloads[0].pid();
        let file = |path: &str, mode: u32, pid: Option<i32>| json!({"path": path, "mode": mode, "uid": 7, "gid": 8, "pid": pid});
        let files = [
            file("/run/w", 0o2750, None),
            file("/run/w/sub", 0o700, None),
            file("/run/w/sub/x.pid", 0o640, Some(pid)),
            file("/run/w/other.pid", 0o640, Some(1)),
        ];
        record(&service, &json!({"runtime_files": files, "other_files": ["/run/w/text"]}));
        let scope = service.scope();
        let _restored = service.adopt();
        let printed = service.restore(&["--dry-run"]);
        assert_said(&printed, 0, &["mkdir -m 0700 /run/w\n", "chmod 2750 /run/w\n"]);
        if by_script {
            let mut shell = service.systemd.on_host("sh");
            assert_restored(
                &shell.arg("-c").arg(String::from_utf8(printed.stdout).unwrap()).output().unwrap(),
            );
        } else {
            assert_said(&service.restore(&["--yes"]), 0, &["/run/w/text is gone: systemd removed that"]);
        }
        assert_eq!(scope.pids(), [pid]);
        let root = Path::new("/proc").join(pid.to_string()).join("root/run/w");
        let facts = |path: &str| {
            let meta = fs::symlink_metadata(root.join(path)).unwrap();
            (meta.mode() & 0o7777, meta.uid(), meta.gid())
        };
        assert_eq!(facts("."), (0o2750, 7, 8));
        assert_eq!((facts("sub"), facts("sub/x.pid")), ((0o700, 7, 8), (0o640, 7, 8)));
        assert_eq!(fs::read_to_string(root.join("sub/x.pid")).unwrap(), format!("{pid}\n"));
        assert!(!root.join("other.pid").exists(), "that process is not in the images");
    }
}

/// systemd has started the service anew: other processes, another run.
fn new_run() {
    let runs = ENDED.replace("=failed", "=active") + "InvocationID=b2\n";
    // Or it is about to.
    let waits = ENDED.replace("ActiveState=failed", "ActiveState=activating");
    let waits = waits.replace("SubState=failed", "SubState=auto-restart") + "InvocationID=a1\n";
    let killed = Service::killed(1);
    record(&killed, &json!({}));
    for text in [runs, waits] {
        let systemctl = Systemctl::answering(&text);
        let mut restore = systemctl.cryoscope();
        restore.arg("restore").arg(killed.images.folder()).arg("--criu").arg(criu()).arg("--yes");
        let words = ["which systemd has started again", "stop the new ones first: systemctl stop w.service"];
        assert_said(&restore.output().unwrap(), 4, &words);
        assert!(!Path::new(&format!("/proc/{}", killed.pids()[0])).exists());
    }
}

/// Only a part of the service was killed: it comes back into the group that systemd has for it.
fn own_run() {
    let runs = ENDED.replace("=failed", "=active") + "InvocationID=a1\n";
    let service = Service { systemd: Systemctl::answering(&runs), ..Service::killed(1) };
    record(&service, &json!({}));
    let output = service.restore(&["--dry-run"]);
    assert_said(&output, 0, &["criu restore"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("systemd-run") && !said.contains("runs again"), "{said}");
}

fn frozen_slice() {
    let service = Service::killed(1);
    service.slice.request(true);
    let path = service.slice.path().to_str().unwrap().to_owned();
    assert_said(&service.restore(&["--yes"]), 4, &[&path, "frozen by its own request", "--thaw"]);
    let scope = service.scope();
    let _restored = service.adopt();
    assert_restored(&service.restore(&["--yes", "--thaw"]));
    assert!(service.slice.requested());
    assert_eq!(scope.pids(), service.pids());
    assert_eq!(service.workloads[0].count(), service.counts[0], "not one step ran");
    service.slice.request(false);
    service.assert_counts_on();
}
