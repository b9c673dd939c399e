//! One process: what it was, what it waited for, what it had open and mapped.

use std::io::Write;

use super::{LARGEST, files, keep_largest};
use crate::checkpoint::images::{Mapping, Process, State, Thread};
use crate::cli::Failure;
use crate::cli::args::Inspect;
use crate::model::span;

/// So many different waits of the threads of a process are shown.
const MAX_WAITS: usize = 8;

pub(super) fn print(process: &Process, options: &Inspect, out: &mut impl Write) -> Result<(), Failure> {
    if process.state == State::Zombie {
        return Ok(());
    }
    writeln!(out, "\nprocess {} ({})", process.pid, process.name)?;
    let mut fact = |name: &str, value: &str| writeln!(out, "  {name:<9} {value}");
    fact("command", process.command.as_deref().unwrap_or("unknown: its memory is not in the images"))?;
    let program = process.exe.as_deref().unwrap_or("unknown");
    let folder = process.cwd.as_deref().unwrap_or("unknown");
    let user = match (&process.user, process.uid) {
        (Some(name), Some(uid)) if *name != uid.to_string() => format!("{name} (uid {uid})"),
        (_, Some(uid)) => format!("uid {uid}"),
        _ => "unknown".to_owned(),
    };
    fact("program", &format!("{program}, in {folder}, as {user}"))?;
    for (number, wait) in waits(process).iter().enumerate() {
        fact(if number == 0 { "waits in" } else { "" }, wait)?;
    }
    files::print(process, options.files, out)?;
    print_memory(process, options.maps, out)?;
    for variable in process.environment.iter().flatten() {
        writeln!(out, "  env       {variable}")?;
    }
    Ok(())
}

/// What the threads waited for, those that waited for the same together.
fn waits(process: &Process) -> Vec<String> {
    let mut waits: Vec<(String, Vec<&Thread>)> = Vec::new();
    for thread in &process.thread_list {
        let Some(wait) = &thread.waits_in else { continue };
        let open = wait.fd.and_then(|fd| {
            // They are in ascending order.
            let index = process.files.list.binary_search_by_key(&fd, |open| open.fd).ok()?;
            process.files.list.get(index)
        });
        let text = match (wait.fd, open) {
            (Some(fd), Some(open)) => {
                format!("{} on {fd}: {} {}", wait.call, open.file.kind.name(), files::what(open))
            }
            (Some(fd), None) => format!("{} on {fd}", wait.call),
            (None, _) => wait.call.clone(),
        };
        match waits.iter().position(|(known, _)| *known == text) {
            Some(known) => waits[known].1.push(thread),
            None if waits.len() < MAX_WAITS => waits.push((text, vec![thread])),
            None => {}
        }
    }
    let line = |(text, threads): (String, Vec<&Thread>)| match &threads[..] {
        _ if process.threads == 1 => text,
        [one] => format!("{text} (thread {} {})", one.tid, one.name),
        [first, ..] => format!("{text} ({} threads, as {} {})", threads.len(), first.tid, first.name),
        [] => text,
    };
    waits.into_iter().map(line).collect()
}

fn print_memory(process: &Process, all: bool, out: &mut impl Write) -> Result<(), Failure> {
    let (held, mapped) = (span::bytes(process.memory_bytes), span::bytes(process.mapped_bytes));
    let mappings = span::count(process.mapping_count, "mapping", "mappings");
    writeln!(out, "  memory    {held} of {mapped} are in the images; {mappings}")?;
    if all {
        return process.mappings.iter().try_for_each(|mapping| print_mapping(mapping, out));
    }
    let mut largest = process.mappings.clone();
    keep_largest(&mut largest, LARGEST);
    largest.iter().try_for_each(|mapping| print_mapping(mapping, out))?;
    let more = process.mapping_count - largest.len();
    if more > 0 {
        writeln!(out, "            and {more} more, with --maps")?;
    }
    Ok(())
}

fn print_mapping(mapping: &Mapping, out: &mut impl Write) -> Result<(), Failure> {
    let (held, size) = (span::bytes(mapping.held_bytes), span::bytes(mapping.bytes));
    let (start, permissions, name) = (mapping.start, &mapping.permissions, &mapping.name);
    Ok(writeln!(out, "  {start:#16x} {permissions} {held:>9} of {size:>9} {name}")?)
}
