//! Changes a unit's settings until the next boot, and starts it anew with them: what a [`DropIn`] prints, done.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::systemctl::{self, ANSWER_TIMEOUT};
use super::{DropIn, SystemdError};
use crate::model::owner::{Manager, UnitName};

/// How long a restart may take: systemd itself gives most services 90 s to stop, and as long to start.
const RESTART_TIMEOUT: Duration = Duration::from_mins(5);

/// How long a service is watched after its start: one whose program ends at once has started, as far as systemd tells.
const SETTLE: Duration = Duration::from_secs(2);

/// How often systemd is asked meanwhile.
const POLL: Duration = Duration::from_millis(200);

/// Why a unit does not run with other settings.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The file could not be written: nothing was changed.
    #[error("cannot write {path}: {why}")]
    Write {
        /// Where it was to go.
        path: String,
        /// What the system said.
        why: io::Error,
    },
    /// systemd did not start it with these settings: they were taken back, and it runs as before.
    #[error("{unit} does not start with the drop-in ({why}); it was removed, and the service runs as before")]
    TakenBack {
        /// The unit's name.
        unit: String,
        /// What systemd said.
        why: String,
    },
    /// The same, and it does not start without them either.
    #[error(
        "{unit} does not start with the drop-in ({why}); it was removed, and the service does not start without it either: {after}"
    )]
    DoesNotStart {
        /// The unit's name.
        unit: String,
        /// What systemd said with them.
        why: String,
        /// What it said without them.
        after: String,
    },
}

/// Writes the drop-in, has the unit's manager read it and start the unit anew, and waits until it runs. Where it does not, the
/// settings are put back as they were: `earlier` is the drop-in that was there before.
///
/// # Errors
/// [`PrepareError`].
pub fn prepare(unit: &UnitName, drop_in: &DropIn, earlier: Option<&DropIn>) -> Result<(), PrepareError> {
    let path = || drop_in.path.clone();
    write(unit.manager, drop_in).map_err(|why| PrepareError::Write { path: path(), why })?;
    let Err(why) = restart(unit) else { return Ok(()) };
    let why = why.to_string();
    let put_back = match earlier {
        Some(earlier) => write(unit.manager, earlier),
        None => remove(unit.manager, drop_in),
    };
    put_back.map_err(|why| PrepareError::Write { path: path(), why })?;
    // What has failed a few times is not started before that is forgotten. Where there is nothing to forget, nothing is lost.
    let _ = systemctl::run(unit.manager, &["reset-failed"], &[unit.as_bytes()], ANSWER_TIMEOUT);
    let unit_text = unit.text().into_owned();
    Err(match restart(unit) {
        Ok(()) => PrepareError::TakenBack { unit: unit_text, why },
        Err(after) => PrepareError::DoesNotStart { unit: unit_text, why, after: after.to_string() },
    })
}

fn restart(unit: &UnitName) -> Result<(), SystemdError> {
    systemctl::run(unit.manager, &["daemon-reload"], &[], RESTART_TIMEOUT)?;
    systemctl::run(unit.manager, &["restart"], &[unit.as_bytes()], RESTART_TIMEOUT)?;
    let settled = Instant::now() + SETTLE;
    let deadline = Instant::now() + RESTART_TIMEOUT;
    loop {
        match state(unit)?.as_str() {
            "active" if Instant::now() >= settled => return Ok(()),
            "active" | "activating" | "reloading" if Instant::now() < deadline => thread::sleep(POLL),
            other => return Err(SystemdError::Failed(format!("it is {other} after the restart"))),
        }
    }
}

fn state(unit: &UnitName) -> Result<String, SystemdError> {
    let arguments = ["show", "--property=ActiveState", "--value"];
    let text = systemctl::run(unit.manager, &arguments, &[unit.as_bytes()], ANSWER_TIMEOUT)?;
    Ok(systemctl::printable_lines(text.trim_ascii()).concat())
}

/// Root writes no file into a folder of a user's: that user does.
fn write(manager: Manager, drop_in: &DropIn) -> io::Result<()> {
    match manager {
        Manager::System => write_file(Path::new(&drop_in.path), &drop_in.text),
        Manager::User(_) => shell(manager, &drop_in.write),
    }
}

fn remove(manager: Manager, drop_in: &DropIn) -> io::Result<()> {
    match manager {
        Manager::System => fs::remove_file(&drop_in.path),
        Manager::User(_) => {
            shell(manager, &format!("rm {}", crate::model::shell::quoted(drop_in.path.as_ref())))
        }
    }
}

fn shell(manager: Manager, line: &str) -> io::Result<()> {
    systemctl::shell(manager, line, ANSWER_TIMEOUT).map(drop).map_err(io::Error::other)
}

/// All of it or nothing: systemd may read the folder at any time, but no file with another ending.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A link that is there is not followed.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
    file.write_all(text.as_bytes())?;
    // Whatever the umask is.
    file.set_permissions(Permissions::from_mode(0o644))?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_whole_file_or_none() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.service.d/zz-cryoscope.conf");
        write_file(&path, "one\n").unwrap();
        let elsewhere = temp.path().join("elsewhere");
        symlink(&elsewhere, path.with_extension("new")).unwrap();
        write_file(&path, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert!(!elsewhere.exists(), "no link is followed");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
