//! What a folder of images holds, as text: the most important first.

use std::io::Write;
use std::time::Duration;

use super::{Shown, age, beginning, files, process};
use crate::checkpoint::images::{ImageSet, Process, State};
use crate::cli::Failure;
use crate::cli::args::Inspect;
use crate::model::span;

/// So many levels of the tree are indented.
const DEEP: usize = 16;
/// So many processes are shown one by one where nothing more is asked for.
const MAX_PROCESSES: usize = 20;
/// So many characters of a command line are shown in the table.
const MAX_COMMAND_CHARACTERS: usize = 120;

pub(super) fn print(shown: &Shown<'_>, options: &Inspect, out: &mut impl Write) -> Result<(), Failure> {
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
    for (number, line) in shown.restorable.lines().iter().enumerate() {
        let label = if number == 0 { "restorable here:" } else { "" };
        writeln!(out, "  {label:<16} {line}")?;
    }
    let mut fact = |name: &str, value: Option<&str>| match value {
        Some(value) => writeln!(out, "  {name:<9} {value}"),
        None => Ok(()),
    };
    let made = shown.made_at.as_ref().map(|made| match age(made) {
        Some(age) => format!("{made}, {} ago", span::short(age)),
        None => made.clone(),
    });
    fact("made", made.as_deref())?;
    fact("group", shown.group)?;
    // A line for each step.
    for command in shown.command.into_iter().flat_map(str::lines) {
        fact("command", Some(command))?;
    }
    let by = [("criu", shown.criu_version), ("kernel", shown.kernel), ("host", shown.host)];
    let by: Vec<String> =
        by.iter().filter_map(|(name, value)| value.map(|v| format!("{name} {v}"))).collect();
    fact("by", Some(by.join(", ").as_str()).filter(|by| !by.is_empty()))?;
    fact("record", shown.record_problem)?;
    shown.trees.iter().try_for_each(|tree| print_tree(tree, options, out))
}

fn print_tree(tree: &ImageSet, options: &Inspect, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "\ntree of process {}, in {}", tree.root_pid, tree.folder)?;
    if let Some(stats) = &tree.stats {
        let ms = |usec: u64| format!("{:.1} ms", Duration::from_micros(usec).as_secs_f64() * 1e3);
        let (freezing, frozen) = (ms(stats.freezing_usec), ms(stats.frozen_usec));
        let (collected, written) = (ms(stats.memdump_usec), ms(stats.memwrite_usec));
        writeln!(
            out,
            "  times     stopped for {frozen}: freezing {freezing}, collecting memory {collected}, writing it \
             {written}"
        )?;
        writeln!(
            out,
            "  pages     {} scanned, {} written, {} in earlier images, {} lazy",
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
        writeln!(out, "  built on  earlier images, to which `parent` in the directory leads")?;
    }
    for need in &tree.needs {
        writeln!(out, "  restore   needs {}: {}", need.option, need.why)?;
    }
    print_processes(&tree.processes, out)?;
    files::print_sockets(tree, options.files, out)?;
    let all = options.files || options.maps || options.env;
    let most = if all { usize::MAX } else { MAX_PROCESSES };
    tree.processes.iter().take(most).try_for_each(|process| process::print(process, options, out))?;
    let more = tree.processes.len().saturating_sub(most);
    if more > 0 {
        writeln!(out, "\nand {more} more processes, with --files or --maps")?;
    }
    Ok(())
}

/// The groups that have a freezer; the others are in the JSON.
fn print_groups(tree: &ImageSet, out: &mut impl Write) -> Result<(), Failure> {
    if tree.cgroups.is_empty() {
        writeln!(out, "  group     not saved: criu was in the same group")?;
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
        "\n{:>8} {:>8} {:<8} {:>4} {:>9} {:<8} COMMAND",
        "PID", "PPID", "USER", "THR", "MEMORY", "STATE"
    )?;
    for p in processes {
        let (pid, ppid, threads) = (p.pid, p.ppid, p.threads);
        let indent = 2 * p.depth.min(DEEP);
        writeln!(
            out,
            "{pid:>8} {ppid:>8} {:<8} {threads:>4} {:>9} {:<8} {:indent$}{}",
            p.user.as_deref().unwrap_or("?"),
            span::bytes(p.memory_bytes),
            state(p.state),
            "",
            beginning(p.command.as_deref().unwrap_or(&p.name), MAX_COMMAND_CHARACTERS)
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
