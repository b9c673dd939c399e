//! The folder for the images: private, empty, and large enough.

use std::fs::{self, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, openat};

use super::{Finding, Plan, Step};
use crate::kernel::{Dir, trust};
use crate::model::printable;
use crate::model::shell::quoted;

/// Whether images can go there, and whether the folder exists already.
pub(super) fn look(into: &Path, rss: u64) -> (Vec<Finding>, bool) {
    match fs::symlink_metadata(into) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let parent = into.parent().unwrap_or(Path::new("/"));
            let made = to_be_made(into, parent);
            // Where there is no place, nobody asks how large it is.
            let space = (!made.blocks()).then(|| space(parent, rss));
            (std::iter::once(made).chain(space).collect(), false)
        }
        Err(error) => (
            vec![
                blocker(format!("cannot inspect {}: {error}", shown(into)), "the images would go there"),
                space(into, rss),
            ],
            true,
        ),
        Ok(meta) => (vec![standing(into, &meta), space(into, rss)], true),
    }
}

const SECRET: &str = "memory images contain every secret of the processes";

fn blocker(what: String, why: &str) -> Finding {
    Finding::blocker("image-folder", what, why)
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes()).into_owned()
}

/// A folder that is not there yet.
fn to_be_made(into: &Path, parent: &Path) -> Finding {
    let why = "the image directory is created in it";
    match fs::metadata(parent) {
        Ok(meta) if meta.is_dir() => {
            if let Some(finding) = decided_by_others(parent, into) {
                return finding;
            }
            Finding::ok("image-folder", format!("{} will be created, mode 0700", shown(into)))
        }
        Ok(_) => {
            blocker(format!("{} is not a directory", shown(parent)), why).remedy("use another directory")
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            blocker(format!("{} does not exist", shown(parent)), why)
                .remedy(format!("mkdir -p {}", quoted(parent.as_os_str())))
        }
        Err(error) => {
            blocker(format!("cannot inspect {}: {error}", shown(parent)), why).remedy("use another directory")
        }
    }
}

/// Who else decides what is found there: criu opens the folder by its path, file by file.
fn decided_by_others(place: &Path, into: &Path) -> Option<Finding> {
    let what = match trust::distrust(place) {
        Ok(found) => format!("{} is not trusted: {}", shown(into), found?),
        Err(error) => format!("could not check whether {} can be trusted: {error}", shown(into)),
    };
    let why = "whoever can change a parent directory decides where the images go";
    Some(
        blocker(what, why)
            .remedy("use a directory that only you or root can change, including all parent directories"),
    )
}

/// What is there already. That it is not empty comes before who may look into it: rights of a folder that is in use are not
/// to be changed for this.
fn standing(into: &Path, meta: &Metadata) -> Finding {
    let name = shown(into);
    let sticky = meta.mode() & 0o1000 != 0;
    if meta.is_symlink() {
        return blocker(
            format!("{name} is a symbolic link"),
            "whoever can change it decides where the images go",
        )
        .remedy("use the directory itself");
    }
    if !meta.is_dir() {
        return blocker(format!("{name} is not a directory"), "images go into a directory of their own")
            .remedy("use another directory");
    }
    if meta.uid() != nix::unistd::geteuid().as_raw() {
        // In a sticky one, as /tmp, nobody else can move a new folder away.
        let remedy = if sticky { below(into) } else { "use a directory of your own".to_owned() };
        return blocker(format!("{name} belongs to another user"), SECRET).remedy(remedy);
    }
    match fs::read_dir(into).map(|mut entries| entries.next().is_none()) {
        Err(error) => blocker(format!("cannot read {name}: {error}"), "it must be empty")
            .remedy("use another directory"),
        Ok(false) if is_failed(into) => blocker(
            format!("{name} is not empty"),
            "it contains the log of a failed dump, and no images that could be restored",
        )
        .remedy(format!("read the log, then rm -r {}; or use another directory", quoted(into.as_os_str()))),
        Ok(false) => blocker(format!("{name} is not empty"), "criu would overwrite images of the same name")
            .remedy(below(into)),
        Ok(true) if meta.mode() & 0o077 == 0 => decided_by_others(into, into)
            .unwrap_or_else(|| Finding::ok("image-folder", format!("{name} is empty and private"))),
        Ok(true) if !sticky && is_nothing_special(into, meta) => {
            blocker(format!("{name} is accessible to other users"), SECRET)
                .remedy(format!("chmod 700 {}", quoted(into.as_os_str())))
        }
        Ok(true) => blocker(format!("{name} is accessible to other users"), SECRET).remedy(below(into)),
    }
}

/// A folder that nobody misses when others can't get into it any more: not the working directory, not one at the top (`/mnt`),
/// and not a place where something is mounted.
fn is_nothing_special(into: &Path, meta: &Metadata) -> bool {
    let same = |other: &Metadata| (other.dev(), other.ino()) == (meta.dev(), meta.ino());
    let Ok(place) = into.canonicalize() else { return false };
    let Some((parent, above)) = place.parent().and_then(|p| Some((p, fs::metadata(p).ok()?))) else {
        return false;
    };
    parent != Path::new("/") && above.dev() == meta.dev() && !fs::metadata(".").is_ok_and(|here| same(&here))
}

/// Names a folder in this one that is not there yet.
fn below(into: &Path) -> String {
    let name = |n: u32| into.join(format!("checkpoint-{n}"));
    let free = (1..1000).map(name).find(|path| fs::symlink_metadata(path).is_err());
    format!("use a new directory in it, such as {}", quoted(free.unwrap_or_else(|| name(1000)).as_os_str()))
}

fn space(place: &Path, rss: u64) -> Finding {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    match rustix::fs::statvfs(place) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let what = format!("{} free, {} of memory to write", mib(free), mib(rss));
            if free < rss {
                Finding::blocker("free-space", what, "the dump would run out of disk space")
                    .remedy("use a directory on a larger file system")
            } else {
                Finding::ok("free-space", what)
            }
        }
        Err(error) => Finding::unknown("free-space", "the free space for the images", error),
    }
}

/// Whether the file system has no room left: criu can't even write down then why it fails.
pub(super) fn is_full(into: &Path) -> bool {
    rustix::fs::statvfs(into).is_ok_and(|stat| stat.f_bavail.saturating_mul(stat.f_frsize) < 64 * 1024)
}

/// A folder for images, open: what is written into it goes there, whatever stands at its path by now.
#[derive(Debug, Clone)]
pub struct ImageFolder(Arc<Dir>);

impl ImageFolder {
    /// Opens a folder of this user that nobody else may write to. A link is not followed.
    ///
    /// # Errors
    /// What openat(2) says; `PermissionDenied` for somebody else's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let dir = Dir::open(path)?;
        if !dir.is_private()? {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it was replaced by one of another user",
            ));
        }
        Ok(Self(Arc::new(dir)))
    }

    /// Whether it is what its path leads to; not, where it was deleted, moved, or replaced.
    pub fn is_at(&self, path: &Path) -> bool {
        let there = Dir::open(path).and_then(|dir| dir.id());
        matches!((there, self.0.id()), (Ok(there), Ok(this)) if there == this)
    }

    /// Writes a new file into it, mode 0600.
    ///
    /// # Errors
    /// What openat(2) and write(2) say: ENOENT where the folder was deleted, EEXIST where there is such a file.
    pub fn write_new(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(self.0.fd(), name, flags, Mode::from_raw_mode(0o600))?;
        fs::File::from(file).write_all(text)
    }
}

/// Makes the folder with mode 0700, or makes sure that the one that was there is still empty and private.
pub(super) fn make(into: &Path, exists: bool) -> io::Result<ImageFolder> {
    if !exists {
        fs::DirBuilder::new().mode(0o700).create(into)?;
    } else if let Some(finding) = look(into, 0).0.into_iter().find(Finding::blocks) {
        return Err(io::Error::other(finding.what));
    }
    ImageFolder::open(into)
}

/// Whether a folder holds what a dump left that failed, and nothing else: criu writes `inventory.img` when it has all others
/// (`cr_dump_tasks` in `criu/cr-dump.c`), and nothing can be restored without.
fn is_failed(into: &Path) -> bool {
    let (mut failed, mut others) = (false, false);
    for entry in fs::read_dir(into).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        match entry.file_type() {
            // The folder of one of several trees.
            Ok(kind) if kind.is_dir() => match is_failed(&entry.path()) {
                true => failed = true,
                false => {
                    others |= fs::read_dir(entry.path()).map_or(true, |mut inner| inner.next().is_some())
                }
            },
            Ok(kind) if kind.is_file() && name == b"dump.log" => failed = true,
            Ok(kind) if kind.is_file() && name.ends_with(b".img") && name != b"inventory.img" => {}
            _ => others = true,
        }
    }
    failed && !others
}

/// Takes away what a dump that failed has left in the folder of its images, for another try.
pub(super) fn remove_files(images: &Path) -> io::Result<()> {
    for entry in fs::read_dir(images)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Takes away the folders that a plan has made and left empty, so that it can be tried again.
pub(super) fn tidy(plan: &Plan) {
    for step in plan.steps.iter().rev() {
        if let Step::MakeFolder { path, exists: false } = step {
            // One that is not empty stays (ENOTEMPTY, rmdir(2)).
            let _ = fs::remove_dir(Path::new(&path.0));
        }
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
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn found(path: &Path) -> Finding {
        look(path, 1).0.into_iter().find(|finding| finding.code == "image-folder").unwrap()
    }

    fn remedy(path: &Path) -> String {
        let found = found(path);
        assert!(found.blocks(), "{found}");
        found.remedy.unwrap()
    }

    fn folder(path: &Path, mode: u32) {
        fs::DirBuilder::new().create(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_written_goes_to_the_folder_that_was_made() {
        let temp = tempfile::tempdir().unwrap();
        let (path, moved, other) = (temp.path().join("a"), temp.path().join("b"), temp.path().join("c"));
        let made = make(&path, false).unwrap();
        fs::create_dir(&other).unwrap();
        fs::rename(&path, &moved).unwrap();
        symlink(&other, &path).unwrap();
        made.write_new("file", b"x").unwrap();
        assert!(moved.join("file").exists() && !other.join("file").exists());
        assert!(!made.is_at(&path) && made.is_at(&moved));
        assert!(made.write_new("file", b"y").is_err(), "nothing is overwritten");
        fs::remove_dir_all(&moved).unwrap();
        assert_eq!(made.write_new("file", b"x").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_a_failed_dump_left_is_known() {
        let temp = tempfile::tempdir().unwrap();
        let add = |name: &str| {
            let path = temp.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        assert!(!is_failed(temp.path()), "empty");
        add("7/dump.log");
        add("7/pages-1.img");
        fs::create_dir(temp.path().join("8")).unwrap();
        assert!(is_failed(temp.path()));
        add("8/inventory.img");
        assert!(!is_failed(temp.path()), "one of the trees is complete");
        fs::remove_file(temp.path().join("8/inventory.img")).unwrap();
        add("notes");
        assert!(!is_failed(temp.path()), "somebody else's file");
    }

    #[test]
    fn folders() {
        let temp = tempfile::tempdir().unwrap();
        let new = temp.path().join("new");
        assert!(!found(&new).blocks());
        assert!(remedy(&temp.path().join("no/new")).starts_with("mkdir -p "));
        make(&new, false).unwrap();
        assert!(!found(&new).blocks());
        assert!(
            look(&temp.path().join("x"), u64::MAX).0.iter().any(|f| f.code == "free-space" && f.blocks())
        );
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(remedy(&file.join("in-a-file")), "use another directory");
    }

    #[test]
    fn rights_are_to_be_changed_where_nobody_misses_them_only() {
        let temp = tempfile::tempdir().unwrap();
        let (empty, sticky) = (temp.path().join("empty"), temp.path().join("sticky"));
        folder(&empty, 0o755);
        assert_eq!(remedy(&empty), format!("chmod 700 {}", empty.display()));
        fs::write(empty.join("file"), "").unwrap();
        assert!(remedy(&empty).ends_with(&format!("such as {}/checkpoint-1", empty.display())));
        folder(&empty.join("checkpoint-1"), 0o700);
        assert!(remedy(&empty).ends_with("/checkpoint-2"));
        folder(&sticky, 0o1777);
        assert!(remedy(&sticky).starts_with("use a new directory in it"));
        for public in ["/", "/etc", "/tmp", "/mnt", "."] {
            assert!(!remedy(Path::new(public)).contains("chmod"), "{public}");
        }
    }

    #[test]
    fn a_link_is_called_one() {
        let temp = tempfile::tempdir().unwrap();
        let link = temp.path().join("link");
        symlink(temp.path(), &link).unwrap();
        assert!(found(&link).what.ends_with("is a symbolic link"));
        let dangling = temp.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        assert!(found(&dangling).what.ends_with("is a symbolic link"));
    }
}
