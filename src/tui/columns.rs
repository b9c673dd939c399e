//! Text in columns of a terminal, where a character may be two columns wide or none.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in exactly `columns` columns: cut with `…`, or filled with spaces.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let mut fitted = cut(text, columns);
    fitted.extend(std::iter::repeat_n(' ', columns - width(&fitted).min(columns)));
    fitted
}

/// The text in at most `columns` columns: cut with `…` where it is longer.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = head(text, columns.saturating_sub(1)).to_owned();
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// The text in at most `columns` columns, its end rather than its beginning: of a path the group's own name stays.
pub(crate) fn cut_front(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let starts = text.grapheme_indices(true).map(|(at, _)| &text[at..]);
    let kept = starts.into_iter().find(|rest| width(rest) <= room).unwrap_or_default();
    if columns > 0 { format!("…{kept}") } else { String::new() }
}

/// As much of the beginning as goes into `columns` columns.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += width(grapheme);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The text in lines of at most `columns` columns, broken at spaces where there are any; continued lines start as deep as
/// the first one does.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let indent = " ".repeat((text.len() - text.trim_start().len()).min(columns / 2));
    let mut lines = Vec::new();
    let mut line = indent.clone();
    for word in text.trim_start().split(' ') {
        let gap = usize::from(line.len() > indent.len());
        if gap == 1 && width(&line) + gap + width(word) > columns {
            lines.push(std::mem::replace(&mut line, indent.clone()));
        } else if gap == 1 {
            line.push(' ');
        }
        line.push_str(word);
        while width(&line) > columns.max(indent.len() + 2) {
            let kept = head(&line, columns.max(indent.len() + 2)).to_owned();
            let rest = format!("{indent}{}", &line[kept.len()..]);
            lines.push(kept);
            line = rest;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_characters_are_cut_whole() {
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit("日本語", 0), "");
        assert_eq!(cut_front("日本語", 6), "日本語");
        assert_eq!(cut_front("日本語", 5), "…本語");
        assert_eq!(cut_front("日本語", 4), "…語");
        assert_eq!(cut_front("日本語", 0), "");
    }

    #[test]
    fn long_words_are_broken_and_lines_keep_their_indent() {
        assert_eq!(wrap("  one two three", 9), ["  one two", "  three"]);
        assert_eq!(wrap("abcdefgh", 4), ["abcd", "efgh"]);
    }

    proptest! {
        #[test]
        fn what_is_fitted_fits(text: String, columns in 0..30usize) {
            let text = crate::model::printable(text.as_bytes()).into_owned();
            prop_assert_eq!(width(&fit(&text, columns)), columns);
            prop_assert!(width(&cut_front(&text, columns)) <= columns);
            prop_assert!(wrap(&text, columns.max(4)).iter().all(|line| width(line) <= columns.max(4).max(2)));
        }
    }
}
