//! A lesson that is being held: where it stands, what it waits for. The screen and the transcript are two ways to go through
//! the same course.

use std::io;
use std::time::{Duration, Instant};

use super::act::Act;
use super::check::Check;
use super::glimpse::Glimpse;
use super::ground::{Ground, Missing, explain};
use super::lesson::{Lesson, Question, Step};
use super::observe::Looking;
use super::scene::Scene;
use crate::model::Version;

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is shown; it is done with Enter, or by hand.
    ToDo,
    /// It is done; what must be so is looked for.
    Looking,
    /// A question is asked.
    Asked,
    /// All is seen, and answered with this choice if there was a question.
    Seen(Option<usize>),
    /// It was the last.
    Over,
}

/// What there is to say while a lesson is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The step was done by Enter: its line for a shell.
    Done(String),
    /// The step was done by hand.
    ByHand(String),
    /// It could not be done.
    Failed(String),
    /// Something among the groups and processes has changed.
    Changed(String),
    /// Something that must be so, is.
    Seen(String),
}

/// Why a lesson cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// Something is missing.
    #[error("{0}")]
    Missing(Missing),
    /// Another failure.
    #[error("cannot set up the lesson: {0}")]
    Io(#[from] io::Error),
}

/// A lesson that is being held. Everything that it has made goes when it is dropped.
#[derive(Debug)]
pub struct Course {
    /// Which lesson.
    pub lesson: &'static Lesson,
    /// On which freezer.
    pub version: Version,
    steps: Vec<Step>,
    at: usize,
    phase: Phase,
    since: Instant,
    evidence: Option<Looking>,
    looking: Vec<(Looking, bool)>,
    glimpse: Glimpse,
    scene: Scene,
}

impl Course {
    /// Sets the scene.
    ///
    /// # Errors
    /// [`CourseError`].
    pub fn begin(lesson: &'static Lesson, version: Version, ground: &Ground) -> Result<Self, CourseError> {
        if let Some(missing) = ground.missing(lesson, version) {
            return Err(CourseError::Missing(missing));
        }
        let made = Scene::new(lesson, version, ground);
        let mut scene =
            made.map_err(|error| explain(&error, version).map_or(error.into(), CourseError::Missing))?;
        let steps = (lesson.steps)(version, scene.has_other());
        for step in &steps {
            scene.watch(step.act.spot());
            if let Act::Dump(dump) = step.act {
                scene.make_folder(dump.images)?;
            }
        }
        let glimpse = Glimpse::of(&scene);
        let (at, phase, since) = (0, Phase::ToDo, Instant::now());
        let mut course = Self {
            lesson,
            version,
            steps,
            at,
            phase,
            since,
            evidence: None,
            looking: Vec::new(),
            glimpse,
            scene,
        };
        course.enter_step();
        Ok(course)
    }

    fn enter_step(&mut self) {
        let Some(step) = self.steps.get(self.at) else {
            self.phase = Phase::Over;
            return;
        };
        self.since = Instant::now();
        self.evidence = step.act.evidence().map(Looking::at);
        self.looking = step.sees.iter().map(|&check| (Looking::at(check), false)).collect();
        // Where there is nothing to do there may be something to see.
        self.phase = if self.evidence.is_some() { Phase::ToDo } else { Phase::Looking };
    }

    /// Looks at everything once.
    pub fn tick(&mut self) -> Vec<News> {
        self.scene.refresh();
        let mut news = Vec::new();
        if self.phase == Phase::ToDo
            && self.evidence.as_mut().is_some_and(|looking| looking.holds(&mut self.scene))
        {
            news.extend(self.shell().map(News::ByHand));
            self.look_from_now();
        }
        let glimpse = Glimpse::of(&self.scene);
        news.extend(glimpse.news_since(&self.glimpse).into_iter().map(News::Changed));
        self.glimpse = glimpse;
        if self.phase == Phase::Looking {
            self.look(&mut news);
        }
        news
    }

    fn look_from_now(&mut self) {
        (self.phase, self.since) = (Phase::Looking, Instant::now());
    }

    /// All of it must be so at once: what was so a moment ago and is not any more, counts as not seen.
    fn look(&mut self, news: &mut Vec<News>) {
        if self.evidence.as_mut().is_some_and(|evidence| !evidence.holds(&mut self.scene)) {
            return;
        }
        for (looking, seen) in &mut self.looking {
            *seen = looking.holds(&mut self.scene);
        }
        if self.looking.iter().all(|(_, seen)| *seen) {
            let said = self.looking.iter().map(|(looking, _)| News::Seen(looking.check.says(&self.scene)));
            news.extend(said);
            self.phase = if self.question().is_some() { Phase::Asked } else { Phase::Seen(None) };
        }
    }

    /// Enter: does the step, or goes on to the next.
    pub fn enter(&mut self) -> Vec<News> {
        match self.phase {
            Phase::ToDo => self.act(),
            Phase::Seen(_) => {
                self.at += 1;
                self.enter_step();
                Vec::new()
            }
            Phase::Looking | Phase::Asked | Phase::Over => Vec::new(),
        }
    }

    /// Does the step once more, where what must be so does not come.
    pub fn again(&mut self) -> Vec<News> {
        if self.phase == Phase::Looking && self.evidence.is_some() { self.act() } else { Vec::new() }
    }

    fn act(&mut self) -> Vec<News> {
        let Some(act) = self.step().map(|step| step.act) else { return Vec::new() };
        let line = act.shell(&self.scene).map(News::Done);
        match act.run(&mut self.scene) {
            Ok(()) => {
                self.look_from_now();
                line.into_iter().collect()
            }
            Err(why) => vec![News::Failed(why)],
        }
    }

    /// Answers the question.
    pub fn answer(&mut self, choice: usize) {
        let choices = self.question().map_or(0, |question| question.choices.len());
        if matches!(self.phase, Phase::Asked | Phase::Seen(Some(_))) && choice < choices {
            self.phase = Phase::Seen(Some(choice));
        }
    }

    /// The step that is shown; `None` at the end.
    pub fn step(&self) -> Option<&Step> {
        self.steps.get(self.at)
    }

    /// Its number, from 1 on, and how many there are.
    pub fn number(&self) -> (usize, usize) {
        ((self.at + 1).min(self.steps.len()), self.steps.len())
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The step's line for a shell.
    pub fn shell(&self) -> Option<String> {
        self.step()?.act.shell(&self.scene)
    }

    /// The step's question.
    pub fn question(&self) -> Option<&Question> {
        self.step()?.question.as_ref()
    }

    /// What must be so after the step, and whether it is.
    pub fn checks(&self) -> impl Iterator<Item = (String, bool)> {
        let done = matches!(self.phase, Phase::Looking);
        let all = matches!(self.phase, Phase::Asked | Phase::Seen(_));
        self.looking
            .iter()
            .map(move |(looking, seen)| (looking.check.says(&self.scene), all || (done && *seen)))
    }

    /// What has not come about of what must be so.
    pub fn lacking(&self) -> Vec<Check> {
        let of_act = self.evidence.as_ref().map(|looking| looking.check);
        let rest = self.looking.iter().filter(|(_, seen)| !seen).map(|(looking, _)| looking.check);
        match rest.collect::<Vec<_>>() {
            rest if rest.is_empty() => of_act.into_iter().collect(),
            rest => rest,
        }
    }

    /// A check of this course in words.
    pub fn says(&self, check: Check) -> String {
        check.says(&self.scene)
    }

    /// How long the step may take until something is wrong. criu gives up by itself after ten seconds where it does.
    pub fn patience(&self) -> Duration {
        let long = self.step().is_some_and(|step| step.act.is_long());
        Duration::from_secs(if long { 30 } else { 10 })
    }

    /// For how long the step has been looked at.
    pub fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    /// The groups and processes at the last look.
    pub fn glimpse(&self) -> &Glimpse {
        &self.glimpse
    }

    /// The lesson's outermost group.
    pub fn place(&self) -> std::path::PathBuf {
        self.scene.absolute(super::lesson::Spot::Here(""))
    }
}
