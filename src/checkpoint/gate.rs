//! criu behind a gate: its process is there, and written down, before it becomes criu.
//!
//! This program starts itself as a process that waits for one byte, and then becomes criu: PID and start time stay the same
//! (execve(2)). Where the program that started it is killed before it has written that process down, the byte never comes, the
//! input ends, and so does the process. So there is never a criu that no journal knows. (`PR_SET_PDEATHSIG` would not do: it
//! would kill criu, and its target with it.)

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use process_wrap::std::ChildWrapper;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::criu::{command, spawn};
use crate::kernel::processes::Processes;
use crate::model::ProcessId;

/// The verb of the command line that waits at the gate.
pub const VERB: &str = "criu-gate";

/// How long a process may take from the gate to criu, until nobody waits to hear why it cannot.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long one that is not let through may take to end, until it is left to itself.
const END_LIMIT: Duration = Duration::from_secs(2);

/// A process that becomes criu when it is let through. Dropped before, it ends.
pub(super) struct Gate {
    child: Option<Box<dyn ChildWrapper>>,
    /// Who it is, and who criu will be.
    pub id: ProcessId,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

/// Starts a process that becomes `criu` with these arguments, in a session of its own, with more in its environment. criu's
/// standard error goes to a file.
pub(super) fn start<'a>(
    criu: &Path,
    args: impl Iterator<Item = &'a OsString>,
    environment: Vec<(&str, OsString)>,
    messages: File,
) -> io::Result<Gate> {
    // This very program, even where its file was replaced meanwhile.
    let mut command = command(Path::new("/proc/self/exe"));
    command.arg0("cryoscope").arg(VERB).arg("--").arg(criu).args(args).envs(environment);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(messages);
    let mut child = spawn(command)?;
    let (input, output) = (child.stdin().take(), child.stdout().take());
    let read = Processes::default().read(child.id().cast_signed());
    let (Some(output), Some(process)) = (output, read) else {
        return Err(io::Error::other("its process is not visible in /proc"));
    };
    Ok(Gate { child: Some(child), id: process.id, input, output })
}

impl Gate {
    /// Lets it through; criu. Why it is not criu, where that cannot be started.
    pub(super) fn open(mut self) -> io::Result<Box<dyn ChildWrapper>> {
        let Some(mut input) = self.input.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        input.write_all(b"!")?;
        drop(input);
        match self.errno()? {
            Some(errno) => Err(io::Error::from_raw_os_error(errno)),
            None => self.child.take().ok_or_else(|| io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// What it says before it ends, if it cannot become criu. The end of its output is the beginning of criu; of one that is
    /// slow there is nothing to hear.
    fn errno(&mut self) -> io::Result<Option<i32>> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.output, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut said = [0; 16];
        let length = self.output.read(&mut said)?;
        Ok(std::str::from_utf8(&said[..length]).ok().and_then(|errno| errno.parse().ok()))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.input = None;
        let deadline = Instant::now() + END_LIMIT;
        while let Some(child) = &mut self.child
            && matches!(child.try_wait(), Ok(None))
            && Instant::now() < deadline
        {
            sleep(Duration::from_millis(2));
        }
    }
}

/// Waits to be let through, and becomes the program. Returns only where it does not: nobody lets it through, or the program
/// cannot be started.
///
/// # Errors
/// A sentence.
pub fn pass(program: &OsStr, args: &[OsString]) -> Result<(), String> {
    let mut byte = [0];
    if !matches!(io::stdin().read(&mut byte), Ok(1)) {
        return Ok(());
    }
    let output = io::stdout();
    // A copy that is closed when this becomes criu.
    let copy = output.as_fd().try_clone_to_owned();
    let error = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).exec();
    if let (Ok(copy), Some(errno)) = (copy, error.raw_os_error()) {
        let _ = write!(File::from(copy), "{errno}");
    }
    Err(format!("cannot start {}: {error}", program.display()))
}
