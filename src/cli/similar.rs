//! What a mistyped word was probably meant to be.

/// The known word that is most like it, where one is like it at all.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // As far apart as clap lets its suggestions be.
    const LIKE: f64 = 0.8;
    let like = |known: &'a str| (strsim::jaro_winkler(word, known), known);
    let best = known.into_iter().map(like).max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness > LIKE).map(|(_, known)| known)
}
