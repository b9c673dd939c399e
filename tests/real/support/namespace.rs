//! Namespaces of a test's own: with one hierarchy only, as hosts with one have; or without the processes of other tests.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::requirement::{Need, trial};

/// Set where a test runs that is isolated: to its [`run_name`].
const ISOLATED: &str = "CRYOSCOPE_TEST_ISOLATED";

/// What the groups of this process are named by, for groups are not isolated: its PID, as it is where the tests were started.
pub fn run_name() -> String {
    std::env::var(ISOLATED).unwrap_or_else(|_| std::process::id().to_string())
}

/// A test with a rescue, which acts on every criu and every journal that it sees. So that it may run beside all others, it is run
/// by this program started again in PID and mount namespaces of its own, with empty runtime folders.
pub fn isolated(name: &str, needs: &'static [Need], test: impl FnOnce() + Send + 'static) -> Trial {
    let own = name.to_owned();
    trial(name, needs, move || if std::env::var_os(ISOLATED).is_some() { test() } else { isolate(&own) })
}

fn isolate(test: &str) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{}.{}", run_name(), NUMBER.fetch_add(1, Ordering::Relaxed));
    // Files that whoever started the tests has left open are of another mount namespace: criu could not dump what inherits them.
    // The shell stays: as PID 1 it reaps what is orphaned.
    let script = "for fd in /proc/$$/fd/*; do fd=${fd##*/}; case $fd in 0 | 1 | 2 | 255) ;; *) eval \"exec $fd>&-\" ;; esac; done; \
                  mkdir -p -m 700 /run/cryoscope && mount -t tmpfs -o mode=700 tmpfs /run/cryoscope && \
                  mount -t tmpfs -o mode=1777 tmpfs /dev/shm && \"$@\"; exit $?";
    let mut command = Command::new("unshare");
    command.args([
        "--pid",
        "--fork",
        "--kill-child",
        "--mount",
        "--mount-proc",
        "bash",
        "-c",
        script,
        "bash",
    ]);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--include-ignored"]);
    // What the harness says would be said twice.
    command.args(["--logfile", "/dev/null"]).env(ISOLATED, name).stdin(Stdio::null());
    let status = command.status().unwrap();
    assert!(status.success(), "{test}: {status}; why is said above");
}

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
