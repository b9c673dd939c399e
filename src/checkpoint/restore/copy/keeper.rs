//! The two processes that a copy has beside its own: PID 1 of its namespace, and the keeper, which stays outside.
//!
//! ```text
//! cryoscope restore ── starts, and says "keep" ──> keeper ── starts ──> PID 1 of the namespace ── reaps ──> the copy
//! ```
//!
//! The **keeper** makes the groups and the namespace, waits for the end of PID 1, and removes the groups. Until it was told to
//! keep the copy, it ends everything when its input ends: so a restore that is killed at any moment leaves a whole copy or
//! none. **PID 1** asks for the exit codes of what loses its parent, and ends when it has no child any more. The kernel ends
//! all processes of a namespace whose PID 1 ends (pid_namespaces(7)), and PID 1 ends with its keeper.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::errno::Errno;
use nix::sys::wait::wait;

use super::groups::CreatedGroups;
use super::record::Record;
use crate::kernel::pid_namespace::{end_with_parent, make_for_next_child, mount_own_proc, set_last_pid};

/// The verb of the command line that is the keeper.
pub const KEEPER: &str = "copy-keeper";
/// The verb of the command line that is PID 1.
pub const INIT: &str = "copy-init";

/// Keeps a copy to its end. Writes the PID of the namespace's PID 1, as it is here, to the standard output when all is ready for
/// criu, and waits for a byte on the standard input. `last_pid`: as for [`set_last_pid`].
///
/// # Errors
/// A sentence: what could not be made. Nothing is left then.
pub fn keep(last_pid: i32, groups: &[PathBuf]) -> Result<(), String> {
    // It keeps no file system from being unmounted.
    let _ = std::env::set_current_dir("/");
    // Before the first group: what this process leaves when it is killed, a rescue removes.
    let mut record = Record::begin().map_err(|error| format!("cannot write down its groups: {error}"))?;
    let groups = match CreatedGroups::make(groups, &mut record) {
        Ok(groups) => groups,
        Err(why) => {
            // What is left of it names no group, and the next look removes it.
            let _ = record.end();
            return Err(why);
        }
    };
    let kept = Init::start(last_pid).and_then(|mut init| {
        let is_kept = announce(&init).is_ok() && wait_for_byte();
        match is_kept {
            true => init.keep(),
            // A process that v1 holds ends when it is thawed.
            false => init.child.kill().map(|()| groups.thaw_v1()),
        }?;
        init.child.wait().map(drop)
    });
    groups.remove();
    // One that stays is of groups in which a process of somebody else is.
    if groups.are_gone() {
        let _ = record.end();
    }
    kept.map_err(|error| format!("cannot create a PID namespace: {error}"))
}

/// Says who PID 1 is, and lets go of whoever reads that.
fn announce(init: &Init) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{}", init.child.id()).and_then(|()| output.flush())?;
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(rustix::stdio::dup2_stderr(&null)?)
}

/// Waits for a byte; false at the end of the input.
fn wait_for_byte() -> bool {
    matches!(io::stdin().read(&mut [0]), Ok(1))
}

/// PID 1 of the namespace, which waits for a byte.
struct Init {
    child: Child,
    input: ChildStdin,
}

impl Init {
    /// Starts it; returns when the namespace is ready.
    fn start(last_pid: i32) -> io::Result<Self> {
        make_for_next_child()?;
        // This very program, even where its file was replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("cryoscope").args([INIT, "--last-pid", &last_pid.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(mut input), Some(output)) = (input, output) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        // Whoever reads this has asked to be killed with its parent, which so has not ended before.
        let ready = input.write_all(b"!").and_then(|()| {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line)?;
            if line == READY { Ok(()) } else { Err(io::Error::other(line.trim_end().to_owned())) }
        });
        if let Err(error) = ready {
            let _ = child.kill().and_then(|()| child.wait());
            return Err(error);
        }
        Ok(Self { child, input })
    }

    /// Has it stay until the copy has ended.
    fn keep(&mut self) -> io::Result<()> {
        self.input.write_all(b"!")
    }
}

/// What PID 1 says when its namespace is ready.
const READY: &str = "ready\n";

/// Is PID 1 of the namespace.
///
/// # Errors
/// A sentence: what could not be set up. It is on the standard output, too.
pub fn be_init(last_pid: i32) -> Result<(), String> {
    if end_with_parent().is_err() || !wait_for_byte() {
        return Ok(());
    }
    let ready = mount_own_proc().and_then(|()| set_last_pid(last_pid));
    let said = ready.as_ref().map_or_else(ToString::to_string, |()| READY.to_owned());
    let mut output = io::stdout();
    output.write_all(said.as_bytes()).and_then(|()| output.flush()).map_err(|error| error.to_string())?;
    ready.map_err(|error| error.to_string())?;
    if wait_for_byte() {
        while !matches!(wait(), Err(Errno::ECHILD)) {}
    }
    Ok(())
}
