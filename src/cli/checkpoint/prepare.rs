//! `cryoscope checkpoint --prepare`: changes the settings of a unit that are in criu's way, and restarts it.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use super::super::args::Checkpoint;
use super::super::ask::ask;
use super::super::{Context, Failure, tell};
use super::{Outcome, object};
use crate::checkpoint::{self, Finding, Preflight, Preparation, Refused, Request};
use crate::model::owner::UnitName;
use crate::model::shell;
use crate::runtime::systemd;

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The checkpoint that was asked for too.
    Checkpoint,
    /// Nothing.
    End,
}

/// Prepares the unit whose group the target is. Afterwards the target is that group, which is a new one.
pub(super) fn run(
    context: &Context,
    options: &mut Checkpoint,
    out: &mut impl Write,
) -> Result<Then, Failure> {
    let (unit, found) = look(context, options)?;
    let then = if options.into.is_some() { Then::Checkpoint } else { Then::End };
    let Some(preparation) = &found.preparation else {
        return nothing_to_change(&unit, &found, options, out).map(|()| then);
    };
    if options.run.dry_run {
        return script(preparation, options, out).map(|()| Then::End);
    }
    show(preparation, options, out)?;
    confirm(options.run.yes)?;
    systemd::prepare(&unit, &preparation.drop_in, preparation.earlier.as_ref())
        .map_err(|error| Failure::new(1, error.to_string()))?;
    if then == Then::End {
        // A checkpoint would look itself.
        let (_, found) = look(context, options)?;
        lasting(&found, "the service was restarted, and still cannot be checkpointed")
            .map_err(|failure| failure.with_lines(&preparation.lines()[3..]))?;
    }
    done(preparation, options, out).map(|()| then)
}

/// The unit, and what is in the way now.
fn look(context: &Context, options: &mut Checkpoint) -> Result<(UnitName, Preflight), Failure> {
    let (fs, group) = context.open(&options.target)?;
    let unit = UnitName::of(&group.path).filter(|unit| unit.as_bytes().ends_with(b".service"));
    let unit = unit.ok_or_else(|| {
        let group = context.named(&group);
        Failure::refused(format!(
            "{group} is not the group of a service, so it has no settings to override; run it without --prepare"
        ))
    })?;
    options.target = group.absolute.clone().into();
    let request = Request {
        fs: &fs,
        group: &group,
        hierarchies: &context.hosts,
        // What is said of the folder decides nothing here.
        into: options.into.clone().unwrap_or_else(|| PathBuf::from("/var/tmp/cryoscope")),
        pid: None,
        after: options.after,
        criu: options.run.criu.clone(),
        extra: options.run.extra.clone(),
    };
    Ok((unit, checkpoint::preflight(&request)))
}

/// Fails where something is in the way that only a start of the program in another way takes away.
fn lasting(found: &Preflight, so: &'static str) -> Result<(), Failure> {
    let lasting: Vec<Finding> = found.blockers().filter(|finding| finding.cause.is_some()).cloned().collect();
    if lasting.is_empty() { Ok(()) } else { Err(Refused::Blocked { so, blockers: lasting }.into()) }
}

/// Nothing is in the way that a change of the settings takes away: nothing at all, or what no restart helps against.
fn nothing_to_change(
    unit: &UnitName,
    found: &Preflight,
    options: &Checkpoint,
    out: &mut impl Write,
) -> Result<(), Failure> {
    lasting(found, "no drop-in can fix this")?;
    if options.run.json && options.into.is_none() {
        return object(&Outcome::of(&found.findings, None), out);
    }
    if options.into.is_none() {
        writeln!(out, "{} needs no drop-in; nothing was changed", unit.text())?;
    }
    Ok(())
}

fn script(preparation: &Preparation, options: &Checkpoint, out: &mut impl Write) -> Result<(), Failure> {
    let Preparation { unit, drop_in, .. } = preparation;
    let who = drop_in.user.map(|uid| format!(", run by user {uid}")).unwrap_or_default();
    let mut lines = vec![format!("# overrides settings of {unit} until the next boot{who}")];
    lines.push(drop_in.write.clone());
    lines.push(format!("# {unit} loses its state in memory"));
    lines.push(drop_in.apply.clone());
    if let Some(into) = &options.into {
        let words = [preparation.unit.as_ref(), into.as_os_str()].map(shell::quoted);
        lines.push(format!("cryoscope checkpoint {} --into {}", words[0], words[1]));
    }
    lines.push(format!("# to undo: {}", drop_in.undo));
    Ok(write!(out, "{}", shell::script(&lines))?)
}

/// What is going to happen. It is said before the question, and without one too.
fn show(preparation: &Preparation, options: &Checkpoint, out: &mut impl Write) -> Result<(), Failure> {
    let Preparation { unit, drop_in, .. } = preparation;
    if options.run.json {
        return Ok(());
    }
    writeln!(out, "{unit} gets this drop-in until the next boot, {}:", drop_in.path)?;
    drop_in.text.lines().try_for_each(|line| writeln!(out, "  {line}"))?;
    writeln!(out, "and is restarted, which loses its state in memory")?;
    if options.into.is_some() {
        writeln!(
            out,
            "the checkpoint then saves the service as it starts; to use it first, run this without --into"
        )?;
    }
    Ok(out.flush()?)
}

/// A restart loses data: a script must say that it means it.
fn confirm(yes: bool) -> Result<(), Failure> {
    match yes {
        true => Ok(()),
        false if io::stdin().is_terminal() => ask("Write the drop-in and restart the service?"),
        false => {
            Err(Failure::refused("the restart loses the service's state in memory; add --yes to confirm"))
        }
    }
}

fn done(preparation: &Preparation, options: &Checkpoint, out: &mut impl Write) -> Result<(), Failure> {
    let Preparation { unit, drop_in, .. } = preparation;
    match (options.run.json, options.into.is_some()) {
        (true, true) => {}
        (true, false) => object(&Outcome::of(&[], Some(preparation)), out)?,
        // The report is what is printed on the output.
        (false, true) => {
            tell(format_args!("{unit} was restarted with the drop-in; to undo: {}", drop_in.undo))
        }
        (false, false) => {
            let word = shell::quoted(unit.as_ref());
            writeln!(out, "{unit} is ready for a checkpoint:")?;
            writeln!(out, "  cryoscope checkpoint {word} --into DIR")?;
            writeln!(out, "to undo:\n  {}", drop_in.undo)?;
        }
    }
    Ok(out.flush()?)
}
