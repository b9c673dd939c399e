//! `[themes.NAME]`: a style for each role.

use toml::Spanned;
use toml::de::{DeString, DeTable};

use super::mistake::Mistake;
use super::value::{Value, string, table};
use crate::tui::theme::{NotAStyle, Role, Styles, Wrong, words};

/// What stands in a theme beside the roles: where those that it leaves out come from.
const BASE: &str = "base";

/// Reads all themes.
pub(super) fn read(
    text: &str,
    themes: Option<&DeTable<'_>>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(String, Styles)> {
    let mut read = Vec::new();
    for (name, value) in themes.into_iter().flat_map(|themes| themes.iter()) {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        if name == "auto" || Styles::named(name).is_some() {
            mistakes.push(Mistake::new(at, format!("{name} is a built-in theme: give yours another name")));
        }
        let Some(roles) = table(&format!("themes.{name}"), value, mistakes) else { continue };
        read.push((name.to_owned(), theme(text, roles, mistakes)));
    }
    read
}

fn theme(text: &str, roles: &DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Styles {
    let mut styles = roles.get(BASE).and_then(|base| self::base(base, mistakes)).unwrap_or(Styles::ANSI);
    for (name, value) in roles.iter().filter(|(name, _)| name.get_ref() != BASE) {
        let Some((role, style)) = role(name, mistakes).zip(string(name.get_ref(), value, mistakes)) else {
            continue;
        };
        if let Err(wrong) = styles.set(role, style) {
            mistakes.push(not_a_style(text, value, style, &wrong));
        }
    }
    styles
}

fn base(value: &Value<'_>, mistakes: &mut Vec<Mistake>) -> Option<Styles> {
    let name = string(BASE, value, mistakes)?;
    let styles = Styles::named(name);
    if styles.is_none() {
        let known = Styles::names();
        mistakes.push(Mistake::unknown(value.span().start, "a built-in theme", name, known));
    }
    styles
}

fn role(name: &Spanned<DeString<'_>>, mistakes: &mut Vec<Mistake>) -> Option<Role> {
    let found = Role::all().find(|role| role.name() == name.get_ref());
    if found.is_none() {
        let known = Role::all().map(Role::name).chain([BASE]);
        mistakes.push(Mistake::unknown(name.span().start, "a role", name.get_ref(), known));
    }
    found
}

fn not_a_style(text: &str, value: &Value<'_>, style: &str, wrong: &NotAStyle) -> Mistake {
    let word = &style[wrong.at.clone()];
    // The word's own place, where the text stands in the file as it is.
    let inside = value.span().start + 1..value.span().end.saturating_sub(1);
    let at = if text.get(inside.clone()) == Some(style) {
        inside.start + wrong.at.start
    } else {
        value.span().start
    };
    match wrong.what {
        Wrong::Unknown if word.starts_with('#') => {
            Mistake::new(at, format!("{word} is not a colour: #rrggbb is"))
        }
        Wrong::Unknown if word.bytes().all(|byte| byte.is_ascii_digit()) => {
            Mistake::new(at, format!("{word} is not a colour: their numbers are 0 to 255"))
        }
        Wrong::Unknown => Mistake::unknown(at, "a colour or an attribute", word, words()),
        Wrong::Twice => {
            Mistake::new(at, format!("{word} is one colour too many: a style has one, and one after on"))
        }
        Wrong::NoGround => Mistake::new(at, "no colour follows on"),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::config::document::tests::mistakes;

    #[test]
    fn mistakes_are_told_by_word() {
        let text = "[themes.a]\n\
                    base = 'drak'\n\
                    frozn = 'red'\n\
                    frozen = 'bold cyna'\n\
                    wrong = '''\n#12345'''\n\
                    strong = '256'\n\
                    faint = 'red green'\n\
                    key = 'red on'\n\
                    own = 3\n\
                    [themes.dark]\n";
        assert_eq!(
            mistakes(text),
            [
                "f:2:8: drak is not a built-in theme: did you mean dark?",
                "f:3:1: frozn is not a role: did you mean frozen?",
                "f:4:16: cyna is not a colour or an attribute: did you mean cyan?",
                "f:5:9: #12345 is not a colour: #rrggbb is",
                "f:7:11: 256 is not a colour: their numbers are 0 to 255",
                "f:8:14: green is one colour too many: a style has one, and one after on",
                "f:9:12: no colour follows on",
                "f:10:7: own must be a text in quotes, not an integer",
                "f:11:9: dark is a built-in theme: give yours another name",
            ]
        );
    }
}
