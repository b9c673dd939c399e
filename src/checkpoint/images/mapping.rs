//! What a process has mapped, and how much of it the images hold.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::files::Files;
use super::message::{MemoryMap, Vma};

/// A range of addresses that a process has mapped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// The first address; in JSON `0x…`.
    #[serde(serialize_with = "address")]
    pub start: u64,
    /// The address behind the last; in JSON `0x…`.
    #[serde(serialize_with = "address")]
    pub end: u64,
    /// Its size.
    pub bytes: u64,
    /// How much of it the images hold, those that these are built on included.
    pub held_bytes: u64,
    /// As in `/proc/PID/maps`: `rw-p`.
    pub permissions: String,
    /// What is mapped: a path, `[heap]`, `[stack]`, `[anonymous]`, `[shared memory N]`, …; printable.
    #[serde(serialize_with = "text")]
    pub name: Arc<str>,
    /// The segment of shared memory that it shows, and from where on.
    #[serde(skip)]
    pub(super) segment: Option<(u64, u64)>,
}

impl Mapping {
    /// How far behind its first address this one is.
    pub fn offset(&self, address: u64) -> u64 {
        address.saturating_sub(self.start)
    }

    /// Where an offset in the segment that it shows is mapped; `None` where it is not.
    pub(super) fn address_in_segment(&self, offset: u64) -> Option<u64> {
        let behind = offset.checked_sub(self.segment?.1).filter(|&behind| behind < self.bytes)?;
        self.start.checked_add(behind)
    }
}

pub(super) fn address<S: Serializer>(address: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{address:#x}"))
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// criu/include/image.h: `VMA_…`.
const STACK: u32 = 1 << 1;
const VSYSCALL: u32 = 1 << 2;
const VDSO: u32 = 1 << 3;
const HEAP: u32 = 1 << 5;
const FILE_PRIVATE: u32 = 1 << 6;
const FILE_SHARED: u32 = 1 << 7;
const ANON_SHARED: u32 = 1 << 8;
const SYSTEM_V: u32 = 1 << 10;
const SOCKET: u32 = 1 << 11;
const VVAR: u32 = 1 << 12;
const AIO_RING: u32 = 1 << 13;
const MEMFD: u32 = 1 << 14;
/// `MAP_SHARED` and `MAP_GROWSDOWN` of mmap(2).
const SHARED: u32 = 1;
const GROWS_DOWN: u32 = 0x100;

/// The mappings of a process, in ascending order. A name that occurs often is kept once.
pub(super) fn mappings(
    memory: &MemoryMap,
    files: &Files,
    names: &mut HashMap<String, Arc<str>>,
) -> Vec<Mapping> {
    let mut vmas: Vec<&Vma> = memory.vmas.iter().filter(|vma| vma.end > vma.start).collect();
    vmas.sort_by_key(|vma| vma.start);
    let mut mapping = |vma: &Vma| {
        let name = name(vma, files);
        let name = match names.get(&name) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(names.entry(name.clone()).or_insert(name.into())),
        };
        let is_segment = vma.status & (ANON_SHARED | SYSTEM_V) != 0;
        let segment = match vma.status & MEMFD != 0 {
            true => files.segment(vma.shmid),
            false => is_segment.then_some(vma.shmid),
        };
        Mapping {
            start: vma.start,
            end: vma.end,
            bytes: vma.end - vma.start,
            held_bytes: 0,
            permissions: permissions(vma),
            name,
            segment: segment.map(|segment| (segment, vma.pgoff)),
        }
    };
    vmas.into_iter().map(&mut mapping).collect()
}

fn name(vma: &Vma, files: &Files) -> String {
    let is = |bit| vma.status & bit != 0;
    let file = || u32::try_from(vma.shmid).ok().and_then(|id| files.name(id));
    let plain = |name: &str| name.to_owned();
    if is(MEMFD) {
        return match file() {
            // criu takes anonymous memory that is shared for a memory file.
            Some(name) if name == "/dev/zero" => plain("[shared anonymous]"),
            Some(name) => format!("memfd:{name}"),
            None => plain("[memfd]"),
        };
    }
    if is(FILE_PRIVATE | FILE_SHARED) {
        return file().unwrap_or_else(|| plain("[unknown file]"));
    }
    match () {
        () if is(HEAP) => plain("[heap]"),
        () if is(STACK) || vma.flags & GROWS_DOWN != 0 => plain("[stack]"),
        () if is(VDSO) => plain("[vdso]"),
        () if is(VVAR) => plain("[vvar]"),
        () if is(VSYSCALL) => plain("[vsyscall]"),
        () if is(SYSTEM_V) => format!("[System V shared memory {}]", vma.shmid),
        () if is(ANON_SHARED) => format!("[shared memory {}]", vma.shmid),
        () if is(AIO_RING) => plain("[aio ring]"),
        () if is(SOCKET) => plain("[socket]"),
        () => plain("[anonymous]"),
    }
}

/// As in proc_pid_maps(5).
fn permissions(vma: &Vma) -> String {
    let letter = |bit, letter| if vma.prot & bit != 0 { letter } else { '-' };
    let shared = if vma.flags & SHARED != 0 { 's' } else { 'p' };
    [letter(1, 'r'), letter(2, 'w'), letter(4, 'x'), shared].iter().collect()
}

/// Walks through mappings as addresses ascend.
#[derive(Debug, Default)]
pub(super) struct Walk {
    at: usize,
}

impl Walk {
    /// The number of the mapping that an address is in, or `None`, and the address up to which that is so. Ask in ascending order.
    pub(super) fn find(&mut self, mappings: &[Mapping], address: u64) -> (Option<usize>, u64) {
        while mappings.get(self.at).is_some_and(|mapping| mapping.end <= address) {
            self.at += 1;
        }
        match mappings.get(self.at) {
            None => (None, u64::MAX),
            Some(next) if next.start > address => (None, next.start),
            Some(within) => (Some(self.at), within.end),
        }
    }
}

/// Counts memory that the images hold, from `start` up to `end`, to the mappings that it is in.
pub(super) fn add_held(mappings: &mut [Mapping], walk: &mut Walk, start: u64, end: u64) {
    let mut at = start;
    while at < end {
        let (index, until) = walk.find(mappings, at);
        let until = until.min(end);
        if let Some(mapping) = index.and_then(|index| mappings.get_mut(index)) {
            mapping.held_bytes += until - at;
        }
        at = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(start: u64, end: u64) -> Vma {
        Vma { start, end, prot: 3, flags: 2, ..Vma::default() }
    }

    #[test]
    fn memory_is_counted_to_its_mapping() {
        let memory =
            MemoryMap { vmas: vec![mapping(8, 12), mapping(0, 4), mapping(4, 6)], ..MemoryMap::default() };
        let mut mappings = mappings(&memory, &Files::default(), &mut HashMap::new());
        let mut walk = Walk::default();
        for (start, end) in [(1, 5), (5, 9), (11, 20)] {
            add_held(&mut mappings, &mut walk, start, end);
        }
        let held: Vec<_> = mappings.iter().map(|mapping| (mapping.start, mapping.held_bytes)).collect();
        assert_eq!(held, [(0, 3), (4, 2), (8, 2)]);
        assert_eq!((&*mappings[0].permissions, &*mappings[0].name), ("rw-p", "[anonymous]"));
        assert!(Arc::ptr_eq(&mappings[0].name, &mappings[1].name));
    }

    #[test]
    fn what_is_mapped_is_named() {
        let named =
            |status, flags| name(&Vma { status, flags, shmid: 7, ..Vma::default() }, &Files::default());
        assert_eq!(named(HEAP, 2), "[heap]");
        assert_eq!(named(1, GROWS_DOWN), "[stack]");
        assert_eq!(named(ANON_SHARED, SHARED), "[shared memory 7]");
        assert_eq!(named(FILE_PRIVATE, 2), "[unknown file]");
        assert_eq!(named(MEMFD | FILE_SHARED, SHARED), "[memfd]");
    }
}
