//! criu itself: where it is, which one, whether it works on this kernel, and what its log says.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessSession};
use serde::Serialize;

use super::Finding;
use crate::kernel::trust;
use crate::model::{printable, shell, span};

mod version;

pub(super) use version::FIRST_WITH_CGROUP_V2;
pub use version::{install, lacks_inet_sockets, limits, numbers, oldest, version};

/// A criu that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Criu {
    /// Its absolute path.
    #[serde(skip)]
    pub path: PathBuf,
    /// Its version; `None` where it did not say.
    pub version: Option<String>,
}

/// Finds criu, asks it for its version, and has it try itself on this kernel.
pub fn look(asked: Option<&Path>, kernel: &str) -> (Option<Criu>, Vec<Finding>) {
    let (criu, mut findings) = found(asked, kernel);
    findings.extend(criu.as_ref().map(|criu| check(criu, kernel)));
    (criu, findings)
}

/// Finds criu, and asks it for its version.
pub(super) fn found(asked: Option<&Path>, kernel: &str) -> (Option<Criu>, Vec<Finding>) {
    let Some(path) = find(asked) else {
        let what = asked.map_or("criu is not in PATH".to_owned(), |p| format!("cannot run {}", p.display()));
        let missing = Finding::blocker("criu-missing", what, "criu dumps and restores the processes");
        return (None, vec![missing.remedy(install(kernel))]);
    };
    if let Some(finding) = untrusted(&path) {
        return (None, vec![finding]);
    }
    let text = match output(&path, &["--version"], VERSION_TIMEOUT) {
        // It would hang again: nothing else is asked of it.
        Err(RunError::TimedOut(limit)) => return (None, vec![timed_out("criu --version", limit)]),
        Err(RunError::Io(_)) => String::new(),
        Ok((_, text)) => text,
    };
    let version = version(&text);
    let finding = match &version {
        Some(version) => Finding::ok("criu-version", format!("criu {version}")),
        None => Finding::unknown("criu-version", "the version of criu", "criu --version printed no version"),
    };
    (Some(Criu { path, version }), vec![finding])
}

/// Has it try itself on this kernel: `criu check`.
pub(super) fn check(criu: &Criu, kernel: &str) -> Finding {
    check_within(criu, kernel, CHECK_TIMEOUT)
}

fn check_within(criu: &Criu, kernel: &str, limit: Duration) -> Finding {
    let run = || output(&criu.path, &["check"], limit);
    // On a busy host it may fail for a moment (seen: its own inotify watch could not be read back); what does not work fails again.
    match run().and_then(|(works, text)| if works { Ok((works, text)) } else { run() }) {
        Ok((true, _)) => Finding::ok("criu-works", "criu check: looks good"),
        Ok((false, text)) => broken(criu.version.as_deref(), kernel, &text),
        Err(RunError::TimedOut(limit)) => timed_out("criu check", limit),
        Err(RunError::Io(error)) => {
            Finding::blocker("criu-broken", format!("cannot run criu check: {error}"), "criu must work here")
                .remedy("pass a working criu with --criu")
        }
    }
}

/// Nothing is known of a criu that did not end in time: it may work, and the machine be slow.
fn timed_out(what: &str, limit: Duration) -> Finding {
    let remedy = format!("run {what} yourself to see what it waits for; try again when it ends in time");
    Finding::blocker(
        "criu-timeout",
        format!("{what} did not end within {}, and was ended", span::short(limit)),
        "it is unknown whether criu works here",
    )
    .remedy(remedy)
}

/// What `criu check` says, and for a criu that is too old for this kernel why.
fn broken(version: Option<&str>, kernel: &str, text: &str) -> Finding {
    if let Some(line) = text.lines().find(|line| line.contains("CAP_CHECKPOINT_RESTORE capability")) {
        let line = line.trim_end_matches([':', ' ']);
        let what = "criu check did not tell whether criu works here";
        return Finding::blocker("criu-broken", what, format!("criu says: \"{line}\"")).remedy("run as root");
    }
    let last = || text.lines().next_back().unwrap_or("no reason given").to_owned();
    let line = first_error(text).unwrap_or_else(last);
    let old = version.is_some_and(|v| numbers(v) < (4, 1)) && version::has_new_vdso(numbers(kernel));
    let (why, remedy) = if old {
        ("criu before 4.1 does not know the vDSO of x86 kernels since 6.13", install(kernel))
    } else {
        let remedy = "run criu check as root to see what is missing";
        ("criu itself reports that it does not work here", remedy.to_owned())
    };
    Finding::blocker("criu-broken", format!("criu check fails with \"{line}\""), why).remedy(remedy)
}

/// Whether criu failed because a group went that it had just seen (`criu/cgroup.c`: it reads the files of each group by its path).
pub(super) fn is_vanished_group(error: &str) -> bool {
    error.contains("cg: ") && error.contains("No such file or directory")
        || error.contains("No subsys list or none specified")
}

/// Not even asked for its version where somebody else decides what it is.
fn untrusted(path: &Path) -> Option<Finding> {
    let why = "it runs with cryoscope's rights, so whoever can change it gets these rights";
    let blocker = |what: String| {
        let remedy =
            "pass one with --criu that only you or root can change, including all parent directories";
        Finding::blocker("criu-untrusted", what, why).remedy(remedy)
    };
    let shown = || printable(path.as_os_str().as_encoded_bytes()).into_owned();
    match trust::distrust(path) {
        Ok(found) => found.map(|found| blocker(format!("{} is not trusted: {found}", shown()))),
        Err(error) => Some(blocker(format!("could not check whether {} can be trusted: {error}", shown()))),
    }
}

fn find(asked: Option<&Path>) -> Option<PathBuf> {
    let runs =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if let Some(path) = asked.filter(|p| p.components().count() > 1 || p.is_absolute()) {
        return std::path::absolute(path).ok().filter(runs);
    }
    let name = asked.map_or(OsStr::new("criu"), Path::as_os_str);
    let path = trust::search_path();
    // An ordinary user's PATH has none of these, where packages install it.
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from).into_iter();
    let sbin = sbin.filter(|_| !nix::unistd::geteuid().is_root());
    std::env::split_paths(&path).chain(sbin).map(|place| place.join(name)).find(runs)
}

/// A command for a session of its own, so that a terminal's Ctrl-C and hang-up do not reach it, with no input and nothing
/// of the environment but PATH: no `LD_*`, no `CRIU_CONFIG_FILE`, no `HOME` (where criu looks for `.criu/default.conf`), no
/// locale (its words are read). `/etc/criu/default.conf` counts: it is root's.
pub(super) fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("LANG", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("PATH", trust::search_path());
    command
}

/// Starts it.
pub(super) fn spawn(command: Command) -> io::Result<Box<dyn ChildWrapper>> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<String> = words.map(shell::quoted).collect();
    tracing::info!(command = line.join(" "), "run");
    let mut wrap = CommandWrap::from(command);
    wrap.wrap(ProcessSession).spawn()
}

/// How long `criu --version` may take, on a machine that is busy with other things.
const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long `criu check` may take: it takes 60 ms where nothing else runs.
const CHECK_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of what a short run prints is kept.
const MAX_OUTPUT_BYTES: usize = 64 << 10;

/// Why there is no answer of a short run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    /// It did not end within this time, and was ended.
    #[error("it did not end within {}", span::short(*.0))]
    TimedOut(Duration),
    /// It could not be started or followed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for RunError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Whether a short run succeeded, and what it printed. It touches no other process: where it takes longer than `limit` it is
/// ended, with all of its process group.
fn output(path: &Path, args: &[&str], limit: Duration) -> Result<(bool, String), RunError> {
    let (read, write) = io::pipe()?;
    rustix::io::ioctl_fionbio(&read, true)?;
    let mut command = command(path);
    command.args(args).stdout(write.try_clone()?).stderr(write);
    let mut child = spawn(command)?;
    let mut printed = Vec::new();
    let status = follow(&mut *child, &read, &mut printed, Instant::now() + limit);
    if !matches!(status, Ok(Some(_))) {
        end_session(child);
    }
    let status = status?.ok_or(RunError::TimedOut(limit))?;
    let text: Vec<String> = printed.split(|&b| b == b'\n').map(|line| printable(line).into_owned()).collect();
    Ok((status.success(), text.join("\n").trim_end().to_owned()))
}

/// Reads what a run prints until it has ended, whoever holds its output besides; `None` where that takes too long.
fn follow(
    child: &mut dyn ChildWrapper,
    mut output: &io::PipeReader,
    printed: &mut Vec<u8>,
    deadline: Instant,
) -> io::Result<Option<ExitStatus>> {
    let mut piece = [0; 4096];
    loop {
        // Asked before the read: what it has printed by its end is read then.
        let status = child.try_wait()?;
        while let Some(length @ 1..) = nothing_yet(output.read(&mut piece))? {
            let room = MAX_OUTPUT_BYTES - printed.len();
            printed.extend(&piece[..length.min(room)]);
            if Instant::now() > deadline {
                break;
            }
        }
        if status.is_some() || Instant::now() > deadline {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn nothing_yet(read: io::Result<usize>) -> io::Result<Option<usize>> {
    match read {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Ends what leads a session, and all of its process group.
fn end_session(mut child: Box<dyn ChildWrapper>) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    // It has ended but where the kernel itself holds it: then it is reaped whenever that lets it go.
    let wait = move || drop(child.wait());
    let _ = std::thread::Builder::new().name("reaper".into()).spawn(wait);
}

/// The first error of a log that means something. `rlimit: Can't setup RLIMIT_NOFILE` comes with every run and is harmless.
pub fn first_error(log: &str) -> Option<String> {
    let error = |line: &&str| line.contains("Error (") && !line.contains("Can't setup RLIMIT_NOFILE");
    log.lines()
        .find(error)
        .map(|line| line.find("Error (").map_or(line, |at| &line[at..]).trim_end().to_owned())
}

/// What criu's words mean, and what to do; pairs of a piece of its message and a sentence.
const MEANINGS: [(&str, &str); 22] = [
    (
        "Can't get 1:16 opt",
        "it has an internet socket, and this criu reads a socket option that this kernel has only for unix sockets; \
         use a newer criu",
    ),
    (
        "Timeout reached",
        "a process did not stop for criu in time, because something else froze it meanwhile; thaw that and try again",
    ),
    ("Failed scanning", "a cgroup was removed while criu read the groups of the process; try again"),
    ("not a session leader", "the process belongs to a session outside the dump; add --shell-job"),
    ("dangling tty", "it has a terminal whose session is outside the dump; add --shell-job"),
    ("Connected TCP socket", "it has open TCP connections; add --tcp-established or --tcp-close"),
    (
        "External socket is used",
        "it is connected to a unix socket outside the dump; close it, or add --ext-unix-sk for datagrams",
    ),
    (
        "half of stream unix",
        "it is connected to a unix socket outside the dump, often the journal's; redirect its output to a file",
    ),
    ("file locks are hold", "it holds file locks; add --file-locks"),
    ("ghost file", "it has a large deleted file open; add --ghost-limit with its size"),
    ("link-remap", "it has a deleted file open; add --link-remap"),
    ("Operation not permitted", "a permission is missing, or a debugger is attached to the process"),
    ("io_uring", "it uses io_uring, which criu cannot dump"),
    ("state D", "a freezer or the kernel held it; thaw it, or freeze it through only one group"),
    ("Can't fork for", "a PID is in use: by a living process, a zombie, or a process group; end that first"),
    ("Unable to create a thread: -17", "a thread ID is in use; end its owner first"),
    ("has bad size", "an open file has changed its size since; restore it as it was"),
    ("has bad mode", "an open file has changed its mode since; restore it as it was"),
    ("Can't open file", "an open file is gone, or cannot be opened; restore it as it was"),
    (
        "Don't have tty to inherit",
        "it had a terminal, but criu was started without one; restore from a terminal",
    ),
    ("without correspond master", "it had a terminal whose other side is not in the images; add --shell-job"),
    ("unreachable sharing", "it has shared mounts of another namespace; add --enable-external-masters"),
];

/// An error of criu in plain words.
pub fn meaning(error: &str) -> Option<&'static str> {
    MEANINGS.iter().find(|(piece, _)| error.contains(piece)).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_run_that_prints_a_lot_and_leaves_somebody_behind() {
        // It would hold the output for as long as it lives.
        let line = "sleep 60 & echo $!; head -c 300000 /dev/zero | tr '\\0' x";
        let (success, text) = output(Path::new("/bin/sh"), &["-c", line], CHECK_TIMEOUT).unwrap();
        let behind: i32 = text.lines().next().unwrap().parse().unwrap();
        let behind = rustix::process::Pid::from_raw(behind).unwrap();
        rustix::process::kill_process(behind, rustix::process::Signal::KILL).unwrap();
        assert!(success && text.len() > 60_000 && text.len() <= MAX_OUTPUT_BYTES, "{}", text.len());
    }

    #[test]
    fn a_run_that_hangs_is_ended_and_reaped() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("pids");
        let line = format!("sleep 1000 & echo $$ $! > {}; wait", file.display());
        let limit = Duration::from_secs(1);
        let error = output(Path::new("/bin/sh"), &["-c", &line], limit).unwrap_err();
        assert!(matches!(error, RunError::TimedOut(_)), "{error}");
        let pids = std::fs::read_to_string(&file).unwrap();
        let [child, below] = pids.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{pids}") };
        let deadline = Instant::now() + Duration::from_secs(10);
        let there = |pid: &str| crate::kernel::Status::read(pid.parse().unwrap()).unwrap();
        // What it has started is reaped by whoever takes orphans.
        while there(child).is_some() || there(below).is_some_and(|status| status.state() != Some('Z')) {
            assert!(Instant::now() < deadline, "{pids}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// yes(1) takes any argument, and never ends.
    #[test]
    fn a_check_without_end_is_no_broken_criu() {
        let criu = Criu { path: "/usr/bin/yes".into(), version: None };
        let finding = check_within(&criu, "6.12", Duration::from_millis(200));
        assert!(finding.blocks() && finding.code == "criu-timeout", "{finding}");
        let finding = timed_out("criu check", CHECK_TIMEOUT);
        assert_eq!(finding.what, "criu check did not end within 1m, and was ended");
    }

    #[test]
    fn the_first_error_that_means_something() {
        let log = "(00.1) rlimit: RLIMIT_NOFILE unlimited\n(00.2) Error (criu/rlimit.c:9): rlimit: Can't setup RLIMIT_NOFILE for self\n\
                   (00.3) Error (criu/tty.c:7): tty: Found dangling tty with sid 5\n(00.4) Error (x.c:1): later";
        let error = first_error(log).unwrap();
        assert_eq!(error, "Error (criu/tty.c:7): tty: Found dangling tty with sid 5");
        assert!(meaning(&error).unwrap().contains("--shell-job"));
        assert_eq!(first_error("all well"), None);
    }

    #[test]
    fn an_old_criu_is_explained() {
        let finding =
            broken(Some("3.17.1"), "6.18.44", "Error (criu/vdso.c:1): vdso: Unexpected rt vDSO area bounds");
        assert!(finding.blocks() && finding.why.contains("4.1"));
        assert!(!broken(Some("4.1.1"), "6.18", "x").why.contains("vDSO"));
    }

    /// criu's words for its own developers are no instruction of this program.
    #[test]
    fn a_right_that_criu_lacks() {
        let text = "CRIU needs to have the CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE capability: \n\
                    setcap cap_checkpoint_restore+eip /usr/sbin/criu";
        let finding = broken(Some("4.1.1"), "6.18", text);
        assert!(finding.blocks() && !finding.to_string().contains("setcap"), "{finding}");
        assert!(finding.why.ends_with("capability\"") && finding.remedy.as_deref() == Some("run as root"));
    }

    proptest! {
        /// What criu prints is made printable before it is read here.
        #[test]
        fn anything_is_survived(text in r"(\PC|Error \(|Version:| |\n){0,40}", kernel: String) {
            let said = [version(&text), first_error(&text)];
            prop_assert!(said.iter().flatten().all(|said| text.contains(said.as_str())));
            numbers(&kernel);
            prop_assert!(broken(Some(&kernel), &kernel, &text).blocks());
        }
    }
}
