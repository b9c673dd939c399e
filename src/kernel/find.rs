//! Finding a group again by its device and inode, wherever it has been renamed to.
//!
//! Only v1 has a rename, and only within one directory (`cgroup1_rename` in kernel/cgroup/cgroup-v1.c); but any group above
//! may be renamed as well. An inode is not used again within a boot (`__kernfs_new_node` in fs/kernfs/dir.c counts up).

use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::dir::Dir;
use crate::model::{CgroupId, Version};

/// A search that takes longer has found out nothing. (100,000 groups take about half a second.)
const SEARCH_LIMIT: Duration = Duration::from_secs(20);

/// A rename during a search can hide a group from it, so it counts as gone only after this many complete searches.
const COMPLETE_SEARCHES: u32 = 2;

/// Searches a hierarchy, given by its root directory, for a group. `None` means that it is gone: searches that missed
/// nothing did not find it.
///
/// # Errors
/// Where that cannot be known: another file system is mounted there, a directory cannot be read, or the search takes too long.
pub fn find(root: &Dir, version: Version, id: CgroupId) -> io::Result<Option<Dir>> {
    if root.id()?.dev != id.dev {
        return Err(io::Error::other("another file system is mounted where its hierarchy was"));
    }
    let deadline = Instant::now() + SEARCH_LIMIT;
    let mut complete = 0;
    while complete < COMPLETE_SEARCHES {
        let mut disturbed = false;
        if let ControlFlow::Break(found) = search(root, id, deadline, &mut disturbed)? {
            return Ok(Some(found));
        }
        // A name that is not there any more was removed; on v1 it may have been renamed.
        complete += u32::from(version == Version::V2 || !disturbed);
    }
    Ok(None)
}

/// One search; `disturbed` where a group was not there any more under the name that its directory had shown.
fn search(root: &Dir, id: CgroupId, deadline: Instant, disturbed: &mut bool) -> io::Result<ControlFlow<Dir>> {
    let mut waiting = vec![root.again()?];
    while let Some(dir) = waiting.pop() {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the search for it took too long"));
        }
        for name in dir.children()? {
            let Some(child) = dir.child(&name)? else {
                *disturbed = true;
                continue;
            };
            match child.id_and_children()? {
                (found, _) if found == id => return Ok(ControlFlow::Break(child)),
                (_, true) => waiting.push(child),
                _ => {}
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any directories do: the search reads nothing else.
    #[test]
    fn a_renamed_directory_is_found_and_a_removed_one_is_gone() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        std::fs::create_dir_all(at("a/b/c")).unwrap();
        let (root, id) = (Dir::open(temp.path()).unwrap(), Dir::open(&at("a/b/c")).unwrap().id().unwrap());
        std::fs::rename(at("a/b/c"), at("a/b/d")).unwrap();
        std::fs::rename(at("a"), at("z")).unwrap();
        for version in [Version::V1, Version::V2] {
            assert_eq!(find(&root, version, id).unwrap().unwrap().id().unwrap(), id);
        }
        std::fs::remove_dir(at("z/b/d")).unwrap();
        assert!(find(&root, Version::V1, id).unwrap().is_none());
        let elsewhere = CgroupId { dev: id.dev + 1, ..id };
        assert!(find(&root, Version::V1, elsewhere).is_err(), "nobody looked where it is");
    }
}
