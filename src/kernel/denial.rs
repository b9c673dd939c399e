//! Why this program may not freeze a group, and who may.

use std::fmt;

use super::cgroupfs::Group;
use super::processes::user_name;
use crate::model::printable;

/// Why this program may not write a group's freeze request, and who may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// The file belongs to this user, by name; only they and root may write it.
    BelongsTo(String),
    /// The same, but groups below may be made and processes moved there. systemd delegates a group so: `Delegate=` gives its
    /// user the directory, `cgroup.procs`, `cgroup.subtree_control` and `cgroup.threads`, and never `cgroup.freeze`
    /// (`cg_set_access` in src/shared/cgroup-setup.c; /sys/kernel/cgroup/delegate).
    OnlyBelow(String),
    /// The hierarchy is mounted read-only.
    ReadOnly,
    /// This program runs as root, and lacks the right all the same: in a user namespace, or without its capabilities.
    RootWithoutRights,
}

impl Denial {
    /// Looks at a group that may not be written to, without writing.
    pub(super) fn look(group: &Group, is_read_only: bool) -> Self {
        if is_read_only {
            return Self::ReadOnly;
        }
        if nix::unistd::geteuid().is_root() {
            return Self::RootWithoutRights;
        }
        // Of a group that went meanwhile nothing is known; it was root's most likely.
        let owner = group.dir.owner_of(group.version.control_file()).ok().flatten().unwrap_or(0);
        let owner = printable(user_name(owner).as_bytes()).into_owned();
        match group.dir.may_write("cgroup.procs") && group.dir.may_write(".") {
            true => Self::OnlyBelow(owner),
            false => Self::BelongsTo(owner),
        }
    }

    /// Whether it can be done as root of this host.
    pub fn root_may(&self) -> bool {
        matches!(self, Self::BelongsTo(_) | Self::OnlyBelow(_))
    }
}

/// `root`, or `alice or root`.
fn with_root(owner: &str) -> String {
    if owner == "root" { owner.to_owned() } else { format!("{owner} or root") }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelongsTo(owner) => write!(
                f,
                "it belongs to {owner}: run this as {}, or have the group delegated to you",
                with_root(owner)
            ),
            Self::OnlyBelow(owner) => write!(
                f,
                "it belongs to {owner}, and only the groups below it are yours: run this as {}, or create a group \
                 below it, move the processes there, and freeze that",
                with_root(owner)
            ),
            Self::ReadOnly => f.write_str("it is mounted read-only: run this where it can be written to"),
            Self::RootWithoutRights => f.write_str(
                "this root has no right to it: run this on the host itself, with all capabilities",
            ),
        }
    }
}
