//! Mount namespaces that show one hierarchy only, as hosts with one do.

use std::ffi::OsStr;
use std::process::Command;

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;

/// A command that runs a program in a mount namespace of its own: one with cgroup v2 alone, at `/sys/fs/cgroup`, or one with
/// v1 alone. Give it arguments as to any command. Needs root and, for v1, a host that has it.
///
/// The v2 mount of the host is moved, not made anew: the options of a new mount (none) would become those of the host's, which
/// then has lost `nsdelegate` and `memory_recursiveprot`.
pub fn only(version: Version, program: impl AsRef<OsStr>) -> Command {
    let host = hierarchies().unwrap();
    let script = match (version, &host.v2) {
        (Version::V2, _) => {
            // Whatever else of v1 is mounted on the host (by a container that is being started) goes as well.
            "mount --bind \"$0\" /mnt && umount -R /sys/fs/cgroup && mount --move /mnt /sys/fs/cgroup && \
             awk '$3 == \"cgroup\" { print $2 }' /proc/self/mounts | xargs -r -n 1 umount -l && exec \"$@\""
        }
        (Version::V1, None) => "exec \"$@\"",
        (Version::V1, Some(_)) => "umount \"$0\" && exec \"$@\"",
    };
    let v2 = host.v2.map_or_else(|| "sh".into(), |v2| v2.mount_point);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(v2).arg(program.as_ref());
    command
}
