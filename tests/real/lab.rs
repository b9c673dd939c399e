//! `cryoscope lab`: every step of every lesson happens, on both freezers; whatever becomes of the lab, nothing of it stays.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::lab::{ALL, Course, Ground, Phase};
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::group::Group;
use super::support::ordinary::{Copy, NOBODY};
use super::support::requirement::{Need, criu, trial};
use super::support::terminal::Terminal;
use super::support::wait::{SOON, reached, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];
const V2: &[Need] = &[Need::Root, Need::V2];
/// Longer than a lesson takes in which criu gives up twice, beside others that do the same.
const LESSON: Duration = Duration::from_secs(120);

pub fn tests() -> Vec<Trial> {
    let mut all: Vec<Trial> = [Version::V2, Version::V1].into_iter().flat_map(of_version).collect();
    all.extend([
        alone("killed_and_found_by_the_next", killed),
        alone("killed_while_criu_hangs", killed_while_criu_hangs),
        beside("signals_end_it_in_order", V2, signals),
        beside("a_panic_ends_it_in_order", BOTH, panics),
        beside("a_step_that_does_not_happen", V2, thawed_behind_its_back),
        beside("a_stranger_in_its_group_is_moved_out", V2, stranger),
        beside("what_is_missing", BOTH, what_is_missing),
        beside("an_ordinary_user_with_a_group_of_its_own", BOTH, ordinary_user),
        beside("on_the_screen", V2, on_the_screen),
        beside("the_hang_on_the_screen", BOTH, the_hang_on_the_screen),
        beside("the_terminal_goes_away", V2, the_terminal_goes_away),
        beside("for_an_audience", V2, for_an_audience),
    ]);
    all
}

/// Every lab removes what a killed one has left. So a test that kills one runs while no other test has a lab.
static LABS: RwLock<()> = RwLock::new(());

fn beside(name: &str, needs: &'static [Need], test: impl FnOnce() + Send + 'static) -> Trial {
    trial(&format!("lab::{name}"), needs, move || {
        let _labs = LABS.read().unwrap_or_else(PoisonError::into_inner);
        test();
    })
}

fn alone(name: &str, test: fn()) -> Trial {
    trial(&format!("lab::{name}"), BOTH, move || {
        let _labs = LABS.write().unwrap_or_else(PoisonError::into_inner);
        test();
    })
}

fn of_version(version: Version) -> impl Iterator<Item = Trial> {
    (1..=9)
        .map(move |number| {
            beside(&format!("lesson_{number}::{version}"), BOTH, move || whole(number, version))
        })
        .chain((1..=9).map(move |number| {
            beside(&format!("by_hand_{number}::{version}"), BOTH, move || by_hand(number, version))
        }))
}

fn lab(words: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("lab").args(words).arg("--criu").arg(criu());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A lab that was started. Its drop ends it in order, so that it cleans up.
struct Running(Option<Child>);

impl Running {
    fn start(words: &[&str]) -> Self {
        let mut command = lab(words);
        // Nobody reads it.
        command.stdout(Stdio::null());
        Self(Some(command.spawn().unwrap()))
    }

    fn pid(&self) -> i32 {
        self.0.as_ref().unwrap().id().cast_signed()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Its outermost group in a hierarchy, once it is there.
    fn group(&self, version: Version) -> PathBuf {
        let (host, name) = (hierarchies().unwrap(), name(self.pid()));
        host.get(version).unwrap().mount_point.join(name)
    }

    #[track_caller]
    fn wait(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

fn name(pid: i32) -> String {
    format!("cryoscope-lab-{pid}-0")
}

/// Groups of both hierarchies, the folder and the record of a lab.
fn traces(pid: i32) -> Vec<PathBuf> {
    let host = hierarchies().unwrap();
    let groups = host.iter().map(|hierarchy| hierarchy.mount_point.join(name(pid)));
    let record = fs::read_dir("/run/cryoscope").into_iter().flatten().flatten().map(|entry| entry.path());
    let record = record.filter(|path| {
        path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("lab-{pid}-")))
    });
    let all = groups.chain([std::env::temp_dir().join(name(pid))]).chain(record);
    all.filter(|path| path.exists()).collect()
}

#[track_caller]
fn assert_nothing_stays(pid: i32, counters: &[i32]) {
    assert_eq!(traces(pid), [] as [PathBuf; 0]);
    until("its counters have ended", SOON, || {
        counters.iter().all(|pid| !Path::new(&format!("/proc/{pid}/exe")).exists())
    });
}

fn processes(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn whole(number: usize, version: Version) {
    let running = lab(&[&number.to_string(), "--auto", "--hierarchy", &version.to_string()]).spawn().unwrap();
    let pid = running.id().cast_signed();
    let output = running.wait_with_output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains(&format!("Lesson {number} on {version} is complete: every step happened.")),
        "{text}"
    );
    assert!(text.contains("  1. ") && text.contains("     seen: "), "{text}");
    assert_nothing_stays(pid, &[]);
}

/// Every line for a shell does what it stands for, and what a shell does is noticed.
fn by_hand(number: usize, version: Version) {
    let ground = Ground::look(hierarchies().unwrap(), Some(criu()));
    // Dropped after the course, whose end frees what still hangs.
    let mut shells = Vec::new();
    let mut course = Course::begin(&ALL[number - 1], version, &ground).unwrap();
    let place = Place::of(&course);
    while course.phase() != Phase::Over {
        let mut told = Vec::new();
        if course.phase() == Phase::ToDo {
            let line = course.shell().expect("what is to be done has a line");
            told.extend(course.tick());
            assert_eq!(course.phase(), Phase::ToDo, "nobody has done it yet: {line}");
            if line.contains("strace") && !is_there("strace") {
                told.extend(course.enter());
            } else {
                shells.push(Shell::start(&line));
            }
        }
        until("the step is seen", LESSON, || {
            told.extend(course.tick());
            matches!(course.phase(), Phase::Asked | Phase::Seen(_))
                || course.waited() > course.patience() && panic!("{:?}: {told:?}", course.lacking())
        });
        course.answer(course.question().map_or(0, |question| question.right));
        assert!(course.enter().is_empty());
    }
    drop(course);
    place.assert_gone();
}

/// The outermost group of a course. Another course of this program may have one of that name afterwards.
struct Place(PathBuf, u64);

impl Place {
    fn of(course: &Course) -> Self {
        let path = course.place();
        let inode = fs::metadata(&path).unwrap().ino();
        Self(path, inode)
    }

    #[track_caller]
    fn assert_gone(&self) {
        let now = fs::metadata(&self.0).ok().map(|meta| meta.ino());
        assert_ne!(now, Some(self.1), "{} is left", self.0.display());
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A shell that runs a line. The line itself ends with the lesson, for what it does is that lesson's.
struct Shell(Child);

impl Shell {
    fn start(line: &str) -> Self {
        let programs = Path::new(PROGRAM).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)));
        let mut command = Command::new("bash");
        command.args(["-c", line]).env("PATH", path.unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // The end of the debugger that is started by hand is noticed by the lab, which runs in this program: nothing is left to
        // ask for then.
        if !reached(LESSON, || !matches!(self.0.try_wait(), Ok(None))) {
            eprintln!("the shell {} is left behind", self.0.id());
        }
    }
}

/// Frozen, and nobody there who would thaw it.
fn killed() {
    for version in [Version::V2, Version::V1] {
        let lab = Running::start(&["1", "--auto", "--hierarchy", &version.to_string()]);
        let (pid, spare) = (lab.pid(), lab.group(version).join("spare"));
        let state =
            if version == Version::V2 { ("cgroup.events", "frozen 1") } else { ("freezer.state", "FROZEN") };
        until("its counter is frozen", LESSON, || {
            fs::read_to_string(spare.join(state.0)).is_ok_and(|text| text.contains(state.1))
        });
        let counters = processes(&spare);
        assert_eq!(counters.len(), 1);
        lab.signal(Signal::SIGKILL);
        lab.wait();
        assert!(traces(pid).len() >= 3, "it had no time to clean up");
        assert!(Path::new(&format!("/proc/{}", counters[0])).exists());
        let next = self::lab(&[]).output().unwrap();
        assert_eq!(next.status.code(), Some(0), "{}", said(&next));
        assert!(said(&next).contains("left groups and processes behind: removed"), "{}", said(&next));
        assert_nothing_stays(pid, &counters);
    }
}

/// Its criu goes on without it; the next lab thaws, lets it finish, and then ends the counter.
fn killed_while_criu_hangs() {
    let lab = Running::start(&["6", "--auto", "--hierarchy", "v2"]);
    let (pid, group) = (lab.pid(), lab.group(Version::V2).join("box"));
    let tracer = || {
        let status = fs::read_to_string(format!("/proc/{}/status", processes(&group).first()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
        line.trim().parse::<i32>().ok().filter(|&pid| pid != 0)
    };
    until("criu holds its counter", LESSON, || tracer().is_some());
    let (criu, counters) = (tracer().unwrap(), processes(&group));
    lab.signal(Signal::SIGKILL);
    lab.wait();
    let told = Command::new(PROGRAM).args(["rescue", "--dry-run"]).output().unwrap();
    assert!(said(&told).contains("cryoscope lab removes them"), "{}", said(&told));
    let next = self::lab(&[]).output().unwrap();
    assert_eq!(next.status.code(), Some(0), "{}", said(&next));
    assert_nothing_stays(pid, &counters);
    until("criu has ended", SOON, || !Path::new(&format!("/proc/{criu}/exe")).exists());
}

fn signals() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let lab = Running::start(&["2", "--auto", "--hierarchy", "v2"]);
        let (pid, group) = (lab.pid(), lab.group(Version::V2).join("box"));
        until("its counter and the child are there", LESSON, || processes(&group).len() == 2);
        let counters = processes(&group);
        lab.signal(signal);
        let output = lab.wait();
        assert_eq!(output.status.code(), Some(1), "{signal}: {}", said(&output));
        assert!(said(&output).contains("interrupted"), "{}", said(&output));
        assert_nothing_stays(pid, &counters);
    }
}

/// Frozen by its own request on both sides: the outer group, and the one in it.
fn panics() {
    for version in [Version::V2, Version::V1] {
        let (tell, told) = std::sync::mpsc::channel();
        let ended = std::thread::spawn(move || {
            let ground = Ground::look(hierarchies().unwrap(), Some(criu()));
            let mut course = Course::begin(&ALL[2], version, &ground).unwrap();
            for group in ["box", "box/inner"] {
                let file = course.place().join(group).join(version.control_file());
                fs::write(file, version.request(true)).unwrap();
            }
            course.tick();
            let pids: Vec<i32> =
                course.glimpse().groups.iter().flat_map(|group| &group.processes).map(|p| p.pid).collect();
            tell.send((Place::of(&course), pids)).unwrap();
            std::panic::resume_unwind(Box::new("wanted"));
        });
        ended.join().unwrap_err();
        let (place, pids) = told.recv().unwrap();
        place.assert_gone();
        assert_eq!(pids.len(), 2);
        for pid in pids {
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is left");
        }
    }
}

/// Whatever the lab writes, somebody thaws the group again: so the counter never stands still, and the step did not happen.
fn thawed_behind_its_back() {
    let lab = Running::start(&["4", "--auto", "--hierarchy", "v2"]);
    let (pid, group) = (lab.pid(), lab.group(Version::V2).join("box"));
    let over = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let _ = fs::write(group.join("cgroup.freeze"), "0");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let output = lab.wait();
        over.store(true, Ordering::Relaxed);
        output
    });
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("lesson 4 on v2, step 1: this did not happen"), "{text}");
    assert_nothing_stays(pid, &[]);
}

/// A process that somebody has moved into a group of the lab is none of the lab's: it is put out, and lives.
fn stranger() {
    let outside = Group::v2("stranger");
    let mut stranger = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let lab = Running::start(&["2", "--auto", "--hierarchy", "v2"]);
    let (pid, group) = (lab.pid(), lab.group(Version::V2).join("box"));
    until("its counter is there", LESSON, || !processes(&group).is_empty());
    fs::write(group.join("cgroup.procs"), stranger.id().to_string()).unwrap();
    lab.signal(Signal::SIGTERM);
    let output = lab.wait();
    assert_nothing_stays(pid, &[]);
    let lives = stranger.try_wait().unwrap().is_none();
    outside.add(stranger.id().cast_signed());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(lives, "{}", said(&output));
}

fn what_is_missing() {
    let without = |words: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.arg("lab").args(words).stdin(Stdio::null()).output().unwrap()
    };
    let nowhere = ["--criu", "/nowhere/criu", "--hierarchy", "v2"];
    let output = without(&[&["6", "--auto"], &nowhere[..]].concat());
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("/nowhere/criu") && said(&output).contains("--criu"), "{}", said(&output));
    let output = without(&["6", "--criu", "/nowhere/criu"]);
    assert_eq!(output.status.code(), Some(2), "a terminal is missing too: {}", said(&output));
    let output = without(&["10", "--auto"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let output = without(&["1", "--auto", "--read-only"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = lab(&["1", "--auto"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "nobody reads it, and it was not held: {}", said(&output));
    let list = without(&nowhere);
    assert_eq!(list.status.code(), Some(0));
    for words in ["1  A group, its files, its processes", "9  Two trees at one instant", "/nowhere/criu"] {
        assert!(said(&list).contains(words), "{}", said(&list));
    }
    let copy = Copy::of(PROGRAM);
    for lesson in ["1", "6"] {
        let mut command = Command::new(copy.path());
        std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
        command.args(["lab", lesson, "--auto"]).stdin(Stdio::null()).current_dir("/");
        let output = command.env_remove("XDG_RUNTIME_DIR").output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains("sudo"), "{}", said(&output));
    }
}

/// In a group that is delegated to it, an ordinary user has the lessons that need no criu.
fn ordinary_user() {
    let (groups, copy) = ([Group::v2("delegated"), Group::v1("delegated")], Copy::of(PROGRAM));
    for group in &groups {
        for file in ["", "cgroup.procs"] {
            std::os::unix::fs::chown(group.path().join(file), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let runtime = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(runtime.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    for version in ["v2", "v1"] {
        let mut command = Command::new("sh");
        std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
        let line = format!("read go; exec {} lab 1 --auto --hierarchy {version}", copy.path().display());
        command.args(["-c", &line]).current_dir("/").env("XDG_RUNTIME_DIR", runtime.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        groups.iter().for_each(|group| group.add(child.id().cast_signed()));
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let inside = format!("{}/cryoscope-lab-", groups[usize::from(version == "v1")].path().display());
        assert!(said(&output).contains(&inside), "{}", said(&output));
    }
}

fn terminal(words: &[&str], size: (u16, u16)) -> Terminal {
    let mut command = Command::new(PROGRAM);
    command.arg("lab").args(words).arg("--criu").arg(criu_or_none());
    Terminal::start(command, size)
}

fn criu_or_none() -> PathBuf {
    std::env::var_os("CRYOSCOPE_TEST_CRIU").map_or_else(|| "criu".into(), PathBuf::from)
}

/// Chosen from the list, gone through with Enter, one step done by hand; then everything is gone.
fn on_the_screen() {
    let mut terminal = terminal(&["--hierarchy", "v2"], (100, 36));
    let pid = terminal.pid();
    let group = hierarchies().unwrap().v2.unwrap().mount_point.join(name(pid));
    terminal.shows("1  A group, its files, its processes");
    terminal.keys("\r");
    terminal.shows("Step 1 of 7");
    terminal.shows("[x] counter is counting");
    terminal.keys("\r");
    terminal.shows("Step 2 of 7");
    terminal.shows("Press Enter");
    assert!(!group.join("spare").exists(), "nothing is done unasked");
    fs::create_dir(group.join("spare")).unwrap();
    terminal.shows("done by hand: the kernel confirms it");
    terminal.shows("[x] the group spare exists");
    terminal.keys("\r");
    terminal.shows("Step 3 of 7");
    terminal.keys("\r");
    terminal.shows("The group spare contains a process.");
    assert_eq!(processes(&group.join("spare")).len(), 1);
    terminal.keys("1");
    terminal.shows("No: removing a group never ends a process.");
    terminal.keys("2");
    terminal.shows("Yes. Only an empty group can be removed.");
    terminal.keys("\r");
    terminal.shows("Step 4 of 7");
    terminal.keys("\r");
    terminal.shows("[x] spare is frozen");
    terminal.shows_line(&["* cgroup.freeze  1"]);
    terminal.shows("Enter continues.");
    assert!(fs::read_to_string(group.join("spare/cgroup.events")).unwrap().contains("frozen 1"));
    for step in 5..=7 {
        terminal.keys("\r");
        terminal.shows(&format!("Step {step} of 7"));
        terminal.shows("Press Enter");
        terminal.keys("\r");
        terminal.shows("Enter continues.");
    }
    terminal.keys("\r");
    terminal.shows("The lesson is complete.");
    terminal.keys("\r");
    terminal.shows("2  Freeze is not SIGSTOP");
    assert_nothing_stays(pid, &[]);
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}

/// The hang is there to be seen; leaving in the middle of it frees criu, and takes everything away.
fn the_hang_on_the_screen() {
    let mut terminal = terminal(&["6", "--hierarchy", "v2"], (120, 40));
    let pid = terminal.pid();
    terminal.shows("Step 1 of 6");
    terminal.keys("\r");
    terminal.shows("Enter continues.");
    terminal.keys("\r");
    terminal.shows("Step 2 of 6");
    terminal.keys("\r");
    terminal.shows("[x] criu is attached to counter, idle for two seconds");
    terminal.shows_line(&["counter", "(traced)"]);
    terminal.keys("1");
    terminal.shows("No! criu's code is already in the process.");
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
    assert_nothing_stays(pid, &[]);
}

fn the_terminal_goes_away() {
    let mut terminal = terminal(&["2", "--hierarchy", "v2"], (100, 36));
    let pid = terminal.pid();
    terminal.shows("Step 1 of 7");
    let group = hierarchies().unwrap().v2.unwrap().mount_point.join(name(pid));
    let counters = processes(&group.join("box"));
    assert_eq!(counters.len(), 2);
    terminal.vanish();
    assert_eq!(terminal.end().code(), Some(0));
    assert_nothing_stays(pid, &counters);
}

/// Keys are shown, events come one after the other, and go into a file as text.
fn for_an_audience() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    let line =
        format!("cd {} && exec {PROGRAM} lab 3 --hierarchy v2 --presentation", folder.path().display());
    command.args(["-c", &line]);
    let mut terminal = Terminal::start(command, (120, 40));
    terminal.shows("Step 1 of 7");
    terminal.shows("Enter continues.");
    terminal.keys("\r");
    terminal.shows("key: Enter");
    terminal.shows("Step 2 of 7");
    terminal.keys("\r");
    terminal.shows("Enter continues.");
    terminal.shows("seen: second is counting");
    terminal.shows_no_line(&["seen: second has stopped counting"]);
    terminal.keys("w");
    terminal.shows("events saved:");
    let text = fs::read_to_string(folder.path().join("cryoscope-lab-3-v2-1.txt")).unwrap();
    assert!(
        text.contains("box: cgroup.freeze: 0 → 1") && text.contains("seen: second has stopped counting"),
        "{text}"
    );
    terminal.signal(Signal::SIGTERM);
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}
