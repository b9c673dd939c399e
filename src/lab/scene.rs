//! What a lesson plays with: groups of its own in each hierarchy, counters in them, a folder. All of it goes when this is
//! dropped; where that does not come about, the next lab finds the record.

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;
use rustix::process::Signal;

use super::clean::{self, PREFIX, reap};
use super::counter::{self, Order};
use super::ground::Ground;
use super::lesson::{Lesson, Role, Spot};
use super::record::Record;
use crate::checkpoint::by_hand::ByHand;
use crate::kernel::command_line::arguments;
use crate::kernel::members::pids;
use crate::kernel::membership::group_of;
use crate::kernel::processes::Processes;
use crate::kernel::signals::{await_end, signal};
use crate::kernel::{Filesystem, Group};
use crate::model::{CgroupPath, Hierarchies, Hierarchy, Process, ProcessId, Version};

/// The groups, processes and files of a lesson.
#[derive(Debug)]
pub(super) struct Scene {
    /// Which freezer the lesson is about.
    pub(super) version: Version,
    /// The hierarchies of the host.
    pub(super) hosts: Hierarchies,
    /// The criu that was found.
    pub(super) criu: Option<PathBuf>,
    /// It was named, and is not the one in PATH.
    pub(super) criu_named: bool,
    /// Those that were started by hand.
    pub(super) criu_runs: Vec<ByHand>,
    /// How far each counter was when it was last seen to stand still.
    pub(super) marks: HashMap<&'static str, u64>,
    /// The groups that are looked at beside the text.
    watched: Vec<Spot>,
    lab: ProcessId,
    folder: PathBuf,
    /// The outermost group in the hierarchy that the lesson is about, and, where it may be had, in the other one.
    tops: Vec<(Filesystem, Group)>,
    actors: Vec<(&'static str, Option<ProcessId>)>,
    record: Option<Record>,
}

/// What a process is called that holds another as a debugger does.
pub(super) const DEBUGGER: &str = "debugger";

/// How long a counter may take until it counts.
const BEGIN: Duration = Duration::from_secs(10);

impl Scene {
    /// Makes everything that a lesson begins with, and returns when its counters count.
    ///
    /// # Errors
    /// What the kernel says: EACCES, EPERM or EROFS where this user may not make groups.
    pub(super) fn new(lesson: &Lesson, version: Version, ground: &Ground) -> io::Result<Self> {
        // What a counter leaves, or criu restores, becomes a child of this program, which asks for its exit code.
        let _ = set_child_subreaper(true);
        let lab = counter::this_lab()?;
        let (name, folder) = name(lab)?;
        let record = Record::begin(lab, &folder)?;
        let mut scene = Self {
            version,
            hosts: ground.hosts.clone(),
            criu: ground.criu.clone().ok(),
            criu_named: ground.criu_named,
            criu_runs: Vec::new(),
            marks: HashMap::new(),
            watched: lesson.groups.to_vec(),
            lab,
            folder,
            tops: Vec::new(),
            actors: Vec::new(),
            record: Some(record),
        };
        scene.top(version, &name)?;
        // Only beside: where it may not be had, the lesson is about this hierarchy alone.
        if let Err(error) = scene.top(version.other(), &name) {
            tracing::info!(%error, "no group in the other hierarchy");
        }
        for &spot in lesson.groups.iter().filter(|spot| matches!(spot, Spot::Here(_))) {
            scene.make(spot)?;
        }
        lesson.roles.iter().try_for_each(|role| scene.start(role))?;
        Ok(scene)
    }

    /// Makes the outermost group in a hierarchy: below the root where that may be done, else below this program's own group.
    fn top(&mut self, version: Version, name: &str) -> io::Result<()> {
        let none = || io::Error::from(io::ErrorKind::NotFound);
        let hierarchy = self.hosts.get(version).ok_or_else(none)?.clone();
        let fs = Filesystem::open(hierarchy.clone())?;
        let mut refused = none();
        for parent in [Some(CgroupPath::root()), own(&hierarchy)].into_iter().flatten() {
            let path = parent.join(name.as_bytes());
            let Some(above) = fs.group(&parent)? else { continue };
            if let Some(record) = &mut self.record {
                record.intend(&hierarchy, &path)?;
            }
            match above.dir.make(name.as_bytes()) {
                Ok(()) => {}
                Err(error) => {
                    refused = error;
                    continue;
                }
            }
            let group = fs.group(&path)?.ok_or_else(none)?;
            if let Some(record) = &mut self.record {
                record.made(&hierarchy, &group)?;
            }
            self.tops.push((fs, group));
            return Ok(());
        }
        Err(refused)
    }

    fn start(&mut self, role: &Role) -> io::Result<()> {
        let other = self.tops.get(1).map(|(_, group)| group.absolute.clone());
        let order = Order {
            lab: self.lab,
            file: self.folder.join(role.name),
            child: role.child.map(|name| self.folder.join(name)),
            threads: role.threads,
            attach: None,
            groups: std::iter::once(self.absolute(role.at)).chain(other).collect(),
        };
        counter::start(&order)?;
        self.actors.extend(std::iter::once(role.name).chain(role.child).map(|name| (name, None)));
        let (deadline, names) = (Instant::now() + BEGIN, [Some(role.name), role.child]);
        let counts = |scene: &Self, name: &str| scene.count(name).is_some() && scene.pid(name).is_some();
        while !names.iter().flatten().all(|name| counts(self, name)) {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("the counter {} is not counting", role.name)));
            }
            std::thread::sleep(Duration::from_millis(2));
            self.refresh();
        }
        Ok(())
    }

    /// Starts a process that takes hold of another as a debugger does.
    pub(super) fn debug(&mut self, who: &str, at: Spot) -> io::Result<()> {
        let file = self.folder.join(DEBUGGER);
        let groups = vec![self.absolute(at)];
        let order = Order { lab: self.lab, file, child: None, threads: 1, attach: self.pid(who), groups };
        self.actors.push((DEBUGGER, None));
        counter::start(&order).map(drop)
    }

    /// Looks who is there, and asks for the exit codes of those who are not any more.
    pub(super) fn refresh(&mut self) {
        self.criu_runs.retain_mut(|run| matches!(run.ended(), Ok(None)));
        for id in self.actors.iter().filter_map(|(_, id)| *id) {
            reap(id.pid);
        }
        let mut processes = Processes::default();
        for pid in self.inhabitants() {
            let Some(file) = counter::file_of(pid, self.lab) else { continue };
            let Some(process) = processes.read(pid) else { continue };
            let name = |name: &str| file.file_name().is_some_and(|file| file == name);
            if let Some(actor) = self.actors.iter_mut().find(|(actor, _)| name(actor)) {
                actor.1 = Some(process.id);
            }
        }
        self.notice_debugger(&mut processes);
    }

    /// A debugger that somebody has started by hand in one of the lesson's groups.
    fn notice_debugger(&mut self, processes: &mut Processes) {
        if self.id(DEBUGGER).is_some() {
            return;
        }
        let inside = self.inhabitants();
        let tracers: Vec<i32> = inside.iter().filter_map(|&pid| processes.read(pid)?.tracer).collect();
        let tracer = tracers.into_iter().find(|tracer| inside.contains(tracer));
        if let Some(tracer) = tracer.and_then(|pid| processes.read(pid)) {
            self.actors.retain(|(name, _)| *name != DEBUGGER);
            self.actors.push((DEBUGGER, Some(tracer.id)));
        }
    }

    /// The processes in all groups that are looked at.
    fn inhabitants(&self) -> Vec<i32> {
        let here = self.spots().into_iter().filter(|spot| *spot != Spot::Other);
        let groups = here.filter_map(|spot| self.group(spot).ok());
        groups.flat_map(|group| pids(&group.dir).unwrap_or_default()).collect()
    }

    /// A group is looked at, too, once it is there.
    pub(super) fn watch(&mut self, spot: Option<Spot>) {
        self.watched.extend(spot.filter(|spot| !self.watched.contains(spot)));
    }

    /// The groups that are there, of those that the lesson is about, each before what is in it.
    pub(super) fn spots(&self) -> Vec<Spot> {
        self.watched.iter().copied().filter(|&spot| self.group(spot).is_ok()).collect()
    }

    /// The group at a spot, through the lesson's outermost group.
    ///
    /// # Errors
    /// ENOENT where there is none, and what the kernel says.
    pub(super) fn group(&self, spot: Spot) -> io::Result<Group> {
        let none = || io::Error::from(io::ErrorKind::NotFound);
        let (_, top) = self.top_of(spot).ok_or_else(none)?;
        let mut dir = top.dir.again()?;
        for name in below(spot) {
            dir = dir.child(name.as_bytes())?.ok_or_else(none)?;
        }
        let (id, path, absolute) = (dir.id()?, self.path(spot), self.absolute(spot));
        Ok(Group { dir, id, path, version: top.version, absolute })
    }

    fn top_of(&self, spot: Spot) -> Option<&(Filesystem, Group)> {
        self.tops.get(usize::from(spot == Spot::Other))
    }

    /// The hierarchy of the lesson, opened.
    pub(super) fn filesystem(&self) -> Option<&Filesystem> {
        self.tops.first().map(|(fs, _)| fs)
    }

    /// The path of a spot below the root of its hierarchy, whether there is a group or not.
    pub(super) fn path(&self, spot: Spot) -> CgroupPath {
        let top = self.top_of(spot).map_or_else(CgroupPath::root, |(_, top)| top.path.clone());
        below(spot).fold(top, |path, name| path.join(name.as_bytes()))
    }

    /// The absolute path of a spot, whether there is a group or not.
    pub(super) fn absolute(&self, spot: Spot) -> PathBuf {
        let path = self.path(spot);
        self.top_of(spot).map_or_else(PathBuf::new, |(fs, _)| fs.hierarchy().absolute(&path))
    }

    /// Whether there is a group in the other hierarchy as well.
    pub(super) fn has_other(&self) -> bool {
        self.tops.len() > 1
    }

    /// Which freezer a spot has.
    pub(super) fn version_of(&self, spot: Spot) -> Version {
        if spot == Spot::Other { self.version.other() } else { self.version }
    }

    /// Makes the group at a spot.
    pub(super) fn make(&mut self, spot: Spot) -> io::Result<()> {
        let (above, name) = self.above(spot)?;
        above.dir.make(name.as_bytes())
    }

    /// Removes the group at a spot; it must be empty.
    pub(super) fn unmake(&mut self, spot: Spot) -> io::Result<()> {
        let (above, name) = self.above(spot)?;
        above.dir.unmake(name.as_bytes())
    }

    fn above(&self, spot: Spot) -> io::Result<(Group, &'static str)> {
        let Spot::Here(path) = spot else { return Err(io::ErrorKind::InvalidInput.into()) };
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.group(Spot::Here(above))?, name))
    }

    /// Moves a process into the group at a spot.
    pub(super) fn join(&self, who: &str, into: Spot) -> io::Result<()> {
        let pid = self.pid(who).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        self.group(into)?.dir.write("cgroup.procs", pid.to_string().as_bytes())
    }

    /// Sends a signal to a process.
    pub(super) fn signal(&self, who: &str, which: Signal) -> io::Result<()> {
        self.id(who).map_or(Ok(()), |id| signal(id, which))
    }

    fn id(&self, who: &str) -> Option<ProcessId> {
        self.actors.iter().find(|(name, _)| *name == who).and_then(|(_, id)| *id)
    }

    /// The PID that a counter has, or had.
    pub(super) fn pid(&self, who: &str) -> Option<i32> {
        self.id(who).map(|id| id.pid)
    }

    /// The name of the counter with a PID.
    pub(super) fn name_of(&self, pid: i32) -> Option<&'static str> {
        self.actors.iter().find(|(_, id)| id.is_some_and(|id| id.pid == pid)).map(|(name, _)| *name)
    }

    /// What `/proc` says of a counter; `None` once it is gone.
    pub(super) fn process(&self, who: &str) -> Option<Process> {
        let id = self.id(who)?;
        Processes::default().read(id.pid).filter(|process| process.id == id)
    }

    /// How far a counter has come.
    pub(super) fn count(&self, who: &str) -> Option<u64> {
        counter::read(&self.folder.join(who))
    }

    /// A folder of the lesson, for images.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes a folder that criu by hand needs to be there.
    pub(super) fn make_folder(&self, name: &str) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(self.folder(name))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let cleaned = clean::groups_of(&self.tops, self.lab);
        // Those that were moved out of the lesson's groups; and the exit codes of all. A debugger that somebody has started by
        // hand is that person's.
        for id in self.actors.iter().filter_map(|(_, id)| *id) {
            let is_strange = !arguments(id.pid).is_empty() && !counter::is_of(id.pid, self.lab);
            if !is_strange {
                let _ = signal(id, Signal::KILL);
                let _ = await_end(id, Duration::from_secs(1));
                reap(id.pid);
            }
        }
        let cleaned = cleaned.and_then(|()| clean::remove_folder(&self.folder));
        // Otherwise the record stays, for the next lab.
        let ended = cleaned.and_then(|()| self.record.take().map_or(Ok(()), Record::end));
        if let Err(error) = ended {
            tracing::error!(%error, "the lesson's groups could not be removed");
        }
    }
}

/// The group that this program is in.
pub(super) fn own(hierarchy: &Hierarchy) -> Option<CgroupPath> {
    group_of(std::process::id().cast_signed(), hierarchy).ok()?.group()
}

fn below(spot: Spot) -> impl Iterator<Item = &'static str> {
    let path = if let Spot::Here(path) = spot { path } else { "" };
    path.split('/').filter(|name| !name.is_empty())
}

/// A name that nobody has, and the folder of that name, made.
fn name(lab: ProcessId) -> io::Result<(String, PathBuf)> {
    for number in 0..1000 {
        let name = format!("{PREFIX}{}-{number}", lab.pid);
        let folder = std::env::temp_dir().join(&name);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok((name, fs::canonicalize(folder)?)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
