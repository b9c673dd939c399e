//! A group that an action is for.

use crate::model::{CgroupId, CgroupPath, Version};

/// A group that something is to be done with: pinned by its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its hierarchy.
    pub version: Version,
    /// Its identity.
    pub id: CgroupId,
    /// The path at which it was seen.
    pub path: CgroupPath,
}
