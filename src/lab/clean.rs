//! Taking a lab's groups away: thaw, end what is in them, ask for exit codes, remove.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use rustix::process::Signal;

use super::counter::is_of;
use super::record::{self, LeftBehind};
use crate::kernel::members::pids;
use crate::kernel::processes::Processes;
use crate::kernel::signals::signal;
use crate::kernel::{Dir, Filesystem, Group, freezer};
use crate::model::ProcessId;

/// What the names of all groups and folders of labs begin with.
pub(super) const PREFIX: &str = "cryoscope-lab-";

/// How long all of it may take. A criu that was waiting has the time to finish.
const DEADLINE: Duration = Duration::from_secs(20);

/// How long a criu may go on with a counter before that is ended under it.
const CRIU: Duration = Duration::from_secs(10);

/// Removes what labs that were killed have left behind; how many there were.
///
/// # Errors
/// What the kernel says.
pub fn left_behind() -> io::Result<usize> {
    let all = record::left_behind()?;
    let number = all.len();
    for LeftBehind { lab, folder, groups, .. } in &all {
        tracing::info!(lab = lab.pid, "removing what an earlier lab left behind");
        groups_of(groups, *lab)?;
        remove_folder(folder)?;
    }
    all.into_iter().try_for_each(LeftBehind::end)?;
    Ok(number)
}

/// How many labs that were killed have left something behind, which the next lab removes.
///
/// # Errors
/// What the kernel says.
pub fn are_left_behind() -> io::Result<usize> {
    Ok(record::left_behind()?.len())
}

/// Removes groups of a lab with all that is in and below them. A process in them that is none of its counters (somebody has
/// moved a shell there) is moved out, into the group above.
pub(super) fn groups_of(tops: &[(Filesystem, Group)], lab: ProcessId) -> io::Result<()> {
    let start = Instant::now();
    loop {
        let below: Vec<Vec<Place>> = tops.iter().map(|(_, top)| places(top)).collect();
        below.iter().flatten().for_each(Place::thaw);
        // Thawed, it finishes; ended while it waits, its target would be lost, and here it is to be ended anyway.
        let criu_works = below.iter().flatten().any(|place| place.is_traced(lab));
        if !criu_works || start.elapsed() > CRIU {
            for ((fs, top), places) in tops.iter().zip(&below) {
                places.iter().for_each(|place| place.empty(fs, top, lab));
                places.iter().rev().for_each(Place::remove);
                remove(fs, top)?;
            }
        }
        if tops.iter().all(|(fs, top)| is_gone(fs, top)) {
            return Ok(());
        }
        if start.elapsed() > DEADLINE {
            let first = tops.iter().find(|(fs, top)| !is_gone(fs, top));
            let name = first.map_or(String::new(), |(_, top)| top.absolute.display().to_string());
            return Err(io::Error::other(format!("{name} could not be removed in time")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A group of a lab, and the one above it where that is the lab's too.
struct Place {
    group: Group,
    above: Option<(Dir, Box<[u8]>)>,
}

/// A group and all below, each before what is in it.
fn places(top: &Group) -> Vec<Place> {
    let again = |group: &Group| -> io::Result<Group> {
        let (path, absolute) = (group.path.clone(), group.absolute.clone());
        Ok(Group { dir: group.dir.again()?, id: group.id, path, version: group.version, absolute })
    };
    let mut all: Vec<Place> = again(top).map(|group| Place { group, above: None }).into_iter().collect();
    let mut next = 0;
    while let Some(place) = all.get(next) {
        let mut found = Vec::new();
        for name in place.group.dir.children().unwrap_or_default() {
            let opened = (place.group.dir.child(&name), place.group.dir.again());
            let (Ok(Some(dir)), Ok(above)) = opened else { continue };
            let Ok(id) = dir.id() else { continue };
            let path = place.group.path.join(&name);
            let absolute = place.group.absolute.join(OsStr::from_bytes(&name));
            let group = Group { dir, id, path, version: place.group.version, absolute };
            found.push(Place { group, above: Some((above, name)) });
        }
        all.extend(found);
        next += 1;
    }
    all
}

impl Place {
    /// A group that is gone needs none; one that cannot be thawed is noticed by what stays in it.
    fn thaw(&self) {
        let _ = freezer::request(&self.group, false);
    }

    fn is_traced(&self, lab: ProcessId) -> bool {
        let mut processes = Processes::default();
        let tracer = |pid| processes.read(pid).and_then(|process| process.tracer);
        let tracers: Vec<i32> =
            pids(&self.group.dir).unwrap_or_default().into_iter().filter_map(tracer).collect();
        tracers.into_iter().any(|tracer| !is_of(tracer, lab))
    }

    fn empty(&self, fs: &Filesystem, top: &Group, lab: ProcessId) {
        let mut processes = Processes::default();
        for pid in pids(&self.group.dir).unwrap_or_default() {
            let Some(process) = processes.read(pid) else { continue };
            if is_of(pid, lab) {
                let _ = signal(process.id, Signal::KILL);
                reap(pid);
            } else if !process.is_zombie() {
                let above = top.path.parent().and_then(|above| fs.group(&above).ok().flatten());
                let _ = above.map(|above| above.dir.write("cgroup.procs", pid.to_string().as_bytes()));
            }
        }
    }

    fn remove(&self) {
        if let Some((above, name)) = &self.above {
            // Not empty yet: it is tried again.
            let _ = above.unmake(name);
        }
    }
}

/// Removes the outermost group, if it is still the one; one that is not empty yet is left for the next time.
fn remove(fs: &Filesystem, top: &Group) -> io::Result<()> {
    let Some(parent) = top.path.parent() else { return Ok(()) };
    if is_gone(fs, top) {
        return Ok(());
    }
    match fs.group(&parent)?.map(|above| above.dir.unmake(top.path.name())) {
        Some(Err(error)) if error.raw_os_error() != Some(rustix::io::Errno::BUSY.raw_os_error()) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

fn is_gone(fs: &Filesystem, top: &Group) -> bool {
    matches!(fs.same_group(&top.path, top.id), Ok(None))
}

/// Asks for the exit code of a process that has ended, where it is a child of this program.
pub(super) fn reap(pid: i32) {
    let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
}

/// Removes the folder of a lab, if it is one: made by this user, with such a name.
pub(super) fn remove_folder(folder: &Path) -> io::Result<()> {
    let named = folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    let ours = fs::symlink_metadata(folder)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == nix::unistd::geteuid().as_raw());
    if !named || !ours {
        return Ok(());
    }
    let start = Instant::now();
    loop {
        match fs::remove_dir_all(folder) {
            // A criu that has let its target go still writes there for a moment.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && start.elapsed() < CRIU => {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}
