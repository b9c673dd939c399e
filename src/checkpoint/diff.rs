//! What changed between two checkpoints of the same processes. A process is the same where its number is.

mod files;
mod mappings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::Serialize;

use super::images::{Comparison, ImagesError, MemoryDifference, Process, Stored};
pub use files::{FileDifference, Moved};
pub use mappings::{MappingDifference, Resized};

/// What changed between two checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The processes that only the second has.
    pub started: Vec<Named>,
    /// The processes that only the first has.
    pub ended: Vec<Named>,
    /// The processes that both have, and in which something changed.
    pub changed: Vec<ProcessDifference>,
    /// How many processes both have in which nothing changed.
    pub unchanged: usize,
}

/// A process by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its number.
    pub pid: i32,
    /// The kernel's name for it.
    pub name: String,
    /// Its command line, where that is known.
    pub command: Option<String>,
}

/// A fact that is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Which: `name`, `command`, `program`, `directory`, `user`, `state`, `parent`, `threads`.
    pub fact: &'static str,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// What changed in a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessDifference {
    /// The process, as it is afterwards.
    #[serde(flatten)]
    pub process: Named,
    /// What it is and does.
    pub facts: Vec<Fact>,
    /// Its open files and sockets.
    pub files: FileDifference,
    /// What it has mapped.
    pub mappings: MappingDifference,
    /// The contents of its memory.
    pub memory: MemoryDifference,
}

impl ProcessDifference {
    /// Nothing changed.
    pub fn is_none(&self) -> bool {
        self.facts.is_empty()
            && self.files == FileDifference::default()
            && self.mappings == MappingDifference::default()
            && self.memory.all.is_none()
    }
}

/// Compares two checkpoints.
///
/// # Errors
/// The images changed meanwhile, or their memory cannot be read.
pub fn diff(before: &Stored, after: &Stored) -> Result<Difference, ImagesError> {
    let all = |stored: &'_ Stored| -> HashMap<i32, (usize, usize)> {
        let places = stored.trees.iter().enumerate().flat_map(|(tree, set)| {
            set.processes.iter().enumerate().map(move |(number, process)| (process.pid, (tree, number)))
        });
        places.collect()
    };
    let (earlier, later) = (all(before), all(after));
    let mut difference = Difference::default();
    let ended = before.trees.iter().flat_map(|tree| &tree.processes);
    difference.ended.extend(ended.filter(|process| !later.contains_key(&process.pid)).map(named));
    for set in &after.trees {
        let mut memory: Option<(usize, Comparison)> = None;
        for process in &set.processes {
            let same = earlier.get(&process.pid).and_then(|&(tree, number)| {
                let set = before.trees.get(tree)?;
                Some((tree, set, set.processes.get(number)?))
            });
            let Some((tree, earlier, same)) = same else {
                difference.started.push(named(process));
                continue;
            };
            let comparison = match memory.take() {
                Some((number, comparison)) if number == tree => comparison,
                _ => Comparison::open(earlier, set)?,
            };
            let (_, comparison) = memory.insert((tree, comparison));
            let changed = of_process(comparison, same, process)?;
            match changed.is_none() {
                true => difference.unchanged += 1,
                false => difference.changed.push(changed),
            }
        }
    }
    Ok(difference)
}

fn of_process(
    comparison: &mut Comparison,
    before: &Process,
    after: &Process,
) -> Result<ProcessDifference, ImagesError> {
    Ok(ProcessDifference {
        process: named(after),
        facts: facts(before, after),
        files: files::difference(&before.files, &after.files),
        mappings: mappings::difference(&before.mappings, &after.mappings),
        memory: comparison.process(before, after)?,
    })
}

fn named(process: &Process) -> Named {
    Named { pid: process.pid, name: process.name.clone(), command: process.command.clone() }
}

fn facts(before: &Process, after: &Process) -> Vec<Fact> {
    let unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let user = |process: &Process| process.uid.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
    let state = |process: &Process| format!("{:?}", process.state).to_lowercase();
    let all = [
        ("name", before.name.clone(), after.name.clone()),
        ("command", unknown(&before.command), unknown(&after.command)),
        ("program", unknown(&before.exe), unknown(&after.exe)),
        ("directory", unknown(&before.cwd), unknown(&after.cwd)),
        ("user", user(before), user(after)),
        ("state", state(before), state(after)),
        ("parent", before.ppid.to_string(), after.ppid.to_string()),
        ("threads", before.threads.to_string(), after.threads.to_string()),
    ];
    let changed = all.into_iter().filter(|(_, before, after)| before != after);
    changed.map(|(fact, before, after)| Fact { fact, before, after }).collect()
}
