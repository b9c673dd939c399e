//! What criu is told to ask before it ends the processes: this program, as its [action script](super::action_script).
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
use crate::model::shell::quoted;

/// criu's word for the stage (`run_shell_scripts` in `criu/action-scripts.c`), and the only stage at which there is something to do.
pub(super) const STAGE: &str = "CRTOOLS_SCRIPT_ACTION";
pub(super) const POST_DUMP: &str = "post-dump";
/// Where criu says which folder the images are in: `/proc/PID/fd/N`, with criu's own PID.
pub(super) const FOLDER: &str = "CRTOOLS_IMAGE_DIR";
/// What a plan says to its hook, through criu: the group whose freeze is asked for again.
pub(super) const FREEZE: &str = "CRYOSCOPE_FREEZE_AGAIN";
/// The same: [`Hook::options`], with blanks between.
pub(super) const OPTIONS: &str = "CRYOSCOPE_CRIU_OPTIONS";

/// criu's options with which a person gives it other files in place of those that were open.
pub const GIVE_OTHER_FILES: [&str; 4] = ["--inherit-fd", "--external", "--root", "-r"];

/// The hook of a dump that ends the processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// This program, as criu finds it.
    pub program: Arg,
    /// The group whose freeze is asked for again before the processes are ended.
    pub freeze_again: Option<Arg>,
    /// The names of those among the person's options for criu that are [`GIVE_OTHER_FILES`].
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
    }
}
