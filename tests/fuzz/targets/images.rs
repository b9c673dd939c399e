//! criu's images: whatever the messages in them are, and where they are cut.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use cryoscope::checkpoint::images::{stats, stored, verify};
use libfuzzer_sys::fuzz_target;

const COMMON: u32 = 0x5456_4319;
const SERVICE: u32 = 0x5510_5940;
/// Names and magics (criu/include/magic.h).
const FILES: [(&str, &[u32]); 16] = [
    ("inventory.img", &[0x5831_3116]),
    ("pstree.img", &[COMMON, 0x5027_3030]),
    ("core-1.img", &[COMMON, 0x5505_3847]),
    ("core-2.img", &[COMMON, 0x5505_3847]),
    ("ids-1.img", &[COMMON, 0x5443_2030]),
    ("mm-1.img", &[COMMON, 0x5749_2820]),
    ("fs-1.img", &[COMMON, 0x5140_3912]),
    ("pagemap-1.img", &[COMMON, 0x5608_4025]),
    ("fdinfo-1.img", &[COMMON, 0x5621_3732]),
    ("files.img", &[COMMON, 0x5630_3138]),
    ("remap-fpath.img", &[COMMON, 0x5913_3954]),
    ("tty-info.img", &[COMMON, 0x5945_3036]),
    ("filelocks.img", &[COMMON, 0x5432_3616]),
    ("cgroup.img", &[COMMON, 0x5938_3330]),
    ("stats-dump", &[SERVICE, 0x5709_3306]),
    ("pages-1.img", &[]),
];

/// Removed by whoever cleans up /dev/shm: a fuzzer ends without a drop.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    tempfile::Builder::new().prefix("cryoscope-fuzz-").tempdir_in("/dev/shm").expect("a folder").keep()
});

/// Pieces of the input become messages: which file (four bits), whether its length is told truly, how long, and the bytes.
fn images(mut bytes: &[u8]) -> BTreeMap<usize, Vec<u8>> {
    let mut files = BTreeMap::new();
    // What every set has: a format and a process.
    files.insert(0, vec![2, 0, 0, 0, 8, 2]);
    files.insert(1, vec![10, 0, 0, 0, 8, 1, 16, 0, 24, 1, 32, 1, 40, 1]);
    while let [which, length, rest @ ..] = bytes {
        let (message, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        let file: &mut Vec<u8> = files.entry(usize::from(which & 15)).or_default();
        match which >> 4 {
            0 => file.clear(),
            1 => {}
            2 => file.extend(u32::MAX.to_le_bytes()),
            _ => file.extend(u32::try_from(message.len()).expect("a byte").to_le_bytes()),
        }
        file.extend(message);
        bytes = rest;
    }
    files
}

fuzz_target!(|bytes: &[u8]| {
    for (index, messages) in images(bytes) {
        let (name, magics) = FILES[index];
        let magics: Vec<u8> = magics.iter().flat_map(|magic| magic.to_le_bytes()).collect();
        fs::write(FOLDER.join(name), [magics, messages].concat()).expect("a file");
    }
    let said = match stored(&FOLDER) {
        Ok(stored) => format!("{stored:?}"),
        Err(error) => error.to_string(),
    };
    assert!(!said.chars().any(char::is_control), "{said:?}");
    for finding in verify(&FOLDER, &[1, 2]) {
        assert!(!finding.to_string().chars().any(char::is_control), "{finding}");
    }
    stats(&FOLDER);
    for (name, _) in FILES {
        let _ = fs::remove_file(FOLDER.join(name));
    }
});
