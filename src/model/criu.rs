//! What the arguments of a criu say that it does (criu(8)). Whether it is one, they do not say: everybody chooses the arguments
//! of what they start ([`running_criu`](crate::kernel::running_criu)).

/// criu's commands that take hold of processes; `swrk` and `service` do what a container's runtime asks of them (criu(8)).
const DUMPS: [&[u8]; 4] = [b"dump", b"pre-dump", b"swrk", b"service"];

/// Whether a file of this name is a criu: `criu`, `criu-4.1`.
pub fn names_criu(name: &[u8]) -> bool {
    name.windows(4).any(|piece| piece == b"criu")
}

/// Whether these are the arguments of a criu that takes hold of processes. criu may be started through a loader.
pub fn is_dump(words: &[Vec<u8>]) -> bool {
    let base = |word: &[u8]| word.rsplit(|&b| b == b'/').next().unwrap_or_default().to_vec();
    let loaded = words.first().is_some_and(|word| base(word).starts_with(b"ld"));
    let program = words.iter().position(|word| names_criu(&base(word)));
    let Some(at) = program.filter(|&at| at == 0 || loaded) else { return false };
    words[at + 1..].iter().any(|word| DUMPS.contains(&&word[..]))
}

/// The PID behind `-t`: the root of what is dumped.
pub fn root(words: &[Vec<u8>]) -> Option<i32> {
    let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse().ok();
    words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix(b"--tree=") {
        Some(glued) => number(glued),
        None if matches!(&word[..], b"-t" | b"--tree") => number(words.get(at + 1)?),
        None => number(word.strip_prefix(b"-t")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn a_dump_is_known_by_its_arguments() {
        for line in [
            "/usr/sbin/criu dump -t 7",
            "criu -v4 pre-dump -t 7",
            "/lib/ld.so --library-path /x /x/criu dump -t 7",
            "criu swrk 3",
        ] {
            assert!(is_dump(&words(line)), "{line}");
        }
        // A debugger of criu is none, nor is what starts one.
        for line in
            ["gdb -p 7", "criu restore -d", "gdb --args criu dump -t 7", "sudo criu dump -t 7", "dump criu"]
        {
            assert!(!is_dump(&words(line)), "{line}");
        }
    }

    #[test]
    fn the_root_of_a_dump() {
        let of = |line: &str| root(&words(line));
        assert_eq!(of("criu dump -t 7"), Some(7));
        assert_eq!(of("criu dump --tree=7"), Some(7));
        assert_eq!(of("criu dump --tree 7 -D /x"), Some(7));
        assert_eq!(of("criu dump -t7"), Some(7));
        assert_eq!(of("criu swrk 3"), None);
        assert_eq!(of("criu dump -t"), None);
    }
}
