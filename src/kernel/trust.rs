//! Whom this program trusts with what it runs, obeys, or writes to: it may be root, and others share the host.
//!
//! A path is as trustworthy as every folder on the way to it: whoever may write to one of them, or owns it, decides what is
//! found behind it, at every look anew. So all of them are looked at, from the root down and through symbolic links; what is
//! behind such a path can't be changed by others between a check and a use.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::model::printable;

/// Who else decides what is found at a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Its owner.
    #[error("{} belongs to user {uid}", printable(.path.as_os_str().as_encoded_bytes()))]
    Owner {
        /// Which file or folder on the way.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Everybody.
    #[error("{} is world-writable", printable(.0.as_os_str().as_encoded_bytes()))]
    Everybody(PathBuf),
}

/// Root, the user that this runs as, and whoever became root by sudo: that one could do as root anyway. (sudo(8))
pub fn people() -> Vec<u32> {
    people_of(rustix::process::geteuid().as_raw(), std::env::var("SUDO_UID").ok().as_deref())
}

fn people_of(me: u32, sudo: Option<&str>) -> Vec<u32> {
    let behind = sudo.and_then(|uid| uid.parse().ok()).filter(|_| me == 0);
    [0, me].into_iter().chain(behind).collect()
}

/// Who besides the trusted people decides what is at a path; `None` for nobody. A folder that everybody may write to is no
/// harm where it is sticky, as `/tmp` is: there only its owner moves a file away (unlink(2)).
///
/// # Errors
/// Where something on the way is not there or may not be looked at; ELOOP for links without end.
pub fn distrust(path: &Path) -> io::Result<Option<Distrust>> {
    distrust_of(&people(), path)
}

/// The same where these users are trusted, and nobody else.
///
/// # Errors
/// As [`distrust`].
pub(super) fn distrust_of(users: &[u32], path: &Path) -> io::Result<Option<Distrust>> {
    walk(&std::path::absolute(path)?, users, LINKS)
}

/// The same of a folder and of everything in it.
///
/// # Errors
/// As [`distrust`].
pub fn distrust_all_in(folder: &Path) -> io::Result<Option<Distrust>> {
    if let Some(found) = distrust(folder)? {
        return Ok(Some(found));
    }
    let people = people();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = look(&path, &fs::symlink_metadata(&path)?, &people);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// As many symbolic links as the kernel follows (path_resolution(7)).
const LINKS: u32 = 40;

fn walk(path: &Path, people: &[u32], links: u32) -> io::Result<Option<Distrust>> {
    let mut places: Vec<&Path> = path.ancestors().collect();
    places.reverse();
    for place in places {
        let meta = fs::symlink_metadata(place)?;
        let mut found = look(place, &meta, people);
        if found.is_none() && meta.is_symlink() {
            let left = links.checked_sub(1).ok_or_else(|| io::Error::from(Errno::LOOP))?;
            let to = place.parent().unwrap_or(place).join(fs::read_link(place)?);
            found = walk(&to, people, left)?;
        }
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn look(place: &Path, meta: &Metadata, people: &[u32]) -> Option<Distrust> {
    if !people.contains(&meta.uid()) {
        return Some(Distrust::Owner { path: place.into(), uid: meta.uid() });
    }
    let (open, sticky) = (meta.mode() & 0o002 != 0, meta.mode() & 0o1000 != 0);
    // A link's own mode says nothing.
    (open && !meta.is_symlink() && !(meta.is_dir() && sticky)).then(|| Distrust::Everybody(place.into()))
}

/// Where to look for programs when PATH is not set (execvp(3)).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// PATH without what depends on the working directory: that may be a folder of anybody.
pub fn search_path() -> OsString {
    absolute(std::env::var_os("PATH").unwrap_or_else(|| PATH.into()))
}

fn absolute(path: OsString) -> OsString {
    let places = std::env::split_paths(&path).filter(|place| place.is_absolute());
    // What was split at the separator holds none.
    std::env::join_paths(places).unwrap_or_else(|_| PATH.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn open(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn whoever_calls_sudo_is_trusted_by_root_alone() {
        assert_eq!(people_of(0, Some("1000")), [0, 0, 1000]);
        assert_eq!(people_of(1000, Some("1001")), [0, 1000]);
        assert_eq!(people_of(0, Some("x")), [0, 0]);
        assert_eq!(people_of(0, None), [0, 0]);
    }

    #[test]
    fn every_folder_on_the_way_counts() {
        let temp = tempfile::tempdir().unwrap();
        let (folder, link) = (temp.path().join("folder"), temp.path().join("link"));
        fs::create_dir_all(folder.join("inner")).unwrap();
        symlink("folder/inner", &link).unwrap();
        assert_eq!(distrust(&link).unwrap(), None, "/tmp itself is sticky");
        open(&folder, 0o777);
        let everybody = Some(Distrust::Everybody(folder.clone()));
        assert_eq!(distrust(&folder.join("inner")).unwrap(), everybody);
        let through = distrust(&link).unwrap().map(|found| found.to_string());
        assert_eq!(through.unwrap(), format!("{} is world-writable", folder.display()), "through the link");
        open(&folder, 0o1777);
        assert_eq!(distrust(&link).unwrap(), None);
        fs::write(folder.join("file"), "").unwrap();
        open(&folder.join("file"), 0o1666);
        assert!(distrust(&folder.join("file")).unwrap().is_some(), "sticky is for folders");
    }

    #[test]
    fn an_owner_on_the_way_counts() {
        let temp = tempfile::tempdir().unwrap();
        let place = temp.path().join("place");
        fs::create_dir(&place).unwrap();
        let uid = fs::symlink_metadata(&place).unwrap().uid();
        let others = [0, uid].map(|uid| uid + 1);
        let found = walk(&place, &others, LINKS).unwrap();
        assert_eq!(found, Some(Distrust::Owner { path: "/".into(), uid: 0 }));
    }

    #[test]
    fn links_without_end_are_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let link = temp.path().join("link");
        symlink("link", &link).unwrap();
        assert_eq!(distrust(&link).unwrap_err().raw_os_error(), Some(Errno::LOOP.raw_os_error()));
        assert!(distrust(&temp.path().join("none")).is_err());
    }

    #[test]
    fn the_working_directory_is_not_searched() {
        assert_eq!(absolute("bin::/usr/bin:.:../x:/bin".into()), "/usr/bin:/bin");
        assert_eq!(absolute("".into()), "");
    }
}
