//! What the processes of the tree hold: all that criu cannot dump, or only when it is told to.
//!
//! criu finds most of it after it has written the memory. What it can dump is taken from its source at v4.1.1
//! (`criu/files.c`, `criu/sk-unix.c`, `criu/sk-inet.c`, `criu/tty.c`, `criu/namespaces.c`).

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Finding;
use crate::checkpoint::rights::Rights;
use crate::kernel::Status;
use crate::kernel::descriptors::{Descriptor, ProcessDir};
use crate::kernel::dir::absent_is_none;
use crate::kernel::mappings::{self, Mapping};
use crate::kernel::namespaces::Namespaces;
use crate::kernel::tasks::is_active;
use crate::model::{Process, printable};
use crate::runtime::systemd::Settings;

mod anonymous;
mod devices;
mod files;
mod inet;
mod mounts;
mod namespaces;
mod network;
mod own_mounts;
mod pipes;
mod session;
mod signals;
mod unix;
mod users;
mod waits;

/// What else decides about it.
pub(super) struct Host<'a> {
    /// Major and minor version of criu, where it said one.
    pub criu: Option<(u32, u32)>,
    /// Major and minor version of the kernel.
    pub kernel: (u32, u32),
    /// The options that the person gives to criu.
    pub extra: &'a [OsString],
    /// The program that is run as criu.
    pub program: Option<&'a Path>,
    /// What criu may do.
    pub rights: &'a io::Result<Rights>,
    /// The settings of the unit whose group it is.
    pub unit: Option<&'a Settings>,
}

impl Host<'_> {
    /// Whether the person gives an option of this name.
    fn is_given(&self, option: &str) -> bool {
        self.extra.iter().any(|word| word.as_bytes().split(|&b| b == b'=').next() == Some(option.as_bytes()))
    }
}

impl Host<'_> {
    /// Whether a process is in this program's namespace of this kind, or would be once the sandbox of its unit is taken away:
    /// its mounts ask for that.
    fn is_or_comes_here(&self, holder: &Holder<'_>, kind: &str, own: &Namespaces) -> bool {
        let is_here = |kind| holder.namespaces.get(kind) == own.get(kind);
        let settings: &[&str] = match kind {
            "ipc" => &["PrivateIPC", "IPCNamespacePath"],
            "net" => &["PrivateNetwork", "NetworkNamespacePath"],
            _ => &[],
        };
        is_here(kind) || !is_here("mnt") && self.unit.is_some_and(|unit| unit.has(settings))
    }
}

/// One process, and what it holds.
struct Holder<'a> {
    process: &'a Process,
    dir: ProcessDir,
    open: Vec<Descriptor>,
    mapped: Vec<Mapping>,
    namespaces: Namespaces,
    status: Status,
}

/// Looks at all of it. The root of the tree is first in the list.
pub(super) fn look(tree: &[Process], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let mut holders = Vec::new();
    for process in tree.iter().filter(|process| !process.is_zombie()) {
        match holder(process) {
            Ok(found) => holders.extend(found),
            Err(error) => {
                let what = format!("the open files of {}", name(process));
                findings.push(Finding::unknown("resources", what, error));
            }
        }
    }
    session::look(tree, &holders, findings);
    files::look(&holders, findings);
    pipes::look(&holders, findings);
    anonymous::look(&holders, host, findings);
    unix::look(&holders, findings);
    let connected = inet::look(&holders, host, findings);
    signals::look(&holders, findings);
    waits::look(&holders, findings);
    match own_namespaces() {
        Ok(own) => {
            namespaces::look(&holders, host, &own, findings);
            mounts::look(&holders, host, &own, findings);
            devices::look(&holders, host, &own, findings);
            network::look(&holders, connected, host, &own, findings);
            users::look(&holders, host, &own, findings);
        }
        Err(error) => {
            findings.push(Finding::unknown("namespaces", "the namespaces in which criu will run", error))
        }
    }
    let quiet = findings[before..].iter().all(|finding| finding.level == super::super::Level::Ok);
    if quiet && !holders.is_empty() {
        let count: usize = holders.iter().map(|holder| holder.open.len()).sum();
        let looked = if count == 1 { "open file was" } else { "open files were" };
        let what = format!("criu can dump what the processes hold; {count} {looked} checked");
        findings.push(Finding::ok("resources", what));
    }
}

/// `None` where the process has gone, or ends: it has left its files and namespaces one after the other then, and what was read
/// of it says nothing.
fn holder(process: &Process) -> io::Result<Option<Holder<'_>>> {
    let Some(dir) = ProcessDir::open(process.id.pid)? else { return Ok(None) };
    let found =
        (|| Ok((dir.descriptors()?, mappings::files(&dir)?, Namespaces::of(&dir)?, Status::of(&dir)?)))();
    let Some((open, mapped, namespaces, status)) = absent_is_none(found)? else { return Ok(None) };
    if matches!(status.state(), Some('Z' | 'X')) || !is_active(process.id) {
        return Ok(None);
    }
    Ok(Some(Holder { process, dir, open, mapped, namespaces, status }))
}

/// The namespaces that criu will run in: this program's.
fn own_namespaces() -> io::Result<Namespaces> {
    let own = ProcessDir::open(std::process::id().cast_signed())?.ok_or(io::ErrorKind::NotFound)?;
    Namespaces::of(&own)
}

/// A process in words. Its command line may be as long as it likes; this is one sentence.
fn name(process: &Process) -> String {
    let command = printable(&process.command);
    let short: String = command.chars().take(40).collect();
    let dots = if short.len() < command.len() { "…" } else { "" };
    format!("process {} ({short}{dots})", process.id.pid)
}

/// An open file in words.
fn held(holder: &Holder<'_>, open: &Descriptor) -> String {
    format!("{} as descriptor {} of {}", printable(&open.link), open.number, name(holder.process))
}

/// A list in one sentence: the first three, and how many more.
fn several(items: &[String]) -> String {
    let shown = items.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The names of the processes in a list, each once.
fn names<'a>(holders: impl IntoIterator<Item = &'a Holder<'a>>) -> String {
    let mut all: Vec<String> = Vec::new();
    for one in holders.into_iter().map(|holder| name(holder.process)) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    several(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::processes::Processes;
    use crate::model::process::tests::process;

    #[test]
    fn words() {
        let all: Vec<String> = (1..=5).map(|n| n.to_string()).collect();
        assert_eq!(several(&all[..2]), "1, 2");
        assert_eq!(several(&all), "1, 2, 3 and 2 more");
        let mut long = process(4, 1);
        long.command = vec![b'x'; 99].into();
        assert_eq!(name(&long), format!("process 4 ({}…)", "x".repeat(40)));
    }

    #[test]
    fn a_process_that_is_gone_holds_nothing() {
        assert!(holder(&process(i32::MAX, 1)).unwrap().is_none());
        let me = Processes::default().read(std::process::id().cast_signed()).unwrap();
        assert!(!holder(&me).unwrap().unwrap().open.is_empty());
    }
}
