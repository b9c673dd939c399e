//! `cryoscope freeze`: freeze groups, with the guard and the way back.

mod progress;

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::args::Freeze;
use super::{Context, Failure, log, tell};
use crate::checkpoint::dumping;
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{FreezerError, Outcome};
use crate::kernel::{freezer, guard, target};
use crate::model::{printable, span};
use crate::runtime;
use crate::timer::{self, Log};

use progress::Progress;

/// Freezes each target; where one fails, those that this run froze are thawed again.
pub(super) fn run(context: &Context, options: &Freeze, out: &mut impl Write) -> Result<(), Failure> {
    context.may_write()?;
    let targets: Vec<_> = options.targets.iter().map(|t| context.open(t)).collect::<Result<_, _>>()?;
    // No force freezes these.
    let mut named = options.targets.iter().zip(&targets);
    if let Some((target, (_, root))) = named.find(|(_, (_, group))| group.path.is_root()) {
        return Err(of_root(context, target, root));
    }
    if !options.force {
        for (fs, group) in &targets {
            if let Some(refusal) = guard::refusal(fs, group) {
                let name = context.named(group);
                let force = if freezer::may_freeze(group) { "; --force freezes it anyway" } else { "" };
                return Err(Failure::refused(format!("refused to freeze {name}: {refusal}{force}")));
            }
        }
    }
    for (fs, group) in &targets {
        if let Some(sessions) = guard::sessions(fs, group) {
            tell(format_args!("{}: {sessions}", context.named(group)));
        }
        if let Some(dumping) = dumping::of_group(group) {
            tell(format_args!(
                "{dumping}, and hangs while {} is frozen; thaw it, and criu continues",
                group.path
            ));
        }
    }
    let log = log::of(&context.global)?;
    let progress = Progress::new()?;
    let mut frozen = Vec::new();
    for (fs, group) in &targets {
        match one(fs, group, &context.named(group), options, log.as_ref(), &progress) {
            Ok(Frozen { ours, sentence }) => {
                frozen.extend(ours.then_some((fs, group)));
                writeln!(out, "{sentence}")?;
            }
            Err(failure) => {
                for (fs, group) in frozen {
                    timer::thaw(group, fs)?;
                    writeln!(out, "{} was rolled back to thawed", context.named(group))?;
                }
                return Err(failure);
            }
        }
    }
    Ok(())
}

/// A process may be in the root group here, and in one that can be frozen on the other hierarchy.
fn of_root(context: &Context, target: &OsStr, root: &Group) -> Failure {
    if !target.as_bytes().starts_with(b"pid:") {
        return FreezerError::Root(root.absolute.clone()).into();
    }
    let (process, other) = (printable(target.as_bytes()), root.version.other());
    let why = format!("{process} is in the root group of {}, which cannot be frozen", root.version);
    let is_open = context.global.hierarchy.is_none();
    let there = is_open.then(|| target::resolve(target, &context.hosts, Some(other)).ok()).flatten();
    match there.filter(|(_, group)| !group.path.is_root()) {
        Some((_, group)) => Failure::new(
            2,
            format!("{why}; on {other} it is in {}: freeze it with --hierarchy {other}", group.path),
        ),
        None => Failure::new(2, format!("{why}; move the process to a group below it first")),
    }
}

/// A group that is frozen.
struct Frozen {
    /// By this run, so that it is thawed where another one fails.
    ours: bool,
    sentence: String,
}

fn one(
    fs: &Filesystem,
    group: &Group,
    name: &str,
    options: &Freeze,
    log: Option<&Log>,
    progress: &Progress,
) -> Result<Frozen, Failure> {
    let forecast = runtime::forecast(group);
    forecast.warnings(options.span).iter().for_each(tell);
    let mut watch = progress.of(group, name);
    let Some(span) = options.span else {
        let frozen = timer::freeze_without_end(group, &forecast.way, options.timeout, &mut watch)?;
        let already = frozen == Outcome::Already;
        let sentence = match already.then(|| next_thaw(group)).flatten() {
            Some(left) => format!("{name} was already frozen, and thaws in {}", span::left(left)),
            None if already => format!("{name} was already frozen"),
            None => format!("{name} is frozen{}", runtime::watchdog_stopped(&forecast.way)),
        };
        return Ok(Frozen { ours: !already, sentence });
    };
    let until = timer::freeze(fs, group, options.timeout, span, log, &mut watch)?;
    let over = until.left.is_zero();
    let at = (jiff::ZonedDateTime::now() + until.left).strftime("%F %T");
    let at = if over { String::new() } else { format!(", at {at}") };
    let watchdog = if over { String::new() } else { runtime::watchdog_stopped(&forecast.way) };
    let sentence = format!("{}{at}{watchdog}", until.sentence(name));
    Ok(Frozen { ours: !until.already && !over, sentence })
}

/// How long until a timer thaws the group. What can't be known of timers is no reason not to freeze.
fn next_thaw(group: &Group) -> Option<Duration> {
    Some(timer::of(group.id).ok()?.first()?.left())
}
