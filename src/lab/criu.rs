//! criu by hand, as the lessons run it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::act::{Dump, Told};
use super::scene::Scene;
use super::spot::Spot;
use crate::checkpoint::by_hand;

/// The name of its log, in the folder of the images.
const LOG: &str = "dump.log";

/// `dump -t PID -D FOLDER -R`, with a full log.
pub(super) fn arguments(scene: &Scene, dump: &Dump) -> Vec<OsString> {
    let pid = scene.pid(dump.who).unwrap_or_default().to_string();
    let mut words: Vec<OsString> = vec!["dump".into(), "-t".into(), pid.into(), "-D".into()];
    words.push(scene.folder(dump.images).into());
    words.extend(["-o", LOG, "-v4", "-R"].map(OsString::from));
    let path = match dump.told {
        Told::Nothing => None,
        Told::Absolute(spot) => Some(scene.absolute(spot).into_os_string()),
        Told::Relative(spot) => Some(std::ffi::OsStr::from_bytes(scene.path(spot).as_bytes()).to_owned()),
    };
    words.extend(path.into_iter().flat_map(|path| ["--freeze-cgroup".into(), path]));
    words
}

/// Starts it, and does not wait for it.
pub(super) fn dump(scene: &mut Scene, dump: &Dump) -> io::Result<()> {
    let path = scene.criu.clone().ok_or_else(|| io::Error::other("criu was not found"))?;
    let started = by_hand::start(&path, &arguments(scene, dump))?;
    scene.criu_runs.push(started);
    Ok(())
}

/// How long its log is; `None` where it has not begun.
pub(super) fn log_length(scene: &Scene, images: &str) -> Option<u64> {
    fs::metadata(log(scene, images)).ok().map(|meta| meta.len())
}

/// Whether its log has this message.
pub(super) fn says(scene: &Scene, images: &str, message: &str) -> bool {
    let text = fs::read(log(scene, images)).unwrap_or_default();
    String::from_utf8_lossy(&text).contains(message)
}

/// Whether it has ended with success: it writes its statistics last, and only then.
pub(super) fn succeeded(scene: &Scene, images: &str) -> bool {
    scene.folder(images).join("stats-dump").exists()
}

fn log(scene: &Scene, images: &str) -> std::path::PathBuf {
    scene.folder(images).join(LOG)
}

/// Whether a folder holds what `cryoscope checkpoint` writes last.
pub(super) fn is_reported(folder: &Path) -> bool {
    folder.join(crate::checkpoint::report::FILE).exists()
}

/// Whether a spot holds a process that waits in the kernel for another one to be taken hold of.
pub(super) fn holds(scene: &Scene, spot: Spot) -> bool {
    let Ok(group) = scene.group(spot) else { return false };
    let pids = crate::kernel::members::pids(&group.dir).unwrap_or_default();
    pids.into_iter().any(|pid| crate::kernel::threads::wchan(pid).as_deref() == Some(b"ptrace_attach"))
}

/// Whether `criu restore` has written that it has finished, in the folder or in one of a tree below it.
pub(super) fn is_restored(folder: &Path) -> bool {
    let finished = |folder: &Path| {
        let text = fs::read(folder.join("restore.log")).unwrap_or_default();
        String::from_utf8_lossy(&text).contains("Restore finished successfully")
    };
    let below = fs::read_dir(folder).into_iter().flatten().flatten();
    finished(folder) || below.into_iter().any(|entry| finished(&entry.path()))
}
