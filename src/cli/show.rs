//! `cryoscope show`: one group's freeze story and its processes.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::args::Show;
use super::list::scan;
use super::stuck::Stuck;
use super::{Context, Failure, json};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezing::Freezing;
use crate::kernel::membership;
use crate::kernel::processes::Processes;
use crate::model::process::tree as process_tree;
use crate::model::{
    Change, Culprits, Hierarchy, Process, State, TimeLeft, TimedFreeze, TimerState, Tree, printable, span,
};
use crate::runtime::systemd::{self, Clock, Unit};
use crate::runtime::{self, Advice, Containers, advice};
use crate::timer;

mod owner;
mod story;

use owner::Systemd;

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    group: json::Group,
    process_list: Vec<json::ProcessRow>,
    ancestors: Vec<Ancestor>,
    below: Below,
    other_hierarchy: Vec<Elsewhere>,
    /// In how many microseconds a timer thaws it, 0 where it is late; null where none of this user's does.
    thaws_in_usec: Option<u64>,
    #[serde(skip)]
    timed: Option<TimedFreeze>,
    /// systemd believes that it froze this unit; null where the group is no unit of it.
    frozen_by_systemd: Option<bool>,
    /// What systemd says of this unit; null where the group is none, or systemd does not run.
    systemd: Option<Systemd>,
    /// The time limits of systemd that go on while the group is frozen; null where systemd does not run.
    clocks: Option<Vec<Clock>>,
    /// What the container's own runtime would do for a checkpoint.
    advice: Option<Advice>,
    /// What the texts are made of while the group is freezing.
    #[serde(skip)]
    stuck: Option<Stuck>,
}

#[derive(Serialize)]
struct Ancestor {
    path: String,
    state: Option<String>,
    requested: bool,
}

#[derive(Serialize)]
struct Below {
    groups: u32,
    frozen: u32,
    freezing: u32,
}

/// A group of the other hierarchy that holds processes of this one.
#[derive(Serialize)]
struct Elsewhere {
    path: String,
    hierarchy: String,
    state: Option<String>,
    /// Its own request.
    requested: bool,
    /// The nearest ancestor that asks.
    inherited_from: Option<String>,
    processes: usize,
}

/// Prints one group.
pub(super) fn run(context: &Context, options: &Show, out: &mut impl Write) -> Result<(), Failure> {
    let (fs, group) = context.open(&options.target)?;
    let list = Processes::default().of(&group.dir)?;
    let shown = look(context, &fs, &group, &list)?;
    if options.json {
        serde_json::to_writer(&mut *out, &shown)?;
        writeln!(out)?;
        return Ok(());
    }
    print(&shown, &list, out)
}

fn look(context: &Context, fs: &Filesystem, group: &Group, list: &[Process]) -> Result<Shown, Failure> {
    let gone = || Failure::new(5, format!("{} is gone: it was removed meanwhile", group.path));
    let mut tree = scan(fs, &group.path)?;
    let processes = u32::try_from(list.len()).unwrap_or(u32::MAX);
    tree.apply(Change::Counted { id: group.id, processes }, &mut Vec::new());
    let key = tree.find(group.id).ok_or_else(gone)?;
    let below = tree.get(key).ok_or_else(gone)?.below;
    let ancestor = |above| ancestor(&tree, above, fs.hierarchy());
    let containers = Containers::read();
    let node = tree.get(key).ok_or_else(gone)?;
    let owner = containers.owner(fs.hierarchy(), &group.path);
    let requested = node.group.freezer.requested();
    let unit = Unit::of(&group.path);
    let says = unit.as_ref().and_then(|unit| Systemd::new(unit, fs, group, requested, list));
    let forecast = systemd::is_running().then(|| runtime::forecast(group));
    let stuck = (node.state() == Some(State::Freezing)).then(|| Stuck::look(fs, group));
    // What the folder of the timers does not tell is not known here.
    let timed = timer::timed_freezes(&context.hosts).ok().and_then(|mut all| all.remove(&group.id));
    Ok(Shown {
        advice: owner.and_then(|owner| advice(&owner, node.state(), "DIR")),
        group: json::Group::new(&tree, key, fs.hierarchy(), group.frozen_usec(), stuck.as_ref(), &containers)
            .ok_or_else(gone)?
            .with_timer(timed.filter(|_| requested)),
        process_list: list.iter().map(Into::into).collect(),
        ancestors: tree.ancestors(key).filter_map(ancestor).collect(),
        below: Below { groups: below.groups, frozen: below.frozen, freezing: below.freezing },
        other_hierarchy: elsewhere(context, fs, list)?,
        thaws_in_usec: timed.and_then(thaws_in_usec),
        timed: timed.filter(|_| requested),
        frozen_by_systemd: unit.map(|_| says.as_ref().is_some_and(Systemd::froze)),
        systemd: says,
        clocks: forecast.map(|forecast| forecast.clocks),
        stuck,
    })
}

/// When a group is thawed that is frozen for a time, or what keeps it from that.
fn thaws(freeze: TimedFreeze) -> String {
    match (freeze.timer, freeze.time) {
        (TimerState::Runs, TimeLeft::Left(left)) => format!("in {}, by a timer", span::left(left)),
        (TimerState::Runs, time) => format!("by a timer; {time}"),
        (TimerState::Gone, _) | (_, TimeLeft::Overdue(_)) => {
            format!("not automatically: {freeze}; cryoscope rescue fixes it")
        }
        // Until its end somebody may let the timer go on.
        _ => format!("not automatically: {freeze}"),
    }
}

fn thaws_in_usec(freeze: TimedFreeze) -> Option<u64> {
    match freeze {
        TimedFreeze { timer: TimerState::Runs, time: TimeLeft::Left(left) } => {
            u64::try_from(left.as_micros()).ok()
        }
        TimedFreeze { timer: TimerState::Runs, .. } => Some(0),
        _ => None,
    }
}

fn ancestor(tree: &Tree, key: crate::model::tree::Key, hierarchy: &Hierarchy) -> Option<Ancestor> {
    let node = tree.get(key)?;
    let path = json::absolute(tree, key, hierarchy);
    Some(Ancestor {
        path,
        state: node.state().map(|s| s.to_string()),
        requested: node.group.freezer.requested(),
    })
}

/// The groups of the other hierarchy in which the processes are: a process that is thawed here may be frozen there.
fn elsewhere(context: &Context, fs: &Filesystem, list: &[Process]) -> Result<Vec<Elsewhere>, Failure> {
    let Some(other) = context.hosts.get(fs.hierarchy().version.other()) else { return Ok(Vec::new()) };
    let fs = Filesystem::open(other.clone())?;
    let mut found = Vec::new();
    for (path, processes) in membership::elsewhere(list.iter().map(|process| process.id.pid), other) {
        let Some(read) = fs.group(&path)?.map(|group| group.read()).transpose()?.flatten() else { continue };
        let asked = crate::kernel::freezer::asking_ancestor(&fs, &path);
        let state = read.freezer.state(asked.is_some()).map(|s: State| s.to_string());
        let shown = |path| printable(other.absolute(path).as_os_str().as_encoded_bytes()).into_owned();
        found.push(Elsewhere {
            path: shown(&path),
            hierarchy: other.version.to_string(),
            state,
            requested: read.freezer.requested(),
            inherited_from: asked.as_ref().map(shown),
            processes,
        });
    }
    Ok(found)
}

fn freezing_for(freezing: Freezing) -> String {
    format!(" for {}{}", if freezing.at_most { "at most " } else { "" }, span::short(freezing.span))
}

/// So many culprits have a line of their own.
const MAX_PRINTED_CULPRITS: usize = 10;
/// So many kernel functions of the first culprit are shown, innermost first.
const MAX_PRINTED_FUNCTIONS: usize = 6;

/// What keeps the group from freezing. Where the other hierarchy holds it, the state says so already.
fn print_culprits(culprits: &Culprits, out: &mut impl Write) -> Result<(), Failure> {
    let Some(first) = culprits.list.first().filter(|_| culprits.held_by().is_none()) else { return Ok(()) };
    for (at, culprit) in culprits.list.iter().take(MAX_PRINTED_CULPRITS).enumerate() {
        writeln!(out, "  {:<10} {culprit}", if at == 0 { "blocked by" } else { "" })?;
    }
    let more = culprits.list.len().saturating_sub(MAX_PRINTED_CULPRITS) + culprits.more;
    if more > 0 {
        writeln!(out, "             and {more} more")?;
    }
    if culprits.is_cut {
        writeln!(out, "             and perhaps others: not all threads were checked")?;
    }
    if !first.stack.is_empty() {
        let functions: Vec<_> =
            first.stack.iter().take(MAX_PRINTED_FUNCTIONS).map(|f| printable(f.as_bytes())).collect();
        writeln!(out, "  stack      {} ({})", functions.join(" < "), first.thread.tid)?;
    }
    writeln!(out, "  what to do {}", first.remedy())?;
    Ok(())
}

fn print(shown: &Shown, list: &[Process], out: &mut impl Write) -> Result<(), Failure> {
    let group = &shown.group;
    writeln!(out, "{} ({})", group.path, group.hierarchy)?;
    let state = group.state.as_deref().unwrap_or("a root group cannot be frozen");
    let held = match (state, story::held(&shown.other_hierarchy, list.len())) {
        ("frozen", _) | (_, None) => String::new(),
        ("freezing", Some(held)) => format!("; {held}"),
        (_, Some(held)) => format!(", but {held}"),
    };
    let freezing = shown.stuck.as_ref().and_then(|stuck| stuck.freezing);
    writeln!(out, "  state      {state}{}{held}", freezing.map_or(String::new(), freezing_for))?;
    if let Some(culprits) = shown.stuck.as_ref().and_then(|stuck| stuck.culprits.as_ref()) {
        print_culprits(culprits, out)?;
    }
    writeln!(out, "  requested  {}", if group.requested { "yes, by its own file" } else { "no" })?;
    if let Some(from) = &group.inherited_from {
        let alone = if group.requested {
            "clears its own request, but it stays frozen by the ancestor"
        } else {
            "has no effect"
        };
        writeln!(out, "  inherited  from {from}: thawing this group alone {alone}")?;
    }
    // While it is freezing the kernel counts too, but it is not frozen.
    let frozen = group.frozen_usec.filter(|_| shown.stuck.is_none());
    if let Some(span) = frozen.map(Duration::from_micros).filter(|span| !span.is_zero()) {
        let span = if span.as_secs() == 0 { "less than a second".to_owned() } else { span::short(span) };
        writeln!(out, "  frozen for {span} in total")?;
    }
    if let Some(freeze) = shown.timed {
        writeln!(out, "  thaws      {}", thaws(freeze))?;
    }
    let Below { groups, frozen, freezing } = shown.below;
    match usize::try_from(groups).unwrap_or(usize::MAX) {
        0 => writeln!(out, "  below      no groups")?,
        groups => writeln!(
            out,
            "  below      {}, {frozen} frozen, {freezing} freezing",
            span::count(groups, "group", "groups")
        )?,
    }
    owner::print(shown, out)?;
    for above in &shown.ancestors {
        let asks = if above.requested { "freeze requested" } else { "not requested" };
        writeln!(out, "  above      {}: {asks}", above.path)?;
    }
    for other in &shown.other_hierarchy {
        writeln!(out, "  on {}      {}", other.hierarchy, story::side(other))?;
    }
    if !list.is_empty() {
        writeln!(out, "\n{:>8} {:<8} {:<2} {:>3} {:>9} COMMAND", "PID", "USER", "S", "THR", "RSS")?;
    }
    for branch in process_tree(list) {
        let Some(p) = list.get(branch.index) else { continue };
        let mark = p.mark().map(|mark| format!("  [{mark}]")).unwrap_or_default();
        let name = format!("{:indent$}{}", "", printable(&p.command), indent = 2 * branch.depth);
        let (pid, user, rss) = (p.id.pid, printable(p.user.as_bytes()), span::bytes(p.rss));
        writeln!(out, "{pid:>8} {user:<8} {:<2} {:>3} {rss:>9} {name}{mark}", p.state, p.threads)?;
    }
    Ok(())
}
