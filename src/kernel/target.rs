//! What a person means by TARGET: a path, `pid:N`, or a unit's name.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use super::Dir;
use super::cgroupfs::{Filesystem, Group};
use super::membership::{Membership, UnknownGroup, group_of, open_group_of};
use super::mounts::group_at;
use crate::model::printable::{exact, is_shown_as, unescaped};
use crate::model::shell::quoted;
use crate::model::{
    CgroupPath, Change, Hierarchies, Hierarchy, NamespacePath, Owner, Place, State, Tree, Version, printable,
};

/// Why a target was not found.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Nothing of that name.
    #[error("no such cgroup: {0} (cryoscope list shows all)")]
    NoSuchGroup(String),
    /// Nothing of that name, but a unit of systemd that begins so.
    #[error("no such cgroup: {name}; did you mean {unit}?")]
    NoSuffix {
        /// What was asked for.
        name: String,
        /// The unit's name.
        unit: String,
    },
    /// A unit, on a host without cgroup v2. systemd uses no freezer there, and makes no groups in its hierarchy.
    #[error(
        "{unit} has no group in the v1 freezer, which systemd does not use; create one with mkdir {root}/NAME, move \
         its processes there with echo PID > {root}/NAME/cgroup.procs, and use {root}/NAME"
    )]
    NoFreezer {
        /// Its name.
        unit: String,
        /// Where the freezer's hierarchy is mounted.
        root: String,
    },
    /// A path outside the cgroup file systems.
    #[error("{0} is not a cgroup; use a path below {1}, pid:N, or a unit name")]
    NotCgroup(String, String),
    /// The process has ended, or never was.
    #[error("no such process: {0}")]
    NoSuchProcess(i32),
    /// Nothing was named.
    #[error("the target is empty; use a path, pid:N, or a unit name")]
    Empty,
    /// `pid:` without a number.
    #[error("{0} is not a process ID: write it as pid:1234")]
    NotPid(String),
    /// Several groups have the name, or are shown so.
    #[error("{name} names several groups: {}; use one of these", .paths.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The groups that have that name, each as it is to be typed.
        paths: Vec<String>,
    },
    /// A path of one hierarchy, and another one is asked for.
    #[error("{path} is on {on}, which contradicts --hierarchy {asked}; omit one of them")]
    OtherHierarchy {
        /// The path.
        path: String,
        /// Its hierarchy.
        on: Version,
        /// What was asked for.
        asked: Version,
    },
    /// The hierarchy that was asked for is not mounted.
    #[error("this host has no {0} freezer; omit --hierarchy to use the one it has")]
    NoHierarchy(Version),
    /// The process is in a part of the hierarchy that is not mounted here.
    #[error("process {0} is in {1}, which is outside the mounted hierarchy")]
    Outside(i32, NamespacePath),
    /// A path on another mount of a hierarchy, of a part that the first one does not show.
    #[error("{0} is a cgroup, but not below {1}; pass its mount point as --root")]
    NotBelow(String, String),
    /// The group of the process cannot be known.
    #[error("{0}; name the group itself")]
    Unknown(#[from] UnknownGroup),
    /// Another failure.
    #[error("cannot open {0}: {1}")]
    Io(String, io::Error),
}

/// Opens the group that TARGET means. `prefer` is the hierarchy to look in where the target leaves that open; otherwise v2
/// comes before v1.
///
/// # Errors
/// [`TargetError`].
pub fn resolve(
    target: &OsStr,
    hosts: &Hierarchies,
    prefer: Option<Version>,
) -> Result<(Filesystem, Group), TargetError> {
    if let Some(version) = prefer.filter(|&version| hosts.get(version).is_none()) {
        return Err(TargetError::NoHierarchy(version));
    }
    let candidates: Vec<&Hierarchy> =
        hosts.iter().filter(|h| prefer.is_none_or(|v| v == h.version)).collect();
    if target.is_empty() {
        return Err(TargetError::Empty);
    }
    if let Some(found) = on_disk(Path::new(target), hosts, prefer)? {
        return Ok(found);
    }
    let here = from_here(target);
    let target = here.as_ref().map_or(target, |path| path.as_os_str());
    let bytes = target.as_bytes();
    if let Some(pid) = of_pid(bytes) {
        return of_process(pid?, &candidates);
    }
    if let Some(found) = of_path(bytes, hosts, prefer, &candidates)? {
        return Ok(found);
    }
    let name = printable(bytes).into_owned();
    let path = Path::new(target);
    if path.is_absolute() && path.exists() && hosts.containing(path).is_none() {
        let roots: Vec<_> = hosts.iter().map(|h| h.mount_point.display().to_string()).collect();
        return Err(TargetError::NotCgroup(name, roots.join(" or ")));
    }
    if bytes.contains(&b'/') {
        return Err(TargetError::NoSuchGroup(name));
    }
    let found = match of_name(&candidates, &name, |name| is_shown_as(name, bytes)) {
        Err(TargetError::NoSuchGroup(_)) => of_name(&candidates, &name, |name| *name == unescaped(bytes)),
        found => found,
    };
    let is_unit = || Owner::of(&CgroupPath::new(bytes)).is_some_and(|owner| owner.kind.is_unit());
    let longer = |suffix: &str| {
        let unit = [bytes, suffix.as_bytes()].concat();
        let is_there =
            !matches!(of_name(&candidates, &name, |name| *name == *unit), Err(TargetError::NoSuchGroup(_)));
        is_there.then(|| printable(&unit).into_owned())
    };
    if let Err(TargetError::NoSuchGroup(_)) = &found
        && let Some(unit) = [".service", ".scope", ".slice"].into_iter().find_map(longer)
    {
        return Err(TargetError::NoSuffix { name, unit });
    }
    match (found, &candidates[..]) {
        (Err(TargetError::NoSuchGroup(unit)), [one]) if hosts.get(Version::V2).is_none() && is_unit() => {
            Err(TargetError::NoFreezer { unit, root: quoted(one.mount_point.as_os_str()) })
        }
        (found, _) => found,
    }
}

/// The group that the init system says that a unit has: where TARGET is the unit's bare name. `None` where it is not there.
///
/// # Errors
/// [`TargetError`].
pub fn of_unit(
    group: &CgroupPath,
    hosts: &Hierarchies,
    prefer: Option<Version>,
) -> Result<Option<Found>, TargetError> {
    for hierarchy in hosts.iter().filter(|h| prefer.is_none_or(|version| version == h.version)) {
        // It counts from the init system's namespace, which is this program's.
        if let Place::Below(path) = hierarchy.root.place(&group.clone().into())
            && let Some(found) = open(hierarchy, &path)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The groups that are to be thawed for TARGET: of a process, where the hierarchy is left open, those that hold it, for it may
/// be frozen through either hierarchy or both; else what [`resolve`] finds.
///
/// # Errors
/// [`TargetError`].
pub fn to_thaw(
    target: &OsStr,
    hosts: &Hierarchies,
    prefer: Option<Version>,
) -> Result<Vec<(Filesystem, Group)>, TargetError> {
    let pid = of_pid(target.as_bytes()).transpose()?.filter(|_| prefer.is_none());
    let on = |hierarchy: &Hierarchy| holder(pid?, hierarchy).ok().flatten();
    let holding: Vec<_> = hosts.iter().filter_map(on).collect();
    if holding.is_empty() { Ok(vec![resolve(target, hosts, prefer)?]) } else { Ok(holding) }
}

/// The group of a hierarchy that a process is in, where that group is not thawed. On a hybrid host each of the two freezers
/// holds a process by itself.
///
/// # Errors
/// What the reads say.
pub fn holder(pid: i32, hierarchy: &Hierarchy) -> io::Result<Option<(Filesystem, Group)>> {
    let fs = Filesystem::open(hierarchy.clone())?;
    let Some(group) = open_group_of(pid, &fs)? else { return Ok(None) };
    // What an ancestor asks for has not reached a group that is not frozen: nothing is held yet.
    let state = group.read()?.and_then(|read| read.freezer.state(false));
    Ok(state.filter(|&state| state != State::Thawed).map(|_| (fs, group)))
}

/// A group, and the file system that it is on.
pub type Found = (Filesystem, Group);

/// The absolute path that one with `.` or `..` at its beginning means, as everywhere; `None` for other targets.
fn from_here(target: &OsStr) -> Option<PathBuf> {
    let target = Path::new(target);
    let first = target.components().next();
    first.filter(|first| matches!(first, Component::CurDir | Component::ParentDir))?;
    let mut path = std::env::current_dir().ok()?;
    for component in target.components() {
        match component {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path)
}

/// The process of `pid:N`; `None` for other targets.
fn of_pid(target: &[u8]) -> Option<Result<i32, TargetError>> {
    let number = std::str::from_utf8(target.strip_prefix(b"pid:")?).ok();
    let pid = number.and_then(|number| number.parse().ok()).filter(|&pid: &i32| pid > 0);
    Some(pid.ok_or_else(|| TargetError::NotPid(printable(target).into_owned())))
}

fn of_process(pid: i32, candidates: &[&Hierarchy]) -> Result<Found, TargetError> {
    let Some(hierarchy) = candidates.first() else { return Err(TargetError::NoSuchProcess(pid)) };
    if let Membership::Outside(path) = group_of(pid, hierarchy)? {
        return Err(TargetError::Outside(pid, path));
    }
    let failed = |error| TargetError::Io(hierarchy.mount_point.display().to_string(), error);
    let fs = Filesystem::open((*hierarchy).clone()).map_err(failed)?;
    let group = open_group_of(pid, &fs)?.ok_or(TargetError::NoSuchProcess(pid))?;
    Ok((fs, group))
}

/// The group that a path on the file system leads to, through links and other mounts of the hierarchy; `None` where there is
/// nothing at the path, or no group.
fn on_disk(path: &Path, hosts: &Hierarchies, prefer: Option<Version>) -> Result<Option<Found>, TargetError> {
    let shown = || printable(path.as_os_str().as_bytes()).into_owned();
    // A name as this program shows it may be that of another group on the disk.
    let is_path = path.is_absolute() || from_here(path.as_os_str()).is_some();
    if !is_path || path.as_os_str().as_bytes().windows(2).any(|pair| pair == b"\\x") {
        return Ok(None);
    }
    let found =
        group_at(path, hosts).map_err(|error| TargetError::Io("/proc/self/mountinfo".into(), error))?;
    let Some((hierarchy, place)) = found else { return Ok(None) };
    if let Some(asked) = prefer.filter(|&asked| asked != hierarchy.version) {
        return Err(TargetError::OtherHierarchy { path: shown(), on: hierarchy.version, asked });
    }
    let Place::Below(group) = place else {
        return Err(TargetError::NotBelow(shown(), hierarchy.mount_point.display().to_string()));
    };
    let Some(found) = open(&hierarchy, &group)? else { return Ok(None) };
    let is_same =
        Dir::open(&path.canonicalize().unwrap_or_else(|_| path.to_owned())).and_then(|dir| dir.id());
    match is_same {
        Ok(id) if id == found.1.id => Ok(Some(found)),
        _ => Err(TargetError::NotBelow(shown(), hierarchy.mount_point.display().to_string())),
    }
}

fn of_path(
    path: &[u8],
    hosts: &Hierarchies,
    prefer: Option<Version>,
    candidates: &[&Hierarchy],
) -> Result<Option<Found>, TargetError> {
    let absolute = PathBuf::from(OsString::from_vec(path.to_vec()));
    if let Some((hierarchy, group)) = hosts.containing(&absolute).filter(|_| absolute.is_absolute()) {
        if let Some(asked) = prefer.filter(|&asked| asked != hierarchy.version) {
            let path = printable(path).into_owned();
            return Err(TargetError::OtherHierarchy { path, on: hierarchy.version, asked });
        }
        return spelled(hierarchy, &group);
    }
    let group = CgroupPath::new(path);
    for hierarchy in candidates {
        if let Some(found) = spelled(hierarchy, &group)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The group at a path that was typed as it is, or as this program shows it.
fn spelled(hierarchy: &Hierarchy, typed: &CgroupPath) -> Result<Option<Found>, TargetError> {
    if !typed.as_bytes().windows(2).any(|pair| pair == b"\\x") {
        return open(hierarchy, typed);
    }
    let failed = |error| TargetError::Io(typed.to_string(), error);
    let fs = Filesystem::open(hierarchy.clone()).map_err(failed)?;
    let mut paths = vec![CgroupPath::root()];
    for name in typed.components() {
        let below = paths.iter().map(|above| shown_as(&fs, above, name));
        paths = below.collect::<io::Result<Vec<_>>>().map_err(failed)?.concat();
    }
    match &paths[..] {
        [] => Ok(None),
        [one] => open(hierarchy, one),
        several => Err(ambiguous(typed.to_string(), hierarchy, several)),
    }
}

/// The groups in another one that have this name or are shown so; where there is none, the one whose bytes it spells out.
fn shown_as(fs: &Filesystem, above: &CgroupPath, typed: &[u8]) -> io::Result<Vec<CgroupPath>> {
    let Some(above) = fs.group(above)? else { return Ok(Vec::new()) };
    let names = above.dir.children()?;
    let of = |is: &dyn Fn(&[u8]) -> bool| -> Vec<CgroupPath> {
        names.iter().filter(|name| is(name)).map(|name| above.path.join(name)).collect()
    };
    let shown = of(&|name| is_shown_as(name, typed));
    Ok(if shown.is_empty() { of(&|name| *name == unescaped(typed)) } else { shown })
}

fn ambiguous(name: String, hierarchy: &Hierarchy, paths: &[CgroupPath]) -> TargetError {
    let exact = |path: &CgroupPath| {
        let typed = path.components().fold(CgroupPath::root(), |path, name| path.join(&exact(name)));
        quoted(hierarchy.absolute(&typed).as_os_str())
    };
    TargetError::Ambiguous { name, paths: paths.iter().map(exact).collect() }
}

/// A bare name, as systemd's units have: wherever in the tree it stands.
fn of_name(candidates: &[&Hierarchy], shown: &str, is: impl Fn(&[u8]) -> bool) -> Result<Found, TargetError> {
    for hierarchy in candidates {
        let failed = |error| TargetError::Io(hierarchy.mount_point.display().to_string(), error);
        let fs = Filesystem::open((*hierarchy).clone()).map_err(failed)?;
        let mut tree = Tree::new(fs.read_root().map_err(failed)?);
        let mut apply = |change: Change| tree.apply(change, &mut Vec::new());
        fs.walk(&CgroupPath::root(), &mut apply).map_err(failed)?;
        let named = |key: &_| tree.get(*key).is_some_and(|node| is(&node.group.name));
        let hits: Vec<CgroupPath> =
            tree.subtree(tree.root()).filter(named).map(|key| tree.path(key)).collect();
        match &hits[..] {
            [] => {}
            [one] => return open(hierarchy, one)?.ok_or(TargetError::NoSuchGroup(shown.to_owned())),
            several => return Err(ambiguous(shown.to_owned(), hierarchy, several)),
        }
    }
    Err(TargetError::NoSuchGroup(shown.to_owned()))
}

fn open(hierarchy: &Hierarchy, path: &CgroupPath) -> Result<Option<Found>, TargetError> {
    let failed = |error: io::Error| match error.raw_os_error() {
        // A control file in place of a group.
        Some(code) if code == rustix::io::Errno::NOTDIR.raw_os_error() => {
            TargetError::NotCgroup(path.to_string(), hierarchy.mount_point.display().to_string())
        }
        _ => TargetError::Io(path.to_string(), error),
    };
    let fs = Filesystem::open(hierarchy.clone()).map_err(failed)?;
    let group = fs.group(path).map_err(failed)?;
    Ok(group.map(|group| (fs, group)))
}
