//! Groups made for a test.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::kernel::{self, Filesystem};
use cryoscope::model::{CgroupPath, Hierarchy, Version};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::namespace::run_name;
use super::wait::{SOON, until};

/// What the names of all groups made here begin with.
pub const PREFIX: &str = "cryoscope-test-";

/// A group made for a test, or one below such a group.
#[derive(Debug)]
pub struct Group {
    hierarchy: Hierarchy,
    path: PathBuf,
    /// Made by [`Group::new`]: its drop cleans up all that is below too.
    owner: bool,
}

impl Group {
    /// A new group below the root of the v2 hierarchy.
    pub fn v2(name: &str) -> Self {
        Self::new(Version::V2, name)
    }

    /// A new group below the root of the v1 freezer hierarchy.
    pub fn v1(name: &str) -> Self {
        Self::new(Version::V1, name)
    }

    pub fn new(version: Version, name: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let hierarchy = hierarchies().unwrap().get(version).expect("the test says what it needs").clone();
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = hierarchy.mount_point.join(format!("{PREFIX}{}-{number}-{name}", run_name()));
            match fs::create_dir(&path) {
                Ok(()) => return Self { hierarchy, path, owner: true },
                // Of a run in another PID namespace, where a process has the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }

    /// A new group in this one. It goes when the outermost group is dropped.
    pub fn child(&self, name: impl AsRef<OsStr>) -> Self {
        self.try_child(name).unwrap()
    }

    pub fn try_child(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let path = self.path.join(name.as_ref());
        fs::create_dir(&path)?;
        Ok(Self { hierarchy: self.hierarchy.clone(), path, owner: false })
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path below the hierarchy's root.
    pub fn cgroup_path(&self) -> CgroupPath {
        self.hierarchy.relative(&self.path).unwrap()
    }

    pub fn name(&self) -> &OsStr {
        self.path.file_name().unwrap()
    }

    pub fn version(&self) -> Version {
        self.hierarchy.version
    }

    pub fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    pub fn filesystem(&self) -> Filesystem {
        Filesystem::open(self.hierarchy.clone()).unwrap()
    }

    /// The group as the program under test opens it.
    pub fn open(&self) -> kernel::Group {
        self.filesystem().group(&self.cgroup_path()).unwrap().unwrap()
    }

    /// Moves a process into it.
    pub fn add(&self, pid: i32) {
        self.write("cgroup.procs", &pid.to_string());
    }

    #[track_caller]
    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path.join(file), text)
            .unwrap_or_else(|e| panic!("{}/{file}: {e}", self.path.display()));
    }

    #[track_caller]
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file))
            .unwrap_or_else(|e| panic!("{}/{file}: {e}", self.path.display()))
    }

    /// Writes its own request and does not wait.
    pub fn request(&self, freeze: bool) {
        self.write(self.version().control_file(), self.version().request(freeze));
    }

    /// Its own request.
    pub fn requested(&self) -> bool {
        let file = match self.version() {
            Version::V1 => "freezer.self_freezing",
            Version::V2 => "cgroup.freeze",
        };
        self.read(file).trim() == "1"
    }

    /// Its effective state: every process in it and below is stopped by this freezer.
    pub fn is_frozen(&self) -> bool {
        match self.version() {
            Version::V1 => self.read("freezer.state").trim() == "FROZEN",
            Version::V2 => self.read("cgroup.events").contains("frozen 1"),
        }
    }

    /// The v1 freezer counts a thread that went to sleep by itself only at the next write: it is written again, as a person does.
    #[track_caller]
    pub fn freeze(&self) {
        self.request(true);
        until("the group is frozen", SOON, || {
            self.is_frozen() || {
                if self.version() == Version::V1 {
                    self.request(true);
                }
                false
            }
        });
    }

    /// Takes its own request back and waits until it runs; no ancestor may ask for a freeze.
    #[track_caller]
    pub fn thaw(&self) {
        self.request(false);
        until("the group is thawed", SOON, || match self.version() {
            Version::V1 => self.read("freezer.state").trim() == "THAWED",
            Version::V2 => !self.is_frozen(),
        });
    }

    /// The processes in the group itself.
    pub fn pids(&self) -> Vec<i32> {
        pids(&self.path)
    }

    /// Ends every process in it and below, and removes it and all below.
    pub fn remove(&self) {
        let below = below(&self.path);
        let control = (self.version().control_file(), self.version().request(false));
        // Thawed from the top: what has no file any more is gone.
        for path in &below {
            let _ = fs::write(path.join(control.0), control.1);
        }
        let start = std::time::Instant::now();
        for path in below.iter().rev() {
            while let Err(error) = fs::remove_dir(path) {
                if error.kind() == io::ErrorKind::NotFound || start.elapsed() > SOON {
                    break;
                }
                for pid in pids(path) {
                    end(pid);
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.owner {
            return;
        }
        self.remove();
        if self.path.exists() && !std::thread::panicking() {
            panic!("{} is left behind", self.path.display());
        }
    }
}

/// Kills a process in a group made here, and reaps it where it is a child of this one.
fn end(pid: i32) {
    let ourselves = std::process::id().cast_signed();
    if pid > 0 && pid != ourselves {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
    }
}

fn pids(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// A group and all below, each before what is in it.
fn below(group: &Path) -> Vec<PathBuf> {
    let mut all = vec![group.to_owned()];
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(below(&entry.path()));
        }
    }
    all
}

/// Thaws the v1 groups of tests that hold a process, for a process that the v1 freezer holds does not die.
pub(super) fn release_v1(pid: i32) {
    let Some(v1) = hierarchies().ok().and_then(|host| host.v1) else { return };
    let Some(path) = kernel::membership::group_of(pid, &v1).ok().and_then(|found| found.group()) else {
        return;
    };
    let ours = |path: &CgroupPath| {
        path.components()
            .next()
            .is_some_and(|top| OsStr::from_bytes(top).as_bytes().starts_with(PREFIX.as_bytes()))
    };
    for path in std::iter::once(path.clone()).chain(path.ancestors()).filter(ours) {
        let _ = fs::write(v1.absolute(&path).join("freezer.state"), "THAWED");
    }
}
