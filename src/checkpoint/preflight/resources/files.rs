//! Files that have no name any more, and locks (`criu/files-reg.c`, `criu/file-lock.c`).

use std::collections::BTreeMap;

use rustix::fs::FileType;

use super::{Finding, Holder, name, names, several};
use crate::kernel::descriptors::Facts;
use crate::kernel::mappings;
use crate::model::{printable, span};

/// What criu takes of a file without a name where it is not told otherwise.
const GHOST_LIMIT: u64 = 1 << 20;

pub(super) fn look(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    locks(holders, findings);
    let gone = nameless(holders, findings);
    ghosts(gone.iter().filter(|file| file.facts.links == 0), findings);
    remaps(gone.iter().filter(|file| file.facts.links > 0), findings);
}

fn locks(holders: &[Holder<'_>], findings: &mut Vec<Finding>) {
    let owners = holders.iter().filter(|holder| holder.open.iter().any(|open| open.info.locks > 0));
    let owners: Vec<&Holder<'_>> = owners.collect();
    if !owners.is_empty() {
        findings.push(
            Finding::warning(
                "file-locks",
                format!("file locks or leases are held by {}", names(owners)),
                "another process may hold them at the restore",
            )
            .remedy("adding --file-locks; restore with --file-locks, before another process takes the lock")
            .options(["--file-locks"])
            .criu_says("Some file locks are hold by dumping tasks! You can try --file-locks to dump them."),
        );
    }
}

/// A file that was opened or mapped by a name that is gone.
struct Nameless {
    path: String,
    facts: Facts,
}

const DELETED: &[u8] = b" (deleted)";

/// memfd_secret(2): on a mount of the kernel's own, which is said as such.
const SECRET: &[u8] = b"/secretmem (deleted)";

/// Every such file once.
fn nameless(holders: &[Holder<'_>], findings: &mut Vec<Finding>) -> Vec<Nameless> {
    let mut all = BTreeMap::new();
    let mut add = |path: &[u8], facts: Facts| {
        let kinds = [FileType::RegularFile, FileType::Directory, FileType::Fifo, FileType::Symlink];
        if kinds.contains(&facts.kind) && !is_internal(path) && path != SECRET {
            let path = printable(path.strip_suffix(DELETED).unwrap_or(path)).into_owned();
            all.entry(facts.id).or_insert(Nameless { path, facts });
        }
    };
    for holder in holders {
        for open in holder.open.iter().filter(|open| open.link.ends_with(DELETED)) {
            add(&open.link, open.facts);
        }
        for mapping in holder.mapped.iter().filter(|m| m.path.ends_with(DELETED) && !is_internal(&m.path)) {
            match mappings::facts(&holder.dir, mapping) {
                Ok(facts) => add(&mapping.path, facts),
                Err(error) => {
                    let what = format!(
                        "the size of {}, mapped by {}",
                        printable(&mapping.path),
                        name(holder.process)
                    );
                    findings.push(Finding::unknown("deleted-file", what, error));
                }
            }
        }
    }
    all.into_values().collect()
}

/// Memory that the kernel shows as a deleted file, and that criu knows: memfd_create(2), shared anonymous mappings, System V
/// shared memory, rings of asynchronous I/O.
pub(super) fn is_internal(path: &[u8]) -> bool {
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    let names: [&[u8]; 3] = [b"/dev/zero", b"/[aio]", b"/anon_hugepage"];
    names.contains(&path) || path.starts_with(b"/memfd:") || path.starts_with(b"/SYSV")
}

/// Files whose last name is gone: their content goes into the images.
fn ghosts<'a>(files: impl Iterator<Item = &'a Nameless>, findings: &mut Vec<Finding>) {
    let large: Vec<&Nameless> = files.filter(|file| file.facts.bytes > GHOST_LIMIT).collect();
    let Some(largest) = large.iter().map(|file| file.facts.bytes).max() else { return };
    let words: Vec<String> =
        large.iter().map(|file| format!("{} ({})", file.path, span::bytes(file.facts.bytes))).collect();
    // Some room: the file may be written to until criu stops the processes.
    let limit = format!("{}M", (largest >> 20) + 1);
    findings.push(
        Finding::warning(
            "deleted-file",
            format!("deleted, but still open: {}", several(&words)),
            "criu saves the content of such a file in the images, by default only up to 1 MiB",
        )
        .remedy(format!("adding --ghost-limit {limit}; the images grow by these files"))
        .options(["--ghost-limit".to_owned(), limit])
        .criu_says("Can't dump ghost file … of … size, increase limit"),
    );
}

/// Files that have another name: criu gives them one in the place of the old name.
fn remaps<'a>(files: impl Iterator<Item = &'a Nameless>, findings: &mut Vec<Finding>) {
    let words: Vec<String> = files.map(|file| file.path.clone()).collect();
    if !words.is_empty() {
        findings.push(
            Finding::warning(
                "deleted-name",
                format!("deleted under the name by which it was opened, but not under another: {}", several(&words)),
                "criu must find the file again at the restore",
            )
            .remedy("adding --link-remap: criu creates a link named link_remap.N in the same directory, which the \
                     restore needs; if the processes keep running, criu removes it again, so create it before a \
                     restore: ln OTHER-NAME link_remap.N")
            .options(["--link-remap"])
            .criu_says("Can't create link remap for …. Use link-remap option."),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_deleted() {
        for path in [
            &b"/memfd:x (deleted)"[..],
            b"/dev/zero (deleted)",
            b"/SYSV00000000 (deleted)",
            b"/[aio] (deleted)",
        ] {
            assert!(is_internal(path));
        }
        assert!(!is_internal(b"/tmp/memfd:x (deleted)") && !is_internal(b"/secretmem (deleted)"));
    }

    fn file(links: u32, bytes: u64) -> Nameless {
        let facts =
            Facts { kind: FileType::RegularFile, id: (0, 0, 1), links, bytes, device: (0, 0), mount: None };
        Nameless { path: "/f".into(), facts }
    }

    #[test]
    fn the_limit_fits_the_largest() {
        let mut findings = Vec::new();
        ghosts([file(0, 2_002_944), file(0, 5 << 20), file(0, 100)].iter(), &mut findings);
        assert_eq!(findings[0].options, ["--ghost-limit", "6M"]);
        findings.clear();
        ghosts([file(0, GHOST_LIMIT)].iter(), &mut findings);
        assert!(findings.is_empty());
    }
}
