//! A process that looks like a criu, of nobody's mostly.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cryoscope::kernel::Status;
use cryoscope::kernel::command_line::arguments;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::ordinary::NOBODY;
use super::program;
use super::requirement::criu;
use super::wait::{SOON, until};

/// What an impostor executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executable {
    /// A program of its own, in its own folder, named criu. It may have any arguments.
    Own,
    /// criu's executable, copied into its own folder.
    Copied,
    /// criu's executable, where root has put it.
    Installed,
}

/// A process that looks like a criu. It has a child of the same user, which it traces or not.
#[derive(Debug)]
pub struct Impostor {
    child: Child,
    target: i32,
    _folder: TempDir,
    /// What it reads from: it ends with this.
    _end: OwnedFd,
}

/// In the arguments of an impostor: the PID of its child.
pub const TARGET: &str = "TARGET";

impl Impostor {
    /// One that is titled as a criu which dumps its child.
    pub fn new(executable: Executable, traces: bool) -> Self {
        match executable {
            Executable::Own => {
                let words = ["criu", "dump", "-t", TARGET, "-D", "/tmp"].map(OsString::from);
                Self::titled(&words, traces)
            }
            Executable::Copied => Self::start(|folder| loaded(Some(folder)), traces, NOBODY),
            Executable::Installed => Self::start(|_| loaded(None), traces, NOBODY),
        }
    }

    /// One of root's, from a file of root's that is no criu.
    pub fn of_root() -> Self {
        let words = ["criu", "dump", "-t", TARGET].map(OsString::from);
        Self::start(|_| (std::env::current_exe().unwrap(), words.to_vec()), true, 0)
    }

    /// One that has these arguments.
    pub fn titled(words: &[OsString], traces: bool) -> Self {
        Self::start(|folder| (own(folder), words.to_vec()), traces, NOBODY)
    }

    /// `run`: what it executes at last, and its arguments; it is given the folder of the impostor's own.
    fn start(run: impl FnOnce(&Path) -> (PathBuf, Vec<OsString>), traces: bool, user: u32) -> Self {
        let open = Permissions::from_mode(0o755);
        let folder =
            tempfile::Builder::new().prefix("cryoscope-test-").permissions(open).tempdir_in("/tmp").unwrap();
        let first = own(folder.path());
        let (program, words) = run(folder.path());
        for entry in fs::read_dir(&folder).unwrap() {
            chown(entry.unwrap().path(), Some(user), Some(user)).unwrap();
        }
        chown(&folder, Some(user), Some(user)).unwrap();
        // criu is served by messages.
        let (end, input) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let mut command = Command::new(first);
        command.args(["impostor", if traces { "traces" } else { "looks on" }]).arg(&program).args(&words);
        command.uid(user).gid(user).current_dir("/");
        command.stdin(input).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let target = line.trim().parse().expect("the impostor has a child");
        let impostor = Self { child, target, _folder: folder, _end: end };
        let last = words.last().map(|word| word.to_str().unwrap().replace(TARGET, &target.to_string()));
        let titled = || arguments(impostor.pid()).last().cloned() == last.clone().map(String::into_bytes);
        until("it executes what it wants to look like", SOON, titled);
        assert_eq!(impostor.tracer(), traces.then(|| impostor.pid()));
        impostor
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Its child.
    pub fn target(&self) -> i32 {
        self.target
    }

    /// Who traces its child.
    pub fn tracer(&self) -> Option<i32> {
        Status::read(self.target).unwrap().expect("its child is there").tracer()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.target), Signal::SIGKILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Where this program takes orphans, it has this one now.
        let _ = waitpid(Pid::from_raw(self.target), Some(WaitPidFlag::WNOHANG));
    }
}

/// This program, named criu, in a folder of the impostor's own.
fn own(folder: &Path) -> PathBuf {
    let path = folder.join("criu");
    if !path.exists() {
        program::copy(std::env::current_exe().unwrap(), &path);
    }
    path
}

/// criu as it serves a container's runtime on its input: it needs no rights for that, and waits. Through a loader where the one
/// of the tests is started so. In a folder: copied there.
fn loaded(folder: Option<&Path>) -> (PathBuf, Vec<OsString>) {
    let script = fs::read(criu()).unwrap();
    let words: Vec<String> = match script.starts_with(b"#!") {
        true => {
            let script = String::from_utf8(script).unwrap();
            let line = script.lines().find_map(|line| line.strip_prefix("exec ")).unwrap();
            let words = line.split(' ').filter(|word| *word != "\"$@\"");
            words.map(|word| word.trim_matches('\'').to_owned()).collect()
        }
        false => vec![criu().to_str().unwrap().into()],
    };
    let moved = |word: &str| {
        let path = Path::new(word);
        match folder.filter(|_| path.is_file()) {
            Some(folder) => {
                // The impostor itself is named criu there.
                let to = folder.join(format!("{}-copied", path.file_name().unwrap().to_str().unwrap()));
                program::copy(path, &to);
                to.into()
            }
            None => OsString::from(word),
        }
    };
    let mut words: Vec<OsString> = words.iter().map(|word| moved(word)).collect();
    words.extend(["swrk", "0"].map(OsString::from));
    (words[0].clone().into(), words)
}

/// `impostor (traces|…) PROGRAM WORD…`: has a child, traces it where it is to, says which it is, and goes on as another program.
/// What is traced stays so (ptrace(2)).
#[allow(clippy::zombie_processes, reason = "the program that it becomes has the child")]
pub fn main(arguments: &[OsString]) {
    let [how, program, words @ ..] = arguments else { panic!("impostor HOW PROGRAM WORD…") };
    let child = super::workload::quiet(Command::new("sleep").arg("1000")).spawn().unwrap();
    let pid = child.id().to_string();
    if how == "traces" {
        ptrace::seize(Pid::from_raw(child.id().cast_signed()), ptrace::Options::empty()).unwrap();
    }
    println!("{pid}");
    // Nobody reads any further.
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null").unwrap()).unwrap();
    let named = |word: &OsString| word.to_str().unwrap().replace(TARGET, &pid);
    let mut command = Command::new(program);
    command.arg0(named(&words[0])).args(words[1..].iter().map(named));
    panic!("{}", command.exec());
}
