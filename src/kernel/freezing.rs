//! For how long a group has been freezing, as far as the kernel tells.
//!
//! Newer kernels count in `cgroup.stat.local` for how long a group is asked to freeze, but in all: an earlier freeze counts too.
//! When a control file was written last, the kernel keeps only where it was truncated in the same open, as a shell's `>` does
//! (fs/kernfs/inode.c, `kernfs_iop_setattr`). Elsewhere a file's times are those at which it was looked at first, all the same.

use std::time::{Duration, SystemTime};

use super::cgroupfs::{Filesystem, Group};

/// How long a group has been freezing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freezing {
    /// The time.
    pub span: Duration,
    /// It may be less: it is the kernel's count in all, with what an earlier freeze took.
    pub at_most: bool,
}

/// For how long a group is asked to freeze, by itself or by a group above it; `None` where nothing tells.
pub fn duration(fs: &Filesystem, group: &Group) -> Option<Freezing> {
    let above = group.path.ancestors().filter_map(|path| fs.group(&path).ok().flatten());
    let since = requested_for(group).into_iter().chain(above.filter_map(|above| requested_for(&above))).max();
    choose(since, group.frozen_usec().map(Duration::from_micros))
}

/// For how long a group has been asking itself; `None` where it does not ask, or the time of the write is not known.
fn requested_for(group: &Group) -> Option<Duration> {
    group.read().ok().flatten().filter(|read| read.freezer.requested())?;
    let written = group.dir.truncated_at(group.version.control_file()).ok()??;
    SystemTime::now().duration_since(written).ok()
}

/// The kernel's clock of writes is coarse.
const COARSE: Duration = Duration::from_millis(50);

fn choose(since: Option<Duration>, counted: Option<Duration>) -> Option<Freezing> {
    match (since, counted) {
        // Less in all than since that write: the request is another one.
        (Some(since), Some(counted)) if counted + COARSE < since => {
            Some(Freezing { span: counted, at_most: true })
        }
        (Some(span), _) => Some(Freezing { span, at_most: false }),
        (None, counted) => counted.map(|span| Freezing { span, at_most: true }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_write_or_the_count() {
        let [two, nine] = [2, 9].map(Duration::from_secs);
        assert_eq!(choose(Some(two), Some(nine)), Some(Freezing { span: two, at_most: false }));
        assert_eq!(choose(Some(two), None), Some(Freezing { span: two, at_most: false }));
        assert_eq!(choose(Some(nine), Some(two)), Some(Freezing { span: two, at_most: true }));
        assert_eq!(choose(None, Some(nine)), Some(Freezing { span: nine, at_most: true }));
        assert_eq!(choose(None, None), None);
    }
}
