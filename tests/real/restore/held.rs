//! What bare criu restores is not refused: files of the processes themselves and of their groups, links, terminals of every kind,
//! no file at all, and children that end at once.

use std::process::Command;

use cryoscope::checkpoint::images::read;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::{BOTH, assert_failed, assert_restored, restore};
use crate::real::support::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::criu::{adopt, be_the_reaper};
use crate::real::support::program::assert_said;
use crate::real::support::requirement::trial;
use crate::real::support::workload::quiet;
use crate::real::support::{Group, SOON, Workload, until};

pub(super) fn tests() -> Vec<Trial> {
    vec![
        trial("restore::files_of_the_process_itself", BOTH, || holds("own-stat", "")),
        trial("restore::a_link_that_is_open_itself", BOTH, || holds("link", "link")),
        trial("restore::a_virtual_terminal", BOTH, || holds("terminal", "/dev/tty1")),
        trial("restore::the_console", BOTH, || holds("terminal", "/dev/console")),
        trial("restore::a_master_by_its_other_name", BOTH, || holds("pty", "")),
        trial("restore::files_of_its_own_v2_group", BOTH, || own_group(Version::V2)),
        trial("restore::files_of_its_own_v1_group", BOTH, || own_group(Version::V1)),
        trial("restore::no_open_file", BOTH, no_open_file),
        trial("restore::children_that_end_at_once", BOTH, children_that_end),
        trial("restore::the_directory_of_a_socket_is_gone", BOTH, socket_directory),
        trial("restore::what_was_restored_before", BOTH, restored_before),
    ]
}

/// A workload with this is killed, and counts on when it was restored.
fn holds(kind: &str, argument: &str) {
    let (group, images) = (Group::v2("held"), Images::new());
    let workload = Workload::holding(&group, kind, argument);
    be_the_reaper();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    workload.reap();
    let count = workload.count();
    let _restored = adopt(workload.pid());
    assert_restored(&restore(&images.folder(), &[]));
    until("it counts on", SOON, || workload.count() > count);
}

/// criu makes the socket again, and no directory for it: that is said before, with the command.
fn socket_directory() {
    let (group, images, folder) = (Group::v2("held"), Images::new(), tempfile::tempdir().unwrap());
    let socket = folder.path().join("socket");
    let workload = Workload::holding(&group, "unix-listening", &socket);
    be_the_reaper();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    workload.reap();
    folder.close().unwrap();
    let directory = socket.parent().unwrap();
    let line = format!("mkdir -p {}", directory.display());
    let output = restore(&images.folder(), &["--yes"]);
    assert_said(
        &output,
        7,
        &[&format!("{} is gone, and a unix socket was in it", directory.display()), &line],
    );
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    let _restored = adopt(workload.pid());
    let output = restore(&images.folder(), &["--yes"]);
    std::os::unix::net::UnixStream::connect(&socket).unwrap();
    std::fs::remove_dir_all(directory).unwrap();
    assert_restored(&output);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("is gone"), "{output:?}");
}

/// A control file of the process's own group, which is gone when it is restored: criu makes the group again, and then opens the
/// file. Where no group is made, the file is missing.
fn own_group(version: Version) {
    let (group, images) = (Group::new(version, "held"), Images::new());
    let file = group.path().join("cgroup.procs");
    let workload = Workload::holding(&group, "open", file.to_str().unwrap());
    be_the_reaper();
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    workload.reap();
    let count = workload.count();
    group.remove();
    let other = Group::new(version, "other");
    let into_another = restore(&images.folder(), &["--into-group", other.path().to_str().unwrap()]);
    assert_failed(&into_another, 4, &[file.to_str().unwrap(), "is gone"]);
    let _restored = adopt(workload.pid());
    assert_restored(&restore(&images.folder(), &[]));
    assert_eq!(group.pids(), [workload.pid()]);
    until("it counts on", SOON, || workload.count() > count);
}

/// A shell line that goes on, in a group and a session of its own; killed and restored.
fn shell_line(line: &str) {
    let (group, images) = (Group::v2("line"), Images::new());
    be_the_reaper();
    let mut command = Command::new("setsid");
    let mut child = quiet(command.args(["sh", "-c", line])).spawn().unwrap();
    let pid = child.id().cast_signed();
    group.add(pid);
    let _adopted = adopt(pid);
    let exe = || std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    until("the shell has started it", SOON, || !exe().ends_with("setsid"));
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "killed", "--yes"]), &images);
    child.wait().unwrap();
    // Its children came to the nearest reaper, which this program is.
    for process in &read(&images.folder()).unwrap().processes[1..] {
        let _ = waitpid(Pid::from_raw(process.pid), None);
    }
    assert_restored(&restore(&images.folder(), &[]));
    assert!(group.pids().contains(&pid));
}

fn no_open_file() {
    shell_line("exec 0<&- 1>&- 2>&-; exec sleep 1000");
}

fn children_that_end() {
    shell_line("while :; do sleep 0.02; done");
}

/// criu's restore makes a time namespace. That is no container: a second restore warns of nothing.
fn restored_before() {
    let (group, first, second) = (Group::v2("again"), Images::new(), Images::new());
    be_the_reaper();
    let workload = Workload::in_group(&group);
    assert_done(&checkpoint(&group, &first.folder(), &["--after", "killed", "--yes"]), &first);
    workload.reap();
    let _restored = adopt(workload.pid());
    assert_restored(&restore(&first.folder(), &[]));
    assert_done(&checkpoint(&group, &second.folder(), &["--after", "killed", "--yes"]), &second);
    workload.reap();
    let count = workload.count();
    let output = restore(&second.folder(), &[]);
    assert_restored(&output);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("namespaces"), "{said}");
    until("it counts on", SOON, || workload.count() > count);
}
