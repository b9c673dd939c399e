//! The proof that images can be restored, made while the processes still live: nothing is ended before.
//!
//! The images are read whole, and everything that the preflight of a restore says about images and this host is looked at. What
//! it says about the processes themselves (their numbers are taken, their groups are frozen) is so only as long as they live.

use std::io;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Finding;
use super::folder::ImageFolder;
use super::images::Folder;
use super::restore;
use crate::kernel::host;

/// The file beside the images that says what came of it.
pub const FILE: &str = "proof.json";

/// What came of it.
#[derive(Serialize)]
struct Proof {
    /// They can be restored on this host.
    restorable: bool,
    /// Why not; empty where they can.
    why_not: String,
    /// When they were looked at (RFC 3339).
    made_at: String,
    /// The host's name, printable.
    host: String,
    /// The kernel's release.
    kernel: String,
    /// How long that took, in milliseconds.
    elapsed_ms: u128,
    /// What was found.
    findings: Vec<Finding>,
}

/// Why images are not proved.
pub(super) enum Unproved {
    /// They cannot be restored: what is in the way, in words.
    Unrestorable(String),
    /// That they can could not be kept beside them.
    Unwritable(io::Error),
}

/// Proves the images of one tree in a folder, and keeps what came of it beside them: so those that cannot be restored are
/// marked. `options`: the names of those for criu that give it other files than those that were open.
pub(super) fn prove(folder: &Path, options: &[impl AsRef<str>]) -> Result<(), Unproved> {
    let start = Instant::now();
    let findings = restore::look_at_images(folder, options);
    let blockers: Vec<String> =
        findings.iter().filter(|finding| finding.blocks()).map(ToString::to_string).collect();
    let proof = Proof {
        restorable: blockers.is_empty(),
        why_not: blockers.join("; "),
        made_at: jiff::Timestamp::now().to_string(),
        host: host::name(),
        kernel: host::release(),
        elapsed_ms: start.elapsed().as_millis(),
        findings,
    };
    let written = proof.write(folder);
    if !proof.restorable {
        return Err(Unproved::Unrestorable(proof.why_not));
    }
    written.map_err(Unproved::Unwritable)
}

impl Proof {
    fn write(&self, folder: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        ImageFolder::open(folder)?.write_new(FILE, &text)
    }
}

/// What is read again of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Said {
    /// They can be restored.
    pub restorable: bool,
    /// Why not.
    pub why_not: String,
    /// How long it took to see that, in milliseconds.
    pub elapsed_ms: u64,
}

/// What a proof in a folder of images says; `None` where there is none that can be read.
pub(super) fn read(folder: &Path) -> Option<Said> {
    let text = Folder::open(folder).ok()?.text(FILE, LONGEST_BYTES).ok()??;
    serde_json::from_slice(&text).ok()
}

/// Longer than any proof.
const LONGEST_BYTES: u64 = 16 << 20;
