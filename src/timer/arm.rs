//! Starting a timer, and having it freeze: the side of the program that wants the freeze.

use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Signal;

use super::message::{Answer, FREEZE, READY};
use super::{Log, TimerError, record};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::processes::Processes;
use crate::kernel::signals::{await_end, signal};
use crate::model::{ProcessId, printable};

/// The verb of the command line that keeps a timer.
pub const VERB: &str = "thaw-timer";

/// How long a timer may take to be ready, and then to write the request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a timer that is told to end may take.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// So much memory must be left before anything is changed: what is short of it may fail at any line from there on.
const SPARE_BYTES: usize = 4 << 20;

/// A timer that is ready. Nothing is frozen yet.
pub(super) struct Armed {
    child: Box<dyn ChildWrapper>,
    process: ProcessId,
    stdin: ChildStdin,
    answers: Lines,
}

/// Starts a timer, and returns when it is ready. `requested`: the group is frozen for a time already, and gets a new end.
pub(super) fn arm(
    fs: &Filesystem,
    group: &Group,
    span: Duration,
    requested: bool,
    log: Option<&Log>,
) -> Result<Armed, TimerError> {
    spare_memory().map_err(TimerError::Start)?;
    // What this program was given beside its three streams, a lock or a pipe, is not to be held for as long as that.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let mut command = command(fs, group, span, log);
    command.args(requested.then_some("--requested"));
    let mut child = CommandWrap::from(command).wrap(ProcessSession).spawn().map_err(TimerError::Start)?;
    let process = Processes::default().read(child.id().cast_signed()).map(|process| process.id);
    let (stdin, stdout) = (child.stdin().take(), child.stdout().take());
    let (Some(process), Some(stdin), Some(stdout)) = (process, stdin, stdout) else {
        let _ = child.start_kill();
        return Err(TimerError::Start(io::Error::from(io::ErrorKind::BrokenPipe)));
    };
    let mut armed = Armed { child, process, stdin, answers: Lines { stdout, text: Vec::new() } };
    let why = match armed.answers.next() {
        Ok(Some(line)) if line == READY => return Ok(armed),
        Ok(Some(line)) => printable(line.as_bytes()).into_owned(),
        Ok(None) => "it exited at once".to_owned(),
        Err(error) => error.to_string(),
    };
    // What it has written down so far is of no freeze.
    if armed.give_up() && !requested {
        record::forget(group.id).map_err(TimerError::Folder)?;
    }
    Err(TimerError::NotReady(why))
}

impl Armed {
    /// Has the timer write the request, and returns its answer.
    ///
    /// # Errors
    /// [`TimerError::NoAnswer`]; the timer is ended then.
    pub(super) fn freeze(&mut self) -> Result<Answer, TimerError> {
        // Where it cannot be told, it has ended, and does not answer.
        let _ = self.stdin.write_all(format!("{FREEZE}\n").as_bytes());
        let line = self.answers.next();
        if let Some(answer) = line.as_ref().ok().and_then(|line| Answer::parse(line.as_ref()?)) {
            return Ok(answer);
        }
        let why = match line {
            Ok(Some(line)) => printable(line.as_bytes()).into_owned(),
            Ok(None) => "it has exited".to_owned(),
            Err(error) => error.to_string(),
        };
        let ended = self.give_up();
        Err(TimerError::NoAnswer { why, ended })
    }

    /// Has the timer thaw, where the freeze still is its own, and end; false where it has not ended by then.
    pub(super) fn thaw(&mut self) -> bool {
        let told = signal(self.process, Signal::TERM);
        told.is_ok() && self.has_ended()
    }

    /// Ends a timer that has answered nothing of use; true where it has ended. What it left written is left behind, to be found.
    fn give_up(&mut self) -> bool {
        let told = signal(self.process, Signal::KILL);
        told.is_ok() && self.has_ended()
    }

    fn has_ended(&mut self) -> bool {
        let ended = await_end(self.process, END_TIMEOUT).unwrap_or(false);
        if ended {
            let _ = self.child.try_wait();
        }
        ended
    }

    /// Leaves it to itself.
    pub(super) fn leave(self) {
        let mut child = self.child;
        // Where this program outlives the timer, it asks for its exit code; otherwise whoever takes its orphans does.
        let wait = move || drop(child.wait());
        // Without a thread the zombie stays as long as this program does.
        let _ = std::thread::Builder::new().name("timer".into()).spawn(wait);
    }
}

/// ENOMEM where there is none left, under `ulimit -v` most of all: later there would be no way to say so.
pub(super) fn spare_memory() -> io::Result<()> {
    let mut spare: Vec<u8> = Vec::new();
    spare.try_reserve_exact(SPARE_BYTES).map_err(|_| io::Error::from(Errno::NOMEM))
}

/// This very program, even where its file was replaced meanwhile.
fn command(fs: &Filesystem, group: &Group, span: Duration, log: Option<&Log>) -> Command {
    let hierarchy = fs.hierarchy();
    let root = std::ffi::OsString::from_vec(hierarchy.root.to_bytes());
    let mut command = Command::new("/proc/self/exe");
    command.arg0("cryoscope");
    if let Some(log) = log {
        command.arg("--log").arg(&log.file).args((0..log.verbose).map(|_| "-v"));
    }
    command.arg(VERB).args(["--freezer", &hierarchy.version.to_string()]);
    command.arg("--mount").arg(&hierarchy.mount_point).arg("--mounted").arg(root);
    command.arg("--group").arg(std::ffi::OsStr::from_bytes(group.path.as_bytes()));
    command.args(["--device", &group.id.dev.to_string(), "--inode", &group.id.ino.to_string()]);
    command.args(["--for", &format!("{}ms", span.as_millis())]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
    command
}

/// What a timer says, line by line.
struct Lines {
    stdout: ChildStdout,
    text: Vec<u8>,
}

impl Lines {
    /// The next line, or what came of it before the end; `None` where nothing came. TimedOut where it takes too long.
    fn next(&mut self) -> io::Result<Option<String>> {
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let mut buffer = [0; 1024];
        loop {
            if let Some(end) = self.text.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                return Ok(Some(text(&line)));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.stdout, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => {
                    let why = format!("it did not answer within {}s", ANSWER_TIMEOUT.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                }
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            match self.stdout.read(&mut buffer)? {
                0 if self.text.is_empty() => return Ok(None),
                0 => return Ok(Some(text(&std::mem::take(&mut self.text)))),
                length => self.text.extend_from_slice(&buffer[..length]),
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim().to_owned()
}
