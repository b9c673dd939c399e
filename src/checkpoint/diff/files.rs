//! Files and sockets that were opened, closed, read or written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::checkpoint::images::{File, Open, OpenFiles};

/// What changed in the open files of a process. A file is the same where descriptor, kind and name are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileDifference {
    /// What was opened.
    pub opened: Vec<Open>,
    /// What was closed.
    pub closed: Vec<Open>,
    /// What was read, written, or otherwise went on.
    pub moved: Vec<Moved>,
}

/// An open file that is in another state now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// What it was.
    pub before: Open,
    /// What it is.
    pub after: Open,
}

pub(super) fn difference(before: &OpenFiles, after: &OpenFiles) -> FileDifference {
    let mut closed: BTreeMap<u32, &Open> = before.list.iter().map(|open| (open.fd, open)).collect();
    let mut difference = FileDifference::default();
    for open in &after.list {
        match closed.get(&open.fd).filter(|earlier| is_same(&earlier.file, &open.file)) {
            Some(earlier) => {
                if state(&earlier.file) != state(&open.file) {
                    difference.moved.push(Moved { before: (*earlier).clone(), after: open.clone() });
                }
                closed.remove(&open.fd);
            }
            None => difference.opened.push(open.clone()),
        }
    }
    difference.closed = closed.into_values().cloned().collect();
    difference
}

fn is_same(before: &File, after: &File) -> bool {
    let ends = |file: &File| {
        let socket = file.socket.as_ref();
        socket.map(|socket| (socket.protocol.clone(), socket.local.clone(), socket.remote.clone()))
    };
    before.kind == after.kind && before.name == after.name && ends(before) == ends(after)
}

/// What may change while a file stays open.
fn state(file: &File) -> impl PartialEq {
    let socket = file.socket.as_ref().map(|socket| socket.state);
    (file.position, file.size, file.deleted, file.about.clone(), socket)
}
