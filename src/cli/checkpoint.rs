//! `cryoscope checkpoint`: look, show the command, run criu, look again.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use serde::Serialize;

use super::args::Checkpoint;
use super::ask::ask;
use super::meter::Meter;
use super::question::Questions;
use super::{Context, Failure};
use super::{signals, tell};
use crate::checkpoint::{
    self, After, Control, Finding, Level, Plan, Preflight, Preparation, Progress, Refused, Report, Request,
    Step,
};
use crate::model::{printable, span};

mod prepare;

#[derive(Serialize)]
struct Outcome<'a> {
    findings: &'a [Finding],
    plan: Option<&'a Plan>,
    report: Option<&'a Report>,
    /// What would take away what the settings of the unit have put in the way.
    preparation: Option<&'a Preparation>,
}

impl<'a> Outcome<'a> {
    /// Without a checkpoint.
    fn of(findings: &'a [Finding], preparation: Option<&'a Preparation>) -> Self {
        Self { findings, plan: None, report: None, preparation }
    }
}

/// Carries the checkpoint out, or prints what would run.
pub(super) fn run(context: &Context, mut options: Checkpoint, out: &mut impl Write) -> Result<(), Failure> {
    if !options.run.dry_run {
        context.may_write()?;
    }
    if options.prepare && prepare::run(context, &mut options, out)? == prepare::Then::End {
        return Ok(());
    }
    let (fs, group) = context.open(&options.target)?;
    let pid = options.pid.or_else(|| options.target.to_str()?.strip_prefix("pid:")?.parse().ok());
    let request = Request {
        fs: &fs,
        group: &group,
        hierarchies: &context.hosts,
        // The command line asks for it.
        into: std::path::absolute(options.into.unwrap_or_default())?,
        pid,
        after: options.after,
        criu: options.run.criu,
        extra: options.run.extra,
    };
    let found = checkpoint::preflight(&request);
    let plan = checkpoint::plan(&found, &request);
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
        return dry_run(&found, &plan, options.run.json, out);
    }
    if asks(options.run.yes) && !options.run.json {
        // Otherwise each step is said as it begins.
        let steps: Vec<String> = plan.steps.iter().map(Step::shell).collect();
        writeln!(out, "\n{}\n", indented(&steps.join("\n")))?;
        out.flush()?;
    }
    confirm(options.run.yes, options.after)?;
    let report = carry_out(&plan, &found.findings, options.run.yes, options.run.json, out)?;
    if options.run.json {
        object(
            &Outcome {
                findings: &found.findings,
                plan: Some(&plan),
                report: Some(&report),
                preparation: None,
            },
            out,
        )?;
    }
    let failed = report.checks.iter().filter(|check| check.blocks()).map(|check| check.what.as_str());
    let failed: Vec<&str> = failed.collect();
    if !failed.is_empty() {
        return Err(Failure::new(
            1,
            format!("criu succeeded, but the result differs from the plan: {}", failed.join("; ")),
        ));
    }
    Ok(())
}

fn carry_out(
    plan: &Plan,
    findings: &[Finding],
    yes: bool,
    json: bool,
    out: &mut impl Write,
) -> Result<Report, Failure> {
    let control =
        Arc::new(if yes || !io::stdin().is_terminal() { Control::automatic() } else { Control::default() });
    let mut meter = Meter::new(!json);
    let told = json || asks(yes);
    let questions = Questions::new(Arc::clone(&control));
    let mut progress = |progress| follow(progress, told, &questions, &mut meter, out);
    // Dropped at the end: signals then end the program again.
    let _held = signals::hold(&control)?;
    let ran = checkpoint::run(plan, &control, &mut progress);
    meter.clear();
    let ran = ran?;
    let report = Report::new(plan, findings, &ran, &checkpoint::verify(plan, &ran));
    let written = ran.folder.as_ref().map_or(Ok(()), |folder| report.write(folder));
    if !json {
        for check in &report.checks {
            checked(check, out)?;
        }
        if report.has_images() {
            let folder = printable(plan.folder().as_os_str().as_encoded_bytes()).into_owned();
            let took = ran.elapsed.as_secs_f64();
            writeln!(
                out,
                "checkpoint of {}, {}, in {took:.2} s: {folder}",
                span::count(plan.processes(), "process", "processes"),
                span::bytes(ran.bytes)
            )?;
        }
    }
    // What is said about the images says why, where there are none.
    if report.has_images() {
        written?;
    }
    Ok(report)
}

/// Tells what happens. criu's log is not told: it stands in the folder as a whole; nor are the steps, where they were `told`
/// before.
fn follow(progress: Progress, told: bool, questions: &Questions, meter: &mut Meter, out: &mut impl Write) {
    match progress {
        Progress::Written { bytes, of } => return meter.show(bytes, of),
        Progress::Log(_) => return,
        _ => meter.clear(),
    }
    match progress {
        // Nobody may read it any more; what was begun goes on to its end.
        Progress::Step(line) if !told => drop(writeln!(out, "$ {line}").and_then(|()| out.flush())),
        Progress::Stalled { origins, thawing: true } => {
            tell(format_args!(
                "criu is waiting for {}; thawing it until criu has finished",
                origins.join(", ")
            ));
        }
        Progress::Stalled { origins, thawing: false } => questions.thaw(&origins),
        Progress::Deserted { found, ending: true } => tell(format_args!("{found}; ending it")),
        Progress::Deserted { found, .. } if !found.alive.is_empty() => tell(found),
        Progress::Deserted { found, .. } => questions.end(&found),
        Progress::Restored(what) => tell(what),
        _ => {}
    }
}

fn refuse(found: &Preflight, refused: Refused, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    if json {
        object(&Outcome::of(&found.findings, found.preparation.as_ref()), out)?;
        out.flush()?;
    }
    let failure = Failure::from(refused);
    Err(match &found.preparation {
        Some(preparation) => failure.with_lines(&preparation.lines()),
        None => failure,
    })
}

fn dry_run(found: &Preflight, plan: &Plan, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    if json {
        return object(
            &Outcome { findings: &found.findings, plan: Some(plan), report: None, preparation: None },
            out,
        );
    }
    script(&plan.shell(), &found.findings, out)
}

/// A script, with the findings as comments behind its first line, which names its shell.
pub(super) fn script(text: &str, found: &[Finding], out: &mut impl Write) -> Result<(), Failure> {
    let (shell, rest) = text.split_once('\n').unwrap_or((text, ""));
    writeln!(out, "{shell}")?;
    warnings(found, out)?;
    write!(out, "{rest}")?;
    Ok(())
}

fn object(outcome: &Outcome<'_>, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, outcome)?;
    writeln!(out)?;
    Ok(())
}

/// The warnings, as comments: `--dry-run` prints a script. What is in the way is said once, as the reason of the failure.
pub(super) fn warnings(findings: &[Finding], out: &mut impl Write) -> Result<(), Failure> {
    let warnings = findings.iter().filter(|finding| finding.level == Level::Warning);
    warnings.into_iter().try_for_each(|finding| Ok(writeln!(out, "# warning  {finding}")?))
}

/// What was looked at afterwards.
pub(super) fn checked(check: &Finding, out: &mut impl Write) -> Result<(), Failure> {
    let level = match check.level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Blocker => "FAILED",
    };
    Ok(writeln!(out, "# {level:<8} {check}")?)
}

pub(super) fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// A person is there, and is to be asked.
fn asks(yes: bool) -> bool {
    !yes && io::stdin().is_terminal()
}

/// A person is asked before anything runs; a script that would end processes must say --yes.
fn confirm(yes: bool, after: Option<After>) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return match after {
            Some(After::Killed) => {
                Err(Failure::refused("--after killed ends the processes; pass --yes to confirm"))
            }
            _ => Ok(()),
        };
    }
    ask("Run it?")
}
