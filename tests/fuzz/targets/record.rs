//! `cryoscope.json`, beside images that are none.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use cryoscope::checkpoint::images::stored;
use libfuzzer_sys::fuzz_target;

/// Removed by whoever cleans up /dev/shm: a fuzzer ends without a drop.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::Builder::new().prefix("cryoscope-fuzz-").tempdir_in("/dev/shm").expect("a folder").keep();
    fs::write(folder.join("inventory.img"), [&0x5831_3116_u32.to_le_bytes()[..], &[2, 0, 0, 0, 8, 2]].concat()).expect("a file");
    let tree = [&0x5456_4319_u32.to_le_bytes()[..], &0x5027_3030_u32.to_le_bytes(), &[10, 0, 0, 0]].concat();
    fs::write(folder.join("pstree.img"), [&tree[..], &[8, 1, 16, 0, 24, 1, 32, 1, 40, 1]].concat()).expect("a file");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    fs::write(FOLDER.join("cryoscope.json"), bytes).expect("a file");
    let stored = stored(&FOLDER).expect("the images are read without it");
    let said = stored.record_problem.iter().cloned().chain(stored.record.map(|record| format!("{record:?}")));
    for said in said {
        assert!(!said.chars().any(char::is_control), "{said:?}");
    }
});
