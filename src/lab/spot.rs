//! The groups of a lesson, by their place in it.

/// A group of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// In the hierarchy that the lesson is about: below the lesson's outermost group.
    Here(&'static str),
    /// The lesson's outermost group in the other hierarchy. Every process is in a group of each.
    Other,
}

/// The group that most lessons are about.
pub const BOX: Spot = Spot::Here("box");
/// A group in it.
pub const INNER: Spot = Spot::Here("box/inner");
/// Another one in it.
pub const SECOND: Spot = Spot::Here("box/second");
/// One beside it.
pub const SPARE: Spot = Spot::Here("spare");
