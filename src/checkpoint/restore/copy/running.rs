//! The keeper of a copy, as the restore that starts it has it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use process_wrap::std::ChildWrapper;

use super::{CopyPlan, RunningCopy};
use crate::checkpoint::criu::{command, spawn};
use crate::kernel::processes::Processes;
use crate::model::printable;

/// The keeper of a copy that is being made. Dropped before it was told to keep the copy, that ends.
pub(in crate::checkpoint::restore) struct Keeper {
    child: Box<dyn ChildWrapper>,
    input: Option<ChildStdin>,
    /// PID 1 of the namespace, by its number here.
    pub(in crate::checkpoint::restore) init: i32,
}

/// How long a copy may take to end.
const END_PATIENCE: Duration = Duration::from_secs(15);

impl Keeper {
    /// Starts it; returns when groups and namespace are there.
    ///
    /// # Errors
    /// What the keeper says; there is none then.
    pub(in crate::checkpoint::restore) fn start(copy: &CopyPlan) -> io::Result<Self> {
        // This very program, even where its file was replaced meanwhile.
        let mut command = command(Path::new("/proc/self/exe"));
        command.arg0("cryoscope").args(copy.keeper_words().iter().skip(1).map(|word| &word.0));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Waiting for the whole session, as the wrapper does, would wait for the copy.
        let mut child = spawn(command)?.into_inner();
        let mut line = String::new();
        if let Some(output) = child.stdout().take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let mut keeper = Self { input: child.stdin().take(), child, init: 0 };
        match line.trim_end().parse() {
            Ok(init) => keeper.init = init,
            Err(_) => return Err(io::Error::other(keeper.complaint())),
        }
        // Where PID 1 cannot be seen, neither can what it reaps.
        match Processes::default().read(keeper.init) {
            Some(_) => Ok(keeper),
            None => Err(io::Error::other("PID 1 of the namespace is not visible in /proc")),
        }
    }

    /// What one that could not do its work has said.
    fn complaint(&mut self) -> String {
        let mut said = Vec::new();
        if let Some(errors) = self.child.stderr().take() {
            // What was read until an error says more than that.
            let _ = errors.take(4096).read_to_end(&mut said);
        }
        let said = printable(said.trim_ascii_end()).into_owned();
        said.strip_prefix("cryoscope: ").map_or_else(|| said.clone(), str::to_owned)
    }

    /// Has it keep the copy.
    ///
    /// # Errors
    /// EPIPE where it has ended.
    pub(in crate::checkpoint::restore) fn keep(mut self, copy: &CopyPlan) -> io::Result<RunningCopy> {
        let mut input = self.input.take().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(b"!")?;
        Ok(RunningCopy {
            init: self.init,
            keeper: self.child.id().cast_signed(),
            groups: copy.groups.clone(),
            frozen: copy.frozen.as_ref().map(|flag| flag.group.clone()),
            processes: Vec::new(),
        })
    }

    /// Ends the copy; whether nothing of it is left.
    pub(in crate::checkpoint::restore) fn end(&mut self) -> bool {
        self.input = None;
        let deadline = Instant::now() + END_PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                return false;
            }
            sleep(Duration::from_millis(5));
        }
        true
    }
}
