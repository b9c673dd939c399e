//! The table of keys. Dispatch, footer, help, palette and man page are made from it; the config overrides its keys.

mod spelling;

use super::Action;

pub(crate) use spelling::spelled;
pub use spelling::{canonical, clash};

/// An action with its keys.
#[derive(Debug)]
pub struct Binding {
    /// The keys, as they are written: `j`, `Ctrl-D`, `gg`.
    pub keys: &'static [&'static str],
    /// What they do.
    pub action: Action,
    /// One line of help.
    pub help: &'static str,
    /// The word in the footer; empty where it is not shown there.
    pub footer: &'static str,
}

const fn key(
    keys: &'static [&'static str],
    action: Action,
    footer: &'static str,
    help: &'static str,
) -> Binding {
    Binding { keys, action, help, footer }
}

/// All keys, in the order of the help.
pub const TABLE: &[Binding] = &[
    key(&["f"], Action::Freeze, "freeze", "freeze the group (asks first)"),
    key(&["F"], Action::FreezeFor, "", "freeze for a set time (asks first)"),
    key(&["t"], Action::Thaw, "thaw", "thaw the group (asks first)"),
    key(&["X"], Action::CancelFreeze, "cancel", "cancel a freeze in progress"),
    key(&["C"], Action::Checkpoint, "checkpoint", "checkpoint the group (shows the plan first)"),
    key(&["R"], Action::Rescue, "", "rescue: hung criu, interrupted checkpoints"),
    key(&["/"], Action::Search, "search", "search groups by name"),
    key(&["n"], Action::NextHit, "", "next match"),
    key(&["N"], Action::PreviousHit, "", "previous match"),
    key(&["\\"], Action::Filter, "filter", "filter (is:frozen unit:x pid:1 text; -term negates)"),
    key(&["p"], Action::Jump, "", "go to a PID, unit, container or path"),
    key(&["Space"], Action::Mark, "mark", "mark the group: f, F and t act on all marked"),
    key(&["c"], Action::MarkBelow, "", "mark the group and everything below"),
    key(&["U"], Action::Unmark, "", "unmark all"),
    key(&["v"], Action::Hierarchy, "v1/v2", "switch hierarchy (v1/v2)"),
    key(&["Tab"], Action::NextPanel, "panel", "next panel"),
    key(&["1"], Action::PanelProcesses, "", "processes of the group"),
    key(&["2"], Action::PanelFreeze, "", "why it is frozen, or not"),
    key(&["3"], Action::PanelFiles, "", "its control files, live"),
    key(&["4"], Action::PanelEvents, "", "events in it and below"),
    key(&["J", "Shift-Down"], Action::PanelDown, "", "next process / scroll down"),
    key(&["K", "Shift-Up"], Action::PanelUp, "", "previous process / scroll up"),
    key(&["x"], Action::Signal, "", "signal the process (asks first)"),
    key(&["o"], Action::Order, "", "sort processes"),
    key(&["z"], Action::PanelAlone, "", "toggle full-screen panel"),
    key(&["<"], Action::BorderLeft, "", "widen the panel"),
    key(&[">"], Action::BorderRight, "", "widen the tree"),
    key(&["y"], Action::Copy, "copy", "copy the path, command or events (by panel)"),
    key(&["E"], Action::Export, "", "save the events to a file"),
    key(&["m"], Action::Mouse, "", "toggle mouse capture"),
    key(&["Down", "j"], Action::Down, "", "next group"),
    key(&["Up", "k"], Action::Up, "", "previous group"),
    key(&["Left", "h"], Action::Left, "", "fold, or go to the parent group"),
    key(&["Right", "l"], Action::Right, "", "unfold, or go into the group"),
    key(&["Enter"], Action::Toggle, "", "fold or unfold"),
    key(&["+"], Action::Unfold, "", "unfold"),
    key(&["-"], Action::Fold, "", "fold"),
    key(&["*"], Action::UnfoldBelow, "", "unfold everything below"),
    key(&["_"], Action::FoldBelow, "", "fold everything below"),
    key(&[")"], Action::LevelMore, "", "unfold one level everywhere"),
    key(&["("], Action::LevelLess, "", "fold one level everywhere"),
    key(&["gg", "Home"], Action::First, "", "first group"),
    key(&["G", "End"], Action::Last, "", "last group"),
    key(&["Ctrl-D"], Action::HalfDown, "", "half a page down"),
    key(&["Ctrl-U"], Action::HalfUp, "", "half a page up"),
    key(&["PgDn"], Action::PageDown, "", "page down"),
    key(&["PgUp"], Action::PageUp, "", "page up"),
    key(&["s"], Action::Sort, "", "sort groups: name, processes, state, newest"),
    key(&["Z"], Action::Hold, "", "pause or resume updates"),
    key(&["Ctrl-Z"], Action::Suspend, "", "suspend the program (fg resumes it)"),
    key(&[":"], Action::Palette, "", "command palette"),
    key(&["Esc"], Action::Back, "", "go back one level"),
    key(&["?", "F1"], Action::Help, "help", "this help"),
    key(&["q", "Ctrl-C"], Action::Quit, "quit", "quit"),
];

/// What keys typed so far mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Action(Action),
    /// The beginning of something longer.
    Prefix,
    Nothing,
}

/// An action of the table with the keys that it has here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Its keys; none where the config took them away.
    pub keys: Vec<String>,
    /// What they do.
    pub action: Action,
    /// One line of help.
    pub help: &'static str,
    /// The word in the footer; empty where it is not shown there.
    pub footer: &'static str,
}

impl Bound {
    /// The key that is shown where there is room for one; empty where there is none.
    pub(crate) fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }
}

/// The table as it holds here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap(Vec<Bound>);

impl Default for Keymap {
    fn default() -> Self {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let bound = |&Binding { keys: own, action, help, footer }: &Binding| Bound {
            keys: keys(own),
            action,
            help,
            footer,
        };
        Self(TABLE.iter().map(bound).collect())
    }
}

impl Keymap {
    /// The table with other keys for some actions. What they take is taken from the actions that had it.
    pub fn with(mut self, own: &[(Action, Vec<String>)]) -> Self {
        for bound in &mut self.0 {
            match own.iter().find(|(action, _)| *action == bound.action) {
                Some((_, keys)) => bound.keys.clone_from(keys),
                None => {
                    bound.keys.retain(|key| !own.iter().flat_map(|(_, keys)| keys).any(|k| clash(k, key)))
                }
            }
        }
        self
    }

    /// All actions, in the order of the help.
    pub fn iter(&self) -> std::slice::Iter<'_, Bound> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys of an action.
    pub fn keys(&self, action: Action) -> &[String] {
        self.iter().find(|bound| bound.action == action).map_or(&[], |bound| &bound.keys)
    }

    /// The key of an action as it stands in a sentence; the palette has every action, with a key or without.
    pub(crate) fn name(&self, action: Action) -> &str {
        self.keys(action).first().map_or("the palette", String::as_str)
    }

    /// What the keys typed before and this one mean together.
    pub(crate) fn lookup(&self, typed: &str) -> Lookup {
        let has = |test: &dyn Fn(&str) -> bool| self.iter().find(|b| b.keys.iter().any(|k| test(k)));
        if let Some(bound) = has(&|k| k == typed) {
            return Lookup::Action(bound.action);
        }
        if has(&|k| spelling::begins(typed, k)).is_some() { Lookup::Prefix } else { Lookup::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn no_key_means_two_things_and_every_action_has_one() {
        let keys: Vec<_> = TABLE.iter().flat_map(|b| b.keys).collect();
        for (at, one) in keys.iter().enumerate() {
            assert_eq!(canonical(one).as_deref(), Ok(**one), "as the config would have to write it");
            assert!(!keys[at + 1..].iter().any(|other| clash(one, other)), "{one}");
        }
        assert!(Action::iter().all(|action| TABLE.iter().any(|b| b.action == action && !b.keys.is_empty())));
    }

    #[test]
    fn a_letter_twice_is_one_key() {
        let keymap = Keymap::default();
        assert_eq!(keymap.lookup("g"), Lookup::Prefix);
        assert_eq!(keymap.lookup("gg"), Lookup::Action(Action::First));
        assert_eq!(keymap.lookup("gx"), Lookup::Nothing);
        assert_eq!(keymap.lookup("C"), Lookup::Action(Action::Checkpoint));
        assert_eq!(keymap.lookup("W"), Lookup::Nothing);
    }

    #[test]
    fn other_keys_take_the_place_of_the_tables() {
        let own = |action, keys: &[&str]| (action, keys.iter().map(|k| (*k).to_owned()).collect());
        let keymap = Keymap::default().with(&[
            own(Action::Freeze, &["t", "F5"]),
            own(Action::Search, &["g"]),
            own(Action::Rescue, &[]),
            own(Action::Last, &["zz"]),
        ]);
        assert_eq!(keymap.lookup("t"), Lookup::Action(Action::Freeze));
        assert_eq!(keymap.lookup("f"), Lookup::Nothing, "its own is free");
        assert_eq!(keymap.keys(Action::Thaw), [""; 0], "what it takes is taken away");
        assert_eq!(keymap.keys(Action::First), ["Home"], "g is not the beginning of gg any more");
        assert_eq!(keymap.lookup("g"), Lookup::Action(Action::Search));
        assert_eq!((keymap.lookup("z"), keymap.lookup("zz")), (Lookup::Prefix, Lookup::Action(Action::Last)));
        assert_eq!(keymap.lookup("R"), Lookup::Nothing);
        assert_eq!((keymap.name(Action::Rescue), keymap.name(Action::Freeze)), ("the palette", "t"));
        assert_eq!(keymap.len(), TABLE.len());
    }
}
