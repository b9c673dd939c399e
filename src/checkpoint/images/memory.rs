//! The memory of the processes in a set of images: read when it is asked for, never kept.

use super::folder::Folder;
use super::lineage::Lineage;
use super::mapping::Mapping;
use super::pagemap::Ranges;
use super::pages::Pages;
use super::process::{Process, State, pagemap};
use super::{ImageSet, ImagesError};

/// The pagemap of a segment of shared memory: its number follows.
const SEGMENT: &str = "pagemap-shmem-";

/// How much memory is read at a time.
pub(super) const CHUNK_BYTES: u64 = 1 << 20;

/// The memory of the processes in a set of images.
#[derive(Debug)]
pub struct Memory {
    lineage: Lineage,
}

impl Memory {
    /// Opens the folder of a set again.
    ///
    /// # Errors
    /// It is gone, or may not be read.
    pub fn open(set: &ImageSet) -> Result<Self, ImagesError> {
        Ok(Self { lineage: Lineage::open(Folder::open(&set.place)?)? })
    }

    /// The variables with which a process was started, as its memory has them now; printable. `None` where it has no memory.
    ///
    /// # Errors
    /// The images changed meanwhile, or cannot be read.
    pub fn environment(&self, process: &Process) -> Result<Option<Vec<String>>, ImagesError> {
        let pages = self.pages(process)?;
        pages.map(|mut pages| process.environment_place.read(&mut pages)).transpose()
    }

    /// Reads all memory of a process that the images hold, in ascending order, in pieces with their addresses, until one is
    /// refused. How many bytes they do not hold.
    ///
    /// # Errors
    /// The images changed meanwhile, or cannot be read.
    pub fn each(
        &self,
        process: &Process,
        take: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Result<u64, ImagesError> {
        let (mut missing, mut bytes) = (0, Vec::new());
        let Some(mut pages) = self.pages(process)? else { return Ok(0) };
        while let Some(extent) = pages.next()? {
            if !extent.is_readable() {
                missing += extent.bytes();
                continue;
            }
            let mut rest = Some(extent);
            while let Some(extent) = rest {
                let (chunk, behind) = extent.split(CHUNK_BYTES);
                bytes.resize(usize::try_from(chunk.bytes()).unwrap_or(0), 0);
                pages.read(&chunk, &mut bytes)?;
                if !take(chunk.start, &bytes) {
                    return Ok(missing);
                }
                rest = behind;
            }
        }
        Ok(missing)
    }

    /// The numbers of the segments of shared memory that the images hold.
    pub(super) fn segments(&self) -> Result<Vec<u64>, ImagesError> {
        let number = |name: &String| name.strip_prefix(SEGMENT)?.strip_suffix(".img")?.parse().ok();
        let mut all: Vec<u64> = self.lineage.first().names()?.iter().filter_map(number).collect();
        all.sort_unstable();
        Ok(all)
    }

    /// The memory of a segment, by offsets in it; `None` where the images do not hold it.
    pub(super) fn segment(&self, number: u64) -> Result<Option<Pages>, ImagesError> {
        Pages::open(self.lineage.folders(), &format!("{SEGMENT}{number}.img"), None)
    }

    /// The memory of a process; `None` where it has none.
    pub(super) fn pages(&self, process: &Process) -> Result<Option<Pages>, ImagesError> {
        let Ok(pid) = u32::try_from(process.pid) else { return Ok(None) };
        if process.state == State::Zombie {
            return Ok(None);
        }
        let range = |mapping: &Mapping| (mapping.start, mapping.end);
        let mapped = Ranges::of(process.mappings.iter().map(range));
        Pages::open(self.lineage.folders(), &pagemap(pid), Some(&mapped))
    }
}
