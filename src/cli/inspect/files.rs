//! Open files and sockets.

use std::collections::BTreeMap;
use std::io::Write;

use crate::checkpoint::images::{File, HeldSocket, Holders, ImageSet, Kind, Open, Process, Socket};
use crate::cli::Failure;

/// So many open files of a process, and sockets of a tree, are shown where all are not asked for.
const MAX_FILES: usize = 8;
const MAX_SOCKETS: usize = 20;

/// The sockets of a tree, and who holds them.
pub(super) fn print_sockets(tree: &ImageSet, all: bool, out: &mut impl Write) -> Result<(), Failure> {
    if tree.sockets.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{:<14} {:<12} {:<28} {:<28} HELD BY", "SOCKET", "STATE", "LOCAL", "PEER")?;
    let most = if all { usize::MAX } else { MAX_SOCKETS };
    for held in tree.sockets.iter().take(most) {
        let (local, peer) = (local(&held.socket), peer(held));
        let (protocol, state) = (&held.socket.protocol, held.socket.state);
        writeln!(out, "{protocol:<14} {state:<12} {local:<28} {peer:<28} {}", holders(&held.holders))?;
    }
    let more = tree.sockets.len().saturating_sub(most);
    if more > 0 {
        writeln!(out, "and {more} more, with --files")?;
    }
    Ok(())
}

fn local(socket: &Socket) -> &str {
    if socket.local.is_empty() { "unnamed" } else { &socket.local }
}

fn peer(held: &HeldSocket) -> String {
    let remote = held.socket.remote.clone();
    match &held.peers {
        Some(peers) if held.socket.protocol.starts_with("unix") => format!("to {}", holders(peers)),
        Some(peers) => format!("{} ({})", remote.unwrap_or_default(), holders(peers)),
        None => remote.unwrap_or_else(|| "-".to_owned()),
    }
}

/// `812 fd 3, 813 fd 3 and 4 more`
pub(super) fn holders(holders: &Holders) -> String {
    let named: Vec<String> = holders.first.iter().map(|one| format!("{} fd {}", one.pid, one.fd)).collect();
    let named = named.join(", ");
    let more = holders.count - holders.first.len();
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// The open files of a process.
pub(super) fn print(process: &Process, all: bool, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "  files     {}", counts(&process.files.counts))?;
    let most = if all { usize::MAX } else { MAX_FILES };
    for open in process.files.list.iter().take(most) {
        writeln!(out, "{:>8} {:<14} {}", open.fd, open.file.kind.name(), what(open))?;
    }
    let more = process.files.list.len().saturating_sub(most);
    if more > 0 {
        writeln!(out, "         and {more} more, with --files")?;
    }
    Ok(())
}

fn counts(counts: &BTreeMap<Kind, usize>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect::<Vec<_>>().join(", ")
}

/// What is open: a path and how far it was read, both ends of a socket or pipe, what is watched.
pub(in crate::cli) fn what(open: &Open) -> String {
    let file = &open.file;
    let mut parts: Vec<String> = Vec::new();
    match &file.socket {
        Some(socket) => parts.extend([socket.protocol.clone(), local(socket).to_owned()]),
        None if !file.name.is_empty() => parts.push(file.name.clone()),
        None => {}
    }
    if file.deleted {
        parts.push("(deleted)".to_owned());
    }
    parts.extend(at(file));
    parts.extend(other_end(file));
    parts.extend(file.socket.as_ref().map(|socket| socket.state.to_owned()));
    parts.extend(file.about.clone());
    parts.join(" ")
}

/// How it is open, and how far it was read or written.
fn at(file: &File) -> Option<String> {
    let access = file.access?;
    let is_read = matches!(file.kind, Kind::Regular | Kind::Memfd);
    Some(match (file.position, file.size) {
        (Some(position), Some(size)) if is_read => format!("{access} at {position} of {size}"),
        (Some(position), None) if is_read => format!("{access} at {position}"),
        _ => access.to_owned(),
    })
}

fn other_end(file: &File) -> Option<String> {
    let remote = file.socket.as_ref().and_then(|socket| socket.remote.as_ref());
    match (&file.peers, remote) {
        (Some(peers), Some(remote)) if !is_unix(file) => Some(format!("to {remote} ({})", holders(peers))),
        (Some(peers), _) => Some(format!("to {}", holders(peers))),
        (None, Some(remote)) => Some(format!("to {remote}")),
        (None, None) if file.kind == Kind::Pipe => Some("to no process in the images".to_owned()),
        (None, None) => None,
    }
}

fn is_unix(file: &File) -> bool {
    file.kind == Kind::UnixSocket
}
