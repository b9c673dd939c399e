//! A value of the config, and the mistake that it is of another kind than it should be.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;

/// A value with its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// The table that a value should be.
pub(super) fn table<'a, 'i>(
    name: &str,
    value: &'a Value<'i>,
    mistakes: &mut Vec<Mistake>,
) -> Option<&'a DeTable<'i>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        mistakes.push(wrong_kind(name, &format!("a table: [{name}]"), value, value.get_ref()));
    }
    table
}

/// The text that a value should be.
pub(super) fn string<'a>(name: &str, value: &'a Value<'_>, mistakes: &mut Vec<Mistake>) -> Option<&'a str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        mistakes.push(wrong_kind(name, "a text in quotes", value, value.get_ref()));
    }
    text
}

pub(super) fn wrong_kind(name: &str, right: &str, at: &Value<'_>, value: &DeValue<'_>) -> Mistake {
    Mistake::new(at.span().start, format!("{name} must be {right}, not {}", article(value.type_str())))
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}
