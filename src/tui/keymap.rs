//! The one table of keys: dispatch, footer and help are made from it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Action;

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
    key(&["F"], Action::FreezeFor, "", "freeze it for a time (asks first)"),
    key(&["t"], Action::Thaw, "thaw", "thaw the group (asks first)"),
    key(&["C"], Action::Checkpoint, "checkpoint", "checkpoint the group (shows all first)"),
    key(&["R"], Action::Rescue, "", "rescue: hung criu, cut-off checkpoints"),
    key(&["/"], Action::Search, "search", "search for a group by its name"),
    key(&["n"], Action::NextHit, "", "next hit"),
    key(&["N"], Action::PreviousHit, "", "previous hit"),
    key(&["\\"], Action::Filter, "filter", "show only is:frozen unit:x pid:1 text; - turns round"),
    key(&["p"], Action::Jump, "", "go to a PID, unit, container or path"),
    key(&["Space"], Action::Mark, "mark", "mark: f, F and t are for all marked"),
    key(&["c"], Action::MarkBelow, "", "mark with everything below"),
    key(&["U"], Action::Unmark, "", "unmark all"),
    key(&["v"], Action::Hierarchy, "v1/v2", "its processes on the other hierarchy"),
    key(&["Tab"], Action::NextPanel, "panel", "next panel"),
    key(&["1"], Action::PanelProcesses, "", "processes of the group"),
    key(&["2"], Action::PanelFreeze, "", "why it is frozen, or not"),
    key(&["3"], Action::PanelFiles, "", "its control files, as they change"),
    key(&["4"], Action::PanelEvents, "", "what happened to it and below"),
    key(&["J", "Shift-Down"], Action::PanelDown, "", "next process; down in the panel"),
    key(&["K", "Shift-Up"], Action::PanelUp, "", "process before; up in the panel"),
    key(&["x"], Action::Signal, "", "signal the process (asks first)"),
    key(&["o"], Action::Order, "", "order of the processes"),
    key(&["z"], Action::PanelAlone, "", "the panel alone, or beside the groups"),
    key(&["<"], Action::BorderLeft, "", "more room for the panel"),
    key(&[">"], Action::BorderRight, "", "more room for the groups"),
    key(&["y"], Action::Copy, "copy", "copy path (2, 3: command; 4: events)"),
    key(&["E"], Action::Export, "", "write the events to a file"),
    key(&["m"], Action::Mouse, "", "the mouse: here, or the terminal's"),
    key(&["Down", "j"], Action::Down, "", "next group"),
    key(&["Up", "k"], Action::Up, "", "previous group"),
    key(&["Left", "h"], Action::Left, "", "fold, or go to the group above"),
    key(&["Right", "l"], Action::Right, "", "unfold, or go into the group"),
    key(&["Enter"], Action::Toggle, "", "fold or unfold"),
    key(&["+"], Action::Unfold, "", "unfold"),
    key(&["-"], Action::Fold, "", "fold"),
    key(&["*"], Action::UnfoldBelow, "", "unfold everything below"),
    key(&["_"], Action::FoldBelow, "", "fold everything below"),
    key(&[")"], Action::LevelMore, "", "one level more of all groups"),
    key(&["("], Action::LevelLess, "", "one level less of all groups"),
    key(&["gg", "Home"], Action::First, "", "first group"),
    key(&["G", "End"], Action::Last, "", "last group"),
    key(&["Ctrl-D"], Action::HalfDown, "", "half a page down"),
    key(&["Ctrl-U"], Action::HalfUp, "", "half a page up"),
    key(&["PgDn"], Action::PageDown, "", "a page down"),
    key(&["PgUp"], Action::PageUp, "", "a page up"),
    key(&["s"], Action::Sort, "", "sort by name, processes, state, newest"),
    key(&["Z"], Action::Hold, "", "hold the display, or let it go on"),
    key(&["Ctrl-Z"], Action::Suspend, "", "suspend the program (fg brings it back)"),
    key(&[":"], Action::Palette, "", "everything that can be done, by its words"),
    key(&["Esc"], Action::Back, "", "back out one level"),
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

/// What the keys typed before and this one mean together.
pub(crate) fn lookup(typed: &str) -> Lookup {
    let has = |test: &dyn Fn(&str) -> bool| TABLE.iter().find(|b| b.keys.iter().any(|k| test(k)));
    if let Some(binding) = has(&|k| k == typed) {
        return Lookup::Action(binding.action);
    }
    // Only sequences of letters have a beginning: `C` is not that of `Ctrl-D`.
    let begins =
        |k: &str| k.len() == 2 && k != typed && k.starts_with(typed) && k.as_bytes()[0] == k.as_bytes()[1];
    if has(&begins).is_some() { Lookup::Prefix } else { Lookup::Nothing }
}

/// A key as the table writes it.
pub(crate) fn spelled(event: &KeyEvent) -> Option<String> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let name = match event.code {
        KeyCode::Char(c) if control => return Some(format!("Ctrl-{}", c.to_ascii_uppercase())),
        KeyCode::Char(_) if event.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(' ') => "Space",
        KeyCode::Char(c) => return Some(c.to_string()),
        KeyCode::F(n) => return Some(format!("F{n}")),
        KeyCode::Up => "Up",
        KeyCode::Down => "Down",
        KeyCode::Left => "Left",
        KeyCode::Right => "Right",
        KeyCode::Home => "Home",
        KeyCode::End => "End",
        KeyCode::PageUp => "PgUp",
        KeyCode::PageDown => "PgDn",
        KeyCode::Enter => "Enter",
        KeyCode::Tab => "Tab",
        KeyCode::Esc => "Esc",
        _ => return None,
    };
    Some(if shift { format!("Shift-{name}") } else { name.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_readme_has_the_same_keys() {
        let name = |key: &&str| format!("`{key}`");
        let row = |b: &Binding| {
            format!("| {} | {} |\n", b.keys.iter().map(name).collect::<Vec<_>>().join(" "), b.help)
        };
        let table: String = TABLE.iter().map(row).collect();
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table), "the README's table of keys should be:\n{table}");
    }

    #[test]
    fn no_key_means_two_things() {
        let keys: Vec<_> = TABLE.iter().flat_map(|b| b.keys).collect();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    #[test]
    fn a_letter_twice_is_one_key() {
        assert_eq!(lookup("g"), Lookup::Prefix);
        assert_eq!(lookup("gg"), Lookup::Action(Action::First));
        assert_eq!(lookup("gx"), Lookup::Nothing);
        assert_eq!(lookup("C"), Lookup::Action(Action::Checkpoint));
        assert_eq!(lookup("W"), Lookup::Nothing);
    }
}
