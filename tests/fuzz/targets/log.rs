//! What criu says, as it is read: printable, line by line.
#![no_main]

use cryoscope::checkpoint::criu::{first_error, meaning, numbers, version};
use cryoscope::model::printable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text: Vec<_> = bytes.split(|&byte| byte == b'\n').map(printable).collect();
    let text = text.join("\n");
    if let Some(error) = first_error(&text) {
        assert!(!error.chars().any(char::is_control));
        meaning(&error);
    }
    if let Some(version) = version(&text) {
        numbers(&version);
    }
});
