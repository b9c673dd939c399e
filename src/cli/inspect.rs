//! `cryoscope inspect`: what a folder of images holds.

mod files;
mod grep;
mod hexdump;
mod print;
mod process;
mod restorable;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::Failure;
use super::args::{Global, Inspect};
use crate::checkpoint::images::{self, DumpStats, ImageSet, ImagesError, Mapping, Memory, Stored};
pub(super) use files::what;
use restorable::Restorable;

#[derive(Serialize)]
struct Shown<'a> {
    folder: &'a str,
    /// The command that made the images, where it is known.
    command: Option<&'a str>,
    /// When; from `cryoscope.json`, else the time of the inventory (RFC 3339).
    made_at: Option<String>,
    /// How long ago that was.
    age_seconds: Option<u64>,
    group: Option<&'a str>,
    criu_version: Option<&'a str>,
    kernel: Option<&'a str>,
    host: Option<&'a str>,
    elapsed_ms: Option<u64>,
    #[serde(flatten)]
    restorable: &'a Restorable,
    processes: usize,
    threads: usize,
    memory_bytes: u64,
    images_bytes: u64,
    /// Of all trees together.
    stats: Option<DumpStats>,
    trees: &'a [ImageSet],
    /// Images that must be there and are not.
    missing: &'a [String],
    /// Why `cryoscope.json` could not be used, where it is there.
    record_problem: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(stored: &'a Stored, restorable: &'a Restorable) -> Self {
        let record = stored.record.as_ref();
        let trees = &stored.trees;
        let made_at = made_at(stored);
        Self {
            folder: &stored.folder,
            command: record.and_then(|record| record.command.as_deref()),
            age_seconds: made_at.as_deref().and_then(age).map(|age| age.as_secs()),
            made_at,
            group: record.and_then(|record| record.group.as_deref()),
            criu_version: record.and_then(|record| record.criu_version.as_deref()),
            kernel: record.and_then(|record| record.kernel.as_deref()),
            host: record.and_then(|record| record.host.as_deref()),
            elapsed_ms: record.and_then(|record| record.elapsed_ms),
            restorable,
            processes: trees.iter().map(|tree| tree.processes.len()).sum(),
            threads: trees.iter().map(|tree| tree.threads).sum(),
            memory_bytes: trees.iter().fold(0, |sum, tree| tree.memory_bytes.saturating_add(sum)),
            images_bytes: trees.iter().fold(0, |sum, tree| tree.images_bytes.saturating_add(sum)),
            stats: trees.iter().filter_map(|tree| tree.stats).reduce(DumpStats::and),
            trees,
            missing: &stored.missing,
            record_problem: stored.record_problem.as_deref(),
        }
    }
}

/// When the images were made: by the record, else the last time that an inventory was written.
pub(super) fn made_at(stored: &Stored) -> Option<String> {
    let written = || {
        let last = stored.trees.iter().map(|tree| tree.written).max()?;
        jiff::Timestamp::from_second(last).ok().map(|time| time.to_string())
    };
    stored.record.as_ref().and_then(|record| record.made_at.clone()).or_else(written)
}

/// How long ago a time was (RFC 3339); `None` for one to come.
fn age(time: &str) -> Option<Duration> {
    let made: jiff::Timestamp = time.parse().ok()?;
    jiff::Timestamp::now().duration_since(made).try_into().ok()
}

/// Prints what the folder holds.
pub(super) fn run(global: &Global, options: &Inspect, out: &mut impl Write) -> Result<(), Failure> {
    let mut stored = read(&options.folder)?;
    if let Some(search) = grep::Search::of(options) {
        return grep::run(&stored, &search, options.json, out);
    }
    if let Some(pid) = options.hexdump {
        return hexdump::run(&stored, pid, out);
    }
    if options.env {
        read_environments(&mut stored)?;
    }
    let restorable = Restorable::new(global, options);
    if options.json {
        if !options.maps {
            stored.trees.iter_mut().flat_map(|tree| &mut tree.processes).for_each(|process| {
                keep_largest(&mut process.mappings, LARGEST);
            });
        }
        serde_json::to_writer(&mut *out, &Shown::new(&stored, &restorable))?;
        writeln!(out)?;
    } else {
        print::print(&Shown::new(&stored, &restorable), options, out)?;
    }
    if stored.missing.is_empty() {
        return Ok(());
    }
    out.flush()?;
    let missing = shorten(&stored.missing);
    Err(Failure::new(1, format!("{} cannot be restored: {missing} is missing", stored.folder)))
}

/// Reads what a folder holds.
pub(super) fn read(folder: &Path) -> Result<Stored, Failure> {
    Ok(images::stored(folder)?)
}

/// So many of the mappings are shown where all are not asked for.
const LARGEST: usize = 5;

/// Leaves the mappings of which the images hold most, the largest first.
fn keep_largest(mappings: &mut Vec<Mapping>, number: usize) {
    mappings.sort_by_key(|mapping| std::cmp::Reverse((mapping.held_bytes, mapping.bytes)));
    mappings.truncate(number);
}

/// The environments of all processes take at most so much memory.
const MAX_ENVIRONMENTS_BYTES: usize = 256 << 20;

fn read_environments(stored: &mut Stored) -> Result<(), Failure> {
    let mut bytes = 0;
    for tree in &mut stored.trees {
        let memory = Memory::open(tree)?;
        for process in &mut tree.processes {
            process.environment = memory.environment(process)?;
            let variables = process.environment.iter().flatten();
            bytes += variables.map(|variable| size_of::<String>() + variable.len()).sum::<usize>();
            if bytes > MAX_ENVIRONMENTS_BYTES {
                return Err(Failure::new(
                    1,
                    format!("the processes in {} have larger environments than cryoscope reads", tree.folder),
                ));
            }
        }
    }
    Ok(())
}

impl From<ImagesError> for Failure {
    fn from(error: ImagesError) -> Self {
        let code = match error {
            ImagesError::Gone(_) => 5,
            ImagesError::NotPermitted(_) => 3,
            _ => 1,
        };
        Self::new(code, error.to_string())
    }
}

/// The first few of many.
fn shorten(names: &[String]) -> String {
    const FEW: usize = 5;
    let few = names.iter().take(FEW).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > FEW { format!("{few} and {} more", names.len() - FEW) } else { few }
}

/// The beginning of a text that would fill the screen.
fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
