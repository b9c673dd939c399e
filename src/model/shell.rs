//! Text as a shell reads it: lines to be read, copied and run must mean one word a name, whatever the name is.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Version, printable};

/// The line that asks for a freeze of the group with this directory, or takes the request back.
pub fn write_request(version: Version, group: &Path, freeze: bool) -> String {
    let file = group.join(version.control_file());
    format!("echo {} > {}", version.request(freeze), quoted(file.as_os_str()))
}

/// True where the text needs the `$'…'` of bash (and of POSIX since 2024): it holds bytes that a terminal might obey.
fn needs_bash(text: &OsStr) -> bool {
    printable(text.as_bytes()).as_bytes() != text.as_bytes()
}

/// A script of these lines, under the shell that reads them as they are meant: any, unless a word of them is in `$'…'`.
/// A line that begins with `#` is a comment.
pub fn script(lines: &[String]) -> String {
    let bash = lines.iter().any(|line| has_escapes(line));
    let shell = if bash { "#!/bin/bash" } else { "#!/bin/sh" };
    format!("{shell}\n{}\n", lines.join("\n"))
}

/// Whether a `$'` begins a word, or a part of one: it stands in no quotes and behind no backslash.
fn has_escapes(line: &str) -> bool {
    if line.trim_start().starts_with('#') {
        return false;
    }
    let mut rest = line.bytes().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => drop(rest.next()),
            b'\'' => drop(rest.find(|&b| b == b'\'')),
            b'"' => while rest.next().is_some_and(|b| b != b'"') {},
            b'$' if rest.peek() == Some(&b'\'') => return true,
            _ => {}
        }
    }
    false
}

/// The text as one word of a shell: plain where it is harmless, otherwise in single quotes, and with octal escapes where it
/// holds bytes that are not printable. Octal, for `\xHH` has no fixed length in every shell.
pub fn quoted(text: &OsStr) -> String {
    let bytes = text.as_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-+:=@%,".contains(b);
    // A word that starts with = is special in some shells.
    if !bytes.is_empty() && bytes.iter().all(plain) && bytes[0] != b'=' {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    if !needs_bash(text) {
        return format!("'{}'", String::from_utf8_lossy(bytes).replace('\'', r"'\''"));
    }
    let mut word = String::from("$'");
    for &b in bytes {
        match b {
            b'\'' | b'\\' => word.extend(['\\', char::from(b)]),
            b' '..=b'~' => word.push(char::from(b)),
            // Writing to a String cannot fail.
            _ => drop(write!(word, "\\{b:03o}")),
        }
    }
    word + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let q = |bytes: &[u8]| quoted(OsStr::from_bytes(bytes));
        assert_eq!(q(b"/a/b-c.d"), "/a/b-c.d");
        assert_eq!(q(b""), "''");
        assert_eq!(q(b"a b$(x)"), "'a b$(x)'");
        assert_eq!(q(b"it's"), r"'it'\''s'");
        assert_eq!(q(br"dev\x2d"), r"'dev\x2d'");
        assert_eq!(q("/größe".as_bytes()), "'/größe'");
        assert_eq!(q(b"a\n\x1b'\xff\\1"), r"$'a\012\033\'\377\\1'");
    }

    #[test]
    fn the_shell_of_a_script() {
        let shell = |line: &str| script(&[line.to_owned()]).lines().next().unwrap().to_owned();
        for line in
            ["echo 1 > /a", r"echo 'a$' > 'b'\''$'\''c'", "# a $'word'", r"trap 'exit 1' INT; x='$' \$'b'"]
        {
            assert_eq!(shell(line), "#!/bin/sh", "{line}");
        }
        for line in [r"echo 1 > $'a\012b'", r"test -d 'a b' $'\377'", r"  --x=$'\033'"] {
            assert_eq!(shell(line), "#!/bin/bash", "{line}");
        }
    }

    proptest::proptest! {
        /// Whatever the name is: the shell that the script asks for reads it as it is.
        #[test]
        fn the_shell_of_a_script_reads_every_name(name in proptest::collection::vec(1_u8.., 1..12), other in "[ -~]{0,8}") {
            let words = [OsStr::from_bytes(&name), OsStr::new(&other)].map(quoted);
            let text = script(&[format!("printf %s {} {}", words[0], words[1])]);
            let shell = if text.starts_with("#!/bin/bash\n") { "bash" } else { "dash" };
            let out = std::process::Command::new(shell).arg("-c").arg(&text).output().unwrap();
            proptest::prop_assert_eq!(&out.stdout, &[&name[..], other.as_bytes()].concat(), "{}", text);
            proptest::prop_assert_eq!(shell == "bash", needs_bash(OsStr::from_bytes(&name)), "{}", text);
        }
    }

    #[test]
    fn a_shell_reads_the_same_bytes() {
        for bytes in [&b"a\n\x1b'\xff\\1 "[..], b"it's $x `y`", b"~", b"\xe2\x80\xae!", b"-n"] {
            let script = format!("printf %s {}", quoted(OsStr::from_bytes(bytes)));
            let out = std::process::Command::new("bash").arg("-c").arg(script).output().unwrap();
            assert_eq!(out.stdout, bytes);
        }
    }

    #[test]
    fn requests() {
        let group = Path::new("/sys/fs/cgroup/a b");
        assert_eq!(write_request(Version::V2, group, true), "echo 1 > '/sys/fs/cgroup/a b/cgroup.freeze'");
        assert_eq!(
            write_request(Version::V1, group, false),
            "echo THAWED > '/sys/fs/cgroup/a b/freezer.state'"
        );
    }
}
