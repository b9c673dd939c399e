//! One run of `criu dump`, followed to its end.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::arg::Arg;
use super::criu::{command, meaning, spawn};
use super::log::Log;
use super::run::{Control, Progress, RunError};
use super::step::Dump;
use super::watchdog::Watchdog;
use super::{Plan, folder};
use crate::kernel::processes::Processes;
use crate::model::printable;

/// How often is looked.
const TICK: Duration = Duration::from_millis(50);

const FULL: &str = "the file system of the images is full; free some space there, or name another folder";

/// Runs criu to its end, however long it takes. Returns the groups that were thawed so that it could finish.
pub(super) fn dump(
    plan: &Plan,
    dump: &Dump,
    control: &Control,
    tell: &mut dyn FnMut(Progress),
) -> Result<Vec<Arg>, RunError> {
    let images = Path::new(&dump.images.0);
    let failed = |error| RunError::Start(printable(dump.criu.0.as_encoded_bytes()).into_owned(), error);
    let mut log = Log::new(images, "dump.log").map_err(failed)?;
    let mut command = command(Path::new(&dump.criu.0));
    command.args(dump.args.iter().map(|arg| &arg.0)).stderr(log.messages().map_err(failed)?);
    let mut child = spawn(command).map_err(failed)?;
    tell(Progress::Started(child.id()));
    let mut watchdog = Watchdog::new(&plan.flags, dump.freeze_cgroup.as_ref());
    watchdog.follow(child.id(), dump.root);
    let mut written = 0;
    let status = loop {
        let status = child.try_wait().map_err(RunError::Wait)?;
        if log.follow(tell) {
            watchdog.moved();
        }
        let bytes = folder::bytes(plan.folder());
        if bytes != written {
            written = bytes;
            watchdog.moved();
            tell(Progress::Written { bytes, of: plan.rss() });
        }
        if let Some(status) = status {
            break status;
        }
        watchdog.look(control.may_rescue(), tell);
        sleep(TICK);
    };
    let rescued = watchdog.freeze_again(tell);
    if status.success() {
        return Ok(rescued);
    }
    let error = log.error();
    Err(RunError::Criu {
        status,
        meaning: if folder::is_full(images) { Some(FULL) } else { meaning(&error) },
        error,
        target: target(plan, dump),
        log: printable(log.path.as_os_str().as_encoded_bytes()).into_owned(),
    })
}

/// What has become of the root process.
fn target(plan: &Plan, dump: &Dump) -> String {
    let root =
        plan.trees.iter().find(|tree| tree.root() == dump.root).and_then(|tree| tree.processes.first());
    let Some(root) = root else { return "there was no process".to_owned() };
    let now = Processes::default().read(root.pid).filter(|now| now.id.start == root.start);
    match now.filter(|now| !now.is_zombie()) {
        Some(now) => format!("process {} lives (state {})", root.pid, now.state),
        None => format!("process {} is gone", root.pid),
    }
}
