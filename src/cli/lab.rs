//! `cryoscope lab`: lessons, for a person or without one.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::args::{Global, Lab, LabCounter};
use super::{Context, Failure, config, tell};
use crate::lab::auto::{AutoError, hold};
use crate::lab::counter::{Order, count};
use crate::lab::screen::Settings;
use crate::lab::{self, Ground, Lack, Lesson};
use crate::model::{Version, span};
use crate::tui::theme::{self, Theme};

/// Lets a person choose, or holds what was chosen.
pub(super) fn run(context: Context, options: &Lab, out: &mut impl Write) -> Result<(), Failure> {
    context.may_write()?;
    let chosen = options.lesson.and_then(|number| lab::ALL.get(usize::from(number) - 1));
    let versions: Vec<Version> = match context.global.hierarchy {
        Some(version) => vec![version],
        None => context.hosts.iter().map(|hierarchy| hierarchy.version).collect(),
    };
    clean();
    let ground = Ground::look(context.hosts, options.criu.clone());
    // They end the lesson in order, so that nothing of it stays.
    let end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    if options.auto {
        return auto(chosen, &versions, &ground, &end, out);
    }
    match (chosen, io::stdout().is_terminal() && io::stdin().is_terminal()) {
        (_, true) => screen(&context.global, ground, versions, chosen, options.presentation, &end),
        (None, false) => print(&versions, &ground, out),
        (Some(_), false) => {
            Err(Failure::new(2, "a lesson needs a terminal; with --auto it runs without one"))
        }
    }
}

fn screen(
    global: &Global,
    ground: Ground,
    versions: Vec<Version>,
    lesson: Option<&'static Lesson>,
    presentation: bool,
    end: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    // What cannot be held is said before the screen is taken.
    let version = versions.first().copied().unwrap_or(Version::V2);
    if let Some(missing) = lesson.and_then(|lesson| ground.missing(lesson, version)) {
        let lesson = lesson.map_or(0, |lesson| lesson.number);
        return Err(AutoError::Missing { lesson, version, missing }.into());
    }
    let var = |name| std::env::var(name).ok();
    let behind = theme::Ground::of_environment(var("TERM").as_deref(), var("COLORFGBG").as_deref());
    let choice = config::read(global)?.theme;
    let theme = Theme::new(global.shows_ascii(), choice, global.color.depth(), behind);
    let settings = Settings { theme, presentation, lesson, versions };
    lab::screen::run(ground, settings, end)
        .map_err(|error| Failure::new(1, format!("the screen failed: {error}")))
}

/// Removes what labs that were killed have left. Where that fails, a lesson can be held all the same.
fn clean() {
    match lab::left_behind() {
        Ok(0) => {}
        Ok(number) => {
            let labs = span::count(number, "lab that was killed has", "labs that were killed have");
            tell(format_args!("{labs} left groups and processes behind: removed"));
        }
        Err(error) => tell(format_args!("cannot remove what a killed lab may have left behind: {error}")),
    }
}

/// Every lesson that was asked for, on each freezer. Where one cannot be held, the others are held all the same.
fn auto(
    chosen: Option<&'static Lesson>,
    versions: &[Version],
    ground: &Ground,
    end: &AtomicBool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut missing = None;
    for &version in versions {
        for lesson in chosen.map_or(lab::ALL.iter().collect(), |lesson| vec![lesson]) {
            match hold(lesson, version, ground, end, out) {
                Err(error @ AutoError::Missing { .. }) => {
                    // A single one is said once, as the error.
                    if chosen.is_none() {
                        writeln!(out, "{error}\n")?;
                    }
                    missing.get_or_insert(error);
                }
                other => other?,
            }
        }
    }
    missing.map_or(Ok(()), |error| Err(error.into()))
}

/// The lessons, and what they lack here.
fn print(versions: &[Version], ground: &Ground, out: &mut impl Write) -> Result<(), Failure> {
    for lesson in &lab::ALL {
        writeln!(out, "{}  {}", lesson.number, lesson.title)?;
        writeln!(out, "   {}", lesson.about)?;
        let lacks = |&version: &Version| ground.missing(lesson, version).map(|missing| missing.to_string());
        let lacks: Vec<Option<String>> = versions.iter().map(lacks).collect();
        let said = |lack: &Option<String>| lack.clone().unwrap_or_else(|| "ready".to_owned());
        let names: Vec<String> = versions.iter().map(ToString::to_string).collect();
        if let [first, rest @ ..] = &lacks[..]
            && rest.iter().all(|lack| lack == first)
        {
            writeln!(out, "   {}: {}", names.join(", "), said(first))?;
            continue;
        }
        for (name, lack) in names.iter().zip(&lacks) {
            writeln!(out, "   {name}: {}", said(lack))?;
        }
    }
    writeln!(out, "\ncryoscope lab NUMBER starts a lesson on a terminal; with --auto it runs without one")?;
    Ok(())
}

/// `cryoscope lab-counter`
pub(super) fn count_for(options: LabCounter) -> Result<(), Failure> {
    let LabCounter { lab, file, child, attach, threads, groups } = options;
    count(&Order { lab, file, child, threads, attach, groups }).map_err(|why| Failure::new(1, why))
}

impl From<AutoError> for Failure {
    fn from(error: AutoError) -> Self {
        let code = match &error {
            AutoError::Missing { missing, .. } if missing.lack == Lack::Right => 3,
            AutoError::Missing { .. } => 4,
            AutoError::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => 3,
            _ => 1,
        };
        // A reader that goes away is no success here: the lesson was not held to its end.
        Self::new(code, error.to_string())
    }
}
