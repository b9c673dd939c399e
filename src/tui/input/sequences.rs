//! Cuts the bytes of a terminal into keys, escape sequences, pasted text and answers.
//!
//! What has begun and does not go on for a moment is given up: an Esc alone is the key, half a sequence is nothing. It may still go
//! on later, over a slow line. So after a pause **what comes at once and is one key, is that key; what is more goes on with what has
//! begun.** A person at the keyboard is heard, and the rest of an answer or of pasted text is not taken for keys.
//!
//! (ECMA-48, 5.4 and 5.6; xterm: ctlseqs)

use std::time::{Duration, Instant};

use super::Heard;
use super::decode::decode;

/// A sequence comes at once: after this long without a byte it has stalled.
const STALL: Duration = Duration::from_millis(50);
/// The same for pasted text, which may be long.
const PASTE_STALL: Duration = Duration::from_millis(150);
/// For how long what has stalled may still go on.
const FORGET: Duration = Duration::from_secs(5);
/// No sequence for keys or the mouse is longer.
const MAX_CONTROL_BYTES: usize = 64;
/// What is kept of a string or of pasted text; the rest is left out.
const MAX_KEPT_BYTES: usize = 64 * 1024;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const PASTE: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// What has come and is not complete.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    open: Vec<u8>,
    /// The end is not before this byte.
    searched: usize,
    /// When the last byte came.
    at: Option<Instant>,
    stalled: bool,
}

impl Sequences {
    /// Until when what has begun may wait for its next byte.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let stall = if self.open.starts_with(PASTE) { PASTE_STALL } else { STALL };
        self.at.filter(|_| !self.open.is_empty() && !self.stalled).map(|at| at + stall)
    }

    /// Takes in what was read at once.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<Heard> {
        if self.stalled {
            let is_old = self.at.is_none_or(|at| now.saturating_duration_since(at) > FORGET);
            if is_old || bytes == [ESC] || !self.goes_on(bytes) {
                self.forget();
            } else if end(bytes, 0) == Some(bytes.len()) {
                return decode(bytes).into_iter().collect();
            }
        }
        self.stalled = false;
        self.at = Some(now);
        self.open.extend_from_slice(bytes);
        let mut heard = Vec::new();
        while let Some(end) = end(&self.open, self.searched) {
            let rest = self.open.split_off(end);
            heard.extend(decode(&std::mem::replace(&mut self.open, rest)));
            self.searched = 0;
        }
        self.shorten();
        heard
    }

    /// No byte came until the deadline.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Heard> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return Vec::new();
        }
        self.stalled = true;
        if self.open.starts_with(PASTE) {
            return self.pasted().into_iter().collect();
        }
        // Esc alone, or a key with Alt that others begin with.
        match self.open.len() {
            1 | 2 => decode(&self.open).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The text that has come so far; what may be a part of its end is kept.
    fn pasted(&mut self) -> Option<Heard> {
        let is_part = |length: &usize| self.open.ends_with(&PASTE_END[..*length]);
        let kept = (0..PASTE_END.len()).rev().find(is_part).unwrap_or(0);
        let text: Vec<u8> = self.open.drain(PASTE.len()..self.open.len() - kept).collect();
        self.searched = PASTE.len();
        decode(&[PASTE, &text, PASTE_END].concat())
    }

    /// Whether bytes may go on with what has stalled.
    fn goes_on(&self, bytes: &[u8]) -> bool {
        match self.open[..] {
            // Esc was pressed, most likely.
            [ESC] => matches!(bytes.first(), Some(b'[' | b']')),
            [ESC, b'[' | b'O', ..] if !self.open.starts_with(PASTE) => bytes.first() != Some(&ESC),
            [ESC, ..] => true,
            // Half a character.
            _ => false,
        }
    }

    fn forget(&mut self) {
        self.open.clear();
        self.searched = 0;
    }

    /// Of what is long its beginning is kept, and as much of its end as may be a part of what ends it.
    fn shorten(&mut self) {
        let tail = self.open.len().saturating_sub(PASTE_END.len());
        if tail > MAX_KEPT_BYTES {
            self.open.drain(MAX_KEPT_BYTES..tail);
        }
        self.searched = self.open.len().saturating_sub(PASTE_END.len());
    }
}

/// Where the first key or sequence ends; `None` where it is not complete. What is no sequence ends before the byte that is wrong.
fn end(bytes: &[u8], searched: usize) -> Option<usize> {
    match *bytes {
        [] | [ESC] => None,
        // The Esc key, and then something else.
        [ESC, ESC, ..] => Some(1),
        [ESC, b'[', ..] if bytes.starts_with(PASTE) => {
            let from = searched.clamp(PASTE.len(), bytes.len());
            find(&bytes[from..], PASTE_END).map(|at| from + at + PASTE_END.len())
        }
        [ESC, b'[', ..] => control(bytes),
        [ESC, b'O', ..] => (bytes.len() > 2).then_some(3),
        [ESC, b']' | b'P' | b'X' | b'^' | b'_', ..] => string(bytes, searched.max(2)),
        [ESC, _, ..] => character(&bytes[1..]).map(|length| 1 + length),
        _ => character(bytes),
    }
}

/// `ESC [`, parameters, and a final byte. The kernel's console sends `ESC [ [ A` for F1, and xterm's first mouse protocol puts
/// three bytes behind an M.
fn control(bytes: &[u8]) -> Option<usize> {
    let fixed = match bytes.get(2)? {
        b'[' => Some(4),
        b'M' => Some(6),
        _ => None,
    };
    if let Some(length) = fixed {
        let wrong = bytes.iter().take(length).skip(3).position(|byte| *byte == ESC).map(|at| at + 3);
        return wrong.or((bytes.len() >= length).then_some(length));
    }
    let last = bytes.iter().skip(2).position(|byte| !(0x20..=0x3f).contains(byte)).map(|at| at + 2);
    match last {
        Some(at) if (0x40..=0x7e).contains(&bytes[at]) => Some(at + 1),
        Some(at) => Some(at),
        None => (bytes.len() > MAX_CONTROL_BYTES).then_some(bytes.len()),
    }
}

/// Up to BEL or `ESC \`; another Esc begins something new.
fn string(bytes: &[u8], from: usize) -> Option<usize> {
    let at = from + bytes.get(from..)?.iter().position(|byte| matches!(byte, &BEL | &ESC | 0x18 | 0x1a))?;
    match (bytes[at], bytes.get(at + 1)) {
        (ESC, None) => None,
        (ESC, Some(b'\\')) => Some(at + 2),
        (ESC, Some(_)) => Some(at),
        _ => Some(at + 1),
    }
}

/// The length of a character in UTF-8; what is none is one byte long.
fn character(bytes: &[u8]) -> Option<usize> {
    let length = match bytes.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let wrong = bytes.iter().take(length).skip(1).position(|byte| !(0x80..=0xbf).contains(byte));
    match wrong {
        Some(at) => Some(at + 1),
        None => (bytes.len() >= length).then_some(length),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests;
