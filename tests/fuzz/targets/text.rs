//! What the kernel and a person write as text.
#![no_main]

use cryoscope::model::filter::Filter;
use cryoscope::model::freezer::{Events, flag, keyed, v1_state};
use cryoscope::model::{CgroupPath, Hierarchies, Owner, printable, span};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(found) = Hierarchies::from_mountinfo(bytes, |_| true) {
        let path = CgroupPath::new(bytes);
        for hierarchy in found.iter() {
            let absolute = hierarchy.absolute(&path);
            assert_eq!(hierarchy.relative(&absolute).as_ref(), Some(&path));
        }
    }
    Events::parse(bytes);
    keyed(bytes, b"frozen_usec");
    flag(bytes);
    v1_state(bytes);
    let path = CgroupPath::new(bytes);
    assert_eq!(CgroupPath::new(path.as_bytes()), path);
    assert!(path.ancestors().all(|above| path.is_within(&above)));
    assert!(!printable(bytes).chars().any(char::is_control));
    if let Some(owner) = Owner::of(&path) {
        assert!(!owner.id().chars().any(char::is_control));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Filter::parse(text);
        let _ = span::parse(text);
    }
});
