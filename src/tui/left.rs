//! What this run leaves frozen: said where it can still be read when the screen is gone.

use super::{App, Target};
use crate::model::shell::quoted;
use crate::model::{CgroupId, TimeLeft, TimedFreeze, TimerState, span};
use crate::timer;

/// A line for each group that this run froze and that still asks for it, with how to thaw it; none where there is none.
pub(super) fn frozen(app: &App) -> Vec<String> {
    let lines: Vec<String> = app.left_frozen().filter_map(|target| line(app, target)).collect();
    let head = (!lines.is_empty()).then(|| "cryoscope: still frozen by this session:".to_owned());
    head.into_iter().chain(lines).collect()
}

fn line(app: &App, target: &Target) -> Option<String> {
    let path = app.hierarchies.get(target.version)?.absolute(&target.path);
    let since = app.groves.iter().filter(|grove| grove.version == target.version);
    let since = since.filter_map(|grove| grove.since_of(target.id)).next();
    let since = since.map(|since| app.now.saturating_sub(since.at)).filter(|since| since.as_secs() > 0);
    let since = since.map_or(String::new(), |since| format!(" for {}", span::short(since)));
    let thaws = thaws_in(app, target.id).unwrap_or_default();
    let thaw = quoted(path.as_os_str());
    Some(format!("  {} ({}), frozen{since}{thaws}: cryoscope thaw {thaw}", target.path, target.version))
}

fn thaws_in(app: &App, id: CgroupId) -> Option<String> {
    Some(match timer::timed_freezes(&app.hierarchies).ok()?.remove(&id)? {
        TimedFreeze { timer: TimerState::Runs, time: TimeLeft::Left(left) } => {
            format!(", thaws automatically in {}", span::left(left))
        }
        TimedFreeze { timer: TimerState::Runs, time } => format!(", thaws automatically; {time}"),
        freeze => format!(", {freeze}"),
    })
}
