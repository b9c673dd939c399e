//! Commands for a shell, to be read and copied: they must mean one word a path, whatever its name is.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::model::{CgroupPath, Hierarchy, printable};

/// The line that does what a freeze or a thaw does.
pub(crate) fn write_request(hierarchy: &Hierarchy, group: &CgroupPath, freeze: bool) -> String {
    let version = hierarchy.version;
    let file = hierarchy.absolute(group).join(version.control_file());
    format!("echo {} > {}", version.request(freeze), quoted(&file))
}

/// A path as one word of a shell: bare, in quotes, or as `$'…'` where it holds what a terminal must not see.
pub(crate) fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let bare = |b: &u8| b.is_ascii_alphanumeric() || b"/._-@:+,%".contains(b);
    if !bytes.is_empty() && bytes.iter().all(bare) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\'') && printable(bytes) == text => format!("'{text}'"),
        _ => dollar_quoted(bytes),
    }
}

/// Octal and not `\xHH`: it has three digits in every shell, so that the next character is never taken for one.
fn dollar_quoted(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => word.extend(['\\', char::from(byte)]),
            b' '..=b'~' => word.push(char::from(byte)),
            _ => word.push_str(&format!("\\{byte:03o}")),
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::Command;

    use super::*;

    #[test]
    fn names_are_one_word_and_harmless() {
        let quote = |bytes: &[u8]| quoted(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(quote(b"/sys/fs/cgroup/a.service"), "/sys/fs/cgroup/a.service");
        assert_eq!(quote(br"/a\x2d b"), r"'/a\x2d b'");
        assert_eq!(quote(b"/a';rm\n1"), r"$'/a\';rm\0121'");
        assert_eq!(quote("/größe".as_bytes()), "'/größe'");
    }

    #[test]
    fn a_shell_reads_back_the_same_bytes() {
        let hostile = b"/a'\\b\n\x1b[2J\xff$(id)`id`7 ";
        let line = format!("printf %s {}", quoted(Path::new(OsStr::from_bytes(hostile))));
        match Command::new("bash").args(["-c", &line]).output() {
            Ok(output) => assert_eq!(output.stdout, hostile),
            Err(error) => eprintln!("not checked, bash did not start: {error}"),
        }
    }
}
