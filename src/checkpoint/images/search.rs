//! Bytes looked for in memory, in windows of a fixed size: of the memory itself nothing is kept.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::mapping::{Mapping, Walk};
use super::memory::{CHUNK_BYTES, Memory};
use super::pages::Pages;
use super::pattern::Pattern;
use super::process::Process;
use super::{ImageSet, ImagesError};
use crate::model::printable;

/// Where the bytes were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The process; of shared memory the first that has mapped it. `None` where no process has.
    pub pid: Option<i32>,
    /// Its name, printable.
    pub process: Option<String>,
    /// What is mapped there ([`Mapping::name`]).
    pub mapping: String,
    /// The address; of memory that no process has mapped the offset in its segment. In JSON `0x…`.
    #[serde(serialize_with = "super::mapping::address")]
    pub address: u64,
    /// How far behind the start of the mapping that is.
    pub offset: u64,
    /// The text around it, printable.
    pub excerpt: String,
    /// The bytes around it, as many as were asked for and are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
}

/// The bytes around a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The address of the first of them. In JSON `0x…`.
    #[serde(serialize_with = "super::mapping::address")]
    pub address: u64,
    /// The bytes. In JSON in hexadecimal digits.
    #[serde(rename = "hex", serialize_with = "hex")]
    pub bytes: Vec<u8>,
}

fn hex<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// How much was searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Searched {
    /// The memory that was searched.
    pub searched_bytes: u64,
    /// Memory that is not in the images: it stayed with the process, or is in earlier images that are not there.
    pub unsearched_bytes: u64,
}

/// So much text before and behind what was found belongs to the excerpt.
const BEFORE_BYTES: usize = 32;
const BEHIND_BYTES: usize = 64;

/// So many mappings of one segment of shared memory are known by their process.
const MAX_USERS: usize = 64;

impl Memory {
    /// Looks for a pattern in the memory of every process of the set, and in the memory that they share. `found` gets each place,
    /// with so many bytes before and behind it.
    ///
    /// # Errors
    /// The images changed meanwhile, or cannot be read.
    pub fn search(
        &self,
        set: &ImageSet,
        pattern: &Pattern,
        context_bytes: usize,
        found: &mut dyn FnMut(Hit),
    ) -> Result<Searched, ImagesError> {
        let mut searched = Searched::default();
        let mut search = Search::new(pattern, context_bytes);
        for process in &set.processes {
            let Some(mut pages) = self.pages(process)? else { continue };
            let mut walk = Walk::default();
            search.all_of(&mut pages, &mut searched, &mut |address, around| {
                let (index, _) = walk.find(&process.mappings, address);
                let mapping = index.and_then(|index| process.mappings.get(index));
                found(hit(Some(process), mapping, address, around));
            })?;
        }
        let users = users(set);
        for segment in self.segments()? {
            let Some(mut pages) = self.segment(segment)? else { continue };
            let users = users.get(&segment).map_or(&[][..], Vec::as_slice);
            search.all_of(&mut pages, &mut searched, &mut |offset, around| {
                let user = users.iter().find_map(|(process, mapping)| {
                    Some((*process, *mapping, mapping.address_in_segment(offset)?))
                });
                found(match user {
                    Some((process, mapping, address)) => {
                        let moved = |mut context: Context| {
                            context.address = address - (offset - context.address);
                            context
                        };
                        let around = Around { context: around.context.map(moved), ..around };
                        hit(Some(process), Some(mapping), address, around)
                    }
                    None => Hit {
                        mapping: format!("[shared memory {segment}]"),
                        ..hit(None, None, offset, around)
                    },
                });
            })?;
        }
        Ok(searched)
    }
}

/// Who has mapped each segment of shared memory, and where: the first of them.
fn users(set: &ImageSet) -> HashMap<u64, Vec<(&Process, &Mapping)>> {
    let mut all: HashMap<u64, Vec<(&Process, &Mapping)>> = HashMap::new();
    for process in &set.processes {
        for mapping in &process.mappings {
            let Some((segment, _)) = mapping.segment else { continue };
            let users = all.entry(segment).or_default();
            if users.len() < MAX_USERS {
                users.push((process, mapping));
            }
        }
    }
    all
}

/// What is beside a match.
struct Around {
    excerpt: String,
    context: Option<Context>,
}

fn hit(process: Option<&Process>, mapping: Option<&Mapping>, address: u64, around: Around) -> Hit {
    let name = mapping.map(|mapping| Arc::clone(&mapping.name));
    Hit {
        pid: process.map(|process| process.pid),
        process: process.map(|process| process.name.clone()),
        mapping: name.map_or_else(|| "[unknown]".to_owned(), |name| name.to_string()),
        address,
        offset: mapping.map_or(address, |mapping| mapping.offset(address)),
        excerpt: around.excerpt,
        context: around.context,
    }
}

/// Memory as it passes: what is kept of it is the last window.
struct Search<'a> {
    pattern: &'a Pattern,
    /// So many bytes on each side of a match are given with it.
    context_bytes: usize,
    window: Vec<u8>,
    /// The address of the window's first byte.
    start: u64,
    /// Where in the window it was not searched yet.
    from: usize,
}

impl<'a> Search<'a> {
    fn new(pattern: &'a Pattern, context_bytes: usize) -> Self {
        Self { pattern, context_bytes, window: Vec::new(), start: 0, from: 0 }
    }

    fn all_of(
        &mut self,
        pages: &mut Pages,
        searched: &mut Searched,
        found: &mut dyn FnMut(u64, Around),
    ) -> Result<(), ImagesError> {
        while let Some(extent) = pages.next()? {
            if !extent.is_readable() {
                searched.unsearched_bytes += extent.bytes();
                continue;
            }
            searched.searched_bytes += extent.bytes();
            if extent.start != self.start + self.window.len() as u64 {
                self.end(found);
                self.start = extent.start;
            }
            let mut rest = Some(extent);
            while let Some(extent) = rest {
                let (chunk, behind) = extent.split(CHUNK_BYTES);
                let before = self.window.len();
                self.window.resize(before + usize::try_from(chunk.bytes()).unwrap_or(0), 0);
                pages.read(&chunk, &mut self.window[before..])?;
                self.pass(found);
                rest = behind;
            }
        }
        self.end(found);
        Ok(())
    }

    /// Searches what is certain to have all of its excerpt, and forgets what no excerpt needs any more.
    fn pass(&mut self, found: &mut dyn FnMut(u64, Around)) {
        let until = self.pattern.max_match_bytes() + BEHIND_BYTES.max(self.context_bytes);
        let until = self.window.len().saturating_sub(until);
        self.find(until, found);
        let forgotten = self.from.saturating_sub(BEFORE_BYTES.max(self.context_bytes));
        self.window.drain(..forgotten);
        self.start += forgotten as u64;
        self.from -= forgotten;
    }

    /// No more comes behind the window.
    fn end(&mut self, found: &mut dyn FnMut(u64, Around)) {
        self.find(self.window.len(), found);
        self.start += self.window.len() as u64;
        self.window.clear();
        self.from = 0;
    }

    fn find(&mut self, until: usize, found: &mut dyn FnMut(u64, Around)) {
        while let Some(at) = self.pattern.find(&self.window, self.from..until) {
            let around = Around {
                excerpt: excerpt(&self.window, at.start, at.end),
                context: (self.context_bytes > 0).then(|| self.context(&at)),
            };
            found(self.start + at.start as u64, around);
            self.from = at.end;
        }
        self.from = self.from.max(until);
    }

    fn context(&self, at: &Range<usize>) -> Context {
        let from = at.start.saturating_sub(self.context_bytes);
        let to = (at.end + self.context_bytes).min(self.window.len());
        Context { address: self.start + from as u64, bytes: self.window[from..to].to_vec() }
    }
}

/// The text from `start` up to `end`, with the text beside it up to the next byte that is none.
fn excerpt(window: &[u8], start: usize, end: usize) -> String {
    let is_text = |byte: &&u8| !byte.is_ascii_control();
    let before = window[..start].iter().rev().take(BEFORE_BYTES).take_while(is_text).count();
    let behind = window[end..].iter().take(BEHIND_BYTES).take_while(is_text).count();
    let before = window[start - before..start].utf8_chunks().last();
    let before = before.filter(|chunk| chunk.invalid().is_empty()).map_or("", |chunk| chunk.valid());
    let behind = window[end..end + behind].utf8_chunks().next().map_or("", |chunk| chunk.valid());
    printable(&[before.as_bytes(), &window[start..end], behind.as_bytes()].concat()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is found where memory comes in pieces: its addresses.
    fn found(pieces: &[(u64, &[u8])], text: &[u8]) -> Vec<u64> {
        let pattern = Pattern::bytes(text);
        places(pieces, &pattern).into_iter().map(|(address, _)| address).collect()
    }

    fn places(pieces: &[(u64, &[u8])], pattern: &Pattern) -> Vec<(u64, Context)> {
        let (mut search, mut all) = (Search::new(pattern, 3), Vec::new());
        let mut found =
            |address, around: Around| all.extend(around.context.map(|context| (address, context)));
        for (start, piece) in pieces {
            if *start != search.start + search.window.len() as u64 {
                search.end(&mut found);
                search.start = *start;
            }
            search.window.extend_from_slice(piece);
            search.pass(&mut found);
        }
        search.end(&mut found);
        all
    }

    #[test]
    fn what_lies_across_pieces_is_found_once() {
        assert_eq!(found(&[(0, b"abcSEC"), (6, b"RETdef")], b"SECRET"), [3]);
        assert_eq!(found(&[(0, b"abcSEC"), (8, b"RETdef")], b"SECRET"), [0_u64; 0], "there is a gap");
        assert_eq!(found(&[(0, b"aaaa")], b"aa"), [0, 2]);
        assert_eq!(found(&[(10, b"xx"), (12, b"x"), (13, b"x")], b"xx"), [10, 12]);
    }

    #[test]
    fn an_excerpt_is_the_text_around() {
        let window = b"\0\x01user=joe pass=hush\n next";
        assert_eq!(excerpt(window, 11, 20), "user=joe pass=hush");
        let long = [vec![b'x'; 500], b"HIT".to_vec(), vec![b'y'; 500]].concat();
        assert_eq!(excerpt(&long, 500, 503).len(), BEFORE_BYTES + 3 + BEHIND_BYTES);
        assert_eq!(excerpt(b"\x1b[2J", 0, 4), "\\x1b[2J");
        assert_eq!(excerpt("\u{fffd}\u{f6}HIT\u{f6}".as_bytes(), 5, 8), "\u{fffd}\u{f6}HIT\u{f6}");
        assert_eq!(excerpt(b"ab\xff\xffxHIT\xc3", 5, 8), "xHIT");
    }

    #[test]
    fn the_bytes_around_are_those_that_are_there() {
        let pattern = Pattern::regex("S[EX]").unwrap();
        let found = places(&[(10, b"abcdS"), (15, b"Efghi"), (20, b"SX")], &pattern);
        let context = |address, bytes: &[u8]| Context { address, bytes: bytes.to_vec() };
        assert_eq!(found, [(14, context(11, b"bcdSEfgh")), (20, context(17, b"ghiSX"))]);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(bytes in prop::collection::vec(0_u8..3, 0..400), cuts in prop::collection::vec(0_usize..400, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<(u64, &[u8])> =
                cuts.windows(2).map(|cut| (cut[0] as u64, &bytes[cut[0]..cut[1]])).collect();
            prop_assert_eq!(found(&pieces, &[1, 2]), found(&[(0, &bytes)], &[1, 2]));
            let pattern = Pattern::regex(r"\x01+[^\x00]").unwrap();
            prop_assert_eq!(places(&pieces, &pattern), places(&[(0, &bytes)], &pattern));
        }
    }
}
