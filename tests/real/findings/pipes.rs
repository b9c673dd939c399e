//! Pipes and FIFOs.

use std::fs::{self, File};
use std::io::pipe;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use libtest_mimic::Trial;
use nix::libc::O_NONBLOCK;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::NEEDS;
use super::said::{Images, Said, assert_done};
use crate::real::support::group::Group;
use crate::real::support::requirement::trial;
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    vec![
        trial("findings::pipes::to_a_process_outside", NEEDS, to_outside),
        trial("findings::pipes::whose_other_end_is_closed", NEEDS, closed),
        trial("findings::pipes::fifo", NEEDS, fifo),
    ]
}

/// This program has the other end. With a file in its place, as the remedy has it, there is no finding
/// (`findings::in_order`, whose input is a device).
fn to_outside() {
    let (group, images) = (Group::v2("pipe"), Images::new());
    let (near, far) = pipe().unwrap();
    let workload = Workload::with_input(&group, "nothing", "", Stdio::from(near));
    let said = Said::of(&group, &images);
    let finding = said.only("warning", "pipe-outside");
    let what = finding["what"].as_str().unwrap();
    assert!(
        what.contains("descriptor 0") && what.contains(&format!("process {} ", std::process::id())),
        "{finding}"
    );
    assert_done(&group, &images, &workload);
    drop(far);
}

/// Nobody has it any more: what is restored is as it was.
fn closed() {
    let (group, images) = (Group::v2("pipe-closed"), Images::new());
    let (near, far) = pipe().unwrap();
    let workload = Workload::with_input(&group, "nothing", "", Stdio::from(near));
    drop(far);
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_done(&group, &images, &workload);
}

fn fifo() {
    let (group, images) = (Group::v2("fifo"), Images::new());
    let path = images.0.path().join("fifo");
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    let near = File::options().read(true).custom_flags(O_NONBLOCK).open(&path).unwrap();
    let workload = Workload::with_input(&group, "nothing", "", Stdio::from(OwnedFd::from(near)));
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    let _far = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let said = Said::of(&group, &images);
    said.only("warning", "fifo-outside");
    assert_done(&group, &images, &workload);
}
