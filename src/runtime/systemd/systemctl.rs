//! Calls of systemctl, none of which may hold this program up for long.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use crate::kernel::trust;
use crate::model::printable;

/// An answer takes some milliseconds; a systemd that reloads or hangs takes as long as it likes.
const DEADLINE: Duration = Duration::from_secs(3);

/// Why systemd did not answer, or not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SystemdError {
    /// Another init runs this host.
    #[error("systemd does not run here")]
    NotRunning,
    /// What systemctl said, or that it could not be run or did not end in time.
    #[error("{0}")]
    Failed(String),
}

/// Runs systemctl on a unit; its output.
pub(super) fn run(arguments: &[&str], unit: &[u8]) -> Result<Vec<u8>, SystemdError> {
    // The manager's own sign that it runs. (sd_booted(3))
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(SystemdError::NotRunning);
    }
    let mut command = Command::new("systemctl");
    command.env("PATH", trust::search_path());
    command.args(arguments).arg("--no-pager").arg("--").arg(OsStr::from_bytes(unit));
    output(&mut command, DEADLINE).map_err(SystemdError::Failed)
}

/// Runs a command to its end, or ends it at the deadline; its output, or a sentence.
fn output(command: &mut Command, deadline: Duration) -> Result<Vec<u8>, String> {
    let name = printable(command.get_program().as_bytes()).into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot run {name}: {error}"))?;
    let (out, err) = (reader(child.stdout.take()), reader(child.stderr.take()));
    // Both ends are closed when the command has ended, or closed them itself, which no command here does.
    let (Ok(out), Ok(err)) = (out.recv_timeout(deadline), err.recv_timeout(deadline)) else {
        end(&mut child);
        return Err(format!("{name} did not answer within {} seconds", deadline.as_secs_f32()));
    };
    let status = child.wait().map_err(|error| format!("cannot wait for {name}: {error}"))?;
    if status.success() {
        return Ok(out);
    }
    Err(printable(err.trim_ascii()).into_owned())
}

fn end(child: &mut Child) {
    // Where it has ended meanwhile there is nothing to end; waiting reaps it in either case.
    let _ = child.kill();
    let _ = child.wait();
}

/// Everything that comes out of a pipe, once.
fn reader(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (tell, told) = bounded(1);
    thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is all there is.
            let _ = pipe.read_to_end(&mut text);
        }
        // Nobody listens any more after the deadline.
        let _ = tell.send(text);
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Duration) -> Result<Vec<u8>, String> {
        output(Command::new("sh").args(["-c", script]), deadline)
    }

    #[test]
    fn output_or_what_it_said() {
        let long = Duration::from_secs(10);
        assert_eq!(shell("echo yes", long).unwrap(), b"yes\n");
        assert_eq!(shell("printf 'no\\033\\n' >&2; exit 1", long).unwrap_err(), "no\\x1b");
        assert!(
            output(&mut Command::new("/nonexistent"), long)
                .unwrap_err()
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
