//! The open directories of groups, kept with their flags.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kernel::Dir;

/// A group's open directory, shared by all copies of a record; none where too many are open already. Any two are equal:
/// which group it is, is said by its device and inode.
#[derive(Debug, Clone, Default)]
pub struct Directory(Option<Arc<Kept>>);

#[derive(Debug)]
struct Kept(Dir);

/// So many directories are kept open at most: a process may have 1,024 descriptors, mostly (`RLIMIT_NOFILE`).
const MAX_OPEN_DIRECTORIES: usize = 256;

static OPEN_DIRECTORIES: AtomicUsize = AtomicUsize::new(0);

impl Directory {
    /// Keeps a directory open, unless too many are.
    pub(super) fn keep(dir: Dir) -> Self {
        let kept = Arc::new(Kept(dir));
        let open = OPEN_DIRECTORIES.fetch_add(1, Ordering::Relaxed);
        Self((open < MAX_OPEN_DIRECTORIES).then_some(kept))
    }

    /// The directory.
    pub(super) fn get(&self) -> Option<&Dir> {
        self.0.as_ref().map(|kept| &kept.0)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        OPEN_DIRECTORIES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PartialEq for Directory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
