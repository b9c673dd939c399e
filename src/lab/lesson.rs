//! A lesson as a value: its scene, and its steps.

use super::act::Act;
use super::check::Check;
pub use super::spot::{BOX, INNER, SECOND, SPARE, Spot};
use crate::model::Version;

/// A counter that is there when a lesson begins.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// What it is called.
    pub name: &'static str,
    /// Where it begins.
    pub at: Spot,
    /// What its child is called; it has none where this is left out.
    pub child: Option<&'static str>,
    /// How many threads it has.
    pub threads: u32,
}

impl Role {
    /// One with a single thread and no child.
    pub const fn new(name: &'static str, at: Spot) -> Self {
        Self { name, at, child: None, threads: 1 }
    }
}

/// A lesson.
#[derive(Debug)]
pub struct Lesson {
    /// Its number, from 1 on.
    pub number: usize,
    /// Its title.
    pub title: &'static str,
    /// What it is about, in a sentence.
    pub about: &'static str,
    /// It runs criu.
    pub criu: bool,
    /// The groups that are there when it begins, each before what is in it.
    pub groups: &'static [Spot],
    /// The counters that are there when it begins.
    pub roles: &'static [Role],
    /// Its steps on a freezer, given whether the host has the other one as well.
    pub steps: fn(Version, bool) -> Vec<Step>,
}

/// A step of a lesson.
#[derive(Debug)]
pub struct Step {
    /// Two or three sentences.
    pub text: &'static str,
    /// What is done.
    pub act: Act,
    /// What must be so afterwards, all of it at once.
    pub sees: Vec<Check>,
    /// What is asked then.
    pub question: Option<Question>,
}

/// A question with choices.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub ask: &'static str,
    /// The answers, each with what there is to say to it.
    pub choices: Vec<(&'static str, &'static str)>,
    /// Which of them is right.
    pub right: usize,
}

impl Step {
    /// Something that is done.
    pub fn new(text: &'static str, act: Act) -> Self {
        Self { text, act, sees: Vec::new(), question: None }
    }

    /// Something to look at, or to read.
    pub fn look(text: &'static str) -> Self {
        Self::new(text, Act::Look)
    }

    /// What must be so afterwards.
    pub fn sees<const N: usize>(mut self, checks: [Check; N]) -> Self {
        self.sees.extend(checks);
        self
    }

    /// What is asked then; `right` counts the answers from 0.
    pub fn asks<const N: usize>(
        mut self,
        ask: &'static str,
        right: usize,
        choices: [(&'static str, &'static str); N],
    ) -> Self {
        self.question = Some(Question { ask, choices: choices.into(), right });
        self
    }
}
