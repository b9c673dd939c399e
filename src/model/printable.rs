//! Untrusted bytes as harmless text: the only way they reach a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Group names, command names, command lines and logs as text that a terminal shows and never obeys.
///
/// Anybody may put any bytes but `/` and NUL into a cgroup's name, and any bytes at all into a command line.
/// What is not printable UTF-8 comes out as `\xHH`, one for each byte: control characters, bytes that are not
/// UTF-8, and the invisible characters that reorder or hide their neighbours (bidirectional controls, zero-width
/// spaces, line separators). A backslash stays as it is, for systemd's own unit names hold it (`dev-sda\x2d1`).
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(is_printable) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

/// The bytes that [`printable`] text stands for: `\xHH` becomes that byte again, anything else stays.
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escape = rest.get(..4).filter(|e| e.starts_with(b"\\x")).and_then(|e| hex(&e[2..]));
        bytes.push(escape.unwrap_or(first));
        rest = if escape.is_some() { &rest[4..] } else { tail };
    }
    bytes
}

/// True where a name is what was typed, or is shown so. Of several names that are shown alike one at most is all printable:
/// it holds the backslashes that the others do not.
pub fn is_shown_as(name: &[u8], typed: &[u8]) -> bool {
    name == typed || *printable(name).as_bytes() == *typed
}

/// What to type for a name, so that no other name is meant: the bytes themselves where some are not printable, else the name
/// with `\x5c` for each backslash that would be taken for the beginning of an escape.
pub fn exact(name: &[u8]) -> Cow<'_, [u8]> {
    if *printable(name).as_bytes() != *name || !name.windows(2).any(|pair| pair == b"\\x") {
        return Cow::Borrowed(name);
    }
    let mut typed = Vec::with_capacity(name.len() + 3);
    for (at, &byte) in name.iter().enumerate() {
        let begins = byte == b'\\' && name.get(at + 1) == Some(&b'x');
        typed.extend_from_slice(if begins { br"\x5c" } else { std::slice::from_ref(&byte) });
    }
    Cow::Owned(typed)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_printable(c) {
                text.push(c);
            } else {
                escape_bytes(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut text);
            }
        }
        escape_bytes(chunk.invalid(), &mut text);
    }
    text
}

fn escape_bytes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// False for what moves the cursor, starts an escape sequence, or changes how its neighbours are shown.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(printable("system.slice/größe ❄".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn control_and_broken_bytes_are_spelled_out() {
        assert_eq!(printable(b"a\nb\x1b[2J\xff\x9b"), "a\\x0ab\\x1b[2J\\xff\\x9b");
        assert_eq!(
            printable("c1 \u{9b}31m bidi \u{202e}x".as_bytes()),
            "c1 \\xc2\\x9b31m bidi \\xe2\\x80\\xaex"
        );
    }

    #[test]
    fn unit_names_keep_their_backslash() {
        assert_eq!(printable(br"dev-disk-by\x2duuid.swap"), r"dev-disk-by\x2duuid.swap");
    }

    #[test]
    fn names_that_are_shown_alike() {
        let (byte, literal) = (&b"a\x07"[..], &br"a\x07"[..]);
        assert!(is_shown_as(byte, literal) && is_shown_as(literal, literal) && !is_shown_as(literal, byte));
        assert_eq!((&*exact(byte), &*exact(literal)), (byte, &br"a\x5cx07"[..]));
        assert!(matches!(exact(br"a\b"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn an_exact_name_means_itself_alone(name: Vec<u8>) {
            let typed = exact(&name);
            prop_assert!(*typed == *name || unescaped(&typed) == name);
            prop_assert!(*typed == *name || !is_shown_as(&name, &typed));
        }

        #[test]
        fn nothing_that_a_terminal_obeys_comes_out(bytes: Vec<u8>) {
            prop_assert!(printable(&bytes).chars().all(is_printable));
        }

        #[test]
        fn escapes_lead_back_to_the_bytes(bytes: Vec<u8>) {
            prop_assume!(!bytes.contains(&b'\\'));
            prop_assert_eq!(unescaped(printable(&bytes).as_bytes()), bytes);
        }
    }
}
