//! Why a run failed.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use super::at_work::AtWork;
use super::journal::NotBegun;
use super::{Exit, fate, proof};
use crate::kernel::freezer::FreezerError;
use crate::kernel::vfork::HeldPair;
use crate::model::{ProcessId, printable};

/// Why a run failed. Every sentence says what, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target is not what was planned for any more.
    #[error("{0} has changed since the plan was made; nothing was done; try again")]
    Changed(String),
    /// criu would find another group, or none, at the path of the one that it is to freeze.
    #[error(
        "{0} was renamed or removed since the plan was made; the freeze flags were restored, and no checkpoint was \
         made; try again"
    )]
    Moved(String),
    /// The root process ended.
    #[error("process {0} is gone; nothing was done")]
    Gone(i32),
    /// The person said so, before criu was started for the last tree.
    #[error("cancelled; the freeze flags were restored, and the processes are alive")]
    Cancelled,
    /// Another checkpoint of the same processes or groups is at work, or was cut off.
    #[error("{other}; nothing was done; {remedy}", other = .0, remedy = .0.remedy())]
    AtWork(AtWork),
    /// The journal cannot be written: without it nothing could put the flags back if this program were killed.
    #[error("cannot save the freeze flags before the first change: {0}; nothing was done")]
    Journal(io::Error),
    /// The journal cannot be written in the middle of the plan.
    #[error(
        "cannot write the journal of the checkpoint: {0}; the freeze flags were restored; free some space in the \
         runtime directory and try again"
    )]
    Note(io::Error),
    /// criu hangs, and thawing does not help: somebody freezes again and again.
    #[error(
        "criu (process {criu}) hangs, because {groups} was frozen again after each thaw; criu waits for a thaw and \
         must not be killed: stop whatever freezes it, then run cryoscope rescue"
    )]
    FrozenAgain {
        /// criu's PID.
        criu: i32,
        /// The groups, printable.
        groups: String,
    },
    /// criu does not end, whatever it waits for.
    #[error(
        "criu (process {criu}) {why}; it keeps running and must not be killed while it holds processes; the freeze \
         flags were restored; see its log, {log}, and run cryoscope rescue when it can continue"
    )]
    StillRuns {
        /// criu's PID.
        criu: i32,
        /// Why it is not waited for any longer: a sentence without its subject.
        why: String,
        /// Where its log is.
        log: String,
    },
    /// The folder cannot be made.
    #[error("cannot create {0}: {1}; nothing was done; use another directory")]
    Folder(String, io::Error),
    /// The folder cannot be written to when criu is to be started.
    #[error(
        "cannot write into {0}: {1}; the freeze flags were restored, and no checkpoint was made; find out who \
         removed or replaced it, or use another directory"
    )]
    Images(String, io::Error),
    /// A freeze request cannot be written.
    #[error("{0}; the freeze flags were restored, and no checkpoint was made")]
    Freezer(#[from] FreezerError),
    /// A process does not stop.
    #[error(
        "{group} did not freeze within {timeout:?}; the freeze flags were restored, and no checkpoint was made; \
         cryoscope show {group} shows which process is still running"
    )]
    NotFrozen {
        /// The group.
        group: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// criu cannot be started.
    #[error("cannot start {0}: {1}; nothing was done; pass a working criu with --criu")]
    Start(String, io::Error),
    /// criu could not be waited for.
    #[error(
        "lost track of criu: {0}; it may still be running: read its log before you freeze or kill anything"
    )]
    Wait(io::Error),
    /// A signal could not be sent.
    #[error(
        "the images are complete, but cryoscope could not signal process {0}: {1}; the freeze flags were restored"
    )]
    Signal(i32, io::Error),
    /// The images of processes that were to be ended cannot be restored.
    #[error(
        "no process was killed, because the images could not be restored on this host: {why_not}; {target}; the \
         freeze flags were restored; the images are kept, marked by {}: {folder}",
        proof::FILE
    )]
    Unproved {
        /// Why not.
        why_not: String,
        /// What has become of the target.
        target: String,
        /// The folder with the images, printable.
        folder: String,
    },
    /// Whenever criu came, a process was just starting another one.
    #[error(
        "criu gave up each time: process {parent} waits for process {child}, which it has just started with vfork, \
         and can't stop until that one runs its own program; {target}, and no checkpoint was made; freeze the group \
         first (cryoscope freeze GROUP) and try again", parent = .pair.parent, child = .pair.child
    )]
    HeldPair {
        /// The two processes.
        pair: HeldPair,
        /// What has become of the target.
        target: String,
    },
    /// criu said no.
    #[error(
        "criu failed ({status}): {error}{}; {target}; its log is {log}; to retry, use a new directory, or remove \
         this one after reading the log: rm -r {folder}", .meaning.map(|m| format!(": {m}")).unwrap_or_default())]
    Criu {
        /// How it ended.
        status: ExitStatus,
        /// The first error of its log that means something.
        error: String,
        /// The same in plain words.
        meaning: Option<&'static str>,
        /// What has become of the target.
        target: String,
        /// Where its log is.
        log: String,
        /// The folder that holds it, as a word for a shell.
        folder: String,
    },
}

impl From<NotBegun> for RunError {
    fn from(error: NotBegun) -> Self {
        match error {
            NotBegun::Io(error) => Self::Journal(error),
            NotBegun::AtWork(other) => Self::AtWork(other),
        }
    }
}

impl RunError {
    pub(super) fn unwritable(images: &Path, error: io::Error) -> Self {
        Self::Images(printable(images.as_os_str().as_encoded_bytes()).into_owned(), error)
    }

    pub(super) fn unproved(why_not: &str, images: &Path, members: &[ProcessId]) -> Self {
        Self::Unproved {
            why_not: printable(why_not.as_bytes()).into_owned(),
            target: fate::words(members, "alive"),
            folder: printable(images.as_os_str().as_encoded_bytes()).into_owned(),
        }
    }

    /// What it means to the program that called.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Changed(_) | Self::Moved(_) | Self::AtWork(_) | Self::Unproved { .. } => Exit::Refused,
            // Somebody made it meanwhile.
            Self::Folder(_, e) if e.kind() == io::ErrorKind::AlreadyExists => Exit::Refused,
            Self::Gone(_) | Self::Freezer(FreezerError::Gone(_)) => Exit::Gone,
            Self::Folder(_, e)
            | Self::Images(_, e)
            | Self::Start(_, e)
            | Self::Journal(e)
            | Self::Note(e)
                if e.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::NotPermitted
            }
            Self::Freezer(FreezerError::NotPermitted { .. }) => Exit::NotPermitted,
            Self::NotFrozen { .. } => Exit::NotFrozen,
            Self::Criu { .. } | Self::HeldPair { .. } | Self::FrozenAgain { .. } | Self::StillRuns { .. } => {
                Exit::Criu
            }
            _ => Exit::Failed,
        }
    }
}
