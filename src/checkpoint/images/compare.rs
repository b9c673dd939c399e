//! Two states of memory, page by page. Both pass at the same time, in ascending order; nothing of them is kept.

use std::collections::HashSet;

use serde::Serialize;

use super::mapping::{Mapping, Walk};
use super::memory::Memory;
use super::pages::{Extent, Pages};
use super::process::Process;
use super::{ImageSet, ImagesError};

/// What changed in the memory of a process, or in a part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MemoryChange {
    /// Pages of which at least one byte differs, of those that both images hold.
    pub changed_pages: u64,
    /// The bytes that differ in them.
    pub changed_bytes: u64,
    /// Memory that only the first images hold.
    pub only_before_bytes: u64,
    /// Memory that only the second images hold.
    pub only_after_bytes: u64,
    /// Memory that could not be compared: it stayed with the process, or is in earlier images that are not there.
    pub uncompared_bytes: u64,
}

impl MemoryChange {
    /// Nothing changed, as far as it could be compared.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: &Self) {
        self.changed_pages += other.changed_pages;
        self.changed_bytes += other.changed_bytes;
        self.only_before_bytes += other.only_before_bytes;
        self.only_after_bytes += other.only_after_bytes;
        self.uncompared_bytes += other.uncompared_bytes;
    }
}

/// What changed in the memory of one mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappingChange {
    /// Its first address; in JSON `0x…`.
    #[serde(serialize_with = "super::mapping::address")]
    pub start: u64,
    /// As in [`Mapping::name`].
    pub name: String,
    /// What changed.
    #[serde(flatten)]
    pub change: MemoryChange,
}

/// What changed in the memory of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemoryDifference {
    /// All of it together.
    #[serde(flatten)]
    pub all: MemoryChange,
    /// The mappings in which something changed.
    pub mappings: Vec<MappingChange>,
}

/// The memory of two sets of images. What processes share is compared once, with the first process that has mapped it.
#[derive(Debug)]
pub struct Comparison {
    before: Memory,
    after: Memory,
    segments: HashSet<u64>,
}

impl Comparison {
    /// Opens both folders again.
    ///
    /// # Errors
    /// One is gone, or may not be read.
    pub fn open(before: &ImageSet, after: &ImageSet) -> Result<Self, ImagesError> {
        Ok(Self { before: Memory::open(before)?, after: Memory::open(after)?, segments: HashSet::new() })
    }

    /// Compares the memory of a process that is in both, page by page.
    ///
    /// # Errors
    /// The images changed meanwhile, or cannot be read.
    pub fn process(&mut self, before: &Process, after: &Process) -> Result<MemoryDifference, ImagesError> {
        let mut places = ByMapping::new(&before.mappings, &after.mappings);
        compare(self.before.pages(before)?, self.after.pages(after)?, &mut places)?;
        for (index, mapping) in after.mappings.iter().enumerate() {
            let Some((segment, _)) = mapping.segment.filter(|(id, _)| !self.segments.contains(id)) else {
                continue;
            };
            let same = before.mappings.binary_search_by_key(&mapping.start, |mapping| mapping.start);
            let earlier = same.ok().and_then(|same| before.mappings.get(same)?.segment);
            let Some((earlier, _)) = earlier else { continue };
            self.segments.insert(segment);
            if let Some(change) = places.changes_after.get_mut(index) {
                compare(self.before.segment(earlier)?, self.after.segment(segment)?, change)?;
            }
        }
        Ok(places.difference())
    }
}

/// How much is read at a time.
const CHUNK_BYTES: u64 = 256 << 10;

/// What a change of the memory at an address is counted to, and up to where that is so.
trait Places {
    /// Asked in ascending order of addresses.
    fn change(&mut self, address: u64) -> (Option<&mut MemoryChange>, u64);
}

/// The changes of each mapping: of those that are there afterwards, and of those that were there before for what is not.
struct ByMapping<'a> {
    before: (&'a [Mapping], Walk),
    after: (&'a [Mapping], Walk),
    changes_before: Vec<MemoryChange>,
    changes_after: Vec<MemoryChange>,
}

impl<'a> ByMapping<'a> {
    fn new(before: &'a [Mapping], after: &'a [Mapping]) -> Self {
        Self {
            before: (before, Walk::default()),
            after: (after, Walk::default()),
            changes_before: vec![MemoryChange::default(); before.len()],
            changes_after: vec![MemoryChange::default(); after.len()],
        }
    }

    fn difference(self) -> MemoryDifference {
        let (before, after) = (self.before.0, self.after.0);
        let all = before.iter().zip(self.changes_before).chain(after.iter().zip(self.changes_after));
        let mut difference = MemoryDifference::default();
        for (mapping, change) in all.filter(|(_, change)| !change.is_none()) {
            difference.all.add(&change);
            let name = mapping.name.to_string();
            difference.mappings.push(MappingChange { start: mapping.start, name, change });
        }
        difference.mappings.sort_by_key(|mapping| mapping.start);
        difference
    }
}

impl Places for ByMapping<'_> {
    fn change(&mut self, address: u64) -> (Option<&mut MemoryChange>, u64) {
        let (after, after_until) = self.after.1.find(self.after.0, address);
        if let Some(index) = after {
            return (self.changes_after.get_mut(index), after_until);
        }
        let (before, before_until) = self.before.1.find(self.before.0, address);
        let until = after_until.min(before_until);
        (before.and_then(|index| self.changes_before.get_mut(index)), until)
    }
}

/// All of it together.
impl Places for MemoryChange {
    fn change(&mut self, _address: u64) -> (Option<&mut MemoryChange>, u64) {
        (Some(self), u64::MAX)
    }
}

/// Compares two states. Without one of them all memory is only in the other.
fn compare(
    mut before: Option<Pages>,
    mut after: Option<Pages>,
    places: &mut impl Places,
) -> Result<(), ImagesError> {
    let page_bytes = [&before, &after].into_iter().flatten().map(|pages| pages.checked.page_bytes).max();
    let mut compared = Buffers::new(page_bytes.unwrap_or(4096));
    let next = |pages: &mut Option<Pages>| pages.as_mut().map_or(Ok(None), Pages::next);
    let (mut first, mut second) = (next(&mut before)?, next(&mut after)?);
    loop {
        let start = match (&first, &second) {
            (None, None) => return Ok(()),
            (Some(one), None) | (None, Some(one)) => one.start,
            (Some(first), Some(second)) => first.start.min(second.start),
        };
        let (change, until) = places.change(start);
        let mut until = until.max(start + 1);
        for extent in [&first, &second].into_iter().flatten() {
            until = until.min(if extent.start > start { extent.start } else { extent.end });
        }
        until = until.min(start.saturating_add(CHUNK_BYTES));
        let mut nowhere = MemoryChange::default();
        let change = change.unwrap_or(&mut nowhere);
        let take = |extent: &mut Option<Extent>| {
            let here = extent.filter(|extent| extent.start == start)?;
            let (taken, rest) = here.split(until - start);
            *extent = rest;
            Some(taken)
        };
        match (take(&mut first), take(&mut second)) {
            (Some(one), Some(two)) if one.is_readable() && two.is_readable() => {
                if let (Some(before), Some(after)) = (&before, &after) {
                    compared.compare((before, &one), (after, &two), change)?;
                }
            }
            (Some(_), Some(_)) => change.uncompared_bytes += until - start,
            (Some(_), None) => change.only_before_bytes += until - start,
            (None, _) => change.only_after_bytes += until - start,
        }
        if first.is_none() {
            first = next(&mut before)?;
        }
        if second.is_none() {
            second = next(&mut after)?;
        }
    }
}

/// Where memory is read to.
struct Buffers {
    page_bytes: usize,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Buffers {
    fn new(page_bytes: u64) -> Self {
        let page_bytes = usize::try_from(page_bytes).unwrap_or(4096);
        Self { page_bytes, before: Vec::new(), after: Vec::new() }
    }

    /// Compares two extents of the same addresses.
    fn compare(
        &mut self,
        before: (&Pages, &Extent),
        after: (&Pages, &Extent),
        change: &mut MemoryChange,
    ) -> Result<(), ImagesError> {
        let length = usize::try_from(before.1.bytes()).unwrap_or(0);
        for ((pages, extent), buffer) in [(before, &mut self.before), (after, &mut self.after)] {
            buffer.resize(length, 0);
            pages.read(extent, buffer)?;
        }
        let pages = self.before.chunks(self.page_bytes).zip(self.after.chunks(self.page_bytes));
        for (before, after) in pages.filter(|(before, after)| before != after) {
            change.changed_pages += 1;
            change.changed_bytes +=
                before.iter().zip(after).filter(|(before, after)| before != after).count() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::images::read;
    use crate::checkpoint::images::tests::memory::{map, page, process};

    /// Two sets of images of process 100, each with these pages.
    fn difference(before: &[(u64, u8)], after: &[(u64, u8)]) -> MemoryDifference {
        let sets = [before, after].map(|pages| {
            let temp = tempfile::tempdir().unwrap();
            let entries: Vec<_> = pages.iter().map(|&(number, _)| (number, 1, 4)).collect();
            let contents: Vec<u8> = pages.iter().flat_map(|&(_, letter)| page(letter)).collect();
            process(temp.path(), &map(), &entries, &contents);
            let set = read(temp.path()).unwrap();
            (temp, set)
        });
        let [(_, before), (_, after)] = &sets;
        let mut comparison = Comparison::open(before, after).unwrap();
        comparison.process(&before.processes[0], &after.processes[0]).unwrap()
    }

    #[test]
    fn pages_are_counted_to_their_mapping() {
        let before = [(1, b'a'), (2, b'b'), (3, b'c'), (4, b'd'), (6, b'f')];
        let after = [(1, b'a'), (2, b'B'), (4, b'D'), (5, b'E'), (6, b'f')];
        let found = difference(&before, &after);
        let of: Vec<_> =
            found.mappings.iter().map(|one| (one.start / 4096, &*one.name, one.change)).collect();
        let heap = MemoryChange {
            changed_pages: 1,
            changed_bytes: 4096,
            only_before_bytes: 4096,
            ..MemoryChange::default()
        };
        let other = MemoryChange {
            changed_pages: 1,
            changed_bytes: 4096,
            only_after_bytes: 4096,
            ..MemoryChange::default()
        };
        assert_eq!(of, [(1, "[heap]", heap), (4, "[anonymous]", other)]);
        assert_eq!((found.all.changed_pages, found.all.only_after_bytes), (2, 4096));
    }

    #[test]
    fn the_same_memory_is_no_difference() {
        let pages = [(1, b'a'), (5, b'b')];
        assert_eq!(difference(&pages, &pages), MemoryDifference::default());
    }
}
