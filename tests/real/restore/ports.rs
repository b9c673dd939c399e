//! Ports of the images that somebody else has by now. criu 4.1 cannot dump an internet socket on Linux 6.16 or newer, so the
//! socket is written into the images of a process that has none.

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use libtest_mimic::Trial;

use super::{BOTH, Killed, assert_failed, assert_restored, restore};
use crate::real::support::requirement::trial;

pub(super) fn tests() -> Vec<Trial> {
    vec![trial("restore::a_port_that_is_in_use", BOTH, port_in_use)]
}

fn port_in_use() {
    let killed = Killed::new(1);
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (tcp_port, udp_port) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    let files = killed.folder().join("files.img");
    let bytes = fs::read(&files).unwrap();
    let (listens, closed) = (10, 7);
    let me = format!("by process {} (", std::process::id());
    let remedy = format!("end process {} first", std::process::id());
    for (protocol, name, state, port) in [(6, "TCP", listens, tcp_port), (17, "UDP", closed, udp_port)] {
        add_socket(&killed.folder(), &bytes, protocol, state, port);
        let what = format!("the {name} port {port} is in use");
        assert_failed(&restore(&killed.folder(), &["--dry-run"]), 4, &[&what, &me, &remedy]);
    }
    drop(udp);
    let output = restore(&killed.folder(), &["--dry-run"]);
    assert_restored(&output);
}

/// Adds a socket to the open files, and to the descriptors of the process.
pub fn add_socket(folder: &Path, files: &[u8], protocol: u64, state: u64, port: SocketAddr) {
    let SocketAddr::V4(v4) = port else { panic!("{port}") };
    let address = u64::from(u32::from_ne_bytes(v4.ip().octets()));
    let (id, inet_socket, descriptor) = (7_000_001, 4, 900);
    let options: Vec<u8> = (1..=6).flat_map(|tag| number(tag, 0)).collect();
    // `inet_sk_entry` of sk-inet.proto, by its tags.
    let socket = [
        (1, id),
        (2, 1),
        (3, 2),
        (4, 1),
        (5, protocol),
        (6, state),
        (7, u64::from(port.port())),
        (8, 0),
        (9, 0),
        (10, 1),
    ];
    let mut entry: Vec<u8> = socket.iter().flat_map(|&(tag, value)| number(tag, value)).collect();
    entry.extend([number(11, address), number(12, 0), message(13, &[]), message(14, &options)].concat());
    let file = [number(1, inet_socket), number(2, id), message(4, &entry)].concat();
    fs::write(folder.join("files.img"), [files, &with_length(&file)].concat()).unwrap();
    // `fdinfo_entry` of fdinfo.proto.
    let open = [number(1, id), number(2, 0), number(3, inet_socket), number(4, descriptor)].concat();
    let table = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_table =
        |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("fdinfo-");
    let table = table.into_iter().find(is_table).unwrap();
    let bytes = fs::read(&table).unwrap();
    if !bytes.ends_with(&with_length(&open)) {
        fs::write(&table, [bytes, with_length(&open)].concat()).unwrap();
    }
}

/// criu's images: the length of each message stands before it.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
}

/// A field that is a number. (protobuf: encoding)
fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

/// A field that is a message.
fn message(tag: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(tag << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
