//! The checkpoint in words: what was found, what will run, how it goes, what came of it.

use std::time::Duration;

use super::{Checkpoint, Look, Running, Stage};
use crate::checkpoint::{Finding, Level, Plan, Report};
use crate::model::{printable, span};
use crate::tui::columns;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Faint,
    Warning,
    Wrong,
}

/// A paragraph, or a line of one that was wrapped.
pub(crate) type Said = (String, Tone);

/// What there is to say, in lines of at most `width` columns.
pub(crate) fn lines(checkpoint: &Checkpoint, now: Duration, width: usize) -> Vec<Said> {
    let wrap = |(text, tone): Said| {
        columns::wrap(&clean(&text), width.max(4)).into_iter().map(move |line| (line, tone))
    };
    paragraphs(checkpoint, now).into_iter().flat_map(wrap).collect()
}

fn paragraphs(checkpoint: &Checkpoint, now: Duration) -> Vec<Said> {
    match &checkpoint.stage {
        Stage::Looking => {
            vec![("Checking processes, freezes, criu and the directory …".to_owned(), Tone::Faint)]
        }
        Stage::Looked(look) => looked(look),
        Stage::Running(running) => run(running, now),
        Stage::Ended(Ok(report)) => reported(report),
        Stage::Ended(Err(why)) => {
            vec![("No checkpoint was made.".to_owned(), Tone::Strong), (why.clone(), Tone::Wrong)]
        }
    }
}

fn clean(text: &str) -> String {
    printable(text.as_bytes()).into_owned()
}

/// What is in the way stands first, then what will run, and what is in order last.
fn looked(look: &Look) -> Vec<Said> {
    let of = |level| look.findings.iter().filter(move |f| f.level == level).map(finding);
    let mut text: Vec<Said> = of(Level::Blocker).chain(of(Level::Warning)).collect();
    if !text.is_empty() {
        text.push((String::new(), Tone::Plain));
    }
    match &look.plan {
        Ok(plan) => text.extend(planned(plan)),
        Err(_) if look.findings.iter().any(Finding::blocks) => {
            text.push(("Cannot run: fix the blockers above.".to_owned(), Tone::Strong));
        }
        Err(why) => text.push((why.clone(), Tone::Wrong)),
    }
    text.push((String::new(), Tone::Plain));
    text.extend(of(Level::Ok));
    text
}

/// What was looked at afterwards: nothing stands in the way of anything any more.
fn check(check: &Finding) -> Said {
    let (said, tone) = finding(check);
    (if check.blocks() { said.replacen("BLOCKER", "FAILED ", 1) } else { said }, tone)
}

fn finding(finding: &Finding) -> Said {
    let (word, tone) = match finding.level {
        Level::Ok => ("ok      ", Tone::Faint),
        Level::Warning => ("warning ", Tone::Warning),
        Level::Blocker => ("BLOCKER ", Tone::Wrong),
    };
    (format!("{word}{finding}"), tone)
}

fn planned(plan: &Plan) -> Vec<Said> {
    let about =
        format!("{} of memory, {}. What will run:", span::bytes(plan.rss()), processes(plan.processes()));
    let steps = plan.steps.iter().map(|step| (format!("  {}", step.shell()), Tone::Plain));
    std::iter::once((about, Tone::Strong)).chain(steps).collect()
}

fn processes(count: usize) -> String {
    span::count(count, "process", "processes")
}

fn run(running: &Running, now: Duration) -> Vec<Said> {
    let mut text: Vec<Said> = running.log.iter().map(|line| (line.clone(), Tone::Faint)).collect();
    text.extend(running.notices.iter().map(|notice| (notice.clone(), Tone::Warning)));
    if let Some(deserted) = &running.deserted {
        text.push((format!("{deserted}. It waits forever; ending it now loses nothing."), Tone::Wrong));
    } else if let Some(origins) = &running.stalled {
        let what = format!(
            "criu hangs because {} is frozen. Killing criu would kill the process too. Once thawed, criu finishes; \
             then the freeze is restored.",
            origins.join(", ")
        );
        text.push((what, Tone::Wrong));
    }
    let elapsed = span::short(now.saturating_sub(running.since));
    let of = running.plan.rss().max(1);
    // Memory that is shared or zero is not written, so this is about where it is.
    let filled = usize::try_from(running.bytes.saturating_mul(20) / of).unwrap_or(20).min(20);
    let bar = format!("[{}{}]", "#".repeat(filled), ".".repeat(20 - filled));
    let written = format!("{} of about {}", span::bytes(running.bytes), span::bytes(of));
    text.push((format!("{elapsed}  {bar}  {written}"), Tone::Strong));
    text
}

fn reported(report: &Report) -> Vec<Said> {
    let took = report.elapsed_ms as f64 / 1000.0;
    let what = format!("{}, {}, in {took:.2} s", processes(report.processes()), span::bytes(report.bytes));
    let mut text = vec![(what, Tone::Strong)];
    text.push((clean(&report.folder.0.to_string_lossy()), Tone::Strong));
    text.push((String::new(), Tone::Plain));
    text.extend(report.checks.iter().map(check));
    text
}
