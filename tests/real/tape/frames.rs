//! What a replay shows: for the picture, and as text that is kept beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use regex_lite::Regex;
use vt100::Screen;

use super::replay::{Audience, Broken, text};
use crate::real::support::SOON;
use crate::real::support::terminal::Terminal;

/// The text beside the picture.
pub const FILE: &str = "assets/demo.txt";
/// Between two key frames in it.
const LINE: &str = "----";

/// What is on the screen at the end of each step, without what is another each time.
#[derive(Debug, Default, PartialEq)]
pub struct KeyFrames(Vec<String>);

impl KeyFrames {
    pub fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        Self(text.split(&format!("{LINE}\n")).map(|frame| frame.trim_end().to_owned()).collect())
    }

    pub fn write(&self, file: &Path) {
        fs::write(file, self.0.join(&format!("\n{LINE}\n")) + "\n").unwrap();
    }
}

/// A text without numbers, spans of time, sizes, and the room that they take. Single digits stay: they are flags and counts.
pub fn lasting(text: &str) -> String {
    const RULES: [(&str, &str); 6] = [
        (r"[0-9.]+ ?[KMG]?i?B\b", "SIZE"),
        (r"\b(just now|for [0-9]+s)\b", "TIME"),
        (r"\b[0-9]+(\.[0-9]+)? ?(ms|µs|s|m)\b", "TIME"),
        (r"[0-9][0-9.-]+", "N"),
        (" {2,}", "  "),
        ("─+", "─"),
    ];
    let one = |text: String, (pattern, to): &(&str, &str)| {
        Regex::new(pattern).unwrap().replace_all(&text, *to).into_owned()
    };
    RULES.iter().fold(text.to_owned(), one)
}

/// Compares each step with the one that was kept.
pub struct Compare {
    kept: KeyFrames,
    seen: usize,
}

impl Compare {
    pub fn new(kept: KeyFrames) -> Self {
        Self { kept, seen: 0 }
    }

    #[track_caller]
    pub fn assert_all_seen(&self) {
        assert_eq!(self.seen, self.kept.0.len(), "the steps of demo.tape and the key frames in {FILE}");
    }
}

impl Audience for Compare {
    const PATIENT: bool = false;

    fn key_frame(&mut self, line: usize, terminal: &mut Terminal) -> Result<(), Broken> {
        let kept = self.kept.0.get(self.seen).map_or("", String::as_str);
        self.seen += 1;
        if terminal.follow(SOON, |screen| lasting(&text(screen)) == kept) {
            return Ok(());
        }
        let now = lasting(&text(terminal.screen()));
        let why = format!(
            "the program shows\n{now}\n\nthe picture is of\n{kept}\n\n\
             `cargo test --test real -- --ignored tape::render` draws it anew"
        );
        Err(Broken { line, why })
    }
}

/// A screen, and how long it was to be seen.
pub struct Shot {
    pub screen: Screen,
    pub shown: Duration,
}

/// Keeps what is to be seen, at the speed of a person.
#[derive(Default)]
pub struct Camera {
    pub shots: Vec<Shot>,
    pub stills: Vec<(PathBuf, Screen)>,
    pub key_frames: KeyFrames,
    last: Option<Instant>,
}

impl Audience for Camera {
    const PATIENT: bool = true;

    fn sees(&mut self, screen: &Screen) {
        /// A terminal draws no more often, and what is half drawn is not seen.
        const FRAME: Duration = Duration::from_millis(40);
        let now = Instant::now();
        let passed = self.last.replace(now).map_or(Duration::ZERO, |last| now - last);
        match self.shots.last_mut() {
            Some(last) if last.screen.state_diff(screen).is_empty() => last.shown += passed,
            Some(last) if last.shown + passed < FRAME => {
                last.shown += passed;
                last.screen = screen.clone();
            }
            last => {
                last.into_iter().for_each(|last| last.shown += passed);
                self.shots.push(Shot { screen: screen.clone(), shown: Duration::ZERO });
            }
        }
    }

    fn key_frame(&mut self, _line: usize, terminal: &mut Terminal) -> Result<(), Broken> {
        self.key_frames.0.push(lasting(&text(terminal.screen())));
        Ok(())
    }

    fn keeps(&mut self, path: &Path, screen: &Screen) {
        self.stills.push((path.to_owned(), screen.clone()));
    }
}
