//! Mount namespaces of their own, and files that are on no mount.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use super::NEEDS;
use super::said::{Images, Said, assert_cited, assert_done, assert_refused, cryoscope, plain};
use crate::real::support::group::Group;
use crate::real::support::requirement::trial;
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    vec![
        trial("findings::mounts::in_order", NEEDS, in_order),
        trial("findings::mounts::unknown_file_system", NEEDS, unknown_file_system),
        trial("findings::mounts::part_of_a_file_system", NEEDS, part_of_a_file_system),
        trial("findings::mounts::no_unit_no_advice_about_units", NEEDS, opened_before),
        trial("findings::mounts::message_queue", NEEDS, message_queue),
        trial("findings::mounts::secret_memory", NEEDS, secret_memory),
    ]
}

/// A workload in a mount namespace of its own, in which a shell line was run first. Its input and output are opened inside.
fn apart(group: &Group, line: &str) -> Workload {
    let mut program = Command::new("unshare");
    program
        .args(["--mount", "sh", "-c"])
        .arg(format!("{line}exec \"$@\" </dev/null >/dev/null 2>&1"))
        .arg("sh");
    Workload::within(group, program)
}

/// tmpfs, and a part of what is mounted as `/`: criu makes both again.
fn in_order() {
    let (group, images) = (Group::v2("mounts-known"), Images::new());
    let workload = apart(&group, "mount -t tmpfs x /mnt && mkdir /mnt/a && mount --bind /usr /mnt/a && ");
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_done(&group, &images, &workload);
}

const UNKNOWN: &str = "unsupported id";

fn unknown_file_system() {
    let (group, images) = (Group::v2("mounts-unknown"), Images::new());
    let workload = apart(&group, "mount -t ramfs x /mnt && ");
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "mount");
    assert!(finding["what"].as_str().unwrap().contains("/mnt (ramfs)"), "{finding}");
    assert_cited(finding, &plain(&workload, &images, UNKNOWN));
    assert_refused(&group, &images, &workload);
    // Both remedies: given from outside, and unmounted.
    let given = cryoscope(&group, &images.0.path().join("given"), &["--", "--external", "mnt[/mnt]:x"]);
    assert_ended_well(given);
    let target = workload.pid().to_string();
    assert_ended_well(command("nsenter", &["--target", &target, "--mount", "umount", "/mnt"]));
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_done(&group, &images, &workload);
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

#[track_caller]
fn assert_ended_well(mut command: Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?} {:?}: {said}", output.status.code(), output.status.signal());
}

/// A folder of a file system that is nowhere mounted as a whole.
fn part_of_a_file_system() {
    let (group, images) = (Group::v2("mounts-part"), Images::new());
    let line =
        "mount -t tmpfs x /mnt && mkdir /mnt/a /mnt/b && mount --bind /mnt/a /opt && umount -l /mnt && ";
    let workload = apart(&group, line);
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "mount");
    assert!(finding["what"].as_str().unwrap().contains("/opt (tmpfs)"), "{finding}");
    plain(&workload, &images, "doesn't have a proper root mount");
    assert_refused(&group, &images, &workload);
}

/// Its input was opened outside: the remedy opens it inside, and the finding is gone ([`in_order`]).
fn opened_before() {
    let (group, images) = (Group::v2("mounts-before"), Images::new());
    let mut program = Command::new("unshare");
    program.arg("--mount");
    let workload = Workload::within(&group, program);
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "file-outside");
    let remedy = finding["remedy"].as_str().unwrap();
    assert!(remedy.contains("unshare --mount sh -c") && !remedy.contains("unit"), "{finding}");
    assert_cited(finding, &plain(&workload, &images, "Can't lookup mount="));
    assert_refused(&group, &images, &workload);
}

/// mq_open(2) and memfd_secret(2) by their numbers on x86-64: perl has no other way.
fn message_queue() {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let name = format!("cryoscope-test-{}", std::process::id());
    // The name is gone at once, the queue stays as long as it is open.
    let line = format!(r#"my $n = "{name}"; syscall(240, $n, 0102, 0600, 0) > 0 or die; syscall(241, $n); "#);
    without_a_mount(&line, "message-queue");
}

fn secret_memory() {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    without_a_mount("syscall(447, 0) > 0 or die; ", "secret-memory");
}

fn without_a_mount(line: &str, code: &str) {
    let (group, images) = (Group::v2(code), Images::new());
    let workload = Workload::holding(&group, "child", format!("exec perl -e '{line}sleep 1000 while 1'"));
    super::wait_for_child(&group, "perl");
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", code);
    assert!(!finding["remedy"].as_str().unwrap().contains("unit"), "{finding}");
    assert_cited(finding, &plain(&workload, &images, "Can't lookup mount="));
    assert_refused(&group, &images, &workload);
}
