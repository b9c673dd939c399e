//! Containers that a group's path does not tell: known by the state that their runtime keeps.
//!
//! runc and crun name a group as they are told, after the container's ID if they are told nothing. Each keeps a folder of a
//! container's state, and says there which groups are its own. A folder that was chosen with `--root` cannot be known here:
//! such a container is not recognised.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::owner::Kind;
use crate::model::{CgroupPath, Hierarchy, Owner};

/// The containers of this host at one moment.
#[derive(Debug, Default)]
pub struct Containers {
    known: Vec<Known>,
    /// By a group's path on the cgroup file system: runc says which it is of each hierarchy.
    absolute: HashMap<PathBuf, usize>,
    /// By a group's path below the root of its hierarchy: crun says one for all.
    relative: HashMap<CgroupPath, usize>,
}

#[derive(Debug)]
struct Known {
    kind: Kind,
    id: String,
    /// Where the state is, where a command must be told so.
    state_folder: Option<Box<str>>,
}

/// What is read of runc's `state.json` (libcontainer/container_linux.go) or crun's `status` (libcrun/status.c).
#[derive(Debug, Deserialize)]
struct State {
    #[serde(default)]
    cgroup_paths: HashMap<String, PathBuf>,
    #[serde(default, rename = "cgroup-path")]
    cgroup_path: String,
}

/// State files are some kilobytes; one that is larger than this is none.
const MOST: u64 = 4 << 20;

impl Containers {
    /// Reads the folders in which the runtimes keep their state unasked. Only root can.
    pub fn read() -> Self {
        let mut found = Self::default();
        found.add(Kind::Runc, Path::new("/run/runc"), false);
        // crun takes a folder below $XDG_RUNTIME_DIR where that is set, so which one it is must always be said.
        found.add(Kind::Crun, Path::new("/run/crun"), true);
        found.add(Kind::Crun, Path::new("/run/user/0/crun"), true);
        // A folder for each namespace: of containerd, and of docker's own containerd with a runtime of each name.
        for namespace in children(Path::new("/run/containerd/runc")) {
            let kind = if namespace.ends_with("moby") { Kind::Docker } else { Kind::Containerd };
            found.add(kind, &namespace, false);
        }
        for runtime in children(Path::new("/run/docker")) {
            if runtime.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"runtime-")) {
                children(&runtime).iter().for_each(|namespace| found.add(Kind::Docker, namespace, false));
            }
        }
        found
    }

    /// Adds the containers whose state is in a folder; where `say` is set, commands name it.
    fn add(&mut self, kind: Kind, folder: &Path, say: bool) {
        for container in children(folder) {
            let Some(state) = ["state.json", "status"].iter().find_map(|file| read(&container.join(file)))
            else {
                continue;
            };
            let Some(id) = container.file_name().and_then(|name| name.to_str()) else { continue };
            let at = self.known.len();
            let state_folder = folder.to_str().filter(|_| say).map(Into::into);
            self.known.push(Known { kind, id: id.to_owned(), state_folder });
            self.absolute.extend(state.cgroup_paths.into_values().map(|path| (path, at)));
            if !state.cgroup_path.is_empty() {
                self.relative.insert(CgroupPath::new(state.cgroup_path.as_bytes()), at);
            }
        }
    }

    /// Who owns a group: as its path tells, else as the state of the runtimes does.
    pub fn owner(&self, hierarchy: &Hierarchy, path: &CgroupPath) -> Option<Owner> {
        match Owner::of(path) {
            Some(owner) if owner.kind == Kind::Lxc => Some(lxc(owner)),
            Some(owner) if owner.kind.is_container() => Some(owner),
            other => self.known(hierarchy, path).or(other),
        }
    }

    /// The outermost group on the way down to this one that a known container has.
    fn known(&self, hierarchy: &Hierarchy, path: &CgroupPath) -> Option<Owner> {
        if self.known.is_empty() {
            return None;
        }
        let above: Vec<CgroupPath> = std::iter::once(path.clone()).chain(path.ancestors()).collect();
        above.into_iter().rev().filter(|path| !path.is_root()).find_map(|group| {
            let absolute = self.absolute.get(&hierarchy.absolute(&group));
            let known = self.known.get(*absolute.or_else(|| self.relative.get(&group))?)?;
            let owner = Owner::new(known.kind, known.id.as_bytes(), group);
            Some(Owner { state_folder: known.state_folder.clone(), ..owner })
        })
    }
}

/// Incus and LXD run LXC under its own names; which of them it is shows in who keeps a folder for it.
fn lxc(owner: Owner) -> Owner {
    let homes = [
        (Kind::Incus, "/var/lib/incus/containers"),
        (Kind::Lxd, "/var/snap/lxd/common/lxd/containers"),
        (Kind::Lxd, "/var/lib/lxd/containers"),
    ];
    let Ok(name) = std::str::from_utf8(&owner.id) else { return owner };
    // A link to a storage pool, which may not be reachable from here.
    let keeps = |home: &str| Path::new(home).join(name).symlink_metadata().is_ok();
    let kind = homes.into_iter().find(|(_, home)| keeps(home)).map_or(Kind::Lxc, |(kind, _)| kind);
    Owner { kind, ..owner }
}

fn read(file: &Path) -> Option<State> {
    let mut text = Vec::new();
    File::open(file).ok()?.take(MOST).read_to_end(&mut text).ok()?;
    let state: State = serde_json::from_slice(&text).ok()?;
    (!state.cgroup_paths.is_empty() || !state.cgroup_path.is_empty()).then_some(state)
}

/// What is in a folder; nothing where it is not there or not to be read.
fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MountRoot, Version};

    fn hierarchy(version: Version, mount_point: &str) -> Hierarchy {
        let (root, device) = (MountRoot::whole(), (0, 0));
        Hierarchy { version, mount_point: mount_point.into(), root, device, read_only: false }
    }

    fn folder(container: &str, file: &str, text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(container)).unwrap();
        fs::write(folder.path().join(container).join(file), text).unwrap();
        folder
    }

    fn short(containers: &Containers, hierarchy: &Hierarchy, path: &str) -> String {
        let owner = containers.owner(hierarchy, &CgroupPath::new(path.as_bytes()));
        owner.map_or_else(String::new, |owner| format!("{} {} {}", owner.kind, owner.id(), owner.group))
    }

    #[test]
    fn what_runc_says() {
        let state = r#"{"id": "web", "cgroup_paths": {"": "/sys/fs/cgroup/unified/web", "freezer": "/sys/fs/cgroup/freezer/a/b"}}"#;
        let folder = folder("web", "state.json", state);
        let mut containers = Containers::default();
        containers.add(Kind::Runc, folder.path(), false);
        let (v2, v1) = (
            hierarchy(Version::V2, "/sys/fs/cgroup/unified"),
            hierarchy(Version::V1, "/sys/fs/cgroup/freezer"),
        );
        assert_eq!(short(&containers, &v2, "/web"), "runc web /web");
        assert_eq!(short(&containers, &v2, "/web/inner/x"), "runc web /web");
        assert_eq!(short(&containers, &v1, "/a/b"), "runc web /a/b");
        assert_eq!(short(&containers, &v1, "/web"), "");
        assert_eq!(short(&containers, &v2, "/"), "");
    }

    #[test]
    fn what_crun_says() {
        let folder =
            folder("box", "status", r#"{"pid": 3, "cgroup-path": "/system.slice/mine", "scope": ""}"#);
        let mut containers = Containers::default();
        containers.add(Kind::Crun, folder.path(), true);
        let v2 = hierarchy(Version::V2, "/sys/fs/cgroup");
        assert_eq!(short(&containers, &v2, "/system.slice/mine"), "crun box /system.slice/mine");
        let owner = containers.owner(&v2, &CgroupPath::new(b"/system.slice/mine")).unwrap();
        assert_eq!(owner.state_folder.as_deref(), folder.path().to_str());
        assert_eq!(
            short(&containers, &v2, "/system.slice/x.service"),
            "service x.service /system.slice/x.service"
        );
    }

    #[test]
    fn rubbish_is_no_container() {
        for text in ["", "{", "[]", r#"{"cgroup_paths": 3}"#, "\u{0}"] {
            let folder = folder("web", "state.json", text);
            let mut containers = Containers::default();
            containers.add(Kind::Runc, folder.path(), false);
            assert!(containers.known.is_empty(), "{text:?}");
        }
    }
}
