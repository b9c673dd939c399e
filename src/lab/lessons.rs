//! The nine lessons. What they teach was measured, and each is a test of it.

mod above;
mod basics;
mod criu;
mod images;
mod kill;
mod moving;
mod signals;

use super::lesson::Lesson;

/// All lessons, by number.
pub static ALL: [Lesson; 9] = [
    basics::LESSON,
    signals::LESSON,
    above::LESSON,
    kill::LESSON,
    moving::LESSON,
    criu::HANG,
    criu::OPTION,
    images::RESTORE,
    images::TREES,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::act::Act;
    use crate::model::Version;

    #[test]
    fn every_lesson_is_in_its_place_and_says_enough() {
        for (at, lesson) in ALL.iter().enumerate() {
            assert_eq!(lesson.number, at + 1);
            for (version, other) in [(Version::V2, true), (Version::V2, false), (Version::V1, true)] {
                let steps = (lesson.steps)(version, other);
                let questions = steps.iter().filter_map(|step| step.question.as_ref());
                assert!(questions.clone().count() > 0, "lesson {} asks nothing", lesson.number);
                for question in questions {
                    assert!(question.right < question.choices.len() && question.choices.len() > 1);
                }
                for step in &steps {
                    let sentences = step.text.matches(['.', '?']).count();
                    assert!((2..=6).contains(&sentences), "{sentences} in {:?}", step.text);
                    assert!(step.act == Act::Look || !step.sees.is_empty(), "nothing is seen: {}", step.text);
                }
            }
        }
    }
}
