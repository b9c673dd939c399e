//! The config as a document: its tables, and the settings of the screen. All mistakes are found, not only the first.

use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;
use super::value::{Value, string, table, wrong_kind};
use super::{keys, themes};
use crate::tui::theme::{Choice, Styles};
use crate::tui::{Preferences, Sort};

/// What stands at the top.
const TOP: [&str; 4] = ["theme", "themes", "keys", "screen"];
/// What stands in `[screen]`.
const SCREEN: [&str; 2] = ["mouse", "sort"];

/// Reads a config.
pub(super) fn read(text: &str) -> Result<Preferences, Vec<Mistake>> {
    let (document, broken) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = broken.iter().map(syntax).collect();
    // What is read of a broken document is not what was meant.
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let preferences = preferences(text, document.get_ref(), &mut mistakes);
    if mistakes.is_empty() { Ok(preferences) } else { Err(mistakes) }
}

fn syntax(error: &toml::de::Error) -> Mistake {
    Mistake::new(error.span().map_or(0, |span| span.start), error.message().replace('\n', ", "))
}

fn preferences(text: &str, document: &DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Preferences {
    let mut preferences = Preferences::default();
    let mut own = Vec::new();
    for (name, value) in document.iter() {
        match name.get_ref().as_ref() {
            "themes" => own = themes::read(text, table("themes", value, mistakes), mistakes),
            "keys" => preferences.keymap = keys::read(table("keys", value, mistakes), mistakes),
            "screen" => screen(&mut preferences, table("screen", value, mistakes), mistakes),
            // Once all themes are known.
            "theme" => {}
            other => mistakes.push(Mistake::unknown(name.span().start, "a setting", other, TOP)),
        }
    }
    if let Some(value) = document.get("theme") {
        preferences.theme = theme(value, &own, mistakes);
    }
    preferences
}

fn theme(value: &Value<'_>, own: &[(String, Styles)], mistakes: &mut Vec<Mistake>) -> Choice {
    let Some(name) = string("theme", value, mistakes) else { return Choice::Auto };
    let found = own.iter().find(|(known, _)| known == name).map(|(_, styles)| *styles);
    if let Some(styles) = found.or_else(|| Styles::named(name)) {
        return Choice::Fixed(styles);
    }
    if name != "auto" {
        let mut known: Vec<&str> = ["auto"].into_iter().chain(Styles::names()).collect();
        known.extend(own.iter().map(|(name, _)| name.as_str()));
        mistakes.push(Mistake::unknown(value.span().start, "a theme", name, known));
    }
    Choice::Auto
}

fn screen(preferences: &mut Preferences, table: Option<&DeTable<'_>>, mistakes: &mut Vec<Mistake>) {
    for (name, value) in table.into_iter().flat_map(|table| table.iter()) {
        match name.get_ref().as_ref() {
            "mouse" => match value.get_ref() {
                DeValue::Boolean(mouse) => preferences.mouse = *mouse,
                other => mistakes.push(wrong_kind("mouse", "true or false", value, other)),
            },
            "sort" => {
                let Some(order) = string("sort", value, mistakes) else { continue };
                match Sort::all().find(|sort| sort.name() == order) {
                    Some(sort) => preferences.sort = sort,
                    None => mistakes.push(Mistake::unknown(
                        value.span().start,
                        "an order",
                        order,
                        Sort::all().map(Sort::name),
                    )),
                }
            }
            other => {
                mistakes.push(Mistake::unknown(name.span().start, "a setting of [screen]", other, SCREEN))
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::config::mistake::report;
    use crate::tui::Action;
    use proptest::prelude::*;

    /// What is wrong with a config, a line each.
    #[track_caller]
    pub(in crate::cli::config) fn mistakes(text: &str) -> Vec<String> {
        let report = report("f", text, read(text).unwrap_err());
        report.lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn nothing_is_the_defaults() {
        assert_eq!(read(""), Ok(Preferences::default()));
        assert_eq!(read("[keys]\n[screen]\n[themes]\n"), Ok(Preferences::default()));
        assert_eq!(read("theme = 'auto'").unwrap().theme, Choice::Auto);
    }

    #[test]
    fn the_example_of_the_man_page_holds() {
        let example = crate::cli::generated::EXAMPLE_CONFIG;
        let preferences = read(example).map_err(|mistakes| report("config.toml", example, mistakes)).unwrap();
        let Choice::Fixed(styles) = preferences.theme else { panic!("it chooses its own theme") };
        assert!(Styles::names().all(|name| Styles::named(name) != Some(styles)));
        assert_ne!(preferences.keymap, Preferences::default().keymap);
        assert_eq!(preferences.sort, Sort::State);
    }

    #[test]
    fn every_mistake_has_its_place_and_what_would_be_right() {
        let text = "thme = 'dark'\n\
                    theme = 'drak'\n\
                    [screen]\n\
                    mouse = 'yes'\n\
                    sort = 'age'\n\
                    panels = 3\n";
        assert_eq!(
            mistakes(text),
            [
                "f:1:1: thme is not a setting: did you mean theme?",
                "f:2:9: drak is not a theme: did you mean dark?",
                "f:4:9: mouse must be true or false, not a string",
                "f:5:8: age is not an order: valid: name, processes, state, newest",
                "f:6:1: panels is not a setting of [screen]: valid: mouse, sort",
            ]
        );
        assert_eq!(mistakes("keys = 1"), ["f:1:8: keys must be a table: [keys], not an integer"]);
    }

    #[test]
    fn a_broken_document_is_said_with_its_places() {
        let found = mistakes("theme = dark\n[keys\n");
        assert!(found[0].starts_with("f:1:9: ") && found[1].starts_with("f:2:"), "{found:?}");
        assert!(mistakes("theme = 'dark'\ntheme = 'light'\n")[0].starts_with("f:2:1: "));
    }

    #[test]
    fn an_own_theme_is_chosen_by_its_name() {
        let preferences =
            read("theme = 'mine'\n[themes.mine]\nbase = 'light'\nfrozen = 'bold 33'\n").unwrap();
        let mut styles = Styles::LIGHT;
        styles.set(crate::tui::theme::Role::Frozen, "bold 33").unwrap();
        assert_eq!(preferences.theme, Choice::Fixed(styles));
        assert_eq!(preferences.keymap.keys(Action::Freeze), ["f"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_no_control_byte_comes_out(text in r#"(\PC|[\x00-\x1f\x7f]|\[|\]|=|"|\n|theme|keys|themes){0,60}"#) {
            if let Err(mistakes) = read(&text) {
                let report = report("f", &text, mistakes);
                prop_assert!(!report.chars().any(|c| c.is_control() && c != '\n'), "{report:?}");
            }
        }
    }
}
