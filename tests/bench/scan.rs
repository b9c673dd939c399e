//! The scan of 10,101 and of 101,001 groups, beside a floor of plain system calls and beside others, by turns.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use cryoscope::kernel::Walk;
use cryoscope::model::{Change, Tree};
use rustix::fs::{Mode, OFlags, RawDir, fstat, openat};

use super::figures::{groups, part};
use crate::real::support::Group;
use crate::real::support::workload::quiet;

/// How many groups there are below others, and how often they are scanned in each way.
const SIZES: [(usize, usize); 2] = [(10_000, 15), (100_000, 3)];

/// A name, and what scans all groups in this way; false where it can't.
type Way<'a> = (&'static str, Box<dyn Fn() -> bool + 'a>);

pub fn scan() {
    for (many, rounds) in SIZES {
        beside_others(many, rounds);
    }
}

fn beside_others(many: usize, rounds: usize) {
    let group = groups("scan", many);
    // With those that they are in, and the one that these are in.
    let all = many + many / 100 + 1;
    println!("{all} groups:");
    let path = group.path().to_str().unwrap();
    let find = format!("find {path} -name cgroup.events | xargs grep -h frozen");
    let list = [env!("CARGO_BIN_EXE_cryoscope"), "--hierarchy", "v2", "list", path];
    let json = [&list[..], &["--json"]].concat();
    let cgls = ["systemd-cgls", "--all", "--no-pager", path];
    let mut ways: Vec<Way> = vec![
        ("floor: plain system calls, one thread", Box::new(|| floor(group.path()).0 == all)),
        ("library, one thread", Box::new(|| library(&group, one_thread) == all)),
        ("library, all CPUs", Box::new(|| library(&group, all_threads) == all)),
        ("cryoscope list", Box::new(|| run(&list))),
        ("cryoscope list --json", Box::new(|| run(&json))),
        ("systemd-cgls --all", Box::new(|| run(&cgls))),
        ("find and grep", Box::new(|| run(&["sh", "-c", &find]))),
    ];
    ways.retain(|(what, way)| {
        let there = way();
        if !there {
            println!("left out: {what}");
        }
        there
    });
    let mut times = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for ((_, way), times) in ways.iter().zip(&mut times) {
            let start = Instant::now();
            way();
            times.push(start.elapsed());
        }
    }
    // Beside the floor of the same round, for others use this machine too.
    let floors = times[0].clone();
    for ((what, _), times) in ways.iter().zip(&mut times) {
        let mut ratios: Vec<f64> =
            times.iter().zip(&floors).map(|(time, floor)| time.div_duration_f64(*floor)).collect();
        ratios.sort_by(f64::total_cmp);
        times.sort();
        let (best, median, ratio) = (times[0], part(times, 500), ratios[ratios.len() / 2]);
        println!("{what}: best {best:?}, median {median:?}, of the floor {ratio:.2}");
    }
    println!("system calls a group: floor {:.2}", floor(group.path()).1 as f64 / all as f64);
    for (what, command) in [("list", &list[..]), ("list --json", &json), ("systemd-cgls --all", &cgls)] {
        let calls = system_calls(command).map(|calls| format!("{:.2}", calls as f64 / all as f64));
        println!("system calls a group: {what} {}", calls.as_deref().unwrap_or("unknown"));
    }
}

fn library(group: &Group, walk: fn(&Group, &mut dyn FnMut(Change))) -> usize {
    let mut tree = Tree::new(group.filesystem().read_root().unwrap());
    let root = tree.get(tree.root()).unwrap().group.id;
    let first = group.open().read().unwrap().unwrap();
    let mut occurrences = Vec::new();
    tree.apply(Change::Found { parent: root, groups: vec![first] }, &mut occurrences);
    walk(group, &mut |change| {
        tree.apply(change, &mut occurrences);
        occurrences.clear();
    });
    tree.len() - 1
}

fn one_thread(group: &Group, tell: &mut dyn FnMut(Change)) {
    let fs = group.filesystem();
    let mut walk = Walk::new(&fs, &group.cgroup_path()).unwrap().unwrap();
    while walk.step(&fs, &mut |change| tell(change)) {}
}

fn all_threads(group: &Group, tell: &mut dyn FnMut(Change)) {
    group.filesystem().walk(&group.cgroup_path(), &mut |change| tell(change)).unwrap();
}

/// The same reads with nothing around them: how many groups, with how many system calls.
fn floor(path: &Path) -> (usize, usize) {
    let mut count = (0, 0);
    plain(rustix::fs::CWD, path.as_os_str(), &mut count);
    count
}

fn plain(above: BorrowedFd<'_>, name: &OsStr, count: &mut (usize, usize)) {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let dir = openat(above, name, flags | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let is_leaf = fstat(&dir).unwrap().st_nlink == 2;
    let mut text = [0; 128];
    for file in ["cgroup.freeze", "cgroup.events"] {
        let file = openat(&dir, file, flags, Mode::empty()).unwrap();
        std::hint::black_box(rustix::io::read(&file, &mut text).unwrap());
    }
    // Three for the directory, and three for each of the files.
    *count = (count.0 + 1, count.1 + 9);
    if is_leaf {
        return;
    }
    let mut buffer = Vec::with_capacity(32 << 10);
    let mut names = Vec::new();
    let mut entries = RawDir::new(&dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry.unwrap();
        if entry.file_type().is_dir() && !entry.file_name().to_bytes().starts_with(b".") {
            names.push(entry.file_name().to_owned());
        }
    }
    count.1 += 2;
    for name in names {
        plain(dir.as_fd(), OsStr::from_bytes(name.to_bytes()), count);
    }
}

fn run(command: &[&str]) -> bool {
    quiet(Command::new(command[0]).args(&command[1..])).status().is_ok_and(|status| status.success())
}

/// How many system calls a command makes, as strace counts them; `None` without strace.
fn system_calls(command: &[&str]) -> Option<u64> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let strace = ["strace", "-f", "-c", "-o", file.path().to_str().unwrap()];
    run(&[&strace, command].concat()).then_some(())?;
    super::idle::total(&std::fs::read_to_string(file.path()).unwrap())
}
