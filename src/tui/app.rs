//! Everything that the screen shows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::command::Command;
use super::dialog::Dialog;
use super::events::Events;
use super::files::Files;
use super::filter::Filtering;
use super::held::Held;
use super::hold::Hold;
use super::keymap::Keymap;
use super::layout::{Layout, Shape, inside};
use super::palette::Palette;
use super::preferences::Preferences;
use super::processes::Order;
use super::prompt::Prompt;
use super::rows::{Grove, Since};
use super::search::Search;
use super::theme::{Choice, Depth, Ground, Theme};
use crate::model::tree::{Key, Node, Tree};
use crate::model::{
    CgroupId, CgroupPath, Freezer, Hierarchies, Hierarchy, Process, ProcessId, State, Version,
};
use crate::timer::Log;

/// What the person who started the program decided, and what the program found out about its host before.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The host's name.
    pub host: String,
    /// Letters instead of symbols.
    pub ascii: bool,
    /// How many colours the terminal has, and may be used.
    pub depth: Depth,
    /// The terminal's ground, as far as it is known before it is asked.
    pub ground: Option<Ground>,
    /// What the config says.
    pub preferences: Preferences,
    /// Nothing may be changed.
    pub read_only: bool,
    /// What this user lacks to do everything, a sentence each; empty for root.
    pub limits: Vec<String>,
    /// The group to open at.
    pub target: Option<(Version, CgroupPath)>,
    /// Where timers log.
    pub log: Option<Log>,
    /// The size of the terminal: columns, rows.
    pub size: (u16, u16),
}

/// A group that something is to be done with: pinned by its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its hierarchy.
    pub version: Version,
    /// Its identity.
    pub id: CgroupId,
    /// The path at which it was seen.
    pub path: CgroupPath,
}

/// What the panel beside the groups shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    /// The processes of the selected group.
    Processes,
    /// The story of its freeze.
    Freeze,
    /// Its control files.
    Files,
    /// What happened to it and below.
    Events,
}

impl Panel {
    /// All, in the order of their keys.
    pub(crate) const ALL: [Self; 4] = [Self::Processes, Self::Freeze, Self::Files, Self::Events];

    /// The next one; `None` after the last.
    pub(crate) fn next(self) -> Option<Self> {
        Self::ALL.iter().copied().skip_while(|panel| *panel != self).nth(1)
    }
}

/// A line for the person, until the next key; what came unasked stays for a moment at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) wrong: bool,
    /// No key takes it away before: time since the start.
    pub(crate) until: Duration,
}

/// What was read of a group when its processes were listed.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: CgroupId,
    pub(crate) list: Result<Vec<Process>, String>,
    /// Groups of the other hierarchy, with how many of the processes are in each.
    pub(crate) elsewhere: Vec<(CgroupPath, usize)>,
    pub(crate) frozen_usec: Option<u64>,
    /// Time since the start.
    pub(crate) at: Duration,
}

/// What keeps a group from freezing.
#[derive(Debug, Clone)]
pub(crate) struct Culprits {
    pub(crate) id: CgroupId,
    /// When it was asked last: time since the start.
    pub(crate) asked: Duration,
    /// `None` until the first answer.
    pub(crate) list: Option<Vec<Process>>,
}

/// The whole state of the screen. Changed by [`super::update()`] only.
#[derive(Debug)]
pub struct App {
    pub(crate) settings: Settings,
    theme: Theme,
    pub(crate) hierarchies: Hierarchies,
    /// One for each hierarchy, v2 first; never empty.
    pub(crate) groves: Vec<Grove>,
    /// Which one is shown.
    pub(crate) current: usize,
    pub(crate) panel: Panel,
    pub(crate) shape: Shape,
    /// The border follows the mouse.
    pub(crate) dragging: bool,
    /// The first line of the panel that is shown.
    pub(crate) panel_offset: usize,
    pub(crate) processes: Option<Listed>,
    /// How the processes are sorted.
    pub(crate) order: Order,
    /// The process that was chosen last in the panel.
    pub(crate) process: Option<ProcessId>,
    pub(crate) files: Files,
    pub(crate) events: Events,
    pub(crate) held: Held,
    /// What stands beside the groups that were on the screen, where that was asked.
    pub(crate) owners: HashMap<CgroupId, Option<String>>,
    /// The unit that systemd was asked of last, its request then, and what it said.
    pub(crate) systemd: Option<(CgroupId, bool, Option<String>)>,
    /// When a timer thaws the groups on the screen that ask for a freeze, where one does: time since the start.
    pub(crate) timers: HashMap<CgroupId, Option<Duration>>,
    /// What keeps the selected group from freezing, where that was asked.
    pub(crate) culprits: Option<Culprits>,
    pub(crate) search: Search,
    pub(crate) filter: Filtering,
    pub(crate) dialog: Option<Dialog>,
    /// A line that is asked for.
    pub(crate) prompt: Option<Prompt>,
    /// The process that is gone to, as soon as it is known where it is.
    pub(crate) jumping: Option<i32>,
    /// The process that is to be chosen, as soon as the list of its group is there.
    pub(crate) wanted_process: Option<i32>,
    /// Freezes or thaws of marked groups that go on.
    pub(crate) batch: Option<Batch>,
    pub(crate) palette: Option<Palette>,
    pub(crate) hold: Hold,
    pub(crate) help: bool,
    /// The first line of the help that is shown.
    pub(crate) help_offset: usize,
    pub(crate) message: Option<Message>,
    pub(crate) size: (u16, u16),
    /// Clicks and the wheel come here.
    pub(crate) mouse: bool,
    pub(crate) now: Duration,
    /// Keys that are the beginning of a binding.
    pub(crate) typed: String,
    /// What this run froze and did not thaw.
    pub(crate) frozen_here: Vec<Target>,
    /// Leaving, as soon as these are thawed.
    pub(crate) leaving: Option<HashSet<CgroupId>>,
    /// The checkpoint that is asked for, runs, or has just ended.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// It goes on unseen.
    pub(crate) checkpoint_hidden: bool,
    /// Leaving, as soon as the checkpoint has ended.
    pub(crate) leaving_after_checkpoint: bool,
    /// What is to be rescued on this host, a sentence each.
    pub(crate) stranded: Vec<String>,
    /// The last [`Command::Focus`].
    pub(crate) focus: Option<Command>,
}

impl App {
    /// An empty screen, before the first event. `hierarchies` holds at least one.
    pub fn new(hierarchies: Hierarchies, settings: Settings) -> Self {
        let wanted =
            |v: Version| settings.target.clone().filter(|(version, _)| *version == v).map(|(_, path)| path);
        let mut groves: Vec<Grove> =
            hierarchies.iter().map(|h| Grove::new(h.version, wanted(h.version))).collect();
        groves.iter_mut().for_each(|grove| grove.set_sort(settings.preferences.sort));
        let asked = settings.target.as_ref().map(|(version, _)| *version);
        let current = groves.iter().position(|g| Some(g.version) == asked).unwrap_or(0);
        let (size, mouse) = (settings.size, settings.preferences.mouse);
        Self {
            theme: Self::theme_of(&settings),
            settings,
            hierarchies,
            groves,
            current,
            panel: Panel::Processes,
            shape: Shape::default(),
            dragging: false,
            order: Order::default(),
            process: None,
            prompt: None,
            batch: None,
            jumping: None,
            wanted_process: None,
            panel_offset: 0,
            processes: None,
            files: Files::default(),
            events: Events::default(),
            held: Held::default(),
            owners: HashMap::new(),
            systemd: None,
            timers: HashMap::new(),
            culprits: None,
            search: Search::default(),
            filter: Filtering::default(),
            dialog: None,
            palette: None,
            hold: Hold::default(),
            help: false,
            help_offset: 0,
            message: None,
            size,
            mouse,
            now: Duration::ZERO,
            typed: String::new(),
            frozen_here: Vec::new(),
            leaving: None,
            checkpoint: None,
            checkpoint_hidden: false,
            leaving_after_checkpoint: false,
            stranded: Vec::new(),
            focus: None,
        }
    }

    /// What this run froze and is still asking for a freeze itself: to be said when the program ends.
    pub fn left_frozen(&self) -> impl Iterator<Item = &Target> {
        self.frozen_here
            .iter()
            .filter(|target| self.node_of(target).is_some_and(|n| n.group.freezer.requested()))
    }

    /// How long from now something on the screen shows another time, so that it is to be drawn again; `None` for ever. A
    /// duration moves on once a minute when it is older than that.
    pub fn next_tick(&self) -> Option<Duration> {
        const SECOND: Duration = Duration::from_secs(1);
        if self.checkpoint_runs()
            || self.files.is_marked(self.now)
            || self.timers.values().any(Option::is_some)
        {
            return Some(SECOND);
        }
        let left = |since: &Since| match self.now.saturating_sub(since.at).as_secs() {
            0..60 => SECOND,
            age => Duration::from_secs(60 - age % 60),
        };
        let grove = self.grove()?;
        // Under a dialog the rows stay as they are.
        let fades = grove.recent.next_end(self.now).filter(|_| self.dialog.is_none());
        grove.since.values().map(left).chain(fades).min()
    }

    /// The terminal has another size now.
    pub(crate) fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
    }

    pub(crate) fn checkpoint_runs(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(Checkpoint::is_running)
    }

    /// The checkpoint, where it is on the screen and has the keys.
    pub(crate) fn shown_checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref().filter(|_| !self.checkpoint_hidden)
    }

    pub(crate) fn theme(&self) -> Theme {
        self.theme
    }

    fn theme_of(settings: &Settings) -> Theme {
        Theme::new(settings.ascii, settings.preferences.theme, settings.depth, settings.ground)
    }

    /// The terminal said what its ground is.
    pub(crate) fn stand_on(&mut self, ground: Ground) {
        self.settings.ground = Some(ground);
        self.theme = Self::theme_of(&self.settings);
    }

    /// Whether the theme rests on the terminal's ground. Where there are sixteen colours, what they look like is the terminal's
    /// choice, and fits its ground already.
    pub(crate) fn asks_for_ground(&self) -> bool {
        self.settings.preferences.theme == Choice::Auto && self.settings.depth >= Depth::Indexed
    }

    pub(crate) fn keymap(&self) -> &Keymap {
        &self.settings.preferences.keymap
    }

    pub(crate) fn layout(&self) -> Option<Layout> {
        Layout::of(self.size, self.shape)
    }

    pub(crate) fn grove(&self) -> Option<&Grove> {
        self.groves.get(self.current)
    }

    pub(crate) fn grove_mut(&mut self) -> Option<&mut Grove> {
        self.groves.get_mut(self.current)
    }

    pub(crate) fn grove_of(&mut self, version: Version) -> Option<&mut Grove> {
        self.groves.iter_mut().find(|grove| grove.version == version)
    }

    /// The hierarchy that is shown.
    pub(crate) fn hierarchy(&self) -> Option<&Hierarchy> {
        self.hierarchies.get(self.grove()?.version)
    }

    pub(crate) fn selected_node(&self) -> Option<&Node> {
        let grove = self.grove()?;
        grove.node(grove.selected?)
    }

    pub(crate) fn selected_target(&self) -> Option<Target> {
        let grove = self.grove()?;
        self.target(grove.selected?)
    }

    /// How many groups of the shown hierarchy are marked.
    pub(crate) fn marks(&self) -> usize {
        self.grove().map_or(0, Grove::marks)
    }

    /// Those marked groups, pinned, that ask for a freeze, or do not and can.
    pub(crate) fn marked_that(&self, ask: bool) -> Vec<Target> {
        let Some(grove) = self.grove() else { return Vec::new() };
        let fits = |key: &Key| grove.node(*key).is_some_and(|node| fits(node, ask));
        grove.marked().into_iter().filter(fits).filter_map(|key| self.target(key)).collect()
    }

    /// Whether there is one.
    pub(crate) fn is_any_marked_that(&self, ask: bool) -> bool {
        self.grove().is_some_and(|grove| grove.is_any_marked(|node| fits(node, ask)))
    }

    /// A group of the shown hierarchy, pinned.
    pub(crate) fn target(&self, key: Key) -> Option<Target> {
        let grove = self.grove()?;
        let id = grove.node(key)?.group.id;
        Some(Target { version: grove.version, id, path: grove.path(key) })
    }

    /// A pinned group, if it is still there.
    pub(crate) fn node_of(&self, target: &Target) -> Option<&Node> {
        let tree = self.groves.iter().find(|grove| grove.version == target.version)?.tree.as_ref()?;
        tree.get(tree.find(target.id)?)
    }

    /// The nearest group above the selected one that asks for a freeze.
    pub(crate) fn asked_above(&self) -> Option<Key> {
        let grove = self.grove()?;
        grove.tree.as_ref()?.inherited_from(grove.selected?)
    }

    /// Whether any group above the selected one asks, seen or not: in a container the v1 freezer tells of groups out of sight.
    pub(crate) fn inherits(&self) -> bool {
        self.selected_node().is_some_and(|node| {
            node.inherited || matches!(node.group.freezer, Freezer::V1 { inherited: true, .. })
        })
    }

    /// How long until a timer thaws the selected group.
    pub(crate) fn thaws_in(&self) -> Option<Duration> {
        self.left_of(self.selected_node()?)
    }

    /// How long until a timer thaws a group on the screen.
    pub(crate) fn left_of(&self, node: &Node) -> Option<Duration> {
        let at = self.timers.get(&node.group.id).filter(|_| node.group.freezer.requested())?;
        at.map(|at| at.saturating_sub(self.now))
    }

    /// What keeps the selected group from freezing, as far as it was read.
    pub(crate) fn culprits(&self) -> Option<&[Process]> {
        let node = self.selected_node().filter(|node| node.state() == Some(State::Freezing))?;
        self.culprits.as_ref().filter(|culprits| culprits.id == node.group.id)?.list.as_deref()
    }

    /// The processes of the selected group, as far as they were read.
    pub(crate) fn selected_processes(&self) -> Option<&Result<Vec<Process>, String>> {
        self.listed().map(|listed| &listed.list)
    }

    /// What was read of the selected group beside its state.
    pub(crate) fn listed(&self) -> Option<&Listed> {
        let id = self.selected_node()?.group.id;
        self.processes.as_ref().filter(|listed| listed.id == id)
    }

    /// Leaves in the shown hierarchy what the filter hits.
    pub(crate) fn apply_filter(&mut self) {
        let jump = self.filter.take_jump();
        if jump {
            self.groves.iter_mut().for_each(Grove::set_stale);
        } else if self.grove().is_none_or(|grove| !grove.is_stale()) {
            return;
        }
        let filtering = &self.filter;
        let hit = filtering.holds().map(|filter| {
            move |tree: &Tree, key: Key, node: &Node| {
                filter.matches(node, || tree.path(key), |pid| filtering.place(pid))
            }
        });
        if let Some(grove) = self.groves.get_mut(self.current) {
            grove.keep(hit, jump);
        }
    }

    /// How many rows of groups there is room for.
    pub(crate) fn tree_height(&self) -> usize {
        self.layout().and_then(|l| l.tree).map_or(0, |tree| usize::from(inside(tree).height))
    }

    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), wrong: false, until: Duration::ZERO });
    }

    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), wrong: true, until: Duration::ZERO });
    }

    /// The message came unasked: a key that was meant for something else must not take it away unread.
    pub(crate) fn keep_message(&mut self) {
        const UNREAD: Duration = Duration::from_secs(4);
        if let Some(message) = &mut self.message {
            message.until = self.now + UNREAD;
        }
    }

    /// A key was pressed: what was said before it has been read.
    pub(crate) fn forget_message(&mut self) {
        self.message.take_if(|message| message.until <= self.now);
    }
}

/// A group that asks for a freeze, or one that does not and can.
fn fits(node: &Node, ask: bool) -> bool {
    node.group.freezer != Freezer::Root && node.group.freezer.requested() == ask
}
