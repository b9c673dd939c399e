//! `cryoscope thaw-timer`: the process that thaws a group that was frozen for a time.

use std::os::unix::ffi::OsStrExt;

use super::Failure;
use super::args::{Global, ThawTimer};
use crate::model::{CgroupId, CgroupPath, MountRoot};
use crate::timer::{self, Order};

/// Waits, and thaws.
pub(super) fn run(global: &Global, options: &ThawTimer) -> Result<(), Failure> {
    global.may_write()?;
    let order = Order {
        version: options.freezer,
        mount_point: options.mount.clone(),
        root: MountRoot::parse(options.mounted.as_bytes()),
        group: CgroupPath::new(options.group.as_bytes()),
        id: CgroupId { dev: options.device, ino: options.inode },
        span: options.span,
        requested: options.requested,
    };
    timer::keep(&order).map_err(|why| Failure::new(1, why))
}
