//! A lesson without a terminal: every step is done, what must be so is waited for, and all of it is told.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::course::{Course, CourseError, News, Phase};
use super::ground::{Ground, Missing};
use super::lesson::{Lesson, Question};
use crate::model::Version;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);

/// Columns of the transcript.
const WIDTH: usize = 96;

/// Why a lesson did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum AutoError {
    /// Something is missing, so it did not begin.
    #[error("lesson {lesson} cannot run on {version}: {missing}")]
    Missing {
        /// Which lesson.
        lesson: usize,
        /// On which freezer.
        version: Version,
        /// What is missing.
        missing: Missing,
    },
    /// A step did not happen.
    #[error(
        "lesson {lesson} on {version}, step {step}: {why}; everything that the lesson created is removed"
    )]
    Step {
        /// Which lesson.
        lesson: usize,
        /// On which freezer.
        version: Version,
        /// Which step, from 1 on.
        step: usize,
        /// What failed, or has not come about.
        why: String,
    },
    /// A signal said so.
    #[error("interrupted; everything that the lesson created is removed")]
    Interrupted,
    /// Another failure.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Holds a lesson to its end and prints the transcript. `end` says that a signal came.
///
/// # Errors
/// [`AutoError`]. In any case everything that the lesson made is gone when this returns.
pub fn hold(
    lesson: &'static Lesson,
    version: Version,
    ground: &Ground,
    end: &AtomicBool,
    out: &mut impl Write,
) -> Result<(), AutoError> {
    writeln!(out, "Lesson {} on {version}: {}", lesson.number, lesson.title)?;
    let mut course = Course::begin(lesson, version, ground).map_err(|error| match error {
        CourseError::Missing(missing) => AutoError::Missing { lesson: lesson.number, version, missing },
        CourseError::Io(error) => AutoError::Io(error),
    })?;
    writeln!(out, "in {}\n", crate::model::printable(course.place().as_os_str().as_encoded_bytes()))?;
    while course.phase() != Phase::Over {
        step(&mut course, end, out)?;
    }
    writeln!(out, "Lesson {} on {version} is complete: every step happened.\n", lesson.number)?;
    Ok(out.flush()?)
}

fn step(course: &mut Course, end: &AtomicBool, out: &mut impl Write) -> Result<(), AutoError> {
    let (number, _) = course.number();
    let text = course.step().map_or("", |step| step.text);
    let indent = format!("{number:>3}. ");
    for (at, line) in crate::tui::columns::wrap(text, WIDTH - indent.len()).iter().enumerate() {
        writeln!(out, "{}{line}", if at == 0 { &indent } else { "     " })?;
    }
    out.flush()?;
    let failed = |course: &Course, why: String| AutoError::Step {
        lesson: course.lesson.number,
        version: course.version,
        step: number,
        why,
    };
    if course.phase() == Phase::ToDo {
        for news in course.enter() {
            if let News::Failed(why) = &news {
                return Err(failed(course, why.clone()));
            }
            told(&news, out)?;
        }
    }
    while course.phase() == Phase::Looking {
        if end.load(Ordering::Relaxed) {
            return Err(AutoError::Interrupted);
        }
        for news in course.tick() {
            told(&news, out)?;
        }
        if course.waited() > course.patience() {
            let lacking: Vec<String> = course.lacking().into_iter().map(|check| course.says(check)).collect();
            let (lacking, patience) = (lacking.join("; "), course.patience().as_secs());
            return Err(failed(course, format!("this did not happen within {patience} s: {lacking}")));
        }
        std::thread::sleep(LOOK);
    }
    if let Some(question) = course.question() {
        asked(question, out)?;
        let right = question.right;
        course.answer(right);
    }
    course.enter();
    writeln!(out)?;
    Ok(())
}

fn told(news: &News, out: &mut impl Write) -> io::Result<()> {
    match news {
        News::Done(line) | News::ByHand(line) => writeln!(out, "     $ {line}"),
        News::Changed(change) => writeln!(out, "       {change}"),
        News::Seen(seen) => writeln!(out, "     seen: {seen}"),
        News::Failed(why) => writeln!(out, "     failed: {why}"),
    }
}

fn asked(question: &Question, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "     asked: {}", question.ask)?;
    for (at, (answer, why)) in question.choices.iter().enumerate() {
        let mark = if at == question.right { '*' } else { ' ' };
        writeln!(out, "     {mark} {answer}: {why}")?;
    }
    Ok(())
}
