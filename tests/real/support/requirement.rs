//! What a test needs of the host.

use std::path::PathBuf;

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;
use libtest_mimic::{Completion, Trial};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To be root.
    Root,
    /// A writable cgroup v2 hierarchy.
    V2,
    /// A writable v1 freezer hierarchy.
    V1,
    /// A CRIU that works, as `tests/setup` finds it.
    Criu,
    /// runc, a busybox that needs no libraries, and iptables, which CRIU uses for a network namespace: `tests/setup` installs
    /// them.
    Runc,
}

/// What a test on one hierarchy needs that runs CRIU.
pub fn with_criu(version: Version) -> &'static [Need] {
    match version {
        Version::V2 => &[Need::Root, Need::V2, Need::Criu],
        Version::V1 => &[Need::Root, Need::V1, Need::Criu],
    }
}

/// Where Debian's package busybox-static has it.
pub const BUSYBOX: &str = "/bin/busybox";

impl Need {
    /// Why it is not there, if so.
    fn missing(self) -> Option<String> {
        match self {
            Self::Root => (!nix::unistd::geteuid().is_root()).then(|| "needs root".to_owned()),
            Self::V2 => hierarchy(Version::V2),
            Self::V1 => hierarchy(Version::V1),
            Self::Criu => {
                let set = std::env::var_os("CRYOSCOPE_TEST_CRIU").is_some_and(|p| PathBuf::from(p).is_file());
                (!set).then(|| "needs CRIU in CRYOSCOPE_TEST_CRIU; use tests/run".to_owned())
            }
            Self::Runc => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let found =
                    |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
                let missing = ["runc", "iptables-restore", BUSYBOX].into_iter().find(|name| !found(name));
                missing.map(|name| format!("needs {name}; use tests/run"))
            }
        }
    }
}

fn hierarchy(version: Version) -> Option<String> {
    let host = hierarchies().ok();
    match host.as_ref().and_then(|host| host.get(version)) {
        None => Some(format!("needs a mounted {version} freezer hierarchy")),
        Some(found) if found.read_only => Some(format!("the {version} hierarchy is mounted read-only")),
        Some(_) => None,
    }
}

/// The CRIU to test with; only for tests with [`Need::Criu`].
pub fn criu() -> PathBuf {
    std::env::var_os("CRYOSCOPE_TEST_CRIU").expect("a test that uses CRIU says so with Need::Criu").into()
}

/// A test that runs where all of this is there. It fails by a panic.
pub fn trial(name: &str, needs: &'static [Need], test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || {
        let missing: Vec<_> = needs.iter().filter_map(|need| need.missing()).collect();
        if missing.is_empty() {
            test();
            return Ok(Completion::Completed);
        }
        let why = missing.join("; ");
        if std::env::var_os("CRYOSCOPE_REQUIRE_KERNEL").is_some_and(|v| v == "1") {
            return Err(format!("CRYOSCOPE_REQUIRE_KERNEL is set, and this {why}").into());
        }
        Ok(Completion::ignored_with(why))
    })
}
