//! Starting a timer, from the side of the program that is about to freeze.

use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Log, TimerError};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::model::printable;

/// The verb of the command line that keeps a timer.
pub const VERB: &str = "thaw-timer";

/// How long a timer may take until it is ready.
const READY: Duration = Duration::from_secs(10);

/// What a timer says first when it is ready; its deadline stands behind it.
pub(super) const SAID_READY: &str = "ready ";

/// A timer that is ready. As long as this lives it waits for the freeze; then it looks whether there is one.
#[derive(Debug)]
pub(super) struct Armed {
    /// Since the boot, suspends counted.
    pub(super) deadline: Duration,
    _open: ChildStdin,
}

/// Starts a timer, and returns when it is ready.
pub(super) fn arm(
    fs: &Filesystem,
    group: &Group,
    span: Duration,
    log: Option<&Log>,
) -> Result<Armed, TimerError> {
    // What this program was given beside its three streams, a lock or a pipe, is not to be held for as long as that.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let mut wrap = CommandWrap::from(command(fs, group, span, log));
    let mut child = wrap.wrap(ProcessSession).spawn().map_err(TimerError::Start)?;
    let (stdin, stdout) = (child.stdin().take(), child.stdout().take());
    let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(TimerError::Start(io::Error::from(io::ErrorKind::BrokenPipe)));
    };
    let said = listen(stdout).map_err(|error| TimerError::NotReady(error.to_string()));
    if said.is_err() {
        // It may be anywhere but at its end, where nothing is frozen yet: ended, it can't thaw what comes later.
        let _ = child.start_kill();
    }
    reap(child);
    let said = said?;
    let deadline = said.strip_prefix(SAID_READY).and_then(|nanos| nanos.trim().parse().ok());
    match deadline {
        Some(nanos) => Ok(Armed { deadline: Duration::from_nanos(nanos), _open: stdin }),
        None if said.is_empty() => Err(TimerError::NotReady("it ended at once".to_owned())),
        None => Err(TimerError::NotReady(printable(said.trim().as_bytes()).into_owned())),
    }
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

/// All that it says until it closes its output.
fn listen(mut stdout: ChildStdout) -> io::Result<String> {
    let deadline = Instant::now() + READY;
    let mut said = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Err(io::Error::other("it did not say so in time")),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match stdout.read(&mut buffer)? {
            0 => return Ok(String::from_utf8_lossy(&said).into_owned()),
            length => said.extend_from_slice(&buffer[..length]),
        }
    }
}

/// Where this program outlives the timer, it asks for its exit code; otherwise whoever takes its orphans does.
fn reap(mut child: Box<dyn ChildWrapper>) {
    let wait = move || drop(child.wait());
    // Without a thread the zombie stays as long as this program does.
    let _ = std::thread::Builder::new().name("timer".into()).spawn(wait);
}
