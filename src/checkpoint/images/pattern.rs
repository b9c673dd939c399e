//! What memory is searched for: bytes, or what a regular expression describes.

use std::ops::Range;

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Pattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Bytes(Box<Finder<'static>>),
    Regex(Regex),
}

/// So long a match of a regular expression can be: memory passes in windows, and what a match is may not hang on their size.
const MAX_REGEX_MATCH_BYTES: usize = 1024;

impl Pattern {
    /// These very bytes.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self(Kind::Bytes(Box::new(Finder::new(bytes).into_owned())))
    }

    /// A regular expression of bytes, not of characters: `.` is any byte but that of a new line, `\xHH` one byte.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn regex(text: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(text).unicode(false).build().map_err(|error| error.to_string())?;
        match regex.is_match(b"") {
            true => Err("it matches no byte at all, and so everywhere".to_owned()),
            false => Ok(Self(Kind::Regex(regex))),
        }
    }

    /// As it was written; of bytes, as far as they are text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match &self.0 {
            Kind::Bytes(finder) => String::from_utf8_lossy(finder.needle()),
            Kind::Regex(regex) => regex.as_str().into(),
        }
    }

    /// So long a match can be.
    pub(super) fn max_match_bytes(&self) -> usize {
        match &self.0 {
            Kind::Bytes(finder) => finder.needle().len(),
            Kind::Regex(_) => MAX_REGEX_MATCH_BYTES,
        }
    }

    /// The first match that begins in this range; the window has all the bytes that a match can have, or ends with the memory.
    pub(super) fn find(&self, window: &[u8], within: Range<usize>) -> Option<Range<usize>> {
        match &self.0 {
            Kind::Bytes(finder) => {
                let at = within.start + finder.find(window.get(within.start..)?)?;
                (at < within.end).then(|| at..at + finder.needle().len())
            }
            Kind::Regex(regex) => find_regex(regex, window, within),
        }
    }
}

/// Each part is searched with as much behind it as a match can have, and a match is what it is in so many bytes from its start on:
/// so nothing hangs on how long the window is.
fn find_regex(regex: &Regex, window: &[u8], within: Range<usize>) -> Option<Range<usize>> {
    let mut from = within.start;
    while from < within.end {
        let part = from + MAX_REGEX_MATCH_BYTES;
        let behind = &window[..window.len().min(part + MAX_REGEX_MATCH_BYTES)];
        let Some(start) = regex.find_at(behind, from).map(|found| found.start()).filter(|&at| at < part)
        else {
            from = part;
            continue;
        };
        if start >= within.end {
            return None;
        }
        let longest = &window[..window.len().min(start + MAX_REGEX_MATCH_BYTES)];
        let found = regex.find_at(longest, start).filter(|found| found.start() == start && !found.is_empty());
        if let Some(found) = found {
            return Some(found.range());
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pattern: &str, window: &[u8]) -> Vec<(usize, usize)> {
        let (pattern, mut from, mut all) = (Pattern::regex(pattern).unwrap(), 0, Vec::new());
        while let Some(found) = pattern.find(window, from..window.len()) {
            from = found.end;
            all.push((found.start, found.end));
        }
        all
    }

    #[test]
    fn regular_expressions_are_of_bytes() {
        assert_eq!(all("pass(word)?=[a-z]+", b"pass=x password=yz pass="), [(0, 6), (7, 18)]);
        assert_eq!(all(r"\xff.", b"\xff\xfe\xff"), [(0, 2)]);
        assert_eq!(all("(?i)SECRET", b"a secret"), [(2, 8)]);
        assert_eq!(all("é", "é".as_bytes()), [(0, 2)]);
        assert_eq!(all(r"\bb", b"a b"), [(2, 3)]);
    }

    #[test]
    fn a_match_has_an_end() {
        let long = [vec![b'x'; 5000], b"END".to_vec()].concat();
        assert_eq!(all("x+", &long)[..2], [(0, 1024), (1024, 2048)]);
        assert_eq!(all("x+END", &long), [(3979, 5003)], "the longest that is not too long");
        assert_eq!(all("x{9}END", &long), [(4991, 5003)]);
    }

    #[test]
    fn what_is_no_pattern() {
        assert!(Pattern::regex("a(").unwrap_err().contains("unclosed group"));
        assert!(Pattern::regex("a*").unwrap_err().contains("everywhere"));
    }
}
