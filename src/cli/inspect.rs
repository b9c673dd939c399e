//! `cryoscope inspect`: what a folder of images holds.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::Failure;
use super::args::Inspect;
use crate::checkpoint::images::{self, DumpStats, ImageSet, ImagesError, Kind, Open, Process, State, Stored};
use crate::model::span;

/// How many open files of a process are printed, and how many levels of the tree are indented.
const FILES: usize = 8;
const DEEP: usize = 16;

#[derive(Serialize)]
struct Shown<'a> {
    folder: &'a str,
    /// The command that made the images, where it is known.
    command: Option<&'a str>,
    /// When; from `cryoscope.json`, else the time of the inventory (RFC 3339).
    made_at: Option<String>,
    group: Option<&'a str>,
    criu_version: Option<&'a str>,
    kernel: Option<&'a str>,
    host: Option<&'a str>,
    elapsed_ms: Option<u64>,
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
    fn new(stored: &'a Stored) -> Self {
        let record = stored.record.as_ref();
        let trees = &stored.trees;
        Self {
            folder: &stored.folder,
            command: record.and_then(|record| record.command.as_deref()),
            made_at: record.and_then(|record| record.made_at.clone()).or_else(|| written(trees)),
            group: record.and_then(|record| record.group.as_deref()),
            criu_version: record.and_then(|record| record.criu_version.as_deref()),
            kernel: record.and_then(|record| record.kernel.as_deref()),
            host: record.and_then(|record| record.host.as_deref()),
            elapsed_ms: record.and_then(|record| record.elapsed_ms),
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

impl Shown<'_> {
    /// A line for each step.
    fn commands(&self) -> impl Iterator<Item = &str> {
        self.command.into_iter().flat_map(str::lines)
    }
}

/// The last time that an inventory was written.
fn written(trees: &[ImageSet]) -> Option<String> {
    let last = trees.iter().map(|tree| tree.written).max()?;
    jiff::Timestamp::from_second(last).ok().map(|time| time.to_string())
}

/// Prints what the folder holds.
pub(super) fn run(options: &Inspect, out: &mut impl Write) -> Result<(), Failure> {
    let stored = images::stored(&options.folder)?;
    let shown = Shown::new(&stored);
    if options.json {
        serde_json::to_writer(&mut *out, &shown)?;
        writeln!(out)?;
    } else {
        print(&shown, out)?;
    }
    if stored.missing.is_empty() {
        return Ok(());
    }
    out.flush()?;
    let missing = shorten(&stored.missing);
    Err(Failure::new(1, format!("{} cannot be restored: it lacks {missing}", stored.folder)))
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

fn print(shown: &Shown<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let (processes, threads) = (shown.processes, shown.threads);
    writeln!(
        out,
        "{}: {}, {}, {} of memory, images of {}",
        shown.folder,
        span::count(processes, "process", "processes"),
        span::count(threads, "thread", "threads"),
        span::bytes(shown.memory_bytes),
        span::bytes(shown.images_bytes)
    )?;
    let mut fact = |name: &str, value: Option<&str>| match value {
        Some(value) => writeln!(out, "  {name:<9} {value}"),
        None => Ok(()),
    };
    fact("made", shown.made_at.as_deref())?;
    fact("group", shown.group)?;
    for command in shown.commands() {
        fact("command", Some(command))?;
    }
    let by = [("criu", shown.criu_version), ("kernel", shown.kernel), ("host", shown.host)];
    let by: Vec<String> =
        by.iter().filter_map(|(name, value)| value.map(|v| format!("{name} {v}"))).collect();
    fact("by", Some(by.join(", ").as_str()).filter(|by| !by.is_empty()))?;
    fact("record", shown.record_problem)?;
    for tree in shown.trees {
        print_tree(tree, out)?;
    }
    Ok(())
}

fn print_tree(tree: &ImageSet, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "\ntree of process {}, in {}", tree.root_pid, tree.folder)?;
    if let Some(stats) = &tree.stats {
        let ms = |usec: u64| format!("{:.1} ms", Duration::from_micros(usec).as_secs_f64() * 1e3);
        let (freezing, frozen) = (ms(stats.freezing_usec), ms(stats.frozen_usec));
        let (collected, written) = (ms(stats.memdump_usec), ms(stats.memwrite_usec));
        writeln!(
            out,
            "  times     held still for {frozen}: stopping {freezing}, collecting memory {collected}, writing it {written}"
        )?;
        writeln!(
            out,
            "  pages     {} looked at, {} written, {} in earlier images, {} lazy",
            stats.pages_scanned, stats.pages_written, stats.pages_skipped_parent, stats.pages_lazy
        )?;
    }
    print_groups(tree, out)?;
    if !tree.namespaces.is_empty() {
        writeln!(out, "  own       {} namespaces", tree.namespaces.join(", "))?;
    }
    if tree.lsm != "none" {
        writeln!(out, "  security  {}", tree.lsm)?;
    }
    if tree.incremental {
        writeln!(out, "  built on  earlier images, which `parent` in the folder leads to")?;
    }
    for need in &tree.needs {
        writeln!(out, "  restore   needs {}: {}", need.option, need.why)?;
    }
    print_processes(&tree.processes, out)?;
    tree.processes.iter().try_for_each(|process| print_files(process, out))
}

/// The groups that have a freezer; the others are in the JSON.
fn print_groups(tree: &ImageSet, out: &mut impl Write) -> Result<(), Failure> {
    if tree.cgroups.is_empty() {
        writeln!(out, "  group     not kept: criu was in the same")?;
    }
    for group in tree.cgroups.iter().filter(|group| group.has_freezer()) {
        let processes = span::count(group.pids.len(), "process", "processes");
        writeln!(out, "  group     {} on {}: {processes}", group.path, group.controller)?;
    }
    Ok(())
}

fn print_processes(processes: &[Process], out: &mut impl Write) -> Result<(), Failure> {
    writeln!(
        out,
        "\n{:>8} {:>8} {:>8} {:>8} {:>4} {:>9} {:<8} NAME",
        "PID", "PPID", "PGID", "SID", "THR", "MEMORY", "STATE"
    )?;
    for p in processes {
        let (pid, ppid, pgid, sid, threads) = (p.pid, p.ppid, p.pgid, p.sid, p.threads);
        let indent = 2 * p.depth.min(DEEP);
        writeln!(
            out,
            "{pid:>8} {ppid:>8} {pgid:>8} {sid:>8} {threads:>4} {:>9} {:<8} {:indent$}{}",
            span::bytes(p.memory_bytes),
            state(p.state),
            "",
            p.name
        )?;
    }
    Ok(())
}

fn state(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Stopped => "stopped",
        State::Zombie => "zombie",
        State::Unknown => "unknown",
    }
}

fn print_files(process: &Process, out: &mut impl Write) -> Result<(), Failure> {
    if process.state == State::Zombie {
        return Ok(());
    }
    writeln!(out, "\nfiles of {} ({}): {}", process.pid, process.name, counts(&process.files.counts))?;
    for open in process.files.list.iter().take(FILES) {
        writeln!(out, "{:>8} {:<14} {}", open.fd, open.file.kind.name(), what(open))?;
    }
    let more = process.files.list.len().saturating_sub(FILES);
    if more > 0 {
        writeln!(out, "         and {more} more, with --json")?;
    }
    Ok(())
}

fn counts(counts: &BTreeMap<Kind, usize>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect::<Vec<_>>().join(", ")
}

/// What is open: a path, or both ends of a socket.
fn what(open: &Open) -> String {
    let Some(socket) = &open.file.socket else {
        let deleted = if open.file.deleted { " (deleted)" } else { "" };
        return format!("{}{deleted}", open.file.name);
    };
    let local = if socket.local.is_empty() { "unnamed" } else { &socket.local };
    let remote = socket.remote.as_ref().map(|remote| format!(" to {remote}")).unwrap_or_default();
    format!("{} {local}{remote} {}", socket.protocol, socket.state)
}
