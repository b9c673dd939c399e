//! Namespaces: of the network, of mounts, of PIDs.

use std::path::{Path, PathBuf};
use std::process::Command;

use cryoscope::kernel::mounts::hierarchies;
use libtest_mimic::Trial;

use super::NEEDS;
use super::said::{
    Beside, Images, Said, assert_cited, assert_done, assert_option, assert_refused, comm, cryoscope, plain,
};
use crate::real::support::criu::{dump, restore};
use crate::real::support::group::Group;
use crate::real::support::requirement::trial;
use crate::real::support::wait::{SOON, until};
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    vec![
        trial("findings::network_namespace", NEEDS, network_namespace),
        trial("findings::namespace_of_a_child", NEEDS, of_a_child),
        trial("findings::user_namespace_of_the_root", NEEDS, user_namespace),
        trial("findings::ipc_namespace_with_shared_memory", NEEDS, ipc_namespace),
        trial("findings::mounts_that_follow", NEEDS, mounts_that_follow),
        trial("findings::session_led_from_outside_the_namespace", NEEDS, session_outside),
    ]
}

fn network_namespace() {
    let (group, images) = (Group::v2("network"), Images::new());
    let mut program = Command::new("unshare");
    program.arg("--net");
    let workload = Workload::within(&group, program);
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    // Without the two programs.
    let nothing = images.plain();
    let look = |path: &Path| {
        let mut command = cryoscope(&group, &images.folder(), &["--dry-run", "--json"]);
        Said::read(&command.env("PATH", path).output().unwrap())
    };
    assert_eq!(look(&nothing).remarks(), [("blocker", "network-tools"), ("warning", "network-lock")]);
    std::os::unix::fs::symlink(which("ip"), nothing.join("ip")).unwrap();
    let without = look(&nothing);
    assert_option(&without, without.only("warning", "network-lock"), &["--network-lock", "nftables"]);
    let without = dump(workload.pid(), &images.plain()).leave_running().path(&nothing).run();
    without.assert_failure("Locking network failed: iptables-restore returned");
    assert_done(&group, &images, &workload);
}

/// A child in a namespace of its own: criu dumps it, and restores it only where the root has one of that kind.
fn of_a_child() {
    const INSIDE: &str = "</dev/null >/dev/null 2>&1";
    for (kind, line) in [
        ("network", "exec unshare --net sleep 1000".to_owned()),
        ("mount", format!("exec unshare --mount sh -c 'exec sleep 1000 {INSIDE}'")),
    ] {
        let (group, images) = (Group::v2("child-namespace"), Images::new());
        let workload = Workload::holding(&group, "child", line);
        super::wait_for_child(&group, "sleep");
        let said = Said::of(&group, &images);
        let finding = said.only("blocker", "child-namespace");
        let what = finding["what"].as_str().unwrap();
        assert!(what.contains(kind) && what.contains("sleep 1000"), "{finding}");
        assert_refused(&group, &images, &workload);
        // Plain criu kills it, and cannot bring it back.
        assert_cited(finding, &never_restored(&group, &workload, &images, "Can't restore sub-task in NS"));
    }
    // As the remedy has it: the whole tree in one.
    let (group, images) = (Group::v2("tree-namespace"), Images::new());
    let workload = with_child(&group, "--net", "unshare --net sleep 1000");
    super::wait_for_child(&group, "sleep");
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_done(&group, &images, &workload);
}

/// A workload in a namespace of its own, with a child in it that a shell line starts.
fn with_child(group: &Group, namespace: &str, line: &str) -> Workload {
    let line = format!("echo 0 >{}/cgroup.procs; ({line}) & exec \"$@\"", group.path().display());
    let mut program = Command::new("unshare");
    program.args([namespace, "sh", "-c", &line, "sh"]);
    Workload::within(group, program)
}

/// A v1 group for the processes where there is v1: in its root criu would write down the groups of all other tests, and make
/// them again.
fn v1_group_of(group: &Group) -> Option<Group> {
    hierarchies().unwrap().v1.is_some().then(|| {
        let v1 = Group::v1("beside");
        group.pids().into_iter().for_each(|pid| v1.add(pid));
        v1
    })
}

/// What plain criu says when it shall restore what it has dumped and ended.
#[track_caller]
fn never_restored(group: &Group, workload: &Workload, images: &Images, says: &str) -> String {
    let _v1 = v1_group_of(group);
    let folder = images.plain();
    dump(workload.pid(), &folder).run().assert_success();
    workload.reap();
    let (ended, restored) = restore(workload.pid(), &folder);
    assert!(restored.is_none());
    ended.assert_failure(says);
    ended.log
}

fn user_namespace() {
    let (group, images) = (Group::v2("user-namespace"), Images::new());
    let mut program = Command::new("unshare");
    program.args(["--user", "--map-root-user"]);
    let workload = Workload::within(&group, program);
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "user-namespace");
    assert_refused(&group, &images, &workload);
    assert_cited(finding, &never_restored(&group, &workload, &images, "Unable to open the proc file system"));
}

/// The remedy for System V shared memory, whose finding is among the cases.
fn ipc_namespace() {
    let (group, images) = (Group::v2("ipc-namespace"), Images::new());
    let workload = with_child(&group, "--ipc", super::SYSV);
    super::wait_for_child(&group, "perl");
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_done(&group, &images, &workload);
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file()).unwrap()
}

/// What systemd's PrivateTmp=yes does: a namespace whose mounts follow those of the host.
fn mounts_that_follow() {
    let (group, images) = (Group::v2("mounts"), Images::new());
    // A namespace whose mounts are shared, which stays, and one that follows it.
    let outer =
        Beside::start(Command::new("unshare").args(["--mount", "--propagation", "shared", "sleep", "1000"]));
    let place = format!("/proc/{}/ns/mnt", outer.pid());
    until("the outer namespace is there", SOON, || comm(outer.pid()) == "sleep");
    let mut program = Command::new("nsenter");
    program.arg(format!("--mount={place}")).args(["unshare", "--mount", "--propagation", "slave"]);
    let workload = Workload::within(&group, program);
    let said = Said::of(&group, &images);
    let finding = said.one("mount-sharing");
    assert_eq!(finding["level"], "blocker");
    assert_cited(
        finding,
        &plain(&workload, &images, "has unreachable sharing. Try --enable-external-masters."),
    );
    assert_refused(&group, &images, &workload);
}

fn session_outside() {
    let (group, images) = (Group::v2("session-outside"), Images::new());
    let inner = Group::v2("session-inner");
    let join =
        format!("echo 0 >{}/cgroup.procs; exec unshare --pid --fork sleep 1000", inner.path().display());
    let outer = Beside::start(Command::new("sh").args(["-c", &join]));
    let sleeping = || inner.pids().into_iter().find(|pid| comm(*pid) == "sleep");
    until("the first process of the namespace sleeps", SOON, || sleeping().is_some());
    // The one outside leaves the group: the root is the first process of the namespace.
    group.add(outer.pid());
    let said = Said::of(&inner, &images);
    let finding = said.one("session");
    assert_eq!(finding["level"], "blocker");
    let ended = dump(sleeping().unwrap(), &images.plain()).leave_running().run();
    ended.assert_failure("is outside of its pid namespace");
}
