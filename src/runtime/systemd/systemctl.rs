//! Calls of systemctl, none of which may hold this program up for long.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use crate::kernel::trust;
use crate::model::owner::Manager;
use crate::model::printable;

/// How long systemd may take for what it does at once: some milliseconds, unless it reloads or hangs.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a checkpoint and a restore wait for the same: without an answer they would name the wrong remedy.
pub(super) const PLAN_TIMEOUT: Duration = Duration::from_secs(20);

/// Why systemd did not answer, or not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SystemdError {
    /// Another init runs this host.
    #[error("systemd is not running here")]
    NotRunning,
    /// What systemctl said, or that it could not be run.
    #[error("{0}")]
    Failed(String),
    /// It was ended, for it took too long.
    #[error("{command} did not answer within {} seconds", .timeout.as_secs_f32())]
    TimedOut {
        /// The program's name.
        command: String,
        /// How long was waited.
        timeout: Duration,
    },
}

/// Whether systemd runs this host: the manager's own sign. (sd_booted(3))
pub fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether systemd freezes units on this host. Where v1 is mounted beside v2 it freezes none, and says `CanFreeze=yes` of each all
/// the same. (Measured: 257.13, hybrid; its own test is `cg_freezer_supported`, src/basic/cgroup-util.c)
pub fn has_freezer() -> bool {
    Path::new("/sys/fs/cgroup/init.scope/cgroup.freeze").exists()
}

/// Runs systemctl of this manager on these units, or on the manager itself where there are none; its output.
pub(super) fn run(
    manager: Manager,
    arguments: &[&str],
    units: &[&[u8]],
    timeout: Duration,
) -> Result<Vec<u8>, SystemdError> {
    let mut command = command(manager, "systemctl")?;
    if manager != Manager::System {
        command.arg("--user");
    }
    command.args(arguments).arg("--no-pager").arg("--");
    command.args(units.iter().map(|unit| OsStr::from_bytes(unit)));
    output(&mut command, timeout)
}

/// Runs a line of a shell as the one whose manager this is; its output.
pub(super) fn shell(manager: Manager, line: &str, timeout: Duration) -> Result<Vec<u8>, SystemdError> {
    output(command(manager, "sh")?.args(["-c", line]), timeout)
}

fn command(manager: Manager, program: &str) -> Result<Command, SystemdError> {
    if !is_running() {
        return Err(SystemdError::NotRunning);
    }
    let mut command = Command::new(program);
    // Nothing else of the environment: it could name another bus, and its words are read.
    command.env_clear().env("PATH", trust::search_path()).env("LANG", "C");
    if let Manager::User(uid) = manager {
        as_user(&mut command, uid)?;
    }
    Ok(command)
}

/// A user's manager obeys that user alone. (user@.service(5))
fn as_user(command: &mut Command, uid: u32) -> Result<(), SystemdError> {
    let folder = format!("/run/user/{uid}");
    let folder_of = Path::new(&folder).symlink_metadata().ok().filter(|meta| meta.uid() == uid);
    let group = folder_of.ok_or(SystemdError::NotRunning)?.gid();
    command.env("XDG_RUNTIME_DIR", folder);
    match rustix::process::geteuid().as_raw() {
        me if me == uid => Ok(()),
        // The other groups go with that.
        0 => {
            command.uid(uid).gid(group).current_dir("/");
            Ok(())
        }
        _ => Err(SystemdError::Failed(format!("only root and user {uid} may ask the manager of user {uid}"))),
    }
}

/// The lines of what it prints, harmless on a terminal.
pub(super) fn printable_lines(text: &[u8]) -> Vec<String> {
    text.split(|&b| b == b'\n').map(|line| printable(line).into_owned()).collect()
}

/// Runs a command to its end, or ends it when the time is over; its output.
fn output(command: &mut Command, timeout: Duration) -> Result<Vec<u8>, SystemdError> {
    let name = printable(command.get_program().as_bytes()).into_owned();
    let failed = |what: &str, error| SystemdError::Failed(format!("cannot {what} {name}: {error}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed("run", error))?;
    let readers = reader(child.stdout.take()).and_then(|out| Ok((out, reader(child.stderr.take())?)));
    let (out, err) = readers.map_err(|error| {
        end(&mut child);
        failed("run", error)
    })?;
    let deadline = Instant::now() + timeout;
    // Both ends are closed when the command has ended, or closed them itself, which no command here does.
    let (Ok(out), Ok(err)) = (out.recv_deadline(deadline), err.recv_deadline(deadline)) else {
        end(&mut child);
        return Err(SystemdError::TimedOut { command: name, timeout });
    };
    let status = child.wait().map_err(|error| failed("wait for", error))?;
    if status.success() {
        return Ok(out);
    }
    Err(SystemdError::Failed(printable(err.trim_ascii()).into_owned()))
}

fn end(child: &mut Child) {
    // Where it has ended meanwhile there is nothing to end; waiting reaps it in either case.
    let _ = child.kill();
    let _ = child.wait();
}

/// Everything that comes out of a pipe, once.
fn reader(pipe: Option<impl Read + Send + 'static>) -> io::Result<Receiver<Vec<u8>>> {
    let (tell, told) = bounded(1);
    let read = move || {
        let mut text = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is all there is.
            let _ = pipe.read_to_end(&mut text);
        }
        // Nobody listens any more after the deadline.
        let _ = tell.send(text);
    };
    thread::Builder::new().name("systemctl".into()).spawn(read)?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Result<Vec<u8>, String> {
        output(Command::new("sh").args(["-c", script]), timeout).map_err(|error| error.to_string())
    }

    #[test]
    fn output_or_what_it_said() {
        let long = Duration::from_secs(10);
        assert_eq!(shell("echo yes", long).unwrap(), b"yes\n");
        assert_eq!(shell("printf 'no\\033\\n' >&2; exit 1", long).unwrap_err(), "no\\x1b");
        assert!(
            output(&mut Command::new("/nonexistent"), long)
                .unwrap_err()
                .to_string()
                .starts_with("cannot run /nonexistent")
        );
    }

    #[test]
    fn what_does_not_answer_is_ended() {
        let start = std::time::Instant::now();
        let error = shell("exec sleep 1000", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error, "sh did not answer within 0.05 seconds");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
