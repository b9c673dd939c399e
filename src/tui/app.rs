//! Everything that the screen shows.

mod selected;

use std::collections::HashSet;
use std::time::Duration;

use super::asked::Asked;
use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::command::Command;
use super::dialog::Dialog;
use super::events::Events;
use super::files::Files;
use super::filter::Filtering;
use super::hold::Hold;
use super::keymap::Keymap;
use super::layout::{Layout, Shape, inside};
use super::order::Order;
use super::palette::Palette;
use super::panel::Panel;
use super::prompt::Prompt;
use super::rows::{Grove, Since};
use super::search::Search;
use super::settings::Settings;
use super::target::Target;
use super::theme::{Choice, Depth, Ground, Theme};
use super::under_way::UnderWay;
use crate::model::tree::{Key, Node, Tree};
use crate::model::{CgroupId, Hierarchies, Hierarchy, ProcessId, State, Version};

/// A line for the person, until the next key; what came unasked stays for a moment at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) wrong: bool,
    /// No key takes it away before: time since the start.
    pub(crate) until: Duration,
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
    pub(crate) asked: Asked,
    /// How the processes are sorted.
    pub(crate) order: Order,
    /// The process that was chosen last in the panel.
    pub(crate) process: Option<ProcessId>,
    pub(crate) files: Files,
    pub(crate) events: Events,
    pub(crate) search: Search,
    pub(crate) filter: Filtering,
    pub(crate) dialog: Option<Dialog>,
    /// A line that is asked for.
    pub(crate) prompt: Option<Prompt>,
    /// The process that is gone to, as soon as it is known where it is.
    pub(crate) jumping: Option<i32>,
    /// The process that is to be chosen, as soon as the list of its group is there.
    pub(crate) wanted_process: Option<i32>,
    /// Freezes and thaws that go on.
    pub(crate) under_way: UnderWay,
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
            asked: Asked::default(),
            order: Order::default(),
            process: None,
            prompt: None,
            under_way: UnderWay::default(),
            batch: None,
            jumping: None,
            wanted_process: None,
            panel_offset: 0,
            files: Files::default(),
            events: Events::default(),
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
        let is_freezing = self.selected_node().and_then(Node::state) == Some(State::Freezing);
        if self.checkpoint_runs()
            || is_freezing
            || self.files.is_marked(self.now)
            || self.asked.timers.values().any(|timer| timer.at(self.now).is_some())
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

    /// Whether the terminal is one that answers questions.
    pub(crate) fn asks_terminal(&self) -> bool {
        self.settings.depth >= Depth::Indexed
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
