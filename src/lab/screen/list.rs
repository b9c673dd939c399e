//! The lessons to choose from.

use crate::lab::ground::Ground;
use crate::lab::lessons::ALL;
use crate::model::Version;

/// The list, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    /// Number and title, what it is about, and what it lacks here.
    pub(super) lessons: Vec<(String, &'static str, Option<String>)>,
    pub(super) chosen: usize,
    /// On which freezer.
    pub(super) version: Version,
    /// There is another one.
    pub(super) other: bool,
    /// Something to say.
    pub(super) message: Option<String>,
    /// The key that was pressed last, for an audience.
    pub(super) key: Option<String>,
    pub(super) presentation: bool,
}

/// What each lesson lacks on a freezer.
pub(super) fn lessons(ground: &Ground, version: Version) -> Vec<(String, &'static str, Option<String>)> {
    let missing = |lesson| ground.missing(lesson, version).map(|missing| missing.to_string());
    ALL.iter()
        .map(|lesson| (format!("{}  {}", lesson.number, lesson.title), lesson.about, missing(lesson)))
        .collect()
}
