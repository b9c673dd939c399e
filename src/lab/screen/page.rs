//! What a course shows, as a value: the view knows nothing else.

use super::log::Log;
use crate::lab::course::{Course, Phase};
use crate::lab::glimpse::Glimpse;

/// A step on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) title: String,
    pub(super) step: (usize, usize),
    pub(super) text: &'static str,
    /// The step's line for a shell.
    pub(super) shell: Option<String>,
    pub(super) phase: Phase,
    /// What must be so, and whether it is.
    pub(super) checks: Vec<(String, bool)>,
    pub(super) question: Option<Asked>,
    pub(super) glimpse: Glimpse,
    /// Group and file, of those that have just changed.
    pub(super) changed: Vec<(String, String)>,
    pub(super) log: Vec<String>,
    pub(super) message: Option<String>,
    /// The step takes longer than it should.
    pub(super) late: bool,
    pub(super) key: Option<String>,
    pub(super) presentation: bool,
    pub(super) scroll: Scroll,
}

/// Which part of a long step is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scroll {
    /// So many lines down from the beginning.
    Start(usize),
    /// So many lines up from the end.
    End(usize),
}

impl Default for Scroll {
    fn default() -> Self {
        Self::Start(0)
    }
}

impl Scroll {
    pub(super) fn down(self) -> Self {
        match self {
            Self::Start(lines) => Self::Start(lines.saturating_add(1)),
            Self::End(lines) => Self::End(lines.saturating_sub(1)),
        }
    }

    pub(super) fn up(self) -> Self {
        match self {
            Self::Start(lines) => Self::Start(lines.saturating_sub(1)),
            Self::End(lines) => Self::End(lines.saturating_add(1)),
        }
    }

    /// How many lines are above what is shown, where `most` do not fit.
    pub(super) fn above(self, most: usize) -> usize {
        match self {
            Self::Start(lines) => lines.min(most),
            Self::End(lines) => most.saturating_sub(lines),
        }
    }
}

/// A question on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) ask: &'static str,
    pub(super) choices: Vec<(&'static str, &'static str)>,
    pub(super) right: usize,
    pub(super) chosen: Option<usize>,
}

/// No panel shows more of the log than this.
const LOG: usize = 20;

impl Page {
    /// The page of a course, without what only the screen knows.
    pub(super) fn of(course: &Course, log: &Log) -> Self {
        let phase = course.phase();
        let chosen = if let Phase::Seen(chosen) = phase { chosen } else { None };
        let asked = course.question().filter(|_| matches!(phase, Phase::Asked | Phase::Seen(_)));
        let question = asked.map(|question| Asked {
            ask: question.ask,
            choices: question.choices.clone(),
            right: question.right,
            chosen,
        });
        let (lesson, version) = (course.lesson, course.version);
        Self {
            title: format!("Lesson {} on {version}: {}", lesson.number, lesson.title),
            step: course.number(),
            text: course.step().map_or(OVER, |step| step.text),
            shell: course.shell(),
            phase,
            checks: course.checks().collect(),
            question,
            glimpse: course.glimpse().clone(),
            changed: Vec::new(),
            log: log.tail(LOG),
            message: None,
            late: phase == Phase::Looking && course.waited() > course.patience(),
            key: None,
            presentation: false,
            scroll: Scroll::default(),
        }
    }
}

const OVER: &str =
    "The lesson is complete. Enter removes everything that it created: groups, processes, files.";
