//! What the person does: the list, a lesson, keys.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Settings;
use super::list::{List, lessons};
use super::log::Log;
use super::page::{Page, Scroll};
use super::view::Shown;
use crate::lab::course::{Course, News, Phase};
use crate::lab::glimpse::Glimpse;
use crate::lab::ground::Ground;
use crate::lab::lesson::Lesson;
use crate::lab::lessons::ALL;
use crate::model::Version;

/// Whether it goes on after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    End,
}

/// Everything that is on.
#[derive(Debug)]
pub(super) struct Stage {
    ground: Ground,
    versions: Vec<Version>,
    version: Version,
    chosen: usize,
    presentation: bool,
    course: Option<Course>,
    log: Log,
    /// When which file of which group has changed.
    changed: Vec<(Instant, String, String)>,
    message: Option<String>,
    key: Option<String>,
    scroll: Scroll,
    phase: Option<(usize, Phase)>,
}

/// For how long a file that has changed is marked.
const MARKED: Duration = Duration::from_secs(5);

impl Stage {
    pub(super) fn new(ground: Ground, settings: Settings) -> Self {
        let version = settings.versions.first().copied().unwrap_or(Version::V2);
        let mut stage = Self {
            ground,
            versions: settings.versions,
            version,
            chosen: 0,
            presentation: settings.presentation,
            course: None,
            log: Log::new(),
            changed: Vec::new(),
            message: None,
            key: None,
            scroll: Scroll::default(),
            phase: None,
        };
        if let Some(lesson) = settings.lesson {
            stage.chosen = lesson.number - 1;
            stage.begin(lesson);
        }
        stage
    }

    fn begin(&mut self, lesson: &'static Lesson) {
        (self.log, self.message) = (Log::new(), None);
        match Course::begin(lesson, self.version, &self.ground) {
            Ok(course) => self.course = Some(course),
            Err(error) => self.message = Some(error.to_string()),
        }
    }

    /// Ends the lesson that is on; what it has made is removed.
    pub(super) fn close(&mut self) {
        self.course = None;
        self.changed.clear();
        (self.scroll, self.phase) = (Scroll::default(), None);
    }

    /// Looks at the kernel once.
    pub(super) fn tick(&mut self) {
        let Some(course) = &mut self.course else { return };
        let before = course.glimpse().clone();
        let news = course.tick();
        self.changed.extend(changes(&before, course.glimpse()));
        self.changed.retain(|(at, ..)| at.elapsed() < MARKED);
        let phase = (course.number().0, course.phase());
        if self.phase != Some(phase) {
            // A new step is read from its beginning; what comes to a step stands at its end.
            let same_step = self.phase.is_some_and(|(step, _)| step == phase.0);
            self.scroll = if same_step { Scroll::End(0) } else { Scroll::default() };
            self.phase = Some(phase);
        }
        self.take(news);
        self.log.tick(self.presentation);
    }

    fn take(&mut self, news: Vec<News>) {
        for one in news {
            self.message = match &one {
                News::Failed(why) => Some(why.clone()),
                News::ByHand(_) => Some("done by hand: the kernel confirms it".to_owned()),
                News::Done(_) => None,
                News::Changed(_) | News::Seen(_) => self.message.take(),
            };
            self.log.news(one);
        }
    }

    /// What is to be drawn.
    pub(super) fn shown(&self) -> Shown {
        let key = self.key.clone().filter(|_| self.presentation);
        match &self.course {
            None => Shown::List(List {
                lessons: lessons(&self.ground, self.version),
                chosen: self.chosen,
                version: self.version,
                other: self.versions.len() > 1,
                message: self.message.clone(),
                key,
                presentation: self.presentation,
            }),
            Some(course) => Shown::Page(Box::new(Page {
                changed: self.changed.iter().map(|(_, group, file)| (group.clone(), file.clone())).collect(),
                message: self.message.clone(),
                key,
                presentation: self.presentation,
                scroll: self.scroll,
                ..Page::of(course, &self.log)
            })),
        }
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Flow {
        self.key = Some(name(key));
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Flow::End } else { Flow::On };
        }
        match key.code {
            KeyCode::Char('q') => return Flow::End,
            KeyCode::Char('p') => self.presentation = !self.presentation,
            _ if self.course.is_some() => self.lesson_key(key.code),
            _ => self.list_key(key.code),
        }
        Flow::On
    }

    fn list_key(&mut self, code: KeyCode) {
        self.message = None;
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.chosen = (self.chosen + 1).min(ALL.len() - 1),
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Char('v') => {
                let other = self.versions.iter().find(|version| **version != self.version);
                self.version = other.copied().unwrap_or(self.version);
            }
            KeyCode::Char(digit @ '1'..='9') => {
                self.chosen = (digit as usize - '1' as usize).min(ALL.len() - 1);
            }
            KeyCode::Enter => self.begin(&ALL[self.chosen]),
            _ => {}
        }
    }

    fn lesson_key(&mut self, code: KeyCode) {
        let Some(course) = &mut self.course else { return };
        match code {
            KeyCode::Esc => self.close(),
            KeyCode::Enter if course.phase() == Phase::Over => {
                self.chosen = course.lesson.number.min(ALL.len() - 1);
                self.close();
            }
            KeyCode::Enter => {
                let news = course.enter();
                self.message = None;
                self.take(news);
            }
            KeyCode::Char('r') => {
                let news = course.again();
                self.take(news);
            }
            KeyCode::Char(digit @ '1'..='9') => course.answer(digit as usize - '1' as usize),
            KeyCode::Down | KeyCode::Char('j') => self.scroll = self.scroll.down(),
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.up(),
            KeyCode::Char('w') => self.write(),
            _ => {}
        }
    }

    fn write(&mut self) {
        let Some(course) = &self.course else { return };
        let name = format!("cryoscope-lab-{}-{}", course.lesson.number, course.version);
        self.message = Some(match self.log.write(&name) {
            Ok(path) => format!("events saved: {}", path.display()),
            Err(error) => format!("cannot save the events here: {error}"),
        });
    }
}

fn changes(before: &Glimpse, now: &Glimpse) -> Vec<(Instant, String, String)> {
    let mut changed = Vec::new();
    for group in &now.groups {
        let Some(old) = before.groups.iter().find(|old| old.name == group.name) else { continue };
        for (file, _) in group.files.iter().filter(|file| !old.files.contains(file)) {
            changed.push((Instant::now(), group.name.clone(), file.clone()));
        }
    }
    changed
}

/// A key, as an audience reads it.
fn name(key: KeyEvent) -> String {
    match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => format!("Ctrl-{c}"),
        KeyCode::Char(c) => c.to_string(),
        code => code.to_string(),
    }
}
