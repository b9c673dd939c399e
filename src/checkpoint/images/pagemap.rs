//! A pagemap: which pages of memory are in the images, and where they belong.
//!
//! criu trusts it: an entry that is out of order, or outside what the process has mapped, makes `criu restore` read and log
//! without end (measured with criu 4.1.1 and one flipped bit in an address).

use super::ImagesError;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{PagemapEntry, PagemapHead};

/// The smallest page of any machine, in bytes; other machines have multiples of it.
const PAGE_BYTES: u64 = 4096;

/// What a pagemap says, after it was checked.
#[derive(Debug)]
pub(super) struct Pagemap {
    /// The memory that it describes, in bytes.
    pub bytes: u64,
    /// The size of a page on the machine that made the images, in bytes.
    pub page_bytes: u64,
    /// The image with the pages, where that must be there and is not.
    pub missing_pages: Option<String>,
}

impl Pagemap {
    /// Reads a pagemap to its end. `mapped` are the addresses that its pages may have; `None` where that is not known
    /// (shared memory counts from the segment's start).
    pub(super) fn read(
        mut image: Image,
        folder: &Folder,
        mapped: Option<&Ranges>,
    ) -> Result<Self, ImagesError> {
        let name = format!("pages-{}.img", image.one::<PagemapHead>()?.pages_id);
        let (mut all_pages, mut pages_here, mut end) = (0_u64, 0_u64, 0_u64);
        while let Some(entry) = image.next::<PagemapEntry>()? {
            let pages = pages_of(&entry);
            end = end_of(&entry, PAGE_BYTES, end, mapped).map_err(|why| image.unfit(why))?;
            all_pages = all_pages.saturating_add(pages);
            if is_here(&entry) {
                pages_here = pages_here.saturating_add(pages);
            }
        }
        let Some((size, _)) = folder.look(&name) else {
            let missing_pages = (pages_here > 0).then_some(name);
            return Ok(Self {
                bytes: all_pages.saturating_mul(PAGE_BYTES),
                page_bytes: PAGE_BYTES,
                missing_pages,
            });
        };
        match page_bytes(pages_here, size) {
            Some(page) => {
                Ok(Self { bytes: all_pages.saturating_mul(page), page_bytes: page, missing_pages: None })
            }
            None if size < pages_here.saturating_mul(PAGE_BYTES) => {
                Err(ImagesError::Truncated { file: folder.shown(&name), offset: size })
            }
            None => Err(image.unfit(format!("it names {pages_here} pages, and {name} has {size} bytes"))),
        }
    }
}

/// Checks the pagemaps of shared memory; the images with pages that must be there and are not.
pub(super) fn missing_shared_pages(folder: &Folder, names: &[String]) -> Result<Vec<String>, ImagesError> {
    let mut missing = Vec::new();
    for name in names.iter().filter(|name| name.starts_with("pagemap-shmem-")) {
        if let Some(image) = Image::open(folder, name, Magic::Pagemap)? {
            missing.extend(Pagemap::read(image, folder, None)?.missing_pages);
        }
    }
    Ok(missing)
}

/// How many pages an entry has.
fn pages_of(entry: &PagemapEntry) -> u64 {
    entry.nr_pages.unwrap_or_else(|| u64::from(entry.compat_nr_pages))
}

/// The address behind an entry's last page of that size; says why where the entry cannot stand there. `previous` is the end of
/// the one before.
pub(super) fn end_of(
    entry: &PagemapEntry,
    page_bytes: u64,
    previous: u64,
    mapped: Option<&Ranges>,
) -> Result<u64, String> {
    let (start, pages) = (entry.vaddr, pages_of(entry));
    if !start.is_multiple_of(PAGE_BYTES) {
        return Err(format!("address {start:#x} is not the start of a page"));
    }
    if start < previous {
        return Err(format!(
            "address {start:#x} comes after memory up to {previous:#x}: entries must ascend"
        ));
    }
    let end = pages.checked_mul(page_bytes).and_then(|bytes| start.checked_add(bytes));
    let Some(end) = end.filter(|&end| end > start) else {
        return Err(format!("{pages} pages from {start:#x} on are no range of memory"));
    };
    if mapped.is_some_and(|mapped| !mapped.cover(start, end)) {
        return Err(format!(
            "{pages} pages from {start:#x} on are not in memory that the process had mapped"
        ));
    }
    Ok(end)
}

/// Ranges of addresses: sorted, those that touch each other made one. Empty where nothing is known.
#[derive(Debug, Default)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(super) fn of(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut sorted: Vec<(u64, u64)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (start, end) in sorted {
            match ranges.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => ranges.push((start, end)),
            }
        }
        Self(ranges)
    }

    fn cover(&self, start: u64, end: u64) -> bool {
        let at = self.0.partition_point(|range| range.0 <= start);
        self.0.is_empty() || at.checked_sub(1).is_some_and(|at| end <= self.0[at].1)
    }
}

/// The page size of the machine that made the images, from how many bytes that many pages take; `None` where they do not fit.
fn page_bytes(pages: u64, bytes: u64) -> Option<u64> {
    if pages == 0 {
        return Some(PAGE_BYTES);
    }
    [PAGE_BYTES, 16 << 10, 64 << 10].into_iter().find(|&page| pages.checked_mul(page) == Some(bytes))
}

/// Whether the pages are in these images: not in the ones that these are built on, and not left with the process
/// (criu/include/pagemap.h: `PE_PARENT` 1, `PE_LAZY` 2, `PE_PRESENT` 4; without flags everything is here).
pub(super) fn is_here(entry: &PagemapEntry) -> bool {
    match entry.flags {
        _ if entry.in_parent == Some(true) => false,
        Some(flags) => flags & 1 == 0 && flags & 4 != 0,
        None => true,
    }
}

/// Whether the pages are in the images that these are built on.
pub(super) fn is_in_parent(entry: &PagemapEntry) -> bool {
    entry.in_parent == Some(true) || entry.flags.is_some_and(|flags| flags & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_fit_their_file() {
        assert_eq!(page_bytes(0, 0), Some(4096));
        assert_eq!(page_bytes(3, 3 * 4096), Some(4096));
        assert_eq!(page_bytes(3, 3 * 65_536), Some(65_536));
        assert_eq!(page_bytes(3, 3 * 4096 - 1), None);
        assert_eq!(page_bytes(u64::MAX, 4096), None);
    }

    #[test]
    fn entries_ascend_within_what_is_mapped() {
        let mapped = [(0x1000, 0x3000), (0x3000, 0x5000), (0x9000, 0xa000)];
        let mapped = Ranges::of(mapped);
        let end = |vaddr, pages, previous| {
            let entry = PagemapEntry { vaddr, nr_pages: Some(pages), ..PagemapEntry::default() };
            end_of(&entry, PAGE_BYTES, previous, Some(&mapped))
        };
        assert_eq!(end(0x2000, 3, 0x2000), Ok(0x5000), "across two mappings that touch");
        for (vaddr, pages, previous, why) in [
            (0x2008, 1, 0, "not the start of a page"),
            (0x2000, 1, 0x3000, "entries must ascend"),
            (0x2000, 0, 0, "no range of memory"),
            (0x2000, u64::MAX, 0, "no range of memory"),
            (0x4000, 2, 0, "not in memory that the process had mapped"),
            (0x8000, 1, 0, "not in memory that the process had mapped"),
            (0x0000, 1, 0, "not in memory that the process had mapped"),
        ] {
            let error = end(vaddr, pages, previous).unwrap_err();
            assert!(error.contains(why), "{vaddr:#x} {pages}: {error}");
        }
    }

    #[test]
    fn where_no_mapping_is_known_every_page_may_be() {
        assert!(Ranges::default().cover(0x1000, 0x2000));
    }
}
