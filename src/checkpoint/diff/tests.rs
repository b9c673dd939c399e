//! Differences of values.

use std::sync::Arc;

use super::*;
use crate::checkpoint::images::{File, Mapping, Open, OpenFiles};

fn mapping(start: u64, end: u64, name: &str) -> Mapping {
    let mut mapping = Mapping::default();
    (mapping.start, mapping.end, mapping.bytes) = (start, end, end - start);
    (mapping.permissions, mapping.name) = ("rw-p".to_owned(), Arc::from(name));
    mapping
}

#[test]
fn mappings_grow_at_either_end() {
    let before = [mapping(1, 3, "[heap]"), mapping(5, 6, "/lib/x"), mapping(8, 9, "[stack]")];
    let after = [mapping(1, 4, "[heap]"), mapping(5, 6, "/lib/y"), mapping(7, 9, "[stack]")];
    let found = mappings::difference(&before, &after);
    let resized: Vec<_> = found.resized.iter().map(|one| (one.before.bytes, one.after.bytes)).collect();
    assert_eq!(resized, [(2, 3), (1, 2)]);
    assert_eq!((&found.mapped[..], &found.unmapped[..]), (&after[1..2], &before[1..2]));
    assert_eq!(mappings::difference(&after, &after), MappingDifference::default());
}

#[test]
fn permissions_that_change() {
    let before = mapping(1, 3, "/lib/x");
    let mut after = before.clone();
    after.permissions = "r--p".to_owned();
    assert_eq!(mappings::difference(&[before], &[after]).resized.len(), 1);
}

fn open(fd: u32, name: &str, position: u64) -> Open {
    let mut file = File::default();
    (file.name, file.position) = (name.to_owned(), Some(position));
    Open { fd, file }
}

fn files(list: Vec<Open>) -> OpenFiles {
    OpenFiles { list, ..OpenFiles::default() }
}

#[test]
fn files_are_opened_closed_and_go_on() {
    let before = files(vec![open(0, "/a", 0), open(1, "/b", 5), open(2, "/c", 0)]);
    let after = files(vec![open(0, "/a", 0), open(1, "/b", 9), open(2, "/d", 0), open(3, "/e", 0)]);
    let found = files::difference(&before, &after);
    let fds = |all: &[Open]| all.iter().map(|open| open.fd).collect::<Vec<_>>();
    assert_eq!((fds(&found.opened), fds(&found.closed)), (vec![2, 3], vec![2]));
    assert_eq!((found.moved.len(), found.moved[0].after.file.position), (1, Some(9)));
    assert_eq!(files::difference(&after, &after), FileDifference::default());
}
