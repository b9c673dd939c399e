//! Files that are no files: what the kernel hands out as a descriptor without a path (`dump_one_file` in `criu/files.c`).

use std::path::Path;

use super::{Finding, Holder, Host, held, several};
use crate::kernel::descriptors::Descriptor;
use crate::runtime::systemd::Cause;

/// What criu can dump.
const DUMPED: [&[u8]; 7] =
    [b"eventfd", b"eventpoll", b"inotify", b"fanotify", b"signalfd", b"timerfd", b"pidfd"];

pub(super) fn look(holders: &[Holder<'_>], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let open = || holders.iter().flat_map(|holder| holder.open.iter().map(move |open| (holder, open)));
    let of = |wanted: &dyn Fn(&[u8]) -> bool| {
        let kinds = open().filter(|(_, open)| kind(&open.link).is_some_and(wanted));
        kinds.map(|(holder, open)| held(holder, open)).collect::<Vec<String>>()
    };
    rings(&of(&|kind| kind == b"io_uring"), findings);
    maps(&of(&|kind| kind == b"bpf-map"), host, findings);
    let old = host.criu.is_some_and(|version| version < (4, 1));
    let apart: [&[u8]; 2] = [b"io_uring", b"bpf-map"];
    let others = of(&|kind| !apart.contains(&kind) && (!DUMPED.contains(&kind) || old && kind == b"pidfd"));
    unsupported(&others, findings);
    let gone = |open: &Descriptor| open.info.pid.is_some_and(|pid| pid > 0 && !is_in(holders, pid));
    let outside: Vec<String> =
        open().filter(|(_, open)| gone(open)).map(|(holder, open)| held(holder, open)).collect();
    strangers(&outside, findings);
}

/// An inotify(7) descriptor.
pub(super) fn is_inotify(link: &[u8]) -> bool {
    kind(link).is_some_and(|kind| kind == b"inotify")
}

/// `eventfd` of `anon_inode:[eventfd]`, `bpf-map` of `anon_inode:bpf-map`.
fn kind(link: &[u8]) -> Option<&[u8]> {
    let name = link.strip_prefix(b"anon_inode:")?;
    Some(name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name))
}

fn is_in(holders: &[Holder<'_>], pid: i32) -> bool {
    holders.iter().any(|holder| holder.process.id.pid == pid)
}

/// libuv asks its variable no more for the ring that it makes for each loop (`uv__use_io_uring` in `src/unix/linux.c`): measured,
/// Node.js 20 does without with its own libuv, and not with Debian 13's. The kernel's setting:
/// Documentation/admin-guide/sysctl/kernel.rst.
fn rings(found: &[String], findings: &mut Vec<Finding>) {
    if !found.is_empty() {
        // The rings are mapped, and criu fails on the mapping; without one, on the descriptor: it cannot be sent to criu.
        findings.push(
            Finding::blocker(
                "io-uring",
                format!("io_uring is used: {}", several(found)),
                "criu cannot dump it",
            )
            .remedy("start it without io_uring: as a service with [Service] SystemCallFilter=~io_uring_setup:ENOSYS, Node.js with an older libuv with UV_USE_IO_URING=0 in its environment, others by their own settings; or sysctl -w kernel.io_uring_disabled=2 before it starts (Linux 6.6 or newer; nothing on this host gets io_uring then, until it is 0 again)")
            .caused_by(Cause::IoUring)
            .criu_says("Unknown shit … (anon_inode:[io_uring])"),
        );
    }
}

/// BPF maps, which a criu without libbpf has no code for.
fn maps(found: &[String], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let level = match host.program.and_then(links_libbpf) {
        _ if found.is_empty() => return,
        Some(true) => return,
        Some(false) => Finding::blocker,
        None => Finding::warning,
    };
    findings.push(
        level(
            "bpf-map",
            format!("a BPF map is open: {}", several(found)),
            "only a criu built with libbpf can dump it, and Debian's is not".to_owned(),
        )
        .remedy("have it closed, or use a criu that was built with libbpf (--criu PATH)")
        .caused_by(Cause::Program)
        .criu_says("Can't dump file N of that type [600] (anon anon_inode:bpf-map)"),
    );
}

/// Whether a program is linked with libbpf; `None` where it is no program itself but a script that starts one, or cannot be
/// read.
fn links_libbpf(program: &Path) -> Option<bool> {
    let bytes = std::fs::read(program).ok().filter(|bytes| bytes.starts_with(b"\x7fELF"))?;
    let name = b"libbpf.so";
    Some(bytes.windows(name.len()).any(|window| window == name))
}

fn unsupported(found: &[String], findings: &mut Vec<Finding>) {
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "unsupported-file",
                format!("criu cannot dump {}", several(found)),
                "only the kernel knows its state",
            )
            .remedy("start the program so that it does without, or stop what uses it first")
            .caused_by(Cause::Program)
            .criu_says("Can't dump file N of that type [600] (anon …)"),
        );
    }
}

fn strangers(found: &[String], findings: &mut Vec<Finding>) {
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "pidfd-outside",
                format!("a pidfd refers to a process outside the tree: {}", several(found)),
                "that process is not dumped, so a restore could not find it",
            )
            .remedy("checkpoint a tree that contains both processes, or close the pidfd")
            .criu_says("pidfd pid N is not a part of process tree.."),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_scripts() {
        let script = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(script.path(), "#!/bin/sh\n# libbpf.so\n").unwrap();
        assert_eq!(links_libbpf(script.path()), None);
        std::fs::write(script.path(), b"\x7fELF\0libc.so.6\0").unwrap();
        assert_eq!(links_libbpf(script.path()), Some(false));
        std::fs::write(script.path(), b"\x7fELF\0libbpf.so.1\0").unwrap();
        assert_eq!(links_libbpf(script.path()), Some(true));
    }

    #[test]
    fn kinds() {
        assert_eq!(kind(b"anon_inode:[eventfd]"), Some(&b"eventfd"[..]));
        assert_eq!(kind(b"anon_inode:bpf-map"), Some(&b"bpf-map"[..]));
        assert_eq!(kind(b"anon_inode:["), Some(&b"["[..]));
        assert_eq!(kind(b"/anon_inode:x"), None);
    }
}
