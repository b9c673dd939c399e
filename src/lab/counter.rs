//! The workload of the lessons: this program, started again, counting in memory and in a file. Harmless, and its end comes with
//! the lab's.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use process_wrap::std::{CommandWrap, ProcessSession};

use crate::kernel::Dir;
use crate::kernel::command_line::arguments;
use crate::kernel::processes::{self};
use crate::model::ProcessId;

/// The verb of the command line that counts.
pub const VERB: &str = "lab-counter";

/// What a counter is told.
#[derive(Debug, Clone)]
pub struct Order {
    /// Whose it is: it ends when that process has.
    pub lab: ProcessId,
    /// Where it writes how far it is.
    pub file: PathBuf,
    /// Where a child of it counts; it has none where this is left out.
    pub child: Option<PathBuf>,
    /// How many threads it has.
    pub threads: u32,
    /// The process that it holds as a debugger does, instead of counting.
    pub attach: Option<i32>,
    /// The groups that it goes into, absolute: one of each hierarchy at most.
    pub groups: Vec<PathBuf>,
}

/// How often it looks whether its lab is still there.
const LOOK: Duration = Duration::from_millis(100);

/// The width of the count in the file. It does not change: criu restores a process only where its files have their old sizes.
const DIGITS: usize = 12;

/// Counts until the lab is gone.
///
/// # Errors
/// A sentence: a group or the file is not to be had, or the lab is gone from the start.
pub fn count(order: &Order) -> Result<(), String> {
    // For whoever looks at the process list: the name would be that of the link which it was started through.
    let _ = nix::sys::prctl::set_name(c"counter");
    order.groups.iter().try_for_each(|group| join(group))?;
    let file = File::create(&order.file).map_err(|error| format!("{}: {error}", order.file.display()))?;
    if let Some(child) = &order.child {
        let order = Order { file: child.clone(), child: None, groups: Vec::new(), ..order.clone() };
        command(&order).spawn().map_err(|error| format!("cannot start its child: {error}"))?;
    }
    if let Some(target) = order.attach {
        ptrace::seize(Pid::from_raw(target), ptrace::Options::empty()).map_err(|error| error.to_string())?;
    }
    for _ in 1..order.threads {
        let sleep = || loop {
            std::thread::sleep(Duration::from_millis(10))
        };
        let thread = std::thread::Builder::new().spawn(sleep);
        thread.map_err(|error| format!("cannot start one of its threads: {error}"))?;
    }
    step(order.lab, &file).map_err(|error| format!("{}: {error}", order.file.display()))
}

/// One number after the other. The number is nowhere but here: a restored process goes on only where its memory is as it was.
fn step(lab: ProcessId, file: &File) -> io::Result<()> {
    let (mut number, mut looked) = (0_u64, Instant::now());
    loop {
        number += 1;
        file.write_all_at(format!("{number:>DIGITS$}\n").as_bytes(), 0)?;
        // Without a descriptor that would be open for a moment: criu would have to dump it.
        if looked.elapsed() > LOOK {
            if kill(Pid::from_raw(lab.pid), None) == Err(Errno::ESRCH) {
                return Ok(());
            }
            looked = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn join(group: &Path) -> Result<(), String> {
    // 0 is whoever writes. (kernel: cgroup-v2.rst, "Processes")
    let joined = Dir::open(group).and_then(|dir| dir.write("cgroup.procs", b"0"));
    joined.map_err(|error| format!("{}: {error}", group.display()))
}

/// This very program, even where its file was replaced meanwhile; without input and output, for criu cannot dump a pipe whose
/// other end is outside.
fn command(order: &Order) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("cryoscope").arg(VERB).arg("--lab").arg(name_of(order.lab)).arg("--file").arg(&order.file);
    if let Some(child) = &order.child {
        command.arg("--child").arg(child);
    }
    if let Some(target) = order.attach {
        command.arg("--attach").arg(target.to_string());
    }
    command.arg("--threads").arg(order.threads.to_string()).args(&order.groups);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    command
}

/// Starts a counter in a session of its own, and says which PID it has. It is a child of this program.
pub(super) fn start(order: &Order) -> io::Result<i32> {
    // What this program was given beside its three streams, criu would find open in the counter.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let child = CommandWrap::from(command(order)).wrap(ProcessSession).spawn()?;
    i32::try_from(child.id()).map_err(io::Error::other)
}

/// How far a counter has come, by its file; `None` where it has not begun.
pub(super) fn read(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A lab as its counters are told of it, and so are known for its own.
fn name_of(lab: ProcessId) -> String {
    format!("{}:{}", lab.pid, lab.start)
}

/// Reads how a counter is told of its lab: `PID:START`.
///
/// # Errors
/// A sentence.
pub fn lab(text: &str) -> Result<ProcessId, String> {
    let parts = text.split_once(':').and_then(|(pid, start)| Some((pid.parse().ok()?, start.parse().ok()?)));
    let (pid, start) = parts.ok_or_else(|| format!("{text:?} is not a process: expected PID:START"))?;
    Ok(ProcessId { pid, start })
}

/// The file that a process counts into, where it is a counter of this lab.
pub(super) fn file_of(pid: i32, lab: ProcessId) -> Option<PathBuf> {
    let words = arguments(pid);
    let behind = |option: &[u8]| words.iter().skip_while(|word| &word[..] != option).nth(1);
    let ours = words.get(1).is_some_and(|word| &word[..] == VERB.as_bytes())
        && behind(b"--lab").is_some_and(|word| &word[..] == name_of(lab).as_bytes());
    let file = behind(b"--file").filter(|_| ours)?;
    Some(PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(file.clone())))
}

/// Whether a process is a counter of this lab.
pub(super) fn is_of(pid: i32, lab: ProcessId) -> bool {
    file_of(pid, lab).is_some()
}

/// This process, as its counters are told of it.
pub(super) fn this_lab() -> io::Result<ProcessId> {
    let me = processes::Processes::default().read(std::process::id().cast_signed());
    me.map(|me| me.id).ok_or_else(|| io::Error::other("/proc does not show this process"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_is_known_by_number_and_start() {
        let id = ProcessId { pid: 7, start: 99 };
        assert_eq!(lab(&name_of(id)), Ok(id));
        assert!(lab("7").is_err() && lab("x:1").is_err());
    }

    #[test]
    fn a_count_is_read_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counter");
        assert_eq!(read(&path), None);
        fs::write(&path, format!("{:>DIGITS$}\n", 42)).unwrap();
        assert_eq!(read(&path), Some(42));
    }
}
