//! `cryoscope rescue`: plans that were cut off, and criu runs that hang on frozen tasks.

use std::io::{self, IsTerminal, Write};
use std::thread;

use super::args::Rescue;
use super::ask::ask;
use super::{Context, Failure, as_root, tell};
use crate::checkpoint::{self, By, Case, Progress, Stranded};
use crate::lab;

/// Puts right what there is; says what it would do with `--dry-run`.
pub(super) fn run(context: &Context, options: &Rescue, out: &mut impl Write) -> Result<(), Failure> {
    if lab::are_left_behind().is_ok_and(|number| number > 0) {
        tell("a killed lab has left groups and processes behind; cryoscope lab removes them");
    }
    let Stranded { cases, at_work } = checkpoint::stranded(&context.hosts, &mut |line| tell(line))?;
    for other in &at_work {
        writeln!(out, "# {other}: left alone")?;
    }
    // Not known to be at work: somebody has to look.
    let unknown = at_work.iter().find(|other| matches!(other.by, By::Unknown(_)));
    let unknown =
        unknown.map_or(Ok(()), |other| Err(Failure::new(1, format!("{other}; {}", other.remedy()))));
    if cases.is_empty() {
        unknown?;
        writeln!(
            out,
            "nothing to rescue: no interrupted checkpoint, no freeze that has lost its timer, no criu that hangs on \
             frozen processes or waits for a process that is gone"
        )?;
        if !nix::unistd::geteuid().is_root() {
            let line = as_root::this_call().map_or(String::new(), |line| format!(": {line}"));
            writeln!(out, "# checked only what belongs to you; root sees everything{line}")?;
        }
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
            return Err(Failure::refused("nothing was done: pass --yes to do it, or --dry-run to see how"));
        }
    }
    all(context, cases, out).and(unknown)
}

/// What the rescue of a case says.
enum Said {
    /// Beside the output.
    Told(String),
    /// What became of the processes and of the images.
    Ended(Result<Vec<String>, Failure>),
}

/// Independent cases in threads of their own: one whose criu takes its time, and one that fails, hold up no other.
fn all(context: &Context, cases: Vec<Case>, out: &mut impl Write) -> Result<(), Failure> {
    let (send, said) = crossbeam_channel::unbounded();
    let mut done = Ok(());
    thread::scope(|scope| {
        for cases in checkpoint::independent(cases) {
            let what: Vec<String> = cases.iter().map(Case::what).collect();
            let (what, sender) = (what.join("; "), send.clone());
            let rescue = move || {
                for case in cases {
                    let ended = one(context, case, &mut |line| drop(sender.send(Said::Told(line))));
                    drop(sender.send(Said::Ended(ended)));
                }
            };
            if let Err(error) = thread::Builder::new().name("rescue".into()).spawn_scoped(scope, rescue) {
                let why = format!("not rescued: cannot start a thread ({error}): {what}; run it again");
                drop(send.send(Said::Ended(Err(Failure::new(1, why)))));
            }
        }
        drop(send);
        for said in said {
            let now = match said {
                Said::Told(line) => {
                    tell(line);
                    Ok(())
                }
                Said::Ended(Ok(lines)) => {
                    lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(Into::into)
                }
                Said::Ended(Err(failure)) => Err(failure),
            };
            // The first failure is the program's; each is said.
            match (&done, now) {
                (Ok(()), now) => done = now,
                (Err(_), Err(failure)) => tell(failure),
                _ => {}
            }
        }
    });
    done
}

fn one(context: &Context, case: Case, say: &mut dyn FnMut(String)) -> Result<Vec<String>, Failure> {
    let mut follow = |progress: Progress| match progress {
        Progress::Restored(what) => say(what),
        Progress::Stalled { origins, .. } => {
            say(format!("criu is waiting for {}; thawing it", origins.join(", ")))
        }
        Progress::Deserted { found, ending: true } => say(format!("{found}; ending it")),
        Progress::Deserted { found, .. } => say(found.to_string()),
        _ => {}
    };
    Ok(checkpoint::rescue(case, &context.hosts, &mut follow)?)
}
