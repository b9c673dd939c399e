//! A group of v1 is renamed in the middle of a checkpoint: its flag is that of the group, not of the path.

use std::fs;
use std::path::PathBuf;

use libtest_mimic::Trial;

use super::at_work::Gate;
use super::rescue::{rescue, said};
use super::support::checkpoint::Images;
use super::support::group::Group;
use super::support::namespace::isolated;
use super::support::requirement::{Need, trial};
use super::support::wait::{SOON, until};
use super::support::workload::Workload;

const NEEDS: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("renamed::while_its_request_is_set_aside", NEEDS, while_its_request_is_set_aside),
        trial("renamed::while_it_is_frozen_for_criu", NEEDS, while_it_is_frozen_for_criu),
        isolated("renamed::and_the_checkpoint_is_cut_off", NEEDS, and_the_checkpoint_is_cut_off),
    ]
}

/// A group under another name. It has its name again when this is dropped.
struct Renamed<'a> {
    group: &'a Group,
    other: PathBuf,
}

impl<'a> Renamed<'a> {
    fn new(group: &'a Group) -> Self {
        let mut name = group.name().to_owned();
        name.push("-renamed");
        let other = group.path().with_file_name(name);
        fs::rename(group.path(), &other).unwrap();
        Self { group, other }
    }

    fn requested(&self) -> bool {
        fs::read_to_string(self.other.join("freezer.self_freezing")).unwrap().trim() == "1"
    }
}

impl Drop for Renamed<'_> {
    fn drop(&mut self) {
        drop(fs::rename(&self.other, self.group.path()));
    }
}

fn gate(images: &Images) -> Gate {
    Gate::new(images.folder().parent().unwrap())
}

fn while_its_request_is_set_aside() {
    let (v2, v1, images) = (Group::v2("renamed"), Group::v1("renamed"), Images::new());
    let workload = Workload::in_groups(&[&v2, &v1]);
    v1.freeze();
    v2.request(true);
    let (count, gate) = (workload.count(), gate(&images));
    let checkpoint = gate.start_with(&v2, &images.folder(), &["--yes"]);
    assert!(!v1.requested(), "set aside for criu");
    let renamed = Renamed::new(&v1);
    gate.open();
    let output = checkpoint.wait_with_output().unwrap();
    assert!(renamed.requested() && v2.requested(), "both are as they were found");
    assert_eq!(workload.count(), count, "nothing ran in between");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// criu finds nothing at the path that it was given, and fails.
fn while_it_is_frozen_for_criu() {
    let (v1, images) = (Group::v1("renamed"), Images::new());
    let workload = Workload::in_group(&v1);
    let gate = gate(&images);
    let checkpoint = gate.start_with(&v1, &images.folder(), &["--after", "frozen", "--yes"]);
    until("it is frozen for criu", SOON, || v1.requested());
    let renamed = Renamed::new(&v1);
    gate.open();
    let output = checkpoint.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    assert!(!renamed.requested(), "as it was found: {}", said(&output));
    workload.assert_counting();
}

fn and_the_checkpoint_is_cut_off() {
    let (v2, v1, images) = (Group::v2("renamed"), Group::v1("renamed"), Images::new());
    let workload = Workload::in_groups(&[&v2, &v1]);
    v1.freeze();
    v2.request(true);
    let gate = gate(&images);
    let mut checkpoint = gate.start_with(&v2, &images.folder(), &["--yes"]);
    let renamed = Renamed::new(&v1);
    checkpoint.kill().unwrap();
    checkpoint.wait().unwrap();
    gate.open();
    let output = rescue("--yes");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(renamed.requested() && v2.requested(), "both are as they were found: {}", said(&output));
    drop(renamed);
    v2.request(false);
    v1.thaw();
    workload.assert_counting();
}
