//! Why a group is frozen, or not, in words.

mod elsewhere;

use std::time::Duration;

use super::{App, columns};
use crate::model::owner::Owner;
use crate::model::tree::{Key, Node};
use crate::model::{
    CgroupPath, Culprit, Culprits, Freezer, Hierarchy, State, TimeLeft, TimedFreeze, TimerState, Version,
    printable, shell, span,
};

/// One line: the selected group's name and why it is in its state.
pub(crate) fn line(app: &App) -> String {
    let Some(node) = app.selected_node() else { return String::new() };
    format!("{}: {}", node.display_name(), why(app, node))
}

/// The line for a shell that does what a freeze or a thaw does.
pub(crate) fn write_request(hierarchy: &Hierarchy, group: &CgroupPath, freeze: bool) -> String {
    shell::write_request(hierarchy.version, &hierarchy.absolute(group), freeze)
}

/// Columns for a label.
const LABEL: usize = 14;

/// The whole story in lines of at most `width` columns.
pub(crate) fn lines(app: &App, width: usize) -> Vec<String> {
    paragraphs(app).iter().flat_map(|text| wrapped(text, width.max(4))).collect()
}

/// A text with a label stands beside it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let Some((label, text)) = text.split_once('\t').filter(|_| width > 2 * LABEL) else {
        return columns::wrap(&text.replace('\t', "  "), width);
    };
    let beside = |(at, line): (usize, String)| columns::fit(if at == 0 { label } else { "" }, LABEL) + &line;
    columns::wrap(text, width - LABEL).into_iter().enumerate().map(beside).collect()
}

/// A paragraph each, harmless and not wrapped yet; a tab parts a label from its text, an empty line the chapters.
fn paragraphs(app: &App) -> Vec<String> {
    let (Some(node), Some(hierarchy)) = (app.selected_node(), app.hierarchy()) else { return Vec::new() };
    if node.group.freezer == Freezer::Root {
        return root(app, node);
    }
    let file = hierarchy.version.control_file();
    let mut text = vec![format!("{} is {}.", node.display_name(), why(app, node)), String::new()];
    let own = if node.group.freezer.requested() { "yes" } else { "no" };
    text.push(format!("Own request\t{own}"));
    text.push(format!("Inherited\t{}", inherited(app)));
    let state = node.state().map_or(String::new(), |s| s.to_string());
    text.push(format!("State\t{state}{}", since(app, node)));
    text.extend(app.selected_timed().map(thaws));
    text.extend(culprits(app));
    text.extend(in_all(app, node));
    text.push(format!("Below\t{}", below(node)));
    text.extend(owner(app));
    text.extend(elsewhere::lines(app));
    text.extend(systemd(app));
    text.extend([String::new(), "Ancestors, nearest first (1 = freeze requested):".to_owned()]);
    text.extend(above(app));
    text.extend([
        String::new(),
        "A plain `criu dump` now:".to_owned(),
        format!("  {}", criu(app, node, hierarchy.version)),
    ]);
    if let Some(target) = app.selected_target() {
        text.extend([String::new(), format!("Shell equivalent ({file}):")]);
        text.push(format!("  {}", write_request(hierarchy, &target.path, true)));
        text.push(format!("  {}", write_request(hierarchy, &target.path, false)));
    }
    if !app.settings.limits.is_empty() {
        text.extend([String::new(), "Limits for this user:".to_owned()]);
        text.extend(app.settings.limits.iter().map(|limit| format!("  {}", printable(limit.as_bytes()))));
    }
    text
}

fn thaws(freeze: TimedFreeze) -> String {
    match freeze {
        TimedFreeze { timer: TimerState::Runs, time: TimeLeft::Left(left) } => {
            format!("Thaws\tin {}, by a timer", span::left(left))
        }
        TimedFreeze { timer: TimerState::Runs, time } => format!("Thaws\tby a timer; {time}"),
        TimedFreeze { timer: TimerState::Gone, .. } | TimedFreeze { time: TimeLeft::Overdue(_), .. } => {
            format!("Thaws\tnot automatically: {freeze}; R rescues it")
        }
        // Until its end somebody may let the timer go on.
        freeze => format!("Thaws\tnot automatically: {freeze}"),
    }
}

fn root(app: &App, node: &Node) -> Vec<String> {
    let file = app.hierarchy().map_or("", |h| h.version.control_file());
    vec![
        format!("The root group has no {file}: it can't be frozen."),
        String::new(),
        format!("Below\t{}", below(node)),
    ]
}

/// That the other hierarchy holds processes of the selected group, and through which group; `None` where it holds none.
pub(crate) fn held_elsewhere(app: &App) -> Option<String> {
    elsewhere::held(app)
}

/// The group that a key leads to, as a name.
pub(crate) fn name_of(app: &App, key: Key) -> String {
    app.grove().and_then(|grove| grove.node(key)).map_or_else(String::new, Node::display_name)
}

/// State and reason, without the name.
fn why(app: &App, node: &Node) -> String {
    let asker = app.asked_above().map(|key| name_of(app, key));
    let by = match (node.group.freezer.requested(), asker) {
        (true, None) => " by its own request".to_owned(),
        (true, Some(above)) => format!(" by its own request, and by {above}"),
        (false, Some(above)) => format!(" by {above}, not by its own request"),
        (false, None) if app.inherits() => " by an ancestor that is not visible here".to_owned(),
        (false, None) => String::new(),
    };
    match (node.state(), elsewhere::held(app)) {
        (None, _) => format!("the root group has no freezer; below: {}", below(node)),
        (Some(State::Thawed), Some(held)) => format!("thawed, but {held}"),
        (Some(State::Freezing), Some(held)) => format!("freezing{by}; {held}"),
        (Some(State::Thawed), None) if node.below.frozen + node.below.freezing > 0 => {
            format!("thawed; below: {}", below(node))
        }
        (Some(State::Freezing), None) => match app.culprits().and_then(Culprits::short) {
            Some(culprits) => format!("freezing{by}, blocked by {culprits}"),
            None => format!("freezing{by}: some processes have not stopped yet"),
        },
        (Some(state), _) => format!("{state}{by}"),
    }
}

fn inherited(app: &App) -> String {
    match app.asked_above() {
        Some(key) => {
            let path = app.target(key).map_or_else(String::new, |target| target.path.to_string());
            let alone = if app.selected_node().is_some_and(|node| node.group.freezer.requested()) {
                "clears its own request, but it stays frozen by the ancestor"
            } else {
                "has no effect"
            };
            format!("yes: from {path}; thawing this group alone {alone}")
        }
        None if app.inherits() => "yes: from an ancestor that is not visible here".to_owned(),
        None => "no".to_owned(),
    }
}

fn since(app: &App, node: &Node) -> String {
    let Some(since) = app.grove().and_then(|grove| grove.since_of(node.group.id)) else {
        return String::new();
    };
    let span = app.now.saturating_sub(since.at);
    match (span.as_secs(), since.at_least) {
        (0, true) => ", since before cryoscope started".to_owned(),
        (0, false) => ", just now".to_owned(),
        (_, true) => {
            format!(" for at least {}, since before cryoscope started", span::short(span))
        }
        (_, false) => format!(" for {}", span::short(span)),
    }
}

/// What keeps it from freezing: each thread with its state, where it waits and why. Here the way back is at hand, too.
fn culprits(app: &App) -> Vec<String> {
    const NAMED: usize = 6;
    let Some((known, culprits)) = app.known_culprits().and_then(|known| Some((known, known.found.as_ref()?)))
    else {
        return Vec::new();
    };
    let line = |(at, culprit): (usize, &Culprit)| {
        let label = if at == 0 { "Blocked by" } else { "" };
        let since = known.since(&culprit.thread).map(|since| app.now.saturating_sub(since));
        let since = since.filter(|span| span.as_secs() > 0);
        let since = since.map_or(String::new(), |span| format!(", for at least {}", span::short(span)));
        format!("{label}\t{culprit}{since}")
    };
    let mut lines: Vec<String> = culprits.list.iter().take(NAMED).enumerate().map(line).collect();
    let more = culprits.list.len().saturating_sub(NAMED) + culprits.more;
    lines.extend((more > 0).then(|| format!("\tand {more} more")));
    if let Some(first) = culprits.list.first() {
        lines.push(format!("What to do\t{}", first.remedy()));
        lines.push("\tt rolls it back; p jumps to a process".to_owned());
    }
    lines
}

/// The kernel's own count, where it keeps one.
fn in_all(app: &App, node: &Node) -> Option<String> {
    // While it is freezing the kernel counts too, but it is not frozen.
    let listed = app.listed().filter(|_| node.state() != Some(State::Freezing))?;
    // It counts on while the group stays frozen, and is not read again.
    let since = (node.state() == Some(State::Frozen)).then(|| app.now.saturating_sub(listed.at));
    let frozen = Duration::from_micros(listed.frozen_usec?) + since.unwrap_or_default();
    (frozen.as_secs() > 0).then(|| format!("Total\tfrozen for {} (kernel counter)", span::short(frozen)))
}

fn owner(app: &App) -> Option<String> {
    let owner = Owner::of(&app.selected_target()?.path)?;
    Some(format!("Owner\t{} {}", owner.kind, owner.id()))
}

fn systemd(app: &App) -> Vec<String> {
    let Some(node) = app.selected_node() else { return Vec::new() };
    let said = app
        .asked
        .systemd
        .as_ref()
        .filter(|(id, ..)| *id == node.group.id)
        .and_then(|(_, _, said)| said.as_ref());
    let lines = said.into_iter().flat_map(|said| std::iter::once("").chain(said.lines()));
    lines.map(|line| printable(line.as_bytes()).into_owned()).collect()
}

fn below(node: &Node) -> String {
    let b = node.below;
    if b.groups == 0 {
        return "no groups".to_owned();
    }
    let groups = span::count(usize::try_from(b.groups).unwrap_or(usize::MAX), "group", "groups");
    format!("{groups}, {} frozen, {} freezing", b.frozen, b.freezing)
}

/// Each group above with its own flag.
fn above(app: &App) -> Vec<String> {
    let Some(grove) = app.grove() else { return Vec::new() };
    let (Some(tree), Some(selected)) = (&grove.tree, grove.selected) else { return Vec::new() };
    let line = |key: Key| {
        let node = tree.get(key)?;
        let flag = match node.group.freezer {
            Freezer::Root => "-",
            freezer if freezer.requested() => "1",
            _ => "0",
        };
        Some(format!("  {flag}  {}", tree.path(key)))
    };
    tree.ancestors(selected).filter_map(line).collect()
}

/// What was measured: criu can't stop what the freezer holds already.
fn criu(app: &App, node: &Node, version: Version) -> &'static str {
    let thawed = matches!(node.state(), Some(State::Thawed) | None);
    match (node.state(), version) {
        _ if thawed && elsewhere::held(app).is_some() => match version {
            Version::V1 => {
                "hangs forever: cgroup v2 holds the processes, and none of criu's timeouts covers this"
            }
            Version::V2 => "fails after 10 seconds: the v1 freezer holds the processes that criu must stop",
        },
        (Some(State::Thawed) | None, _) if node.below.frozen + node.below.freezing > 0 => {
            "works for the processes in this group, but not for those in frozen groups below"
        }
        (Some(State::Thawed) | None, _) => "is not affected by the freezer",
        (_, Version::V1) => "fails after 10 seconds: the freezer holds the processes that criu must stop",
        (_, Version::V2) if app.asked_above().is_some() => {
            "hangs forever: an ancestor holds the processes, and --freeze-cgroup on this group does not help"
        }
        (_, Version::V2) => {
            "hangs forever: the freezer holds the processes, and none of criu's timeouts covers this"
        }
    }
}
