//! What the actors do, at random.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use cryoscope::model::Version;
use fastrand::Rng;

use crate::real::support::Group;
use crate::real::support::wait::{SOON, reached};
use crate::real::support::workload::quiet;

/// How deep groups are made below the top.
const DEEP: usize = 4;
/// Few names, so that the actors meet.
const NAMES: [&str; 6] = ["a", "b", "c", "d.service", "e é", "f\x1b[2J"];
/// How many processes there are at most.
const PROCESSES: usize = 24;

/// Where it happens. When this is dropped, its processes are gone.
pub struct Stage {
    top: PathBuf,
    version: Version,
    processes: Mutex<Vec<Child>>,
}

impl Stage {
    pub fn new(top: &Group) -> Self {
        Self { top: top.path().to_owned(), version: top.version(), processes: Mutex::default() }
    }

    /// One thing of many; that it can't be done (there is no such group, it is not empty) is part of it.
    pub fn deed(&self, rng: &mut Rng) {
        let path = self.path(rng, DEEP);
        match rng.u8(..100) {
            0..25 => drop(fs::create_dir(&path)),
            25..35 => drop(fs::create_dir_all(&path)),
            35..50 => drop(fs::remove_dir(&path)),
            50..75 => self.request(&path, rng.bool()),
            75..80 => drop(fs::rename(&path, path.with_file_name(name(rng)))),
            80..88 => self.start(&path, rng),
            88..94 => self.move_one(&path, rng),
            94..97 => self.kill_one(rng),
            _ => self.kill_all(&path),
        }
    }

    /// A group has another name, and then its own again.
    pub fn rename_for_a_moment(&self, rng: &mut Rng) {
        let path = self.path(rng, DEEP);
        let other = path.with_extension("elsewhere");
        if fs::rename(&path, &other).is_ok() {
            if rng.bool() {
                thread::sleep(Duration::from_micros(rng.u64(..2000)));
            }
            let _ = fs::rename(&other, &path);
        }
    }

    /// Something quick that is announced; whether it was done.
    pub fn flash(&self, rng: &mut Rng) -> bool {
        let path = self.path(rng, 1).with_extension(rng.u8(..).to_string());
        fs::create_dir(&path).or_else(|_| fs::remove_dir(&path)).is_ok()
    }

    fn path(&self, rng: &mut Rng, deep: usize) -> PathBuf {
        let names = (0..rng.usize(1..=deep)).map(|_| name(rng)).collect::<PathBuf>();
        self.top.join(names)
    }

    fn request(&self, group: &Path, freeze: bool) {
        let _ = fs::write(group.join(self.version.control_file()), self.version.request(freeze));
    }

    /// A process that ends soon, one that stays, or one that forks for a while.
    fn start(&self, group: &Path, rng: &mut Rng) {
        let mut processes = self.processes.lock().unwrap();
        processes.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if processes.len() == PROCESSES || !group.exists() {
            return;
        }
        let script = match rng.u8(..3) {
            0 => "sleep 0.05",
            1 => "exec sleep 1000",
            _ => "for n in 1 2 3 4; do sleep 0.01; done; sleep 0.5 & exec sleep 1",
        };
        let child = quiet(Command::new("sh").args(["-c", script])).spawn().unwrap();
        let _ = fs::write(group.join("cgroup.procs"), child.id().to_string());
        processes.push(child);
    }

    fn move_one(&self, group: &Path, rng: &mut Rng) {
        let processes = self.processes.lock().unwrap();
        if let Some(child) = rng.choice(&processes[..]) {
            let _ = fs::write(group.join("cgroup.procs"), child.id().to_string());
        }
    }

    fn kill_one(&self, rng: &mut Rng) {
        let mut processes = self.processes.lock().unwrap();
        if let Some(child) = rng.choice(&mut processes[..]) {
            let _ = child.kill();
            // One that the v1 freezer holds ends when it is thawed.
            let _ = child.try_wait();
        }
    }

    /// All of the group and below. v1 has no file for it.
    fn kill_all(&self, group: &Path) {
        let _ = fs::write(group.join("cgroup.kill"), "1");
    }

    /// Takes note of those that have ended.
    pub fn reap(&self) {
        self.processes.lock().unwrap().retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After a panic in an actor, too.
        let mut processes = self.processes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for child in &mut *processes {
            let _ = child.kill();
        }
        reached(SOON, || processes.iter_mut().all(|child| !matches!(child.try_wait(), Ok(None))));
    }
}

fn name(rng: &mut Rng) -> &'static str {
    NAMES[rng.usize(..NAMES.len())]
}
