//! Bytes looked for in memory, in windows of a fixed size: of the memory itself nothing is kept.

use std::collections::HashMap;
use std::sync::Arc;

use memchr::memmem::Finder;
use serde::Serialize;

use super::mapping::{Mapping, Walk};
use super::memory::Memory;
use super::pages::Pages;
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
}

/// How much was searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Searched {
    /// The memory that was searched.
    pub searched_bytes: u64,
    /// Memory that is not in the images: it stayed with the process, or is in earlier images that are not there.
    pub unsearched_bytes: u64,
}

/// How much memory is read at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// So much text before and behind what was found belongs to the excerpt.
const BEFORE_BYTES: usize = 32;
const BEHIND_BYTES: usize = 64;

/// So many mappings of one segment of shared memory are known by their process.
const MAX_USERS: usize = 64;

impl Memory {
    /// Looks for a text in the memory of every process of the set, and in the memory that they share. `found` gets each place.
    ///
    /// # Errors
    /// The images changed meanwhile, or cannot be read.
    pub fn search(
        &self,
        set: &ImageSet,
        text: &[u8],
        found: &mut dyn FnMut(Hit),
    ) -> Result<Searched, ImagesError> {
        let mut searched = Searched::default();
        let mut search = Search::new(text);
        for process in &set.processes {
            let Some(mut pages) = self.pages(process)? else { continue };
            let mut walk = Walk::default();
            search.all_of(&mut pages, &mut searched, &mut |address, excerpt| {
                let (index, _) = walk.find(&process.mappings, address);
                let mapping = index.and_then(|index| process.mappings.get(index));
                found(hit(Some(process), mapping, address, excerpt));
            })?;
        }
        let users = users(set);
        for segment in self.segments()? {
            let Some(mut pages) = self.segment(segment)? else { continue };
            let users = users.get(&segment).map_or(&[][..], Vec::as_slice);
            search.all_of(&mut pages, &mut searched, &mut |offset, excerpt| {
                let user = users.iter().find_map(|(process, mapping)| {
                    Some((*process, *mapping, mapping.address_in_segment(offset)?))
                });
                found(match user {
                    Some((process, mapping, address)) => hit(Some(process), Some(mapping), address, excerpt),
                    None => Hit {
                        mapping: format!("[shared memory {segment}]"),
                        ..hit(None, None, offset, excerpt)
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

fn hit(process: Option<&Process>, mapping: Option<&Mapping>, address: u64, excerpt: String) -> Hit {
    let name = mapping.map(|mapping| Arc::clone(&mapping.name));
    Hit {
        pid: process.map(|process| process.pid),
        process: process.map(|process| process.name.clone()),
        mapping: name.map_or_else(|| "[unknown]".to_owned(), |name| name.to_string()),
        address,
        offset: mapping.map_or(address, |mapping| mapping.offset(address)),
        excerpt,
    }
}

/// Memory as it passes: what is kept of it is the last window.
struct Search<'a> {
    finder: Finder<'a>,
    window: Vec<u8>,
    /// The address of the window's first byte.
    start: u64,
    /// Where in the window it was not searched yet.
    from: usize,
}

impl<'a> Search<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { finder: Finder::new(text), window: Vec::new(), start: 0, from: 0 }
    }

    fn all_of(
        &mut self,
        pages: &mut Pages,
        searched: &mut Searched,
        found: &mut dyn FnMut(u64, String),
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
                let (chunk, behind) = extent.split(CHUNK_BYTES as u64);
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
    fn pass(&mut self, found: &mut dyn FnMut(u64, String)) {
        let until = self.window.len().saturating_sub(self.finder.needle().len() + BEHIND_BYTES);
        self.find(until, found);
        let forgotten = self.from.saturating_sub(BEFORE_BYTES);
        self.window.drain(..forgotten);
        self.start += forgotten as u64;
        self.from -= forgotten;
    }

    /// No more comes behind the window.
    fn end(&mut self, found: &mut dyn FnMut(u64, String)) {
        self.find(self.window.len(), found);
        self.start += self.window.len() as u64;
        self.window.clear();
        self.from = 0;
    }

    fn find(&mut self, until: usize, found: &mut dyn FnMut(u64, String)) {
        while let Some(at) = self.window.get(self.from..).and_then(|rest| self.finder.find(rest)) {
            let at = self.from + at;
            if at >= until {
                break;
            }
            let end = at + self.finder.needle().len();
            found(self.start + at as u64, excerpt(&self.window, at, end));
            self.from = end;
        }
        self.from = self.from.max(until);
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
        let (mut search, mut all) = (Search::new(text), Vec::new());
        let mut found = |address, _| all.push(address);
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

    proptest! {
        #[test]
        fn pieces_change_nothing(bytes in prop::collection::vec(0_u8..3, 0..400), cuts in prop::collection::vec(0_usize..400, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<(u64, &[u8])> =
                cuts.windows(2).map(|cut| (cut[0] as u64, &bytes[cut[0]..cut[1]])).collect();
            prop_assert_eq!(found(&pieces, &[1, 2]), found(&[(0, &bytes)], &[1, 2]));
        }
    }
}
