//! The memory mappings of a process, from `/proc/PID/maps`.

use std::io;

use super::descriptors::{Facts, ProcessDir};

/// One mapping of a file (proc_pid_maps(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The addresses, as in the names of `/proc/PID/map_files`.
    pub range: Box<str>,
    /// The inode.
    pub inode: u64,
    /// The path, with ` (deleted)` behind a name that is gone.
    pub path: Box<[u8]>,
}

/// The mappings of files, each file once.
///
/// # Errors
/// What reading the file says.
pub fn files(process: &ProcessDir) -> io::Result<Vec<Mapping>> {
    let mut all: Vec<Mapping> = parse(&process.read("maps")?);
    let mut seen = std::collections::HashSet::new();
    all.retain(|mapping| seen.insert((mapping.inode, mapping.path.clone())));
    Ok(all)
}

/// What a mapping maps; needs `CAP_SYS_ADMIN` or `CAP_CHECKPOINT_RESTORE`.
///
/// # Errors
/// What statx(2) says.
pub fn facts(process: &ProcessDir, mapping: &Mapping) -> io::Result<Facts> {
    process.facts(&format!("map_files/{}", mapping.range))
}

/// The lines that name a file: `7f00-7f01 r--p 00000000 fe:00 1234   /usr/lib/x`.
fn parse(text: &[u8]) -> Vec<Mapping> {
    text.split(|&b| b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let start = rest.iter().position(|&b| b != b' ')?;
        let end = rest[start..].iter().position(|&b| b == b' ').map_or(rest.len(), |at| start + at);
        let word = std::str::from_utf8(&rest[start..end]).ok()?;
        rest = &rest[end..];
        Some(word)
    };
    let (range, _, _, _, inode) = (word()?, word()?, word()?, word()?, word()?.parse().ok()?);
    let path = rest.trim_ascii_start();
    // A segment of System V shared memory has its number for an inode, and the first one of a boot is 0.
    if inode == 0 && !path.starts_with(b"/") {
        return None;
    }
    // map_files has no leading zeros where maps has them.
    let (start, end) = range.split_once('-')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    let range = format!("{:x}-{:x}", number(start)?, number(end)?);
    Some(Mapping { range: range.into(), inode, path: path.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_maps() {
        let text = b"00400000-0040b000 r-xp 00000000 fe:00 12  /bin/a b\n7ffc-7ffd rw-p 00000000 00:00 0   [stack]\n7f-80 rw-s 0 00:01 5 /SYSV00000000 (deleted)\nnonsense\n";
        let found = parse(text);
        assert_eq!(found.len(), 2);
        assert_eq!((&*found[0].range, &*found[0].path), ("400000-40b000", b"/bin/a b".as_slice()));
        assert_eq!((found[1].inode, &*found[1].path), (5, b"/SYSV00000000 (deleted)".as_slice()));
        assert_eq!(parse(b"7f-80 rw-s 0 00:01 0 /SYSV00000000 (deleted)\n").len(), 1, "the first of a boot");
    }

    #[test]
    fn this_program_maps_itself() {
        let own = ProcessDir::open(std::process::id().cast_signed()).unwrap().unwrap();
        let exe = std::env::current_exe().unwrap();
        let exe = exe.as_os_str().as_encoded_bytes();
        let found = files(&own).unwrap();
        assert!(found.iter().any(|mapping| &*mapping.path == exe));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
        }
    }
}
