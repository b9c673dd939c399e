//! The small host on which a tape, or a reader of the README, works.

use std::path::Path;
use std::process::Command;

use cryoscope::kernel::mounts::hierarchies;

use super::parse::Tape;
use crate::real::support::Group;
use crate::real::support::requirement::criu;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");

/// A group that looks like a host: whoever is in it has it as the root of the only hierarchy, has the program and a criu in
/// `/usr/local/bin`, and has `/var/tmp` and `/run` (with the journals of checkpoints) to itself. It goes with everything in it when
/// it is dropped.
pub struct Stage {
    group: Group,
    /// criu writes down the groups of the other hierarchy, too: in its root that would be all of the host.
    beside: Option<Group>,
}

/// Makes the host of `$1` (the group), `$2` (the program) and `$3` (criu), and goes on as what is behind them.
const SETTING: &str = r#"
set -e
# What whoever runs the tests has left open would be open in what criu is to dump.
for open in /proc/self/fd/*; do
  [ "${open##*/}" -le 2 ] || eval "exec ${open##*/}<&-"
done
mount --bind "$1" /mnt
umount -R /sys/fs/cgroup
mount --move /mnt /sys/fs/cgroup
awk '$3 == "cgroup" { print $2 }' /proc/self/mounts | xargs -r -n 1 umount -l
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
ln -s "$2" /usr/local/bin/cryoscope
cp -L "$3" /usr/local/bin/criu
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
mount -t tmpfs -o mode=755 tmpfs /run
echo web-1 > /proc/sys/kernel/hostname
shift 3
exec "$@"
"#;

impl Stage {
    pub fn new(name: &str) -> Self {
        let beside = hierarchies().unwrap().v1.is_some().then(|| Group::v1(name));
        Self { group: Group::v2(name), beside }
    }

    /// A command that runs a program there.
    pub fn command(&self, program: &[&str]) -> Command {
        let join = "for group do [ \"$group\" = -- ] && break; echo 0 > \"$group/cgroup.procs\"; shift; done; shift; \
                    exec unshare --cgroup --uts --mount --propagation private --pid --fork --kill-child --mount-proc bash -c \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", join, "sh"]);
        command.args(std::iter::once(&self.group).chain(&self.beside).map(Group::path));
        command.args(["--", SETTING, "bash"]).arg(self.group.path()).args([Path::new(PROGRAM), &criu()]);
        command.args(program).env("PATH", "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin");
        command.env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
        command
    }

    /// The shell that a tape is played in, as VHS starts it.
    pub fn shell(&self, tape: &Tape) -> Command {
        // A bash without a terminal, such as the one that makes the host, drops PS1.
        let prompt = r"PS1=\[\e[38;2;138;180;248m\]> \[\e[0m\]";
        let shell = ["setsid", "--ctty", "env", prompt, "bash", "--noprofile", "--norc", "+o", "history"];
        let mut command = self.command(&shell);
        command.env("COLORTERM", "truecolor").env("COLORFGBG", "15;0");
        command.envs(tape.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}
