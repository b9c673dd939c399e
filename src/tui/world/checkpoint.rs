//! The checkpoint's side of the world: the look before, and the run.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use super::open;
use crate::checkpoint::{self, After, Control, Finding, Plan, Report, Request};
use crate::model::{CgroupId, CgroupPath, Hierarchies, Version, printable};
use crate::tui::{CheckpointTold, Event, Look};

/// What a look is asked for with.
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) id: CgroupId,
    pub(super) path: CgroupPath,
    pub(super) into: Option<String>,
    pub(super) after: Option<After>,
    pub(super) options: String,
}

/// What a checkpoint of a group would find and run. `criu check` takes its time.
pub(super) fn look(hosts: &Hierarchies, asked: Asked) -> Look {
    let Asked { version, id, path, into, after, options } = asked;
    let into = into.unwrap_or_else(|| proposed(&path));
    let none = |why: String| Look {
        into: into.clone(),
        after,
        options: options.clone(),
        findings: Vec::new(),
        plan: Err(why),
    };
    let extra = match words(&options) {
        Ok(extra) => extra,
        Err(why) => return none(why),
    };
    let Some(hierarchy) = hosts.get(version) else { return none(format!("{version} is not mounted")) };
    let (fs, group) = match open(hierarchy, &path, id) {
        Ok(found) => found,
        Err(why) => return none(why),
    };
    let request = Request {
        fs: &fs,
        group: &group,
        hierarchies: hosts,
        into: PathBuf::from(&into),
        pid: None,
        after,
        criu: None,
        extra,
    };
    let found = checkpoint::preflight(&request);
    let plan = checkpoint::plan(&found, &request).map(Arc::new).map_err(|refused| refused.to_string());
    Look { into, after, options, findings: found.findings, plan }
}

/// Options as they are typed in a shell: a blank in one of them stands within quotes.
fn words(options: &str) -> Result<Vec<OsString>, String> {
    let words = shlex::split(options);
    let words = words.ok_or("the criu options end inside quotes or after a backslash: complete them")?;
    Ok(words.into_iter().map(OsString::from).collect())
}

/// A folder of its own for each checkpoint, on a file system that outlives a reboot.
fn proposed(path: &CgroupPath) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = printable(path.name()).chars().map(plain).take(60).collect();
    let now = jiff::ZonedDateTime::now().strftime("%Y%m%d-%H%M%S");
    format!("/var/tmp/cryoscope-{name}-{now}")
}

/// A checkpoint that was started.
pub(super) struct Running {
    pub(super) thread: JoinHandle<()>,
    pub(super) control: Arc<Control>,
}

/// Runs a plan, in a thread of its own.
pub(super) fn run(plan: Arc<Plan>, findings: Vec<Finding>, inbox: &Sender<Event>) -> io::Result<Running> {
    let inbox = inbox.clone();
    let control = Arc::new(Control::default());
    let held = Arc::clone(&control);
    let body = move || {
        // A closed inbox means that nobody looks any more; the run goes on to its end.
        let tell = |told| drop(inbox.send(Event::Checkpoint(told)));
        let mut follow = |progress| tell(CheckpointTold::Progress(progress));
        let outcome = carry_out(&plan, &findings, &held, &mut follow);
        tell(CheckpointTold::Ended(outcome.map(Arc::new)));
    };
    let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(body)?;
    Ok(Running { thread, control })
}

fn carry_out(
    plan: &Plan,
    findings: &[Finding],
    control: &Control,
    tell: &mut dyn FnMut(checkpoint::Progress),
) -> Result<Report, String> {
    let ran = checkpoint::run(plan, control, tell).map_err(|error| error.to_string())?;
    let report = Report::new(plan, findings, &ran, &checkpoint::verify(plan, &ran));
    let written = ran.folder.as_ref().map_or(Ok(()), |folder| report.write(folder));
    if report.has_images() {
        written.map_err(|error| error.to_string())?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_typed_as_in_a_shell() {
        assert_eq!(words("--root '/a b'  -v4").unwrap(), ["--root", "/a b", "-v4"]);
        assert!(words("").unwrap().is_empty());
        assert!(words("--external 'unclosed").unwrap_err().contains("inside quotes"));
    }
}
