//! What happened, in both hierarchies: kept as far as there is room, shown for the selected group and below.

mod deeds;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::ZonedDateTime;

use self::deeds::Deeds;
use super::layout::inside;
use super::{App, Command, FreezeAction, columns, story};
use crate::model::tree::{Occurrence, What};
use crate::model::{CgroupId, CgroupPath, Version, printable, span};

/// How many are kept for each hierarchy.
const KEPT: usize = 4000;
/// How many are copied at most: more than this a terminal does not take onto the clipboard.
const COPIED: usize = 500;
/// Something that happened.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Counted up over both hierarchies.
    number: u64,
    at: ZonedDateTime,
    pub(crate) what: What,
    path: CgroupPath,
    /// This run did it.
    pub(crate) ours: bool,
}

/// All that is kept.
#[derive(Debug, Default)]
pub(crate) struct Events {
    kept: HashMap<Version, VecDeque<Entry>>,
    next: u64,
    deeds: Deeds,
    /// The last one on the screen, by its number; `None` for the newest there is.
    bottom: Option<u64>,
}

impl Events {
    /// Takes in what was seen to happen, at a time on the clock, and since the start. Gives back what others did.
    pub(crate) fn take(
        &mut self,
        version: Version,
        at: &ZonedDateTime,
        occurred: Vec<Occurrence>,
        now: Duration,
    ) -> Vec<(CgroupId, What)> {
        self.deeds.forget_old(now);
        let (kept, mut others) = (self.kept.entry(version).or_default(), Vec::new());
        for Occurrence { what, path, id } in occurred {
            let ours = self.deeds.caused(version, what, &path);
            others.extend((!ours).then_some((id, what)));
            kept.push_back(Entry { number: self.next, at: at.clone(), what, path, ours });
            self.next += 1;
        }
        kept.drain(..kept.len().saturating_sub(KEPT));
        others
    }

    /// Remembers what this run is about to do.
    pub(crate) fn about_to(&mut self, commands: &[Command]) {
        commands.iter().for_each(|command| self.deeds.begin(command));
    }

    /// A freeze or a thaw of ours is done, or has failed.
    pub(crate) fn done(
        &mut self,
        action: FreezeAction,
        version: Version,
        path: &CgroupPath,
        done: bool,
        now: Duration,
    ) {
        self.deeds.end(action, version, path, done, now);
    }

    /// Our checkpoint is over.
    pub(crate) fn checkpoint_ended(&mut self, now: Duration) {
        self.deeds.end_checkpoint(now);
    }

    /// Shows the newest again.
    pub(crate) fn show_newest(&mut self) {
        self.bottom = None;
    }

    /// What happened to a group and below, oldest first.
    fn of(&self, version: Version, group: &CgroupPath) -> Vec<&Entry> {
        let kept = self.kept.get(&version).into_iter().flatten();
        kept.filter(|entry| entry.path.is_within(group)).collect()
    }

    /// How many of these stand on the screen or above it, where `height` have room.
    fn shown(&self, entries: &[&Entry], height: usize) -> usize {
        let Some(bottom) = self.bottom else { return entries.len() };
        entries.partition_point(|entry| entry.number <= bottom).max(height).min(entries.len())
    }
}

/// One line of the panel.
pub(crate) struct Shown<'a> {
    pub(crate) text: String,
    /// `None` for the title.
    pub(crate) entry: Option<&'a Entry>,
}

/// A title, and as many lines as have room below it.
pub(crate) fn lines(app: &App, width: usize, height: usize) -> Vec<Shown<'_>> {
    let Some((target, node)) = app.selected_target().zip(app.selected_node()) else { return Vec::new() };
    let entries = app.events.of(target.version, &target.path);
    let room = height.saturating_sub(1);
    let shown = app.events.shown(&entries, room);
    let newer = entries.len() - shown;
    let count = match (entries.len(), newer) {
        (0, _) => "no events yet".to_owned(),
        (n, 0) => span::count(n, "event", "events"),
        (_, newer) => format!("{newer} newer: J"),
    };
    let ours = if entries.iter().any(|entry| entry.ours) { "   us: this session" } else { "" };
    let title = format!(" {}   {count}{ours}", story::name(node));
    let line = |entry| Shown { text: line(entry, &target.path, width), entry: Some(entry) };
    let rows = entries[shown.saturating_sub(room)..shown].iter().copied().map(line);
    std::iter::once(Shown { text: columns::cut(&title, width), entry: None }).chain(rows).collect()
}

fn line(entry: &Entry, group: &CgroupPath, width: usize) -> String {
    let path = entry.path.below(group).filter(|below| !below.is_root());
    let path = path.map_or("this group".to_owned(), |below| printable(&below.as_bytes()[1..]).into_owned());
    let begin = format!("{} {} {:<9} ", entry.at.strftime("%H:%M:%S"), who(entry), entry.what.word());
    let room = width.saturating_sub(columns::width(&begin));
    columns::cut(&(begin + &columns::cut_front(&path, room)), width)
}

/// Nobody tells who else it was.
fn who(entry: &Entry) -> &'static str {
    if entry.ours { "us" } else { "  " }
}

/// Scrolls by one line, to newer ones or to older ones.
pub(crate) fn scroll(app: &mut App, newer: bool) {
    let Some(target) = app.selected_target() else { return };
    let area = app.layout().and_then(|layout| layout.panel).map(inside);
    let height = area.map_or(0, |area| usize::from(area.height.saturating_sub(1)));
    let entries = app.events.of(target.version, &target.path);
    let shown = app.events.shown(&entries, height);
    let shown = if newer { shown + 1 } else { shown.saturating_sub(1).max(height) };
    let last = shown.checked_sub(1).and_then(|at| entries.get(at)).map(|entry| entry.number);
    app.events.bottom = last.filter(|_| shown < entries.len());
}

/// Whether nothing is kept of the selected group and below.
pub(crate) fn is_empty(app: &App) -> bool {
    newest(app).is_none()
}

/// When the newest of them was.
pub(crate) fn newest(app: &App) -> Option<ZonedDateTime> {
    let target = app.selected_target()?;
    app.events.of(target.version, &target.path).last().map(|entry| entry.at.clone())
}

/// The newest events as text, a line each, and how many these are.
pub(crate) fn to_copy(app: &App) -> Option<(String, usize)> {
    as_text(app, COPIED)
}

/// All that are kept, as text.
pub(crate) fn to_write(app: &App) -> Option<String> {
    as_text(app, KEPT).map(|(text, _)| text)
}

fn as_text(app: &App, most: usize) -> Option<(String, usize)> {
    let (target, hierarchy) = (app.selected_target()?, app.hierarchy()?);
    let entries = app.events.of(target.version, &target.path);
    let entries = &entries[entries.len().saturating_sub(most)..];
    let line = |entry: &&Entry| {
        let path = hierarchy.absolute(&entry.path);
        let path = printable(path.as_os_str().as_encoded_bytes()).into_owned();
        let at = entry.at.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z");
        format!("{at} {} {:<9} {path}\n", who(entry), entry.what.word())
    };
    (!entries.is_empty()).then(|| (entries.iter().map(line).collect(), entries.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(what: What, path: &str) -> Vec<Occurrence> {
        let id = CgroupId { dev: 1, ino: 7 };
        vec![Occurrence { what, id, path: CgroupPath::new(path.as_bytes()) }]
    }

    #[test]
    fn only_so_many_are_kept() {
        let (mut events, at) = (Events::default(), ZonedDateTime::default());
        for _ in 0..3 {
            let many = (0..KEPT - 1).flat_map(|_| happened(What::Created, "/a")).collect();
            events.take(Version::V2, &at, many, Duration::ZERO);
        }
        let kept = events.of(Version::V2, &CgroupPath::root());
        assert_eq!((kept.len(), kept[0].number), (KEPT, 3 * (KEPT as u64 - 1) - KEPT as u64));
        assert!(events.of(Version::V1, &CgroupPath::root()).is_empty());
    }
}
