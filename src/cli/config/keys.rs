//! `[keys]`: an action, and its key or keys.

use strum::IntoEnumIterator;
use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;
use super::value::{Value, wrong_kind};
use crate::tui::keymap::{canonical, clash};
use crate::tui::{Action, Keymap};

/// A key that the config gives to an action.
struct Given {
    action: Action,
    key: String,
    at: usize,
}

/// Reads all keys, and lays them over the table.
pub(super) fn read(table: Option<&DeTable<'_>>, mistakes: &mut Vec<Mistake>) -> Keymap {
    let (mut given, mut own) = (Vec::new(), Vec::new());
    for (name, value) in table.into_iter().flat_map(|table| table.iter()) {
        let Some(action) = Action::iter().find(|action| action.name() == name.get_ref()) else {
            let known = Action::iter().map(Action::name);
            mistakes.push(Mistake::unknown(name.span().start, "an action", name.get_ref(), known));
            continue;
        };
        let keys = keys(action, value, mistakes);
        own.push((action, keys.iter().map(|given| given.key.clone()).collect()));
        given.extend(keys);
    }
    given.sort_by_key(|given| given.at);
    mistakes.extend(given.iter().enumerate().filter_map(|(at, later)| twice(&given[..at], later)));
    let keymap = Keymap::default().with(&own);
    if keymap.keys(Action::Quit).is_empty() {
        mistakes.push(no_way_out(table, &given));
    }
    keymap
}

fn keys(action: Action, value: &Value<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Given> {
    let one = [value];
    let values: Vec<&Value<'_>> = match value.get_ref() {
        DeValue::Array(values) => values.iter().collect(),
        _ => one.into(),
    };
    let mut given = Vec::new();
    for value in values {
        let at = value.span().start;
        match value.get_ref().as_str().map(|text| (text, canonical(text))) {
            Some((_, Ok(key))) => given.push(Given { action, key, at }),
            Some((text, Err(why))) => mistakes.push(Mistake::new(at, format!("{text} is not a key: {why}"))),
            None => mistakes.push(wrong_kind(
                action.name(),
                "a key in quotes, or several in brackets",
                value,
                value.get_ref(),
            )),
        }
    }
    given
}

fn twice(before: &[Given], later: &Given) -> Option<Mistake> {
    let first = before.iter().find(|first| clash(&first.key, &later.key))?;
    let (key, action, other) = (&later.key, later.action.name(), first.action.name());
    let what = if first.key == *key && action == other {
        format!("{key} is listed twice for {action}")
    } else if first.key == *key {
        format!("{key} is bound twice: to {other} and to {action}")
    } else {
        format!(
            "{key} for {action} and {} for {other} start with the same key: one of them could never be typed",
            first.key
        )
    };
    Some(Mistake::new(later.at, what))
}

/// Quitting must stay possible by a key.
fn no_way_out(table: Option<&DeTable<'_>>, given: &[Given]) -> Mistake {
    let defaults = Keymap::default();
    let taken = |given: &&Given| defaults.keys(Action::Quit).iter().any(|key| clash(key, &given.key));
    let own = table.and_then(|table| table.get(Action::Quit.name())).map(|value| value.span().start);
    let at = own.or_else(|| given.iter().rfind(taken).map(|given| given.at)).unwrap_or(0);
    Mistake::new(at, "quit has no key left: bind one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::document;
    use crate::cli::config::document::tests::mistakes;

    #[test]
    fn one_key_or_several_take_the_place_of_the_defaults() {
        let keymap =
            document::read("[keys]\nfreeze = 'ctrl-f'\nhelp = ['f1', 'H']\nrescue = []\n").unwrap().keymap;
        assert_eq!(keymap.keys(Action::Freeze), ["Ctrl-F"]);
        assert_eq!(keymap.keys(Action::Help), ["F1", "H"]);
        assert_eq!(keymap.keys(Action::Rescue), [""; 0]);
        assert_eq!(keymap.keys(Action::Thaw), ["t"]);
    }

    #[test]
    fn mistakes_are_told_by_key() {
        let text = "[keys]\n\
                    freze = 'x'\n\
                    thaw = 'Hyper-x'\n\
                    search = ['x', 3]\n\
                    sort = 'x'\n\
                    last = 'xx'\n\
                    mouse = ['Ctrl-I']\n\
                    hold = ['w', 'w']\n";
        let found = mistakes(text);
        assert_eq!(found[0], "f:2:1: freze is not an action: did you mean freeze?");
        assert!(found[1].starts_with("f:3:8: Hyper-x is not a key: a key is one character"), "{}", found[1]);
        assert_eq!(
            found[2..],
            [
                "f:4:16: search must be a key in quotes, or several in brackets, not an integer",
                "f:5:8: x is bound twice: to search and to sort",
                "f:6:8: xx for last and x for search start with the same key: one of them could never be typed",
                "f:7:10: Ctrl-I is not a key: terminals send the same for Ctrl-I and Tab",
                "f:8:14: w is listed twice for hold",
            ]
        );
    }

    #[test]
    fn there_is_always_a_key_that_quits() {
        assert_eq!(mistakes("[keys]\nquit = []\n"), ["f:2:8: quit has no key left: bind one"]);
        let taken = "[keys]\nfreeze = 'Ctrl-C'\nthaw = 'q'\n";
        assert_eq!(mistakes(taken), ["f:3:8: quit has no key left: bind one"]);
        assert!(document::read("[keys]\nfreeze = 'q'\n").is_ok(), "Ctrl-C is left");
    }
}
