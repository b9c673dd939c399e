//! Files without the name that they were opened by: criu makes a link for them, and removes it where the processes run on.

use std::fs;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::{assert_failed, assert_restored, restore};
use crate::real::support::checkpoint::{Images, assert_done, checkpoint};
use crate::real::support::group::{Group, PREFIX};
use crate::real::support::requirement::{trial, with_criu};
use crate::real::support::workload::Workload;
use cryoscope::model::Version;

pub(super) fn tests() -> Vec<Trial> {
    vec![trial("restore::a_link_that_criu_removed", with_criu(Version::V2), removed_link)]
}

fn removed_link() {
    let (group, images) = (Group::v2("link"), Images::new());
    let files = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
    let workload = Workload::holding(&group, "remap", files.path().join("file"));
    assert_done(&checkpoint(&group, &images.folder(), &["--after", "running"]), &images);
    workload.signal(Signal::SIGKILL);
    workload.reap();
    let refused = restore(&images.folder(), &["--dry-run"]);
    assert_failed(&refused, 4, &["link_remap.", "is gone", "ln OTHER-NAME "]);
    let text = String::from_utf8(refused.stderr).unwrap();
    let link = text.trim_end().rsplit("ln OTHER-NAME ").next().unwrap();
    fs::hard_link(files.path().join("file.other"), link).unwrap();
    assert_restored(&restore(&images.folder(), &["--dry-run"]));
}
