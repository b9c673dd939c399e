//! `--grep` and `--regex`: where something is in the memory.

use std::io::Write;

use serde::Serialize;

use super::hexdump;
use crate::checkpoint::images::{Hit, Memory, Pattern, Searched, Stored};
use crate::cli::Failure;
use crate::cli::args::Inspect;
use crate::model::{printable, span};

#[derive(Serialize)]
struct Found<'a> {
    folder: &'a str,
    /// What was looked for, printable.
    text: String,
    /// How often it was found.
    matches: usize,
    #[serde(flatten)]
    searched: Searched,
    /// The first of the places.
    hits: Vec<Hit>,
}

/// So many places are named.
const MAX_HITS: usize = 1000;

/// What is looked for.
pub(super) struct Search {
    pattern: Pattern,
    /// As it is shown.
    text: String,
    context_bytes: usize,
}

impl Search {
    /// What the options ask for, if they do.
    pub(super) fn of(options: &Inspect) -> Option<Self> {
        let (pattern, text) = match (&options.grep, &options.regex) {
            (Some(text), _) => (Pattern::bytes(&text.0), printable(&text.0).into_owned()),
            (None, Some(regex)) => (regex.clone(), printable(regex.text().as_bytes()).into_owned()),
            (None, None) => return None,
        };
        Some(Self { pattern, text, context_bytes: options.context.map_or(0, usize::from) })
    }
}

/// Looks for it, and prints where it is: the first places one by one.
pub(super) fn run(stored: &Stored, search: &Search, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let mut found = Found {
        folder: &stored.folder,
        text: search.text.clone(),
        matches: 0,
        searched: Searched::default(),
        hits: Vec::new(),
    };
    for tree in &stored.trees {
        let searched =
            Memory::open(tree)?.search(tree, &search.pattern, search.context_bytes, &mut |hit| {
                found.matches += 1;
                if found.hits.len() < MAX_HITS {
                    found.hits.push(hit);
                }
            })?;
        found.searched.searched_bytes += searched.searched_bytes;
        found.searched.unsearched_bytes += searched.unsearched_bytes;
    }
    if json {
        serde_json::to_writer(&mut *out, &found)?;
        return Ok(writeln!(out)?);
    }
    print(&found, out)
}

fn print(found: &Found<'_>, out: &mut impl Write) -> Result<(), Failure> {
    for hit in &found.hits {
        let process = match (hit.pid, &hit.process) {
            (Some(pid), Some(name)) => format!("{pid} {name}"),
            _ => "no process".to_owned(),
        };
        let (address, mapping, offset, excerpt) = (hit.address, &hit.mapping, hit.offset, &hit.excerpt);
        writeln!(out, "{process}  {address:#x}  {mapping} +{offset:#x}  {excerpt}")?;
        for line in hit.context.iter().flat_map(|context| hexdump::lines(context.address, &context.bytes)) {
            writeln!(out, "  {line}")?;
        }
    }
    let more = found.matches - found.hits.len();
    if more > 0 {
        writeln!(out, "and {more} more")?;
    }
    let Searched { searched_bytes, unsearched_bytes } = found.searched;
    let matches = span::count(found.matches, "match", "matches");
    writeln!(out, "{matches} in {} of memory", span::bytes(searched_bytes))?;
    if unsearched_bytes > 0 {
        writeln!(
            out,
            "not searched: {}, which stayed with the process, or are in earlier images that are missing",
            span::bytes(unsearched_bytes)
        )?;
    }
    Ok(())
}
