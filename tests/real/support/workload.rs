//! A process that counts, and so shows whether it runs.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use cryoscope::checkpoint::gate;
use cryoscope::kernel::mounts::hierarchies;
use cryoscope::kernel::processes::Processes;
use cryoscope::lab::counter;
use cryoscope::model::{Process, ProcessId, Version};
use nix::sys::eventfd::EventFd;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, Uid, setsid, setuid};

use super::Group;
use super::group::release_v1;
use super::hold::hold;
use super::stuck;
use super::wait::{SOON, reached, throughout, until};

/// How many threads a workload has.
pub const THREADS: u32 = 4;
/// How much memory it touches.
pub const MEMORY: usize = 8 << 20;

/// A process in a session of its own, with four threads and some memory, that counts in its memory and writes the count
/// into a file. It ends when this is dropped.
#[derive(Debug)]
pub struct Workload {
    child: Child,
    id: ProcessId,
    counter: PathBuf,
    folder: tempfile::TempDir,
    /// Its v2 group where the test gave it a v1 group only. criu writes down every group at and below those of a process: in
    /// the root group that would be all groups of the host, which come and go while it reads them.
    _beside: Option<Group>,
}

/// What a workload holds that holds nothing: a kind and its argument.
const NOTHING: [&str; 2] = ["nothing", ""];

impl Workload {
    /// One that is in the group from its start. Returns when it counts.
    pub fn in_group(group: &Group) -> Self {
        let beside = (group.version() == Version::V1 && hierarchies().unwrap().v2.is_some())
            .then(|| Group::v2("beside"));
        let groups: Vec<&Group> = std::iter::once(group).chain(&beside).collect();
        let mut workload = Self::in_groups(&groups);
        workload._beside = beside;
        workload
    }

    /// One that is in several groups, of different hierarchies.
    pub fn in_groups(groups: &[&Group]) -> Self {
        Self::named(groups, &std::env::current_exe().unwrap(), None)
    }

    /// One that has open files of many kinds, a child that waits, and a child that has ended and is a zombie.
    pub fn family(groups: &[&Group]) -> Self {
        let program = Command::new(std::env::current_exe().unwrap());
        Self::start("family", groups, program, None, &[], Stdio::null())
    }

    /// One that is started through a program of another name (a link to this one), with another `argv[0]`.
    pub fn named(groups: &[&Group], program: &Path, arg0: Option<&OsStr>) -> Self {
        Self::start("workload", groups, Command::new(program), arg0, &NOTHING.map(OsStr::new), Stdio::null())
    }

    /// One that holds something criu asks about (`hold.rs`): a kind and its argument. A relative path is in its folder.
    pub fn holding(group: &Group, kind: &str, argument: impl AsRef<OsStr>) -> Self {
        Self::with_input(group, kind, argument, Stdio::null())
    }

    /// [`Self::holding`], with a standard input of its own.
    pub fn with_input(group: &Group, kind: &str, argument: impl AsRef<OsStr>, input: Stdio) -> Self {
        let program = Command::new(std::env::current_exe().unwrap());
        Self::start("workload", &[group], program, None, &[kind.as_ref(), argument.as_ref()], input)
    }

    /// [`Self::holding`] through a program that goes on as the one it is told to be, such as unshare(1).
    pub fn within(group: &Group, mut program: Command) -> Self {
        program.arg(std::env::current_exe().unwrap());
        Self::start("workload", &[group], program, None, &NOTHING.map(OsStr::new), Stdio::null())
    }

    fn start(
        what: &str,
        groups: &[&Group],
        mut command: Command,
        arg0: Option<&OsStr>,
        hold: &[&OsStr],
        input: Stdio,
    ) -> Self {
        let folder = tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap();
        let counter = folder.path().join("counter");
        if let Some(arg0) = arg0 {
            command.arg0(arg0);
        }
        command.arg(what).arg(&counter).args(hold).args(groups.iter().map(|group| group.path()));
        let child = quiet(&mut command).stdin(input).spawn().unwrap();
        let id = Processes::default().read(child.id().cast_signed()).expect("nobody else reaps it").id;
        let workload = Self { child, id, counter, folder, _beside: None };
        until("the workload counts", 3 * SOON, || workload.count() > 0);
        workload
    }

    pub fn pid(&self) -> i32 {
        self.id.pid
    }

    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Its counter file. Another process that goes on counting there (a restored one) is seen by [`Self::count`].
    pub fn counter(&self) -> &Path {
        &self.counter
    }

    /// A folder that goes with the workload, for what belongs to it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How far it has counted.
    pub fn count(&self) -> u64 {
        let bytes = fs::read(&self.counter).unwrap_or_default();
        bytes.try_into().map_or(0, u64::from_le_bytes)
    }

    /// What `/proc` says of it; `None` once it is gone.
    pub fn process(&self) -> Option<Process> {
        Processes::default().read(self.id.pid).filter(|process| process.id == self.id)
    }

    /// There, and not a zombie.
    pub fn is_alive(&self) -> bool {
        self.process().is_some_and(|process| !process.is_zombie())
    }

    pub fn signal(&self, signal: Signal) {
        assert!(self.process().is_some(), "process {} is gone", self.id.pid);
        kill(Pid::from_raw(self.id.pid), signal).unwrap();
    }

    /// Waits for the end that something else makes of it. Its PID is free afterwards.
    pub fn reap(&self) {
        waitpid(Pid::from_raw(self.id.pid), None).unwrap();
    }

    /// Waits until the kernel shows it in a state (a letter of `/proc/PID/stat`).
    #[track_caller]
    pub fn wait_for_state(&self, state: char) {
        until("the workload's state", SOON, || self.process().is_some_and(|process| process.state == state));
    }

    #[track_caller]
    pub fn assert_counting(&self) {
        let before = self.count();
        until("the workload goes on counting", 3 * SOON, || self.count() > before);
    }

    /// It runs at no time in a window in which it would count hundreds of times.
    #[track_caller]
    pub fn assert_still(&self) {
        let before = self.count();
        assert!(before > 0, "it never counted");
        throughout("the workload is still", Duration::from_millis(60), || self.count() == before);
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        // By identity: where its group's drop reaped it, its number may be another process's by now.
        if self.process().is_some() {
            let _ = self.child.kill();
            release_v1(self.id.pid);
            // What a tracer holds that never looks at it cannot be reaped.
            reached(SOON, || !matches!(self.child.try_wait(), Ok(None)));
        }
    }
}

/// No input, no output, and the root as the working directory.
pub fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/")
}

/// What this program does when it is started as something other than the run of the tests; `None` for that.
pub fn main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    if arguments.next().is_some_and(|name| name == "criu") {
        // Titled so by an impostor.
        wait_for_the_parent();
        return Some(ExitCode::SUCCESS);
    }
    let kind = arguments.next()?;
    let rest: Vec<OsString> = arguments.collect();
    match kind.to_str()? {
        "workload" => work(&rest),
        "family" => family(&rest),
        "changing" => super::changing::main(&rest),
        "child" => wait_for_the_parent(),
        "stuck-server" => stuck::serve(&rest),
        "stuck-client" => stuck::wait_for_the_server(&rest),
        "nobody" => as_nobody(&rest),
        "exit" => join(&rest),
        "impostor" => super::impostor::main(&rest),
        "setup" => println!("{}", hierarchies().unwrap().setup),
        "refusal" => refusal(&rest),
        "fuse" => super::fuse::main(&rest),
        "fuse-server" => super::fuse::serve(),
        "refusal-of-a-thread" => refusal_of_a_thread(&rest),
        // A lab in the run of the tests starts this very program again.
        // A checkpoint that is made by the run of the tests does, too.
        counter::VERB | gate::VERB => cryoscope::cli::run(cryoscope::cli::Arguments::parse()).unwrap(),
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

/// Into each of these groups.
pub fn join(groups: &[OsString]) {
    for group in groups {
        fs::write(Path::new(group).join("cgroup.procs"), "0").unwrap();
    }
}

/// `workload COUNTER KIND ARGUMENT GROUP…`
fn work(arguments: &[OsString]) {
    let [counter, kind, argument, groups @ ..] = arguments else {
        panic!("workload COUNTER KIND ARGUMENT GROUP…")
    };
    join(groups);
    if kind != "no-session" {
        setsid().unwrap();
    }
    let file = File::create(counter).unwrap();
    let folder = Path::new(counter).parent().unwrap();
    let _held = hold(kind.to_str().unwrap(), argument.to_str().unwrap(), folder);
    count_in(file);
}

/// Into the groups and a session of its own; the counter file.
fn begin(arguments: &[OsString]) -> File {
    let [counter, groups @ ..] = arguments else { panic!("family COUNTER GROUP…") };
    join(groups);
    setsid().unwrap();
    File::create(counter).unwrap()
}

/// `family COUNTER GROUP…`: counts, with a pipe, a pair of sockets, an eventfd, a deleted and a locked file, and two children.
fn family(arguments: &[OsString]) {
    let counter = begin(arguments);
    let this = std::env::current_exe().unwrap();
    // Its input is a pipe that ends when this process does, and it with that.
    let waiting = quiet(Command::new(&this).arg("child")).stdin(Stdio::piped()).spawn().unwrap();
    let ended = quiet(Command::new(&this).arg("exit")).spawn().unwrap();
    let pid = Pid::from_raw(ended.id().cast_signed());
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let sockets = UnixStream::pair().unwrap();
    let path = Path::new(&arguments[0]).with_file_name("deleted");
    let deleted = File::create(&path).unwrap();
    fs::remove_file(path).unwrap();
    counter.lock().unwrap();
    let _open = (std::io::pipe().unwrap(), sockets, deleted, EventFd::new().unwrap(), waiting, ended);
    count_in(counter);
}

/// A process that does nothing, in a group. It ends when the handle is dropped.
pub fn idle(group: &Group) -> Idle {
    let this = std::env::current_exe().unwrap();
    let child = quiet(Command::new(this).arg("child")).stdin(Stdio::piped()).spawn().unwrap();
    group.add(child.id().cast_signed());
    Idle(child)
}

/// A process that does nothing.
#[derive(Debug)]
pub struct Idle(Child);

impl Idle {
    pub fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.0.kill();
        release_v1(self.pid());
        reached(SOON, || !matches!(self.0.try_wait(), Ok(None)));
    }
}

/// `child`: until the other end of its input is closed.
fn wait_for_the_parent() {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// `nobody ARGUMENT…`: the program under test as a user without rights; prints how it ended.
fn as_nobody(arguments: &[OsString]) {
    setuid(Uid::from_raw(65_534)).unwrap();
    let arguments = std::iter::once("cryoscope".into()).chain(arguments.iter().cloned());
    match cryoscope::cli::run(cryoscope::cli::Arguments::parse_from(arguments)) {
        Ok(()) => println!("0"),
        Err(failure) => println!("{} {failure}", failure.code),
    }
}

/// Counts for ever, in memory and in the file.
fn count_in(file: File) {
    for _ in 1..THREADS {
        std::thread::spawn(|| {
            let mut own = 0_u64;
            loop {
                own = std::hint::black_box(own + 1);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
    // The count is nowhere but here: a restored process goes on only where its memory is as it was.
    let mut memory = vec![1_u64; MEMORY / 8];
    let mut at = 0;
    loop {
        at = (at + 512) % memory.len();
        memory[at] = std::hint::black_box(memory[at] + 1);
        memory[0] += 1;
        file.write_all_at(&memory[0].to_le_bytes(), 0).unwrap();
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// `refusal-of-a-thread GROUP JOIN`: as `refusal`, with a thread in the second group, and the process beside it.
fn refusal_of_a_thread(arguments: &[OsString]) {
    let [group, theirs] = arguments else { panic!("refusal-of-a-thread GROUP JOIN") };
    let theirs = Path::new(theirs);
    fs::write(theirs.parent().unwrap().join("cgroup.procs"), "0").unwrap();
    let (joined, wait) = std::sync::mpsc::channel();
    let (_ends, end) = std::sync::mpsc::channel::<()>();
    let theirs = theirs.to_owned();
    std::thread::spawn(move || {
        let file =
            ["tasks", "cgroup.threads"].map(|file| theirs.join(file)).into_iter().find(|file| file.exists());
        fs::write(file.unwrap(), "0").unwrap();
        joined.send(()).unwrap();
        // Until the process has printed the answer.
        let _ = end.recv();
    });
    wait.recv().unwrap();
    refusal(std::slice::from_ref(group));
}

/// `refusal GROUP JOIN…`: goes into these groups and prints why the first must not be frozen.
fn refusal(arguments: &[OsString]) {
    let [group, groups @ ..] = arguments else { panic!("refusal GROUP JOIN…") };
    join(groups);
    let host = hierarchies().unwrap();
    let (hierarchy, path) = host.containing(Path::new(group)).unwrap();
    let fs = cryoscope::kernel::Filesystem::open(hierarchy.clone()).unwrap();
    let refusal = cryoscope::kernel::guard::refusal(&fs, &fs.group(&path).unwrap().unwrap());
    println!("{:?}", refusal.map(|refusal| refusal.why));
}
