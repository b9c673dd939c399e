//! Images that make criu go on for ever are refused, and a criu that goes on for ever is ended.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use super::{BOTH, Killed, assert_failed, assert_restored, restore};
use crate::real::support::program;
use crate::real::support::requirement::{criu, trial};

pub(super) fn tests() -> Vec<Trial> {
    vec![
        trial("restore::a_flipped_bit_in_a_pagemap", BOTH, flipped_bit),
        trial("restore::a_criu_that_logs_for_ever_is_ended", BOTH, endless),
    ]
}

/// Measured with criu 4.1.1: it logs without end, and TERM does not end it.
fn flipped_bit() {
    let killed = Killed::new(1);
    let path = killed.folder().join(format!("pagemap-{}.img", killed.pid()));
    let bytes = fs::read(&path).unwrap();
    let at = first_address(&bytes);
    // The lowest bit of the address, and the 36th: that one leaves it at the start of a page, far from what is mapped.
    for (byte, words) in [(0, "is not the start of a page"), (5, "pagemap")] {
        let mut damaged = bytes.clone();
        damaged[at + byte] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let output = restore(&killed.folder(), &[]);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_failed(&output, 1, &[name, words]);
        assert!(!killed.folder().join("restore.log").exists(), "criu was not started");
    }
    fs::write(&path, &bytes).unwrap();
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &[]));
    killed.assert_count_on();
}

/// Where the address of a pagemap's first entry stands: behind two magics and the head, each message behind its length; the
/// address is field 1.
fn first_address(bytes: &[u8]) -> usize {
    let head = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let entry = 12 + head + 4;
    assert_eq!(bytes[entry], 0x08, "field 1, a number");
    entry + 1
}

/// It takes no TERM, as criu does not there, and its log grows until it is ended.
fn endless() {
    let killed = Killed::new(1);
    let path = killed.folder().with_file_name("criu");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = restore ] || exec {} \"$@\"\ntrap '' TERM\nwhile :; do head -c 8388608 /dev/zero; done >{}\n",
        criu().display(),
        killed.folder().join("restore.log").display()
    );
    program::write(&path, script);
    let output = restore(&killed.folder(), &["--criu", path.to_str().unwrap()]);
    let words = ["made no progress", "its log has grown to", "cryoscope ended it", "nothing was restored"];
    assert_failed(&output, 7, &words);
    assert!(!runs(&path), "it is ended");
    fs::remove_file(killed.folder().join("restore.log")).unwrap();
    let _restored = killed.adopt();
    assert_restored(&restore(&killed.folder(), &[]));
    killed.assert_count_on();
}

/// Whether a process runs this script.
fn runs(script: &Path) -> bool {
    let is = |pid| {
        cryoscope::kernel::command_line::arguments(pid)
            .iter()
            .any(|word| word == script.as_os_str().as_encoded_bytes())
    };
    cryoscope::kernel::processes::every_pid().any(is)
}
