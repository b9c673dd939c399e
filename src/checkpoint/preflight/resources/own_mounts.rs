//! Mounts of a mount namespace of its own that criu cannot make again (`criu/filesystems.c`, `validate_mounts` in
//! `criu/mount.c`).

use super::{Finding, Holder, Host, several};
use crate::kernel::namespaces::{Mount, Namespaces};
use crate::model::printable;
use crate::runtime::systemd::Cause;

/// The file systems that criu makes again. `fuse` is in its table too, for the sake of a message.
const KNOWN: [&[u8]; 17] = [
    b"aufs",
    b"autofs",
    b"binfmt_misc",
    b"cgroup",
    b"cgroup2",
    b"debugfs",
    b"devpts",
    b"devtmpfs",
    b"fusectl",
    b"mqueue",
    b"overlay",
    b"proc",
    b"pstore",
    b"securityfs",
    b"sysfs",
    b"tmpfs",
    b"tracefs",
];

/// Options of criu that take some mounts out.
const GIVEN: [&str; 4] = ["--external", "--ext-mount-map", "-M", "--enable-fs"];

/// `seen`: the mounts of every mount namespace of the tree; `of_root`: those of the root's.
pub(super) fn look(
    root: &Holder<'_>,
    seen: &[Mount],
    of_root: &[Mount],
    host: &Host<'_>,
    own: &Namespaces,
    findings: &mut Vec<Finding>,
) {
    if root.namespaces.get("mnt") == own.get("mnt") || GIVEN.iter().any(|option| host.is_given(option)) {
        return;
    }
    let mut found: Vec<String> =
        seen.iter().filter(|mount| is_lost(mount, seen, of_root)).map(words).collect();
    found.sort_unstable();
    found.dedup();
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "mount",
                format!("criu cannot restore a mount in the mount namespace of the processes: {}", several(&found)),
                "it saves only tmpfs and the kernel's own file systems, and finds only what is on the file system of \
                 /",
            )
            .remedy("unmount it inside (nsenter --target PID --mount umount PATH), or tell criu after -- which mount it is given at the restore: --external mnt[PATH]:NAME")
            .caused_by(Cause::Sandbox)
            .criu_says("mnt: FS mnt … dev … root / unsupported id N"),
        );
    }
}

fn words(mount: &Mount) -> String {
    format!("{} ({})", printable(&mount.point), printable(&mount.kind))
}

/// A whole file system that criu does not know, or a part of one that is nowhere whole. The root and what is bound from it
/// criu takes as it finds it.
fn is_lost(mount: &Mount, seen: &[Mount], of_root: &[Mount]) -> bool {
    let same = |other: &&Mount| other.device == mount.device;
    let of_the_root = |root: &Mount| &*root.point == b"/" && is_below(&mount.root, &root.root);
    if of_root.iter().filter(same).any(of_the_root) {
        return false;
    }
    // A subtype says who serves it: fuse.sshfs.
    let kind = mount.kind.split(|&b| b == b'.').next().unwrap_or_default();
    if kind == b"fuse" {
        return true;
    }
    let whole = |mount: &Mount| &*mount.root == b"/";
    if whole(mount) { !KNOWN.contains(&kind) } else { !seen.iter().filter(same).any(whole) }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(device: &str, root: &str, point: &str, kind: &str) -> Mount {
        let bytes = |text: &str| text.as_bytes().into();
        Mount {
            device: device.into(),
            root: bytes(root),
            point: bytes(point),
            kind: bytes(kind),
            ..Mount::default()
        }
    }

    #[test]
    fn what_criu_makes_again() {
        let all = [
            mount("8:1", "/", "/", "ext4"),
            mount("8:1", "/srv/a", "/a", "ext4"),
            mount("0:5", "/", "/tmp", "tmpfs"),
            mount("0:5", "/x", "/x", "tmpfs"),
            mount("8:2", "/", "/data", "ext4"),
            mount("0:6", "/", "/gvfs", "fuse.gvfsd-fuse"),
            mount("0:7", "/part", "/part", "tmpfs"),
            mount("0:8", "/", "/sys/fs/bpf", "bpf"),
            mount("8:3", "/", "/boot", "fuseblk"),
        ];
        let lost: Vec<_> = all.iter().filter(|mount| is_lost(mount, &all, &all)).map(words).collect();
        let expected = [
            "/data (ext4)",
            "/gvfs (fuse.gvfsd-fuse)",
            "/part (tmpfs)",
            "/sys/fs/bpf (bpf)",
            "/boot (fuseblk)",
        ];
        assert_eq!(lost, expected);
    }

    #[test]
    fn a_root_that_is_a_part() {
        let all = [mount("8:1", "/containers/a", "/", "ext4"), mount("8:1", "/other", "/b", "ext4")];
        let lost: Vec<_> = all.iter().filter(|mount| is_lost(mount, &all, &all)).map(words).collect();
        assert_eq!(lost, ["/b (ext4)"]);
        assert!(is_below(b"/a/b", b"/a") && is_below(b"/a", b"/") && !is_below(b"/ab", b"/a"));
    }
}
