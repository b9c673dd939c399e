//! Unix sockets with their other end outside, and those that were called and have not accepted (`criu/sk-unix.c`).

use std::collections::{BTreeSet, HashMap, HashSet};

use rustix::fs::FileType;

use super::{Finding, Holder, held, name, several};
use crate::kernel::descriptors::Descriptor;
use crate::kernel::unix_sockets::{self, UnixSocket};
use crate::model::printable;
use crate::runtime::systemd::{Cause, is_journal_socket};

/// Sockets with their other end outside, in words.
#[derive(Default)]
struct Outside {
    /// The processes.
    journal: BTreeSet<String>,
    stream: Vec<String>,
    datagram: Vec<String>,
    nameless: Vec<String>,
    /// Listeners whose callers are not dumped.
    called: Vec<String>,
    /// Listeners with a caller that has closed its end before it was accepted.
    abandoned: Vec<String>,
    /// Callers that have sent something before they were accepted.
    unheard: Vec<String>,
}

pub(super) fn look(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let sockets = |holder: &'_ Holder<'_>| -> Vec<Descriptor> {
        holder.open.iter().filter(|open| open.facts.kind == FileType::Socket).cloned().collect()
    };
    let own: HashSet<u64> = holders.iter().flat_map(sockets).map(|open| open.facts.id.2).collect();
    // One table for each network namespace of the tree.
    let mut tables = HashMap::new();
    let mut outside = Outside::default();
    for (holder, open) in holders.iter().flat_map(|h| sockets(h).into_iter().map(move |open| (h, open))) {
        let pid = holder.process.id.pid;
        let table = tables.entry(holder.namespaces.get("net")).or_insert_with(|| unix_sockets::all(pid));
        match table {
            Ok(table) => outside.look(holder, &open, table, &own),
            Err(error) => {
                let what = format!(
                    "the processes at the other ends of the unix sockets of {}",
                    name(holder.process)
                );
                findings.push(Finding::unknown("unix-outside", what, error));
                return;
            }
        }
    }
    outside.say(findings);
}

impl Outside {
    fn look(
        &mut self,
        holder: &Holder<'_>,
        open: &Descriptor,
        table: &HashMap<u64, UnixSocket>,
        own: &HashSet<u64>,
    ) {
        let Some(socket) = table.get(&open.facts.id.2) else { return };
        self.look_at_callers(holder, open, socket, table, own);
        let Some(peer) = socket.peer.filter(|peer| !own.contains(peer)) else { return };
        match table.get(&peer).and_then(|peer| peer.name.as_deref()) {
            // For its output and its errors, most often: told once.
            Some(address) if !socket.datagram && is_journal_socket(address) => {
                self.journal.insert(name(holder.process));
            }
            address => self.add(held(holder, open), socket, address),
        }
    }

    /// What has called a socket, and what has called somebody, without being accepted yet.
    fn look_at_callers(
        &mut self,
        holder: &Holder<'_>,
        open: &Descriptor,
        socket: &UnixSocket,
        table: &HashMap<u64, UnixSocket>,
        own: &HashSet<u64>,
    ) {
        let held = || match socket.name.as_deref() {
            Some(address) => format!("{}, which listens as {}", held(holder, open), printable(address)),
            None => held(holder, open),
        };
        if socket.callers.contains(&0) {
            self.abandoned.push(held());
        } else if socket.callers.iter().any(|caller| !own.contains(caller)) {
            self.called.push(held());
        }
        let is_caller = || table.values().any(|listener| listener.callers.contains(&socket.inode));
        if socket.unread > 0 && socket.peer.is_none() && !socket.datagram && is_caller() {
            self.unheard.push(held());
        }
    }

    fn add(&mut self, held: String, socket: &UnixSocket, address: Option<&[u8]>) {
        let words = match address {
            Some(address) => format!("{held}, connected to {}", printable(address)),
            None => held,
        };
        match (socket.datagram, address) {
            (false, _) => self.stream.push(words),
            (true, Some(_)) => self.datagram.push(words),
            (true, None) => self.nameless.push(words),
        }
    }

    fn say(&self, findings: &mut Vec<Finding>) {
        self.say_callers(findings);
        let half = "Can't dump half of stream unix connection.";
        let journal: Vec<String> = self.journal.iter().cloned().collect();
        if !journal.is_empty() {
            findings.push(
                Finding::blocker(
                    "journal-socket",
                    format!("its output goes to the journal: {}", several(&journal)),
                    "criu cannot dump a stream socket whose other end, journald, is outside the dump",
                )
                .remedy("start it with its output in a file: PROGRAM >FILE 2>&1")
                .caused_by(Cause::Journal)
                .criu_says(half),
            );
        }
        if !self.stream.is_empty() {
            findings.push(
                Finding::blocker(
                    "unix-stream",
                    format!(
                        "a unix socket is connected to a process outside the tree: {}",
                        several(&self.stream)
                    ),
                    "criu cannot dump only one end of a stream",
                )
                .remedy("close the connection, or checkpoint a tree that contains both processes")
                .criu_says(half),
            );
        }
        if !self.nameless.is_empty() {
            findings.push(
                Finding::blocker(
                    "unix-nameless",
                    format!(
                        "a unix datagram socket is connected to an unnamed one outside the tree: {}",
                        several(&self.nameless)
                    ),
                    "without a name, a restore could not find it",
                )
                .remedy("close it, or checkpoint a tree that contains both processes")
                .criu_says("External socket is used. Consider using --ext-unix-sk option."),
            );
        }
        if !self.datagram.is_empty() {
            findings.push(
                Finding::warning(
                    "unix-datagram",
                    format!(
                        "a unix datagram socket is connected to a process outside the tree: {}",
                        several(&self.datagram)
                    ),
                    "that process is not dumped; a restore looks for the socket by its name",
                )
                .remedy("adding --ext-unix-sk; restore with --ext-unix-sk")
                .options(["--ext-unix-sk"])
                .criu_says("External socket is used. Consider using --ext-unix-sk option."),
            );
        }
    }

    fn say_callers(&self, findings: &mut Vec<Finding>) {
        const REMEDY: &str = "try again after the connection has been accepted";
        if !self.abandoned.is_empty() {
            findings.push(
                Finding::blocker(
                    "unix-abandoned",
                    format!("a connection was closed before it was accepted: {}", several(&self.abandoned)),
                    "criu cannot check whether something was sent over it",
                )
                .remedy(REMEDY)
                .criu_says("Found a closed in-flight socket to N"),
            );
        }
        if !self.unheard.is_empty() {
            findings.push(
                Finding::blocker(
                    "unix-unheard",
                    format!(
                        "data was sent over a connection that is not accepted yet: {}",
                        several(&self.unheard)
                    ),
                    "criu cannot read it",
                )
                .remedy(REMEDY)
                .criu_says("Non-empty write queue on an in-flight socket N"),
            );
        }
        if !self.called.is_empty() {
            findings.push(
                Finding::warning(
                    "unix-called",
                    format!(
                        "a connection from outside the tree waits to be accepted: {}",
                        several(&self.called)
                    ),
                    "that connection is not in the images: a restored listener does not have it",
                )
                .remedy(format!("{REMEDY}, or make the client connect again after a restore")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_sentence() {
        let mut outside = Outside::default();
        let socket = |datagram| UnixSocket { inode: 1, datagram, peer: Some(2), ..UnixSocket::default() };
        outside.journal.insert("a".into());
        outside.add("b".into(), &socket(false), None);
        outside.add("c".into(), &socket(true), Some(b"\0abstract\x1b"));
        outside.add("d".into(), &socket(true), None);
        let mut findings = Vec::new();
        outside.say(&mut findings);
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["journal-socket", "unix-stream", "unix-nameless", "unix-datagram"]);
        assert!(findings.iter().all(|finding| !finding.what.contains(['\0', '\x1b'])));
    }
}
