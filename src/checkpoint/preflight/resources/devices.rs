//! Device files and mapped devices (`dump_chrdev` in `criu/files.c`, `handle_vma` in `criu/proc_parse.c`).

use rustix::fs::FileType;

use super::{Finding, Holder, Host, held, name, several};
use crate::kernel::descriptors::Facts;
use crate::kernel::mappings;
use crate::kernel::namespaces::Namespaces;
use crate::model::printable;
use crate::runtime::systemd::Cause;

pub(super) fn look(holders: &[Holder<'_>], host: &Host<'_>, own: &Namespaces, findings: &mut Vec<Finding>) {
    let open = holders.iter().flat_map(|holder| holder.open.iter().map(move |open| (holder, open)));
    let devices = open.filter(|(_, open)| refused(&open.facts));
    let found: Vec<String> = devices.map(|(holder, open)| held(holder, open)).collect();
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "device",
                format!("a device is open: {}", several(&found)),
                "criu cannot save the state of a device",
            )
            .remedy("have it closed; for a GPU, look for criu's plugin for it")
            .caused_by(Cause::Program)
            .criu_says("Can't dump file N of that type"),
        );
    }
    tunnels(holders, host, own, findings);
    mapped(holders, findings);
}

const TUN: (u32, u32) = (10, 200);

/// A tunnel is dumped with its network namespace (`criu/tun.c`); the host's is not dumped.
fn tunnels(holders: &[Holder<'_>], host: &Host<'_>, own: &Namespaces, findings: &mut Vec<Finding>) {
    let here = holders.iter().filter(|holder| host.is_or_comes_here(holder, "net", own));
    let open = here.flat_map(|holder| holder.open.iter().map(move |open| (holder, open)));
    let found: Vec<String> =
        open.filter(|(_, open)| open.facts.device == TUN).map(|(holder, open)| held(holder, open)).collect();
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "tunnel",
                format!("a network tunnel is open: {}", several(&found)),
                "it belongs to this host's network namespace, which criu does not dump",
            )
            .remedy("have it closed, or run the program in a network namespace of its own")
            .caused_by(Cause::Program)
            .criu_says("tun: Net namespace is required to dump tun link"),
        );
    }
}

/// Character devices that criu can open again: those of memory (`/dev/null`, `/dev/urandom`, …), `/dev/autofs`, terminals;
/// `/dev/net/tun` only with the network namespace that its interface is in.
fn refused(facts: &Facts) -> bool {
    let (major, minor) = facts.device;
    match facts.kind {
        FileType::BlockDevice => true,
        FileType::CharacterDevice => !matches!(
            (major, minor),
            (1 | 128..=143 | 188 | 204, _) | (4, 1..=63) | (5, 0..=2) | (10, 200 | 235)
        ),
        _ => false,
    }
}

/// `/dev/zero` is memory like any other.
const ZERO: (u32, u32) = (1, 5);

fn mapped(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let mut found = Vec::new();
    for holder in holders {
        // A device has a path below /dev; the kernel's own memory only looks like one, and other paths are regular files.
        let candidates = holder
            .mapped
            .iter()
            .filter(|m| m.path.starts_with(b"/dev/") && !super::files::is_internal(&m.path));
        for mapping in candidates {
            let words = || format!("{} by {}", printable(&mapping.path), name(holder.process));
            match mappings::facts(&holder.dir, mapping) {
                Ok(facts) if facts.kind == FileType::CharacterDevice && facts.device != ZERO => {
                    found.push(words())
                }
                Ok(_) => {}
                Err(error) => findings.push(Finding::unknown(
                    "device-memory",
                    format!("the mapping {}", words()),
                    error,
                )),
            }
        }
    }
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "device-memory",
                format!("a device's memory is mapped: {}", several(&found)),
                "criu dumps the memory of processes, not of devices",
            )
            .remedy("unmap it; for a GPU, look for criu's plugin for it")
            .criu_says("Can't handle non-regular mapping on N's map …"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices() {
        let facts = |kind, device| Facts { kind, id: (0, 0, 1), links: 1, bytes: 0, device, mount: None };
        for device in [(1, 3), (1, 9), (1, 11), (5, 0), (5, 2), (4, 1), (136, 4), (10, 235), (10, 200)] {
            assert!(!refused(&facts(FileType::CharacterDevice, device)), "{device:?}");
        }
        for device in [(4, 0), (4, 64), (10, 229), (10, 232), (226, 128), (7, 0)] {
            assert!(refused(&facts(FileType::CharacterDevice, device)), "{device:?}");
        }
        assert!(refused(&facts(FileType::BlockDevice, (7, 0))));
        assert!(!refused(&facts(FileType::RegularFile, (0, 0))));
    }
}
