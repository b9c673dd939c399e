//! `cryoscope diff`: what changed between two checkpoints.

use std::io::Write;

use serde::Serialize;

use super::Failure;
use super::args::Diff;
use super::inspect::{made_at, read, what};
use crate::checkpoint::diff::{Difference, MappingDifference, Named, ProcessDifference, diff};
use crate::checkpoint::images::{Mapping, MemoryChange, Open, Stored};
use crate::model::span;

#[derive(Serialize)]
struct Shown<'a> {
    before: Side<'a>,
    after: Side<'a>,
    #[serde(flatten)]
    difference: &'a Difference,
}

/// One of the two checkpoints.
#[derive(Serialize)]
struct Side<'a> {
    folder: &'a str,
    made_at: Option<String>,
    processes: usize,
    memory_bytes: u64,
}

impl<'a> Side<'a> {
    fn new(stored: &'a Stored) -> Self {
        let trees = &stored.trees;
        Self {
            folder: &stored.folder,
            made_at: made_at(stored),
            processes: trees.iter().map(|tree| tree.processes.len()).sum(),
            memory_bytes: trees.iter().fold(0, |sum, tree| tree.memory_bytes.saturating_add(sum)),
        }
    }
}

/// Prints what changed.
pub(super) fn run(options: &Diff, out: &mut impl Write) -> Result<(), Failure> {
    let (before, after) = (read(&options.before)?, read(&options.after)?);
    let difference = diff(&before, &after)?;
    let shown = Shown { before: Side::new(&before), after: Side::new(&after), difference: &difference };
    if options.json {
        serde_json::to_writer(&mut *out, &shown)?;
        return Ok(writeln!(out)?);
    }
    print(&shown, out)
}

fn print(shown: &Shown<'_>, out: &mut impl Write) -> Result<(), Failure> {
    for (name, side) in [("before", &shown.before), ("after", &shown.after)] {
        let processes = span::count(side.processes, "process", "processes");
        let made = side.made_at.as_ref().map(|made| format!(", created {made}")).unwrap_or_default();
        let memory = span::bytes(side.memory_bytes);
        writeln!(out, "{name:<7} {}: {processes}, {memory} of memory{made}", side.folder)?;
    }
    let Difference { started, ended, changed, unchanged } = shown.difference;
    for (sign, processes) in [("+", started), ("-", ended)] {
        for Named { pid, name, command } in processes {
            writeln!(out, "{sign} process {pid} {}", command.as_ref().unwrap_or(name))?;
        }
    }
    changed.iter().try_for_each(|process| print_process(process, out))?;
    let more = match (unchanged, changed.len() + started.len() + ended.len()) {
        (_, 0) => "nothing changed".to_owned(),
        (0, _) => return Ok(()),
        (unchanged, _) => format!("unchanged: {}", span::count(*unchanged, "process", "processes")),
    };
    Ok(writeln!(out, "\n{more}")?)
}

fn print_process(process: &ProcessDifference, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "\nprocess {} ({})", process.process.pid, process.process.name)?;
    for fact in &process.facts {
        writeln!(out, "  {}: {}, then {}", fact.fact, fact.before, fact.after)?;
    }
    for (sign, files) in [("+", &process.files.opened), ("-", &process.files.closed)] {
        files.iter().try_for_each(|open| print_file(sign, open, out))?;
    }
    for moved in &process.files.moved {
        print_file("~", &moved.after, out)?;
        writeln!(out, "            was {}", what(&moved.before))?;
    }
    print_mappings(&process.mappings, out)?;
    let memory = &process.memory;
    if memory.all.is_none() {
        return Ok(());
    }
    writeln!(out, "  memory: {}", words(&memory.all))?;
    for mapping in &memory.mappings {
        writeln!(out, "  {:#16x} {}: {}", mapping.start, mapping.name, words(&mapping.change))?;
    }
    Ok(())
}

fn print_file(sign: &str, open: &Open, out: &mut impl Write) -> Result<(), Failure> {
    Ok(writeln!(out, "  {sign} fd {:<4} {} {}", open.fd, open.file.kind.name(), what(open))?)
}

fn print_mappings(mappings: &MappingDifference, out: &mut impl Write) -> Result<(), Failure> {
    let mut line = |sign: &str, mapping: &Mapping, size: String| {
        let (start, permissions, name) = (mapping.start, &mapping.permissions, &mapping.name);
        writeln!(out, "  {sign} {start:#x} {permissions} {size} {name}")
    };
    mappings.mapped.iter().try_for_each(|mapping| line("+", mapping, span::bytes(mapping.bytes)))?;
    mappings.unmapped.iter().try_for_each(|mapping| line("-", mapping, span::bytes(mapping.bytes)))?;
    for resized in &mappings.resized {
        let of = |mapping: &Mapping| format!("{} {}", mapping.permissions, span::bytes(mapping.bytes));
        line(
            "~",
            &resized.after,
            format!("{} (was {})", span::bytes(resized.after.bytes), of(&resized.before)),
        )?;
    }
    Ok(())
}

/// `3 pages changed, in 3 bytes; 8 KiB new; 4 KiB gone`
fn words(change: &MemoryChange) -> String {
    let count =
        |number: u64, one, several| span::count(usize::try_from(number).unwrap_or(usize::MAX), one, several);
    let changed = || {
        let pages = count(change.changed_pages, "page", "pages");
        format!("{pages} changed, in {}", count(change.changed_bytes, "byte", "bytes"))
    };
    let part = |bytes: u64, what: &str| (bytes > 0).then(|| format!("{} {what}", span::bytes(bytes)));
    let parts = [
        (change.changed_pages > 0).then(changed),
        part(change.only_after_bytes, "new"),
        part(change.only_before_bytes, "gone"),
        part(change.uncompared_bytes, "not compared: not in the images"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
