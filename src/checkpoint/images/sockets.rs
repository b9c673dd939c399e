//! Who holds which socket.

use std::collections::HashMap;

use serde::Serialize;

use super::ends::Holders;
use super::process::Process;
use super::socket::Socket;

/// A socket, and the processes that have it open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldSocket {
    /// The socket.
    #[serde(flatten)]
    pub socket: Socket,
    /// Who has it open.
    pub holders: Holders,
    /// Who has its other end open, where that is in the images.
    pub peers: Option<Holders>,
}

/// The sockets of all processes: listening ones first, then those of the internet, then named ones.
pub(super) fn held(processes: &[Process]) -> Vec<HeldSocket> {
    let mut numbers: HashMap<u32, usize> = HashMap::new();
    let mut all: Vec<HeldSocket> = Vec::new();
    for process in processes {
        for open in &process.files.list {
            let Some(socket) = &open.file.socket else { continue };
            let number = *numbers.entry(open.file.id).or_insert_with(|| {
                let (socket, peers) = (socket.clone(), open.file.peers.clone());
                all.push(HeldSocket { socket, holders: Holders::default(), peers });
                all.len() - 1
            });
            if let Some(held) = all.get_mut(number) {
                held.holders.add(process.pid, open.fd);
            }
        }
    }
    all.sort_by_key(|held| {
        let socket = &held.socket;
        (socket.state != "listen", socket.protocol.starts_with("unix"), socket.local.is_empty())
    });
    all
}
