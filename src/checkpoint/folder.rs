//! The folder for the images: private, empty, and large enough.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use super::Finding;
use crate::model::printable;
use crate::model::shell::quoted;

/// Whether images can go there, and whether the folder exists already.
pub(super) fn look(into: &Path, rss: u64) -> (Vec<Finding>, bool) {
    let name = printable(into.as_os_str().as_encoded_bytes()).into_owned();
    let blocker = |what: String, why: &str| Finding::blocker("image-folder", what, why);
    let word = quoted(into.as_os_str());
    let secret = "memory images hold every secret of the processes";
    let (found, exists, place) = match fs::symlink_metadata(into) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = into.parent().unwrap_or(Path::new("/"));
            let found = match fs::metadata(parent) {
                Ok(meta) if meta.is_dir() => {
                    Finding::ok("image-folder", format!("{name} will be made, mode 0700"))
                }
                _ => blocker(
                    format!("{} is not a directory", printable(parent.as_os_str().as_encoded_bytes())),
                    "the folder for the images is made in it",
                )
                .remedy(format!("mkdir -p {}", quoted(parent.as_os_str()))),
            };
            (found, false, parent)
        }
        Err(error) => {
            (blocker(format!("{name} cannot be looked at: {error}"), "images would go there"), true, into)
        }
        Ok(meta) if !meta.is_dir() => (
            blocker(format!("{name} is not a directory"), "images go into a folder of their own")
                .remedy("name another folder"),
            true,
            into,
        ),
        Ok(meta) if meta.uid() != nix::unistd::geteuid().as_raw() => (
            blocker(format!("{name} belongs to somebody else"), secret).remedy("name another folder"),
            true,
            into,
        ),
        Ok(meta) if meta.mode() & 0o077 != 0 => (
            blocker(format!("{name} is open to others"), secret).remedy(format!("chmod 700 {word}")),
            true,
            into,
        ),
        Ok(_) => match fs::read_dir(into).map(|mut entries| entries.next().is_none()) {
            Ok(true) => (Finding::ok("image-folder", format!("{name} is empty and private")), true, into),
            Ok(false) => (
                blocker(format!("{name} is not empty"), "criu would overwrite images of the same name")
                    .remedy("name another folder"),
                true,
                into,
            ),
            Err(error) => {
                (blocker(format!("{name} cannot be read: {error}"), "it must be empty"), true, into)
            }
        },
    };
    (vec![found, space(place, rss)], exists)
}

fn space(place: &Path, rss: u64) -> Finding {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    match rustix::fs::statvfs(place) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let what = format!("{} free, {} of memory to write", mib(free), mib(rss));
            if free < rss {
                Finding::blocker("free-space", what, "the dump would fail in the middle for want of space")
                    .remedy("name a folder on a larger file system")
            } else {
                Finding::ok("free-space", what)
            }
        }
        Err(error) => Finding::unknown("free-space", "how much space is free for the images", error),
    }
}

/// Whether the file system has no room left: criu can't even write down then why it fails.
pub(super) fn is_full(into: &Path) -> bool {
    rustix::fs::statvfs(into).is_ok_and(|stat| stat.f_bavail.saturating_mul(stat.f_frsize) < 64 * 1024)
}

/// Makes the folder with mode 0700, or makes sure that the one that was there is still empty and private.
pub(super) fn make(into: &Path, exists: bool) -> io::Result<()> {
    if !exists {
        return fs::DirBuilder::new().mode(0o700).create(into);
    }
    let (findings, _) = look(into, 0);
    match findings.into_iter().find(Finding::blocks) {
        Some(finding) => Err(io::Error::other(finding.what)),
        None => Ok(()),
    }
}

/// How many bytes the files of the folder hold, with those in the folders of single trees.
pub(super) fn bytes(into: &Path) -> u64 {
    let entries = fs::read_dir(into).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_file() => meta.len(),
        Ok(meta) if meta.is_dir() => bytes(&entry.path()),
        _ => 0,
    };
    entries.map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders() {
        let temp = tempfile::tempdir().unwrap();
        let blocks = |path: &Path| look(path, 1).0.iter().any(Finding::blocks);
        assert!(!blocks(&temp.path().join("new")));
        assert!(blocks(&temp.path().join("no/new")));
        make(&temp.path().join("new"), false).unwrap();
        assert!(!blocks(&temp.path().join("new")));
        fs::set_permissions(temp.path().join("new"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(blocks(&temp.path().join("new")));
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(blocks(temp.path()));
        assert!(
            look(&temp.path().join("x"), u64::MAX).0.iter().any(|f| f.code == "free-space" && f.blocks())
        );
    }
}
