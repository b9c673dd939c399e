//! Where the runtime folder of this user is.
//!
//! Root has `/run/cryoscope`. A user with `XDG_RUNTIME_DIR` has a folder there, and so has one whose `/run/user/UID` exists,
//! as in a job of cron. Any other, a system user most of all, has one in `/dev/shm`, else in `/tmp`: there everybody may make
//! a folder of that name first, so one that is somebody else's is passed over. `RUNTIME_DIRECTORY` (systemd.exec(5)) comes
//! last: a later call outside of that unit does not know it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, geteuid};

use crate::kernel::trust;

/// A path at which the folder may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// Everybody may create something in the folder above: what is there may be anybody's.
    pub(super) shared: bool,
}

impl Place {
    fn own(above: impl AsRef<Path>) -> Self {
        Self { path: above.as_ref().join("cryoscope"), shared: false }
    }
}

/// The places to use, best first; empty where this user has none.
pub(super) fn places() -> Vec<Place> {
    match explicit() {
        Some(place) => vec![place],
        None => implicit(geteuid()),
    }
}

/// All places in which an earlier call of this user may have left something.
pub(super) fn all_places() -> Vec<Place> {
    let elsewhere = if geteuid().is_root() { Vec::new() } else { implicit(geteuid()) };
    explicit().into_iter().chain(elsewhere).collect()
}

/// The one place of root, or of a user who names one.
fn explicit() -> Option<Place> {
    if geteuid().is_root() {
        return Some(Place::own("/run"));
    }
    named("XDG_RUNTIME_DIR").map(Place::own)
}

fn implicit(user: Uid) -> Vec<Place> {
    let login = PathBuf::from(format!("/run/user/{user}"));
    let login = fs::symlink_metadata(&login)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == user.as_raw())
        .then_some(login);
    let shared =
        ["/dev/shm", "/tmp"].map(Path::new).into_iter().filter(|above| nobody_moves_what_is_in(above));
    let shared = shared.map(|above| Place { path: above.join(format!("cryoscope-{user}")), shared: true });
    login
        .map(Place::own)
        .into_iter()
        .chain(shared)
        .chain(named("RUNTIME_DIRECTORY").map(Place::own))
        .collect()
}

/// The folder that a variable names, the first where it names several. One that is not absolute is none (systemd.exec(5), XDG
/// Base Directory Specification).
fn named(variable: &str) -> Option<PathBuf> {
    let value = std::env::var_os(variable)?;
    std::env::split_paths(&value).next().filter(|folder| folder.is_absolute())
}

/// Sticky, or closed to others.
fn nobody_moves_what_is_in(above: &Path) -> bool {
    trust::distrust(above).is_ok_and(|distrust| distrust.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_login_has_a_place_that_others_see() {
        let places = implicit(Uid::from_raw(4_000_000_000));
        let names: Vec<_> = places.iter().filter(|place| place.shared).map(|place| &place.path).collect();
        assert!(names.contains(&&PathBuf::from("/tmp/cryoscope-4000000000")), "{places:?}");
        assert!(!places.iter().any(|place| place.path.starts_with("/run/user")), "{places:?}");
    }
}
