//! What processes hold, and what criu says of it: each cause is made for real. The program says it before, plain criu says it
//! after, and with the option that the program adds the checkpoint works.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::sync::mpsc;
use std::thread;

use libtest_mimic::Trial;
use nix::sys::ptrace;
use nix::unistd::{Pid, gettid};

use super::support::group::Group;
use super::support::program;
use super::support::requirement::{Need, trial};
use super::support::wait::{SOON, until};
use super::support::workload::Workload;
use said::{Images, Said, assert_cited, assert_done, assert_option, assert_refused, command, plain};

mod groups;
mod mounts;
mod namespaces;
mod pipes;
mod rights;
mod said;
mod sockets;
mod terminals;

const NEEDS: &[Need] = &[Need::Root, Need::V2, Need::Criu];

/// A cause, and what is said of it.
struct Case {
    /// The kind of workload and its argument.
    hold: (&'static str, &'static str),
    /// The finding's code.
    code: &'static str,
    /// The option that it adds; none for a blocker.
    option: Option<&'static [&'static str]>,
    /// What plain criu says.
    says: &'static str,
}

const fn asks(
    hold: (&'static str, &'static str),
    code: &'static str,
    option: &'static [&'static str],
    says: &'static str,
) -> Case {
    Case { hold, code, option: Some(option), says }
}

const fn blocks(hold: (&'static str, &'static str), code: &'static str, says: &'static str) -> Case {
    Case { hold, code, option: None, says }
}

const LOCKS: &str = "Some file locks are hold by dumping tasks!";
const TYPE: &str = "Can't dump file";

const CASES: [Case; 18] = [
    asks(("flock", "f"), "file-locks", &["--file-locks"], LOCKS),
    asks(("posix-lock", "f"), "file-locks", &["--file-locks"], LOCKS),
    asks(("ofd-lock", "f"), "file-locks", &["--file-locks"], LOCKS),
    asks(("large-ghost", "f"), "deleted-file", &["--ghost-limit", "4M"], "Can't dump ghost file"),
    asks(("remap", "f"), "deleted-name", &["--link-remap"], "Can't create link remap for"),
    asks(("no-session", ""), "session", &["--shell-job"], "is not a session leader"),
    blocks(("io-uring", ""), "io-uring", "(anon_inode:[io_uring])"),
    blocks(("fscontext", ""), "unsupported-file", TYPE),
    blocks(("detached-mount", "/"), "file-outside", "Can't lookup mount="),
    blocks(("device", "/dev/loop-control"), "device", TYPE),
    blocks(("device", "/dev/net/tun"), "tunnel", "Net namespace is required to dump tun link"),
    blocks(("vsock", ""), "socket-kind", "Unknown socket collected"),
    blocks(("pidfd", "1"), "pidfd-outside", "is not a part of process tree"),
    blocks(
        ("child", "exec unshare --pid --fork sleep 1000"),
        "nested-namespace",
        "Can't dump nested pid namespace",
    ),
    blocks(("child", "exec unshare --ipc sleep 1000"), "nested-namespace", "Can't dump nested ipc namespace"),
    blocks(("child", "exec unshare --uts sleep 1000"), "nested-namespace", "Can't dump nested uts namespace"),
    blocks(
        ("child", "exec unshare --user --map-root-user sleep 1000"),
        "nested-namespace",
        "Can't dump nested user namespace",
    ),
    blocks(("child", SYSV), "sysv-memory", "doesn't live in IPC ns"),
];

/// perl is on every Debian: shmget(2) and shmat(2), and the segment goes with the last process that has it.
const SYSV: &str = r#"exec perl -e 'my ($get, $at, $ctl) = `uname -m` =~ /x86_64/ ? (29, 30, 31) : (194, 196, 195);
my $id = syscall($get, 0, 4096, 01600); syscall($at, $id, 0, 0); syscall($ctl, $id, 0, 0); sleep 1000 while 1'"#;

/// What criu dumps without being asked: no finding but that all is in order.
const QUIET: [(&str, &str); 3] = [("nothing", ""), ("small-ghost", "f"), ("unix-pair", "")];

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for case in CASES {
        let argument: String = case.hold.1.chars().filter(|c| c.is_ascii_alphanumeric()).take(24).collect();
        let name = format!("findings::{}::{}::{argument}", case.code, case.hold.0);
        all.push(trial(name.trim_end_matches("::"), NEEDS, move || check(&case)));
    }
    for (kind, argument) in QUIET {
        all.push(trial(&format!("findings::in_order::{kind}"), NEEDS, move || in_order(kind, argument)));
    }
    all.extend([
        trial("findings::deleted_program", NEEDS, deleted_program),
        trial("findings::traced", NEEDS, traced),
        trial("findings::unreadable_is_unknown", NEEDS, unreadable),
    ]);
    all.extend(sockets::tests());
    all.extend(namespaces::tests());
    all.extend(terminals::tests());
    all.extend(groups::tests());
    all.extend(mounts::tests());
    all.extend(pipes::tests());
    all.extend(rights::tests());
    all
}

fn check(case: &Case) {
    let (group, images) = (Group::v2(case.code), Images::new());
    let workload = Workload::holding(&group, case.hold.0, case.hold.1);
    if case.hold.0 == "child" {
        wait_for_child(&group, if case.hold.1.contains("perl") { "perl" } else { "sleep" });
    }
    let level = if case.option.is_some() { "warning" } else { "blocker" };
    let said = Said::of(&group, &images);
    let finding = said.only(level, case.code);
    assert_cited(finding, &plain(&workload, &images, case.says));
    match case.option {
        Some(option) => {
            assert_option(&said, finding, option);
            assert_done(&group, &images, &workload);
        }
        None => assert_refused(&group, &images, &workload),
    }
}

/// Waits until the shell line of a "child" is at its last command, which sleeps.
fn wait_for_child(group: &Group, last: &str) {
    let comm = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let sleeps =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|at| at.contains("nanosleep"));
    until("what is below is ready", SOON, || {
        group.pids().iter().any(|pid| comm(pid).trim() == last && sleeps(pid))
    });
}

fn in_order(kind: &'static str, argument: &str) {
    let (group, images) = (Group::v2(kind), Images::new());
    let workload = Workload::holding(&group, kind, argument);
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_eq!(said.one("resources")["level"], "ok");
    assert_done(&group, &images, &workload);
}

/// The program itself was deleted, as an upgrade does: it is mapped, but not open.
fn deleted_program() {
    let (group, images) = (Group::v2("deleted-program"), Images::new());
    let program = images.0.path().join("program");
    program::copy(std::env::current_exe().unwrap(), &program);
    let workload = Workload::named(&[&group], &program, None);
    fs::remove_file(&program).unwrap();
    let said = Said::of(&group, &images);
    let finding = said.only("warning", "deleted-file");
    assert_cited(finding, &plain(&workload, &images, "Can't dump ghost file"));
    assert_done(&group, &images, &workload);
}

fn traced() {
    let (group, images) = (Group::v2("traced"), Images::new());
    let workload = Workload::in_group(&group);
    // A thread is the tracer, and lets go when it ends: the workload could not be reaped otherwise.
    let (done, end) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let pid = workload.pid();
    let tracer = thread::spawn(move || {
        for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let task = task.unwrap().file_name().to_str().unwrap().parse().unwrap();
            ptrace::seize(Pid::from_raw(task), ptrace::Options::empty()).unwrap();
        }
        tell.send(gettid().as_raw()).unwrap();
        end.recv().unwrap_err();
    });
    let by = told.recv().unwrap();
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "traced");
    assert!(finding["remedy"].as_str().unwrap().contains(&by.to_string()), "{finding}");
    assert_cited(finding, &plain(&workload, &images, "Operation not permitted"));
    assert_refused(&group, &images, &workload);
    drop(done);
    tracer.join().unwrap();
    assert_done(&group, &images, &workload);
}

/// Somebody without rights is told what is not known, and never that it is in order.
fn unreadable() {
    let (group, images) = (Group::v2("unreadable"), Images::new());
    let workload = Workload::holding(&group, "flock", "f");
    let program = images.0.path().join("cryoscope");
    program::copy(env!("CARGO_BIN_EXE_cryoscope"), &program);
    fs::set_permissions(images.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut look = command(&program, &group, &images.folder(), &["--dry-run", "--json"]);
    let said = Said::read(&look.uid(65534).gid(65534).output().unwrap());
    let finding = said.one("resources");
    assert_eq!(finding["level"], "warning");
    assert!(finding["what"].as_str().unwrap().starts_with("unknown: "), "{finding}");
    assert!(said.remarks().contains(&("blocker", "not-permitted")), "{:#?}", said.all);
    workload.assert_counting();
}
