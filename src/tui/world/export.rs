//! Events that are written to a file.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::model::{printable, span};

/// Into a new file that nobody else may read: group names can tell much.
pub(super) fn export(file: &Path, events: &str) -> Result<String, String> {
    let name = printable(file.as_os_str().as_encoded_bytes()).into_owned();
    let write = || -> io::Result<()> {
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        new.write_all(events.as_bytes())
    };
    let written = format!("saved: {name}, {}", span::count(events.lines().count(), "event", "events"));
    write().map(|()| written).map_err(|error| format!("cannot save the events to {name}: {error}"))
}
