//! Runs a plan: starts criu, follows it, and thaws what it hangs on.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::arg::Arg;
use super::criu::{command, first_error, meaning, spawn};
use super::origins::put_back;
use super::plan::{Plan, Step};
use super::watchdog::Watchdog;
use super::{Exit, folder};
use crate::kernel::processes::Processes;
use crate::model::printable;

/// What is told while criu runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// criu runs, with this PID.
    Started(u32),
    /// A line of its log, printable.
    Log(String),
    /// How many bytes of images there are, and about how many there will be.
    Written {
        /// Bytes in the folder.
        bytes: u64,
        /// Resident memory of the tree.
        of: u64,
    },
    /// criu hangs: these groups ask for a freeze. They are thawed now, criu is let finish, and they are frozen again.
    Stalled {
        /// Absolute paths of the groups, printable.
        origins: Vec<String>,
    },
    /// Something that was put back, or could not be.
    Restored(String),
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How long criu ran.
    pub elapsed: Duration,
    /// How many bytes the images have.
    pub bytes: u64,
    /// The groups that were thawed so that criu could finish, and frozen again.
    pub rescued: Vec<PathBuf>,
}

/// Why a run failed. Every sentence says what, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target is not what was planned for any more.
    #[error("{0} has changed since the plan was made; nothing was done; make the plan again")]
    Changed(String),
    /// The root process ended.
    #[error("process {0} is gone; nothing was done")]
    Gone(i32),
    /// The folder cannot be made.
    #[error("cannot make {0}: {1}; nothing was done; name another folder")]
    Folder(String, io::Error),
    /// criu cannot be started.
    #[error("cannot start {0}: {1}; nothing was done; name a working criu with --criu")]
    Start(String, io::Error),
    /// criu could not be waited for.
    #[error("lost sight of criu: {0}; it may still run: look at its log before anything is frozen or killed")]
    Wait(io::Error),
    /// criu said no.
    #[error("criu failed ({status}): {error}{}; {target}; its log is {log}", .meaning.map(|m| format!(": {m}")).unwrap_or_default())]
    Criu {
        /// How it ended.
        status: ExitStatus,
        /// The first error of its log that means something.
        error: String,
        /// The same in plain words.
        meaning: Option<&'static str>,
        /// What has become of the target.
        target: String,
        /// Where its log is.
        log: String,
    },
}

impl RunError {
    /// What it means to the program that called.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Changed(_) => Exit::Refused,
            Self::Gone(_) => Exit::Gone,
            Self::Folder(_, e) | Self::Start(_, e) if e.kind() == io::ErrorKind::PermissionDenied => {
                Exit::NotPermitted
            }
            Self::Folder(..) | Self::Start(..) | Self::Wait(_) => Exit::Failed,
            Self::Criu { .. } => Exit::Criu,
        }
    }
}

/// How often is looked.
const TICK: Duration = Duration::from_millis(50);

/// Runs the plan to its end, however long criu takes.
///
/// # Errors
/// [`RunError`]; the freeze flags are as before then, or [`Progress::Restored`] has said which are not.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(Progress)) -> Result<Ran, RunError> {
    unchanged(plan)?;
    let start = Instant::now();
    let mut rescued = Vec::new();
    for step in &plan.steps {
        match step {
            Step::MakeFolder { path, exists } => {
                let shown = || printable(path.0.as_encoded_bytes()).into_owned();
                folder::make(Path::new(&path.0), *exists)
                    .map_err(|error| RunError::Folder(shown(), error))?;
            }
            Step::Dump { criu, args, .. } => rescued = dump(plan, criu, args, tell)?,
        }
    }
    Ok(Ran { elapsed: start.elapsed(), bytes: folder::bytes(Path::new(&plan.into.0)), rescued })
}

/// Whether processes and flags are still those of the plan.
fn unchanged(plan: &Plan) -> Result<(), RunError> {
    let mut processes = Processes::default();
    for (index, member) in plan.tree.iter().enumerate() {
        let same = processes.read(member.pid).is_some_and(|p| p.id.start == member.start);
        match (same, index) {
            (true, _) => {}
            (false, 0) => return Err(RunError::Gone(member.pid)),
            (false, _) => return Err(RunError::Changed(format!("process {}", member.pid))),
        }
    }
    let changed = plan.flags.iter().find(|flag| flag.asks_now() != Some(flag.requested));
    changed.map_or(Ok(()), |flag| Err(RunError::Changed(flag.shown())))
}

/// criu's messages from before its log is open. A file without a name: a pipe would break, and end criu, if this program
/// were gone.
fn messages(into: &Path) -> io::Result<File> {
    let path = into.join(".messages");
    let file = fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn dump(
    plan: &Plan,
    criu: &Arg,
    args: &[Arg],
    tell: &mut dyn FnMut(Progress),
) -> Result<Vec<PathBuf>, RunError> {
    let into = PathBuf::from(&plan.into.0);
    let failed = |error| RunError::Start(printable(criu.0.as_encoded_bytes()).into_owned(), error);
    let mut said = messages(&into).map_err(failed)?;
    let mut command = command(Path::new(&criu.0));
    command.args(args.iter().map(|arg| &arg.0)).stderr(said.try_clone().map_err(failed)?);
    let mut child = spawn(command).map_err(failed)?;
    tell(Progress::Started(child.id()));
    let mut log = Log { path: into.join("dump.log"), file: None, rest: Vec::new(), error: None };
    let mut watchdog = Watchdog::new(plan);
    let mut written = 0;
    let status = loop {
        let status = child.try_wait().map_err(RunError::Wait)?;
        if log.follow(tell) {
            watchdog.moved();
        }
        let bytes = folder::bytes(&into);
        if bytes != written {
            written = bytes;
            watchdog.moved();
            tell(Progress::Written { bytes, of: plan.rss });
        }
        if let Some(status) = status {
            break status;
        }
        watchdog.look(tell);
        sleep(TICK);
    };
    let rescued = watchdog.freeze_again(tell);
    if status.success() {
        return Ok(rescued);
    }
    for done in put_back(plan, &rescued) {
        tell(Progress::Restored(done.unwrap_or_else(|failed| failed)));
    }
    Err(criu_failed(plan, status, &log, &mut said))
}

fn criu_failed(plan: &Plan, status: ExitStatus, log: &Log, said: &mut File) -> RunError {
    let mut bytes = Vec::new();
    // What cannot be read is not said; the log is named anyway.
    let _ = said.rewind().and_then(|()| said.take(64 * 1024).read_to_end(&mut bytes));
    let lines: Vec<_> = bytes.split(|&b| b == b'\n').map(printable).collect();
    let other = || lines.iter().map(|l| l.trim()).find(|l| !l.is_empty()).map(ToOwned::to_owned);
    let error = log.error.clone().or_else(|| first_error(&lines.join("\n"))).or_else(other);
    let error = error.unwrap_or_else(|| "it gave no reason".to_owned());
    let alive = plan
        .tree
        .first()
        .and_then(|root| Processes::default().read(root.pid).filter(|p| p.id.start == root.start));
    let target = match (plan.tree.first(), alive.filter(|p| !p.is_zombie())) {
        (Some(root), Some(now)) => format!("process {} lives (state {})", root.pid, now.state),
        (Some(root), None) => format!("process {} is gone", root.pid),
        (None, _) => "there was no process".to_owned(),
    };
    RunError::Criu {
        status,
        meaning: meaning(&error),
        error,
        target,
        log: printable(log.path.as_os_str().as_encoded_bytes()).into_owned(),
    }
}

/// criu's log, as it grows.
struct Log {
    path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
    error: Option<String>,
}

impl Log {
    /// Tells the new lines; true where there was anything new.
    fn follow(&mut self, tell: &mut dyn FnMut(Progress)) -> bool {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return false };
        let before = self.rest.len();
        let _ = file.read_to_end(&mut self.rest);
        let grown = self.rest.len() > before;
        while let Some(end) = self.rest.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = printable(line.trim_ascii_end()).into_owned();
            self.error = self.error.take().or_else(|| first_error(&line));
            tell(Progress::Log(line));
        }
        grown
    }
}
