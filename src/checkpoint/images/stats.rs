//! What criu measured during the dump: `stats-dump`.

use std::path::Path;

use serde::Serialize;

use super::ImagesError;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{Dump, Stats};

/// What criu measured; times in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DumpStats {
    /// From the first process being stopped to all being stopped.
    pub freezing_usec: u64,
    /// As long as the processes did not run.
    pub frozen_usec: u64,
    /// Collecting memory.
    pub memdump_usec: u64,
    /// Writing memory.
    pub memwrite_usec: u64,
    /// Pages that were looked at.
    pub pages_scanned: u64,
    /// Pages that the images which these are built on hold already.
    pub pages_skipped_parent: u64,
    /// Pages that were written.
    pub pages_written: u64,
    /// Pages that can be fetched later on.
    pub pages_lazy: u64,
}

impl From<Dump> for DumpStats {
    fn from(dump: Dump) -> Self {
        Self {
            freezing_usec: dump.freezing_time.into(),
            frozen_usec: dump.frozen_time.into(),
            memdump_usec: dump.memdump_time.into(),
            memwrite_usec: dump.memwrite_time.into(),
            pages_scanned: dump.pages_scanned,
            pages_skipped_parent: dump.pages_skipped_parent,
            pages_written: dump.pages_written,
            pages_lazy: dump.pages_lazy,
        }
    }
}

impl DumpStats {
    /// Of two dumps, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            freezing_usec: self.freezing_usec.saturating_add(other.freezing_usec),
            frozen_usec: self.frozen_usec.saturating_add(other.frozen_usec),
            memdump_usec: self.memdump_usec.saturating_add(other.memdump_usec),
            memwrite_usec: self.memwrite_usec.saturating_add(other.memwrite_usec),
            pages_scanned: self.pages_scanned.saturating_add(other.pages_scanned),
            pages_skipped_parent: self.pages_skipped_parent.saturating_add(other.pages_skipped_parent),
            pages_written: self.pages_written.saturating_add(other.pages_written),
            pages_lazy: self.pages_lazy.saturating_add(other.pages_lazy),
        }
    }
}

/// The statistics in a folder; `None` where there are none, or none that can be read. criu writes them where it works (`-W`), which
/// need not be where the images are.
pub fn stats(folder: &Path) -> Option<DumpStats> {
    read(&Folder::open(folder).ok()?).ok()?
}

/// [`stats`], with what is wrong with them.
pub(super) fn read(folder: &Folder) -> Result<Option<DumpStats>, ImagesError> {
    let Some(mut image) = Image::open(folder, "stats-dump", Magic::Stats)? else { return Ok(None) };
    Ok(image.one::<Stats>()?.dump.map(Into::into))
}
