//! What is wrong in a config: where, and what would be right.

use std::fmt::Write as _;

use crate::cli::similar::nearest;
use crate::model::printable;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Where, in bytes from the beginning.
    pub(super) at: usize,
    /// A sentence.
    pub(super) what: String,
}

impl Mistake {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// A word that is none of those that are known. `kind` is what it should have been: "a setting".
    pub(super) fn unknown<'a>(
        at: usize,
        kind: &str,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let right = match nearest(word, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("valid: {}", known.join(", ")),
        };
        Self::new(at, format!("{word} is not {kind}: {right}"))
    }
}

/// Line and column of a place, from 1 on; the column counts characters.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// All mistakes, a line each, in the order of the file, as a compiler writes them.
pub(super) fn report(file: &str, text: &str, mut mistakes: Vec<Mistake>) -> String {
    mistakes.sort_by_key(|mistake| mistake.at);
    let mut report = "the config has errors, so cryoscope did not start:".to_owned();
    for Mistake { at, what } in mistakes {
        let (line, column) = position(text, at);
        // Writing to a String cannot fail.
        let _ = write!(report, "\n{file}:{line}:{column}: {}", printable(what.as_bytes()));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_near_is_offered() {
        let what = |word| Mistake::unknown(0, "a setting", word, ["theme", "keys"]).what;
        assert_eq!(what("thme"), "thme is not a setting: did you mean theme?");
        assert_eq!(what("zoo"), "zoo is not a setting: valid: theme, keys");
    }

    #[test]
    fn mistakes_have_lines_and_columns_and_harmless_text() {
        let text = "a = 1\nä = 2\n";
        let mistakes = vec![Mistake::new(text.find("2").unwrap(), "two"), Mistake::new(0, "one \x1b[2J")];
        let report = report("file", text, mistakes);
        assert_eq!(report.lines().skip(1).collect::<Vec<_>>(), ["file:1:1: one \\x1b[2J", "file:2:5: two"]);
    }
}
