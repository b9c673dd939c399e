//! Who carries this session besides those that started it: whoever holds the other end of its terminal, whoever shows that to a
//! person, and whoever serves the file systems that it runs on. Found by what they have open, never by their names.

use std::collections::{BTreeMap, HashMap};

use super::open_files::{OpenFiles, Terminal};
use super::refusal::Why;
use crate::kernel::descriptors::ProcessDir;
use crate::kernel::fuse::{self, Servers};
use crate::kernel::namespaces::mounts;
use crate::kernel::status::Status;
use crate::kernel::unix_sockets::{self, UnixSocket};

/// A terminal in a terminal in a terminal: nobody has more of them.
const MAX_TERMINALS: usize = 32;

/// The processes that this session depends on, besides those of `lineage`: this program and those that it was started from.
pub(super) fn carriers(lineage: &[i32]) -> Vec<(i32, Why)> {
    let mut search = Search::default();
    for &pid in lineage {
        let terminals = search.open(pid).map(|open| open.sits_at().collect());
        search.add(terminals.unwrap_or_default());
    }
    let mut next = 0;
    while let Some(&terminal) = search.terminals.get(next).filter(|_| next < MAX_TERMINALS) {
        next += 1;
        for holder in search.masters(terminal) {
            search.carries(holder, Why::HoldsTerminal);
            // What it passes on goes to all terminals that it has open.
            let terminals = search.open(holder).map(|open| open.terminals().collect());
            search.add(terminals.unwrap_or_default());
            for shower in search.showers(holder, lineage) {
                search.carries(shower, Why::ShowsTerminal);
                let terminals = search.open(shower).map(|open| open.sits_at().collect());
                search.add(terminals.unwrap_or_default());
            }
        }
    }
    let connections = fuse_connections(lineage);
    let servers = if connections.is_empty() { Servers::default() } else { Servers::read() };
    for (connection, user) in connections {
        servers.of(connection, user).into_iter().for_each(|server| search.carries(server, Why::ServesFiles));
    }
    search.found.retain(|(pid, _)| !lineage.contains(pid));
    search.found
}

#[derive(Debug, Default)]
struct Search {
    /// What was read so far.
    open: BTreeMap<i32, OpenFiles>,
    /// Whether that is all there is.
    complete: bool,
    /// The terminals that are part of this session.
    terminals: Vec<Terminal>,
    found: Vec<(i32, Why)>,
}

impl Search {
    fn carries(&mut self, pid: i32, why: Why) {
        if self.found.iter().all(|(found, _)| *found != pid) {
            self.found.push((pid, why));
        }
    }

    fn open(&mut self, pid: i32) -> Option<&OpenFiles> {
        if !self.complete && !self.open.contains_key(&pid) {
            self.open.extend(OpenFiles::of(pid).map(|open| (pid, open)));
        }
        self.open.get(&pid)
    }

    fn add(&mut self, terminals: Vec<Terminal>) {
        for terminal in terminals {
            if !self.terminals.contains(&terminal) {
                self.terminals.push(terminal);
            }
        }
    }

    fn read_all(&mut self) {
        if !std::mem::replace(&mut self.complete, true) {
            self.open = OpenFiles::of_all().into_iter().map(|open| (open.pid, open)).collect();
        }
    }

    /// Those that hold the other end of a pseudo-terminal. Mostly one that this program was started from does.
    fn masters(&mut self, terminal: Terminal) -> Vec<i32> {
        let known = |search: &Self| -> Vec<i32> {
            search.open.values().filter(|open| open.is_master_of(terminal)).map(|open| open.pid).collect()
        };
        let found = known(self);
        if !found.is_empty() || self.complete || terminal.device.0 != 136 {
            return found;
        }
        self.read_all();
        known(self)
    }

    /// Those that show a person what a process with the other end of a terminal passes on: clients that are attached to it by a
    /// socket (tmux, screen), and the display server that it is itself a client of.
    fn showers(&mut self, holder: i32, lineage: &[i32]) -> Vec<i32> {
        let Some(open) = self.open.get(&holder).filter(|open| !open.sockets.is_empty()) else {
            return Vec::new();
        };
        let Ok(table) = unix_sockets::all(holder) else { return Vec::new() };
        // Without a terminal but its own there is none that a client could have passed to it.
        let has_terminals = open.terminals().any(|terminal| !open.is_master_of(terminal));
        let connections = open.sockets.iter().filter_map(|inode| connection(&table, *inode));
        let connections: HashMap<u64, Role> =
            connections.filter(|(_, role)| has_terminals || *role != Role::Pair).collect();
        if connections.is_empty() {
            return Vec::new();
        }
        self.read_all();
        let Some(server) = self.open.get(&holder) else { return Vec::new() };
        let shows = |open: &&OpenFiles| {
            open.pid != holder
                && !lineage.contains(&open.pid)
                && open.sockets.iter().any(|inode| match connections.get(inode) {
                    Some(Role::Pair) => is_attached(open, server),
                    Some(Role::Client) => {
                        is_attached(open, server) || is_at_a_terminal_of_its_own(open, server)
                    }
                    Some(Role::Server) => open.has_input,
                    None => false,
                })
        };
        self.open.values().filter(shows).map(|open| open.pid).collect()
    }
}

/// What the process at the other end of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
    /// The two were made together (socketpair(2)), as by the client of tmux that starts the server.
    Pair,
}

/// The socket at the other end. The server's end has a name, which it takes over from the listener. (unix(7))
fn connection(table: &HashMap<u64, UnixSocket>, inode: u64) -> Option<(u64, Role)> {
    let socket = table.get(&inode)?;
    let peer = socket.peer?;
    if socket.name.is_some() {
        return Some((peer, Role::Client));
    }
    Some((peer, if table.get(&peer)?.name.is_some() { Role::Server } else { Role::Pair }))
}

/// The terminals that a client sits at. One of the server's own shows nothing: what runs there is what is shown.
fn terminals_of<'a>(client: &'a OpenFiles, server: &'a OpenFiles) -> impl Iterator<Item = Terminal> + 'a {
    client.sits_at().filter(|&terminal| !server.is_master_of(terminal))
}

/// Whether a server writes to the client's terminal itself, as tmux and screen do: then it has that open.
fn is_attached(client: &OpenFiles, server: &OpenFiles) -> bool {
    terminals_of(client, server).any(|terminal| server.terminals().any(|open| open == terminal))
}

/// Whether a client may write to its terminal what the server sends (dtach, conmon). Only one of the same user's or of root's: others
/// could connect to whatever socket is open to them.
fn is_at_a_terminal_of_its_own(client: &OpenFiles, server: &OpenFiles) -> bool {
    let user = uid(client.pid);
    (user == Some(0) || user == uid(server.pid)) && terminals_of(client, server).next().is_some()
}

/// The real user of a process.
fn uid(pid: i32) -> Option<u32> {
    Status::read(pid).ok()??.number("Uid")?.try_into().ok()
}

/// The FUSE file systems that the working directory, the program or the root of these processes is on: the number of the
/// connection, and the user that serves it.
fn fuse_connections(lineage: &[i32]) -> Vec<(u32, Option<u32>)> {
    let mut found = Vec::new();
    for &pid in lineage {
        let Ok(Some(process)) = ProcessDir::open(pid) else { continue };
        let used: Vec<u64> =
            ["cwd", "exe", "root"].iter().filter_map(|place| process.facts(place).ok()?.mount).collect();
        for mount in mounts(&process).unwrap_or_default() {
            if mount.kind.starts_with(b"fuse") && used.contains(&mount.id) {
                found.extend(fuse::connection(&mount).map(|connection| (connection, mount.served_by)));
            }
        }
    }
    found
}
