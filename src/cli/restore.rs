//! `cryoscope restore`: look, show the command, run criu, look again.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::args::Restore;
use super::ask::ask;
use super::checkpoint::{checked, indented, script, warnings};
use super::{Context, Failure, tell};
use crate::checkpoint::Refused;
use crate::checkpoint::restore::copy::{CopyRequest, RunningCopy};
use crate::checkpoint::restore::scope::Scope;
use crate::checkpoint::restore::{self, Plan, Preflight, Report, Request, RunError};
use crate::checkpoint::{Finding, Progress};
use crate::model::shell::quoted;
use crate::model::span;

#[derive(Serialize)]
struct Outcome<'a> {
    findings: &'a [Finding],
    plan: Option<&'a Plan>,
    report: Option<&'a Report>,
}

/// Carries the restore out, or prints what would run.
pub(super) fn run(context: &Context, options: Restore, out: &mut impl Write) -> Result<(), Failure> {
    if !options.run.dry_run {
        context.may_write()?;
    }
    let into_group = options.into_group.map(|target| context.open(&target)).transpose()?;
    let request = Request {
        folder: options.folder,
        hierarchies: &context.hosts,
        criu: options.run.criu,
        extra: options.run.extra,
        on_terminal: io::stdin().is_terminal(),
        thaw: options.thaw,
        into_group: into_group.as_ref().map(|(fs, group)| (fs, group)),
        copy: options
            .copy
            .then_some(CopyRequest { frozen: options.frozen, freezer: context.global.hierarchy }),
    };
    let found = restore::preflight(&request);
    let plan = restore::plan(&found, &request);
    // Of a script the first line names its shell.
    let is_script = options.run.dry_run && plan.is_ok();
    if !options.run.json && !is_script {
        warnings(&found.findings, out)?;
    }
    let plan = match plan {
        Ok(plan) => plan,
        Err(refused) => return refuse(&found, refused, options.run.json, out),
    };
    if options.run.dry_run {
        match options.run.json {
            true => object(&Outcome { findings: &found.findings, plan: Some(&plan), report: None }, out)?,
            false => script(&plan.shell(), &found.findings, out)?,
        }
        return Ok(());
    }
    if !options.run.json {
        writeln!(out, "\n{}\n", indented(&plan.command()))?;
        out.flush()?;
    }
    if !options.run.yes && request.on_terminal {
        ask("Run it?")?;
    }
    let report = carry_out(&plan, context);
    if options.run.json && report.is_err() {
        object(&Outcome { findings: &found.findings, plan: Some(&plan), report: None }, out)?;
        out.flush()?;
    }
    let report = report?;
    if options.run.json {
        object(&Outcome { findings: &found.findings, plan: Some(&plan), report: Some(&report) }, out)?;
    } else {
        print(&report, out)?;
    }
    out.flush()?;
    let failed: Vec<String> =
        report.checks.iter().filter(|check| check.blocks()).map(ToString::to_string).collect();
    if !failed.is_empty() {
        let failed = failed.join("; ");
        return Err(Failure::new(
            1,
            format!("criu succeeded, but the result differs from the images: {failed}"),
        ));
    }
    Ok(())
}

fn refuse(found: &Preflight, refused: Refused, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    if json {
        object(&Outcome { findings: &found.findings, plan: None, report: None }, out)?;
    }
    out.flush()?;
    Err(refused.into())
}

fn carry_out(plan: &Plan, context: &Context) -> Result<Report, Failure> {
    let mut progress = |progress: Progress| match progress {
        Progress::Stalled { origins, .. } => {
            let origins = origins.join(", ");
            tell(format_args!(
                "criu waits because {origins} was frozen meanwhile; thaw it, and criu continues"
            ));
        }
        Progress::Restored(what) => tell(what),
        _ => {}
    };
    let ran = restore::run(plan, &mut progress)?;
    Ok(Report::new(plan, &ran, restore::verify(plan, &ran, &context.hosts)))
}

fn print(report: &Report, out: &mut impl Write) -> Result<(), Failure> {
    report.checks.iter().try_for_each(|check| checked(check, out))?;
    let took = f64::from(u32::try_from(report.elapsed_ms).unwrap_or(u32::MAX)) / 1e3;
    let processes = span::count(report.processes(), "process", "processes");
    let trees = span::count(report.trees.len(), "tree", "trees");
    writeln!(out, "restored {processes} in {trees}, in {took:.2} s")?;
    for line in report.scope.iter().flat_map(Scope::advice) {
        writeln!(out, "{line}")?;
    }
    report.copy.as_ref().map_or(Ok(()), |copy| print_copy(copy, out))
}

/// Says how the copy ends, and how one that is frozen is let run.
fn print_copy(copy: &RunningCopy, out: &mut impl Write) -> Result<(), Failure> {
    let RunningCopy { init, .. } = copy;
    let gone = if copy.groups.is_empty() {
        "its namespace is removed"
    } else {
        "its namespace and its groups are removed"
    };
    writeln!(out, "{gone} when its last process has ended; to end all of it: kill -KILL {init}")?;
    if let Some(group) = &copy.frozen {
        writeln!(out, "it is frozen and has not run; to start it: cryoscope thaw {}", quoted(&group.0))?;
    }
    Ok(())
}

fn object(outcome: &Outcome<'_>, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, outcome)?;
    writeln!(out)?;
    Ok(())
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::new(error.exit() as u8, error.to_string())
    }
}
