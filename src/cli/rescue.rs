//! `cryoscope rescue`: plans that were cut off, and criu runs that hang on frozen tasks.

use std::io::{self, IsTerminal, Write};

use super::args::Rescue;
use super::ask::ask;
use super::{Context, Failure, tell};
use crate::checkpoint::{self, Case, Progress};
use crate::lab;

/// Puts right what there is; says what it would do with `--dry-run`.
pub(super) fn run(context: &Context, options: &Rescue, out: &mut impl Write) -> Result<(), Failure> {
    if lab::are_left_behind().is_ok_and(|number| number > 0) {
        tell("a lab that was killed has left groups and processes behind; cryoscope lab removes them");
    }
    let cases = checkpoint::stranded(&context.hosts)?;
    if cases.is_empty() {
        writeln!(
            out,
            "nothing to rescue: no checkpoint was cut off, and no criu hangs on frozen tasks or waits for what is gone"
        )?;
        return Ok(());
    }
    for case in &cases {
        writeln!(out, "# {}", case.what())?;
        if options.dry_run {
            case.shell(&context.hosts).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
    }
    if options.dry_run {
        return Ok(());
    }
    context.may_write()?;
    out.flush()?;
    match (options.yes, io::stdin().is_terminal()) {
        (true, _) => {}
        (false, true) => ask("Do it?")?,
        (false, false) => {
            return Err(Failure::refused("nothing was done: give --yes to do it, or --dry-run to see how"));
        }
    }
    let mut first = None;
    for case in cases {
        // Where one fails, the others are rescued all the same.
        if let Err(failure) = one(context, case, out) {
            first.get_or_insert(failure);
        }
    }
    first.map_or(Ok(()), Err)
}

fn one(context: &Context, case: Case, out: &mut impl Write) -> Result<(), Failure> {
    let mut follow = |progress: Progress| match progress {
        Progress::Restored(what) => tell(what),
        Progress::Stalled { origins, .. } => {
            tell(format_args!("criu waits for {}; thawing it", origins.join(", ")));
        }
        Progress::Deserted { found, ending: true } => tell(format_args!("{found}; it is ended")),
        Progress::Deserted { found, .. } => tell(found),
        _ => {}
    };
    let said = checkpoint::rescue(case, &context.hosts, &mut follow)?;
    said.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}
