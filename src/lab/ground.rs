//! What a lesson needs of the host, and whether it is there.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::lesson::Lesson;
use crate::checkpoint::criu;
use crate::kernel::{Dir, host};
use crate::model::{Hierarchies, Version};

/// The host, as far as the lessons need it.
#[derive(Debug)]
pub struct Ground {
    /// The hierarchies.
    pub hosts: Hierarchies,
    /// A criu that works, or why there is none.
    pub criu: Result<PathBuf, String>,
    /// It was named, so it is named in lines for a shell, too.
    pub criu_named: bool,
}

/// What kind of thing a lesson lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A right.
    Right,
    /// criu, or a hierarchy.
    Part,
}

/// Why a lesson cannot be held, and what can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Of which kind it is.
    pub lack: Lack,
    /// What is missing.
    pub what: String,
    /// What can be done.
    pub remedy: Cow<'static, str>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl Ground {
    /// Looks at the host. `asked` is the criu to use; found in PATH where it is left out.
    pub fn look(hosts: Hierarchies, asked: Option<PathBuf>) -> Self {
        let (found, findings) = criu::look(asked.as_deref(), &host::release());
        let blocker = findings.into_iter().find(|finding| finding.blocks());
        let criu = match (found, blocker) {
            (Some(criu), None) => Ok(criu.path),
            (_, Some(finding)) => Err(finding.what),
            (None, None) => Err("criu was not found".to_owned()),
        };
        Self { hosts, criu, criu_named: asked.is_some() }
    }

    /// What a lesson lacks on this host, on one freezer.
    pub fn missing(&self, lesson: &Lesson, version: Version) -> Option<Missing> {
        let missing =
            |lack, what: String, remedy: &'static str| Some(Missing { lack, what, remedy: remedy.into() });
        let Some(hierarchy) = self.hosts.get(version) else {
            return missing(
                Lack::Part,
                format!("this host has no {version} freezer"),
                match version {
                    Version::V1 => "run it on the other one: --hierarchy v2",
                    Version::V2 => "run it on the other one: --hierarchy v1",
                },
            );
        };
        let root = geteuid().is_root();
        if lesson.criu && !root {
            return missing(
                Lack::Right,
                "criu needs root".to_owned(),
                "run it with sudo; lessons 1 to 5 work without criu",
            );
        }
        if hierarchy.read_only {
            return missing(
                Lack::Right,
                format!("{} is mounted read-only", hierarchy.mount_point.display()),
                "run it where the hierarchy is writable",
            );
        }
        match &self.criu {
            Err(why) if lesson.criu => missing(
                Lack::Part,
                why.clone(),
                "install criu 3.14 or newer (4.1 on x86 with Linux 6.13 or newer), or pass --criu PATH; lessons 1 to \
                 5 work without criu",
            ),
            _ if !root && !self.may_make_groups(version) => Some(not_permitted(version)),
            _ => None,
        }
    }

    /// Whether this user's own group is delegated to it, or the root is.
    fn may_make_groups(&self, version: Version) -> bool {
        let Some(hierarchy) = self.hosts.get(version) else { return false };
        let own = super::scene::own(hierarchy).map(|path| hierarchy.absolute(&path));
        let places = own.into_iter().chain([hierarchy.mount_point.clone()]);
        places.into_iter().any(|place| Dir::open(&place).is_ok_and(|dir| dir.may_write("cgroup.procs")))
    }
}

fn not_permitted(version: Version) -> Missing {
    let what = "this user may not create groups here".to_owned();
    Missing { lack: Lack::Right, what, remedy: way_to_a_group(version).into() }
}

/// How this user comes to a group of their own. systemd delegates none of the v1 freezer: that is no controller of its.
fn way_to_a_group(version: Version) -> String {
    let user = geteuid();
    let own = match () {
        () if version == Version::V1 => String::new(),
        () if Path::new(&format!("/run/user/{user}/systemd")).is_dir() => {
            ", or in a group of your own: systemd-run --user --scope -p Delegate=yes cryoscope lab".to_owned()
        }
        () if Path::new("/run/systemd/system").is_dir() => {
            format!(
                ", or in a group of your own: sudo systemd-run --pty --uid={user} -p Delegate=yes cryoscope lab"
            )
        }
        () => String::new(),
    };
    format!("run it with sudo{own}")
}

/// What the kernel's refusal to make the scene means.
pub(super) fn explain(error: &io::Error, version: Version) -> Option<Missing> {
    let denied = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
    denied.contains(&error.kind()).then(|| not_permitted(version))
}
