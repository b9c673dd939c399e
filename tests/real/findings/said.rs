//! What the program says, what plain criu says, and how they compare.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::real::support::criu::dump;
use crate::real::support::group::Group;
use crate::real::support::requirement::criu;
use crate::real::support::workload::{Workload, quiet};

/// A folder for images, and one for plain criu.
pub struct Images(pub TempDir);

impl Images {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap())
    }

    pub fn folder(&self) -> PathBuf {
        self.0.path().join("images")
    }

    pub fn plain(&self) -> PathBuf {
        let plain = tempfile::Builder::new().prefix("plain").tempdir_in(self.0.path()).unwrap();
        plain.keep()
    }
}

pub fn command(program: &Path, group: &Group, into: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(into).arg("--criu").arg(criu());
    command.args(more).stdin(Stdio::null());
    command
}

pub fn cryoscope(group: &Group, into: &Path, more: &[&str]) -> Command {
    command(Path::new(env!("CARGO_BIN_EXE_cryoscope")), group, into, more)
}

/// What the preflight says.
pub struct Said {
    pub all: Vec<Value>,
    plan: Value,
}

impl Said {
    pub fn of(group: &Group, images: &Images) -> Self {
        Self::read(&cryoscope(group, &images.folder(), &["--dry-run", "--json"]).output().unwrap())
    }

    pub fn read(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stdout);
        let mut json: Value = serde_json::from_str(&said)
            .unwrap_or_else(|e| panic!("{e}: {said}{}", String::from_utf8_lossy(&output.stderr)));
        Self { all: json["findings"].as_array().unwrap().clone(), plan: json["plan"].take() }
    }

    /// What is not in order: level and code. Which groups others have on this host is no matter of the processes.
    pub fn remarks(&self) -> Vec<(&str, &str)> {
        let words = self.all.iter().map(|f| (f["level"].as_str().unwrap(), f["code"].as_str().unwrap()));
        words.filter(|(level, code)| *level != "ok" && *code != "other-groups").collect()
    }

    #[track_caller]
    pub fn only(&self, level: &str, code: &str) -> &Value {
        assert_eq!(self.remarks(), [(level, code)], "{:#?}", self.all);
        self.one(code)
    }

    #[track_caller]
    pub fn one(&self, code: &str) -> &Value {
        let found = self.all.iter().find(|finding| finding["code"] == code);
        found.unwrap_or_else(|| panic!("no {code} in {:#?}", self.all))
    }

    /// The arguments of criu in the plan.
    pub fn arguments(&self) -> Vec<&str> {
        let steps = self.plan["steps"].as_array().unwrap();
        let dump = steps.iter().find_map(|step| step.get("dump")).unwrap();
        dump["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect()
    }
}

/// Every word of what the finding cites stands in criu's own message: what differs from run to run is a letter, a dot or an
/// ellipsis there.
#[track_caller]
pub fn assert_cited(finding: &Value, says: &str) {
    let cited = finding["criu_says"].as_str().unwrap();
    let varies = |word: &str| word.contains('…') || ["N", "M"].contains(&word.trim_matches('.'));
    let plain = |text: &str| text.replace(['(', ')', '[', ']', ',', '='], " ");
    let said = plain(says);
    let known: Vec<&str> = said.split_whitespace().collect();
    let missing: Vec<String> = plain(cited)
        .split_whitespace()
        .filter(|word| !varies(word) && !known.contains(word))
        .map(str::to_owned)
        .collect();
    assert!(missing.is_empty(), "{cited:?} is not what criu says: {missing:?} of\n{says}");
}

#[track_caller]
pub fn assert_option(said: &Said, finding: &Value, option: &[&str]) {
    assert_eq!(finding["options"], serde_json::json!(option));
    let arguments = said.arguments();
    assert!(arguments.windows(option.len()).any(|words| words == option), "{arguments:?}");
}

/// The checkpoint works, and the workload lives.
#[track_caller]
pub fn assert_done(group: &Group, images: &Images, workload: &Workload) {
    let output = cryoscope(group, &images.folder(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(images.folder().join("pstree.img").is_file());
    workload.assert_counting();
}

/// The checkpoint is refused, and nothing has happened.
#[track_caller]
pub fn assert_refused(group: &Group, images: &Images, workload: &Workload) {
    let output = cryoscope(group, &images.folder(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!images.folder().exists());
    workload.assert_counting();
}

/// What plain criu says, in whole lines of its log.
#[track_caller]
pub fn plain(workload: &Workload, images: &Images, says: &str) -> String {
    let ended = dump(workload.pid(), &images.plain()).leave_running().run();
    ended.assert_failure(says);
    workload.assert_counting();
    ended.log
}

/// A process beside the workload. It ends with the test, after a panic too.
pub struct Beside(Child);

impl Beside {
    pub fn start(command: &mut Command) -> Self {
        Self(quiet(command).spawn().unwrap())
    }

    pub fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn comm(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}
