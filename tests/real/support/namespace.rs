//! Mount namespaces that show one hierarchy only, as hosts with one do.

use std::ffi::OsStr;
use std::process::Command;

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;

/// A command that runs a program in a mount namespace of its own: one with cgroup v2 alone, at `/sys/fs/cgroup`, or one with
/// v1 alone. Give it arguments as to any command. Needs root and, for v1, a host that has it.
pub fn only(version: Version, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c"]);
    let host = hierarchies().unwrap();
    match (version, &host.v2) {
        (Version::V2, _) => {
            let first = "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup";
            command.arg(format!("{first} && exec \"$@\"")).arg("sh");
        }
        (Version::V1, None) => {
            command.arg("exec \"$@\"").arg("sh");
        }
        (Version::V1, Some(v2)) => {
            command.arg("umount \"$0\" && exec \"$@\"").arg(&v2.mount_point);
        }
    }
    command.arg(program);
    command
}
