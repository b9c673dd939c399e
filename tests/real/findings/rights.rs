//! Capabilities, signals and waits: what criu may do, and what it does besides.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use cryoscope::kernel::Status;
use libtest_mimic::Trial;

use super::NEEDS;
use super::said::{Images, Said, assert_cited, assert_done, assert_refused, comm, cryoscope, plain};
use crate::real::support::criu::dump;
use crate::real::support::group::Group;
use crate::real::support::requirement::trial;
use crate::real::support::wait::{SOON, until};
use crate::real::support::workload::{Workload, quiet};

pub fn tests() -> Vec<Trial> {
    vec![
        trial("findings::rights::process_of_another_user", NEEDS, other_user),
        trial("findings::rights::root_without_one_of_them", NEEDS, root_without_admin),
        trial("findings::rights::doctor_names_them", NEEDS, doctor),
        trial("findings::signals::pending_trap", NEEDS, pending_trap),
        trial("findings::waits::tail", NEEDS, tail),
    ]
}

const SYS_RESOURCE: u64 = 1 << 24;

/// Without CAP_SYS_RESOURCE, which this test may have to give up itself, criu cannot read the limits of another user's process.
fn other_user() {
    let (group, images) = (Group::v2("other-user"), Images::new());
    let workload = Workload::holding(
        &group,
        "child",
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups sleep 1000",
    );
    super::wait_for_child(&group, "sleep");
    let without = |program: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_resource", "--inh-caps=-sys_resource", program]);
        command
    };
    let look = |images: &Images| {
        let plain = cryoscope(&group, &images.folder(), &["--dry-run", "--json"]);
        let mut command = without(env!("CARGO_BIN_EXE_cryoscope"));
        Said::read(&command.args(plain.get_args()).output().unwrap())
    };
    let said = look(&images);
    let finding = said.only("blocker", "other-user");
    assert!(finding["what"].as_str().unwrap().contains("(sleep 1000) of nobody"), "{finding}");
    if bounding() & SYS_RESOURCE == 0 {
        // The remedy, the capability itself, cannot be had here.
        assert_cited(finding, &plain(&workload, &images, "Can't get rlimit 0"));
        assert_refused(&group, &images, &workload);
    } else {
        assert!(Said::of(&group, &images).remarks().is_empty());
        assert_done(&group, &images, &workload);
    }
}

/// As in a unit with `CapabilityBoundingSet=`: "run as root" is no remedy, and what `criu check` says then is no news.
fn root_without_admin() {
    let (group, images) = (Group::v2("no-admin"), Images::new());
    let _workload = Workload::in_group(&group);
    let plain = cryoscope(&group, &images.folder(), &["--dry-run", "--json"]);
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin", env!("CARGO_BIN_EXE_cryoscope")]);
    let said = Said::read(&command.args(plain.get_args()).output().unwrap());
    let remedy = said.one("not-permitted")["remedy"].as_str().unwrap();
    assert!(
        remedy.starts_with("run cryoscope with CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN;"),
        "{remedy}"
    );
    assert!(!said.remarks().contains(&("blocker", "criu-broken")), "{:#?}", said.all);
}

fn bounding() -> u64 {
    Status::read(std::process::id().cast_signed()).unwrap().unwrap().set("CapBnd").unwrap()
}

fn doctor() {
    let report = |command: &mut Command| -> serde_json::Value {
        serde_json::from_slice(&command.arg("--json").output().unwrap().stdout).unwrap()
    };
    let program = env!("CARGO_BIN_EXE_cryoscope");
    let missing = |found: &serde_json::Value| found["rights"]["missing"].to_string();
    let mut without = Command::new("setpriv");
    let found = report(without.args(["--bounding-set=-sys_resource", program, "doctor"]));
    assert!(missing(&found).contains("CAP_SYS_RESOURCE: processes of other users"), "{found}");
    let found = report(Command::new(program).arg("doctor"));
    let has = bounding() & SYS_RESOURCE != 0;
    assert_eq!(!missing(&found).contains("CAP_SYS_RESOURCE"), has, "{found}");
    assert!(found["criu"]["limits"].is_array(), "{found}");
}

/// criu sees it when it has the process already.
fn pending_trap() {
    let (group, images) = (Group::v2("pending-trap"), Images::new());
    let workload = Workload::holding(&group, "pending-trap", "");
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "pending-trap");
    assert_refused(&group, &images, &workload);
    let ended = dump(workload.pid(), &images.plain()).leave_running().run();
    ended.assert_failure("with a pending SIGTRAP");
    assert_cited(finding, &ended.log);
}

/// GNU's tail ends of what criu does to its wait; as the remedy has it, it lives.
fn tail() {
    for (options, ends) in [(&["-f"][..], true), (&["-f", "---disable-inotify"], false)] {
        let (group, images) = (Group::v2("tail"), Images::new());
        let file = images.0.path().join("log");
        fs::write(&file, "line\n").unwrap();
        let mut command = Command::new("tail");
        let mut tail = Tail(quiet(command.args(options).arg(&file)).process_group(0).spawn().unwrap());
        let pid = tail.0.id().cast_signed();
        group.add(pid);
        let wchan = || fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
        until("tail waits", SOON, || {
            comm(pid) == "tail" && (wchan().contains("poll") || wchan().contains("nanosleep"))
        });
        let said = Said::of(&group, &images);
        let told = said.remarks().contains(&("warning", "interrupted-wait"));
        assert_eq!(told, ends, "{:#?}", said.all);
        let ended = dump(pid, &images.plain()).leave_running().option(&["--shell-job"]).run();
        ended.assert_success();
        if ends {
            until("tail has ended", SOON, || tail.0.try_wait().unwrap().is_some());
        } else {
            fs::write(&file, "line\nanother\n").unwrap();
            until("tail waits again", SOON, || wchan().contains("nanosleep"));
            assert!(tail.0.try_wait().unwrap().is_none());
        }
    }
}

/// Ends with the test, after a panic too.
struct Tail(Child);

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
