//! What criu asks before it ends the processes: this program, as criu's action script.
//!
//! criu starts the file behind `--action-script` at each stage of its work, without arguments, and says in the environment which
//! stage it is and where the images are (criu(8)). At `post-dump` all images are written, and no process is let go or ended yet.
//! Where the script fails, or is killed, criu lets the processes go as they were (measured, criu 4.1.1): so it fails where the
//! images are not proved.
//!
//! On v2 it asks for the freeze of the holding group again, which criu has taken away meanwhile: then criu ends the processes
//! while all stand still, nobody beside them runs, and what would be sent for their connections is not. (On v1 a frozen process
//! does not end, and criu would wait for ever.)

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arg::Arg;
use super::proof::prove;
use crate::kernel::Dir;
use crate::model::Version;
use crate::model::shell::quoted;

/// criu's word for the stage (`run_shell_scripts` in `criu/action-scripts.c`), and the only stage at which there is something to do.
const STAGE: &str = "CRTOOLS_SCRIPT_ACTION";
const POST_DUMP: &str = "post-dump";
/// Where criu says which folder the images are in: `/proc/PID/fd/N`, with criu's own PID.
const FOLDER: &str = "CRTOOLS_IMAGE_DIR";
/// What a plan says to its hook, through criu: the group whose freeze is asked for again.
const FREEZE: &str = "CRYOSCOPE_FREEZE_AGAIN";
/// The same: [`Hook::options`], with blanks between.
const OPTIONS: &str = "CRYOSCOPE_CRIU_OPTIONS";

/// The hook of a dump that ends the processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// This program, as criu finds it.
    pub program: Arg,
    /// The group whose freeze is asked for again before the processes are ended.
    pub freeze_again: Option<Arg>,
    /// The names of those among the person's options for criu that give it other files than those that were open.
    pub options: Vec<String>,
}

impl Hook {
    /// criu's option.
    pub(super) fn args(&self) -> [Arg; 2] {
        ["--action-script".into(), self.program.clone()]
    }

    /// What is in the environment of criu, and so in that of the hook.
    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let freeze = self.freeze_again.iter().map(|group| (FREEZE, group.0.clone()));
        let options = (!self.options.is_empty()).then(|| (OPTIONS, self.options.join(" ").into()));
        freeze.chain(options).collect()
    }

    /// The same in front of a line for a shell.
    pub(super) fn shell(&self) -> String {
        self.environment().iter().map(|(name, value)| format!("{name}={} ", quoted(value))).collect()
    }

    /// The line for a shell that asks for the proof of images without criu.
    pub(super) fn line(&self, folder: &OsStr) -> String {
        let [folder, program] = [folder, &self.program.0].map(quoted);
        format!("{}{STAGE}={POST_DUMP} {FOLDER}={folder} {program}", self.shell())
    }
}

/// This program's file. One that was replaced or deleted meanwhile is found by the process that runs it, as long as that lives.
pub(super) fn program() -> Arg {
    let id = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let this = env::current_exe().ok();
    let same = this.filter(|path| id(path).is_some_and(|file| Some(file) == id(Path::new("/proc/self/exe"))));
    same.unwrap_or_else(|| PathBuf::from(format!("/proc/{}/exe", std::process::id()))).into()
}

/// Whether criu has started this program as its action script.
pub fn is_asked() -> bool {
    env::args_os().len() == 1 && env::var_os(STAGE).is_some()
}

/// Answers criu.
///
/// # Errors
/// Why the processes must not be ended, in words: for criu's log.
pub fn answer() -> Result<(), String> {
    if env::var_os(STAGE).is_none_or(|stage| stage != POST_DUMP) {
        return Ok(());
    }
    let folder =
        env::var_os(FOLDER).ok_or_else(|| format!("criu did not say where the images are: no {FOLDER}"))?;
    // By its own path: that is what a restore will be told.
    let folder = fs::canonicalize(&folder)
        .map_err(|error| format!("cannot find the folder of the images, {}: {error}", folder.display()))?;
    let options = env::var(OPTIONS).unwrap_or_default();
    let proof = prove(&folder, &options.split(' ').collect::<Vec<_>>());
    let written = proof.write(&folder);
    if !proof.restorable {
        return Err(format!("the images cannot be restored: {}", proof.why_not));
    }
    written.map_err(|error| format!("cannot write into {}: {error}", folder.display()))?;
    env::var_os(FREEZE).map_or(Ok(()), |group| freeze_again(Path::new(&group)))
}

fn freeze_again(group: &Path) -> Result<(), String> {
    let (file, text) = (Version::V2.control_file(), Version::V2.request(true));
    let written = Dir::open(group).and_then(|dir| dir.write(file, text.as_bytes()));
    written.map_err(|error| format!("cannot freeze {} again: {error}", group.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_criu_and_a_shell_are_told() {
        let hook = Hook {
            program: "/bin/a b".into(),
            freeze_again: Some("/g h".into()),
            options: vec!["--external".to_owned(), "-j".to_owned()],
        };
        assert_eq!(hook.args(), ["--action-script".into(), "/bin/a b".into()]);
        let line = "CRYOSCOPE_FREEZE_AGAIN='/g h' CRYOSCOPE_CRIU_OPTIONS='--external -j' ";
        assert_eq!(hook.shell(), line);
        assert_eq!(Hook { freeze_again: None, options: vec![], ..hook }.shell(), "");
    }

    #[test]
    fn this_program_is_found() {
        assert_eq!(fs::canonicalize(program().0).unwrap(), fs::canonicalize("/proc/self/exe").unwrap());
        assert!(!is_asked());
    }
}
