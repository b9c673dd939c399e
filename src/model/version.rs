//! The two versions of cgroups, and the file by which each freezes a group.

use std::fmt;

/// The two kinds of cgroup hierarchy, with two different freezers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// The `freezer` controller of cgroup v1: `freezer.state`.
    /// (kernel: Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst)
    V1,
    /// The core freezer of cgroup v2: `cgroup.freeze`. (kernel: Documentation/admin-guide/cgroup-v2.rst)
    V2,
}

impl Version {
    /// The other one: on a hybrid host every process is in a group of each.
    pub fn other(self) -> Self {
        match self {
            Self::V1 => Self::V2,
            Self::V2 => Self::V1,
        }
    }

    /// The name of the file that freezes a group when it is written to.
    pub fn control_file(self) -> &'static str {
        match self {
            Self::V1 => "freezer.state",
            Self::V2 => "cgroup.freeze",
        }
    }

    /// What is written to [`Self::control_file`] to ask for a freeze (`true`) or to take the request back.
    pub fn request(self, freeze: bool) -> &'static str {
        match (self, freeze) {
            (Self::V1, true) => "FROZEN",
            (Self::V1, false) => "THAWED",
            (Self::V2, true) => "1",
            (Self::V2, false) => "0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}
