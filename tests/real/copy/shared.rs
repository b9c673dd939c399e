//! What a copy would share with its original: files, names of sockets.

use std::fs;

use libtest_mimic::Trial;
use serde_json::Value;

use super::{BOTH, Original};
use crate::real::rescue::said;
use crate::real::restore::{assert_failed, restore};
use crate::real::support::Workload;
use crate::real::support::requirement::trial;

pub fn tests() -> Vec<Trial> {
    vec![
        trial("copy::files_that_both_write_are_said", BOTH, files),
        trial("copy::a_file_that_has_grown", BOTH, grown_file),
        trial("copy::a_socket_of_the_original", BOTH, unix_socket),
    ]
}

fn files() {
    let original = Original::new(1);
    let output = restore(&original.folder(), &["--copy", "--dry-run", "--json"]);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = object["findings"].as_array().unwrap();
    let shared = findings.iter().find(|finding| finding["code"] == "shared-files").unwrap();
    assert!(shared["what"].as_str().unwrap().contains(original.workloads[0].counter().to_str().unwrap()));
    assert_eq!(shared["level"], "warning");
}

/// The remedy is none that changes the file which the original has open.
fn grown_file() {
    let original = Original::new(1);
    let counter = original.workloads[0].counter();
    fs::write(counter, "longer than it was").unwrap();
    let output = restore(&original.folder(), &["--copy"]);
    assert_failed(&output, 4, &["has 18 bytes, and had 8", "the original keeps the one that it has open"]);
    assert!(!said(&output).contains("truncate"));
    // As it says.
    fs::rename(counter, counter.with_file_name("grown")).unwrap();
    fs::write(counter, original.counts[0].to_le_bytes()).unwrap();
    let copy = original.copy(&[]);
    original.assert_copies_count_on();
    drop(copy);
}

fn unix_socket() {
    let original = Original::of(|groups| {
        let workload = Workload::holding(groups[0], "unix-listening", "socket");
        groups[1].add(workload.pid());
        vec![workload]
    });
    let socket = original.workloads[0].folder().join("socket");
    let output = restore(&original.folder(), &["--copy"]);
    assert_failed(&output, 4, &[socket.to_str().unwrap(), "in use", "omit --copy"]);
    assert!(socket.exists(), "it is still the original's");
}
