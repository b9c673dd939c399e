//! The commands of VHS that the tape uses. (github.com/charmbracelet/vhs, "VHS Command Reference")

use std::path::PathBuf;
use std::time::Duration;

use regex_lite::Regex;

/// A tape: what is set, and what happens.
#[derive(Debug, Clone)]
pub struct Tape {
    pub outputs: Vec<PathBuf>,
    /// Programs without which it makes no sense.
    pub requires: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub font_size: u16,
    /// Of the picture, in pixels.
    pub width: u16,
    pub height: u16,
    pub padding: u16,
    /// Between two characters.
    pub typing: Duration,
    /// How long a `Wait` waits.
    pub patience: Duration,
    /// From a line on it waits no longer than this.
    pub hasty: Option<(usize, Duration)>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub struct Step {
    /// Counted from 1.
    pub line: usize,
    pub action: Action,
}

#[derive(Debug, Clone)]
pub enum Action {
    Type(String),
    /// What a terminal sends for a key.
    Press(String),
    Sleep(Duration),
    /// Until the screen matches.
    Wait(Regex),
    Hide,
    Show,
    Screenshot(PathBuf),
}

impl Tape {
    /// Reads a tape.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut tape = Self {
            outputs: Vec::new(),
            requires: Vec::new(),
            environment: Vec::new(),
            font_size: 22,
            width: 1200,
            height: 600,
            padding: 60,
            typing: Duration::from_millis(50),
            patience: Duration::from_secs(15),
            hasty: None,
            steps: Vec::new(),
        };
        for (at, line) in text.lines().enumerate() {
            let words = words(line).map_err(|why| format!("line {}: {why}", at + 1))?;
            tape.line(at + 1, &words).ok_or_else(|| format!("line {}: not understood: {line}", at + 1))?;
        }
        Ok(tape)
    }

    /// Columns and rows of the terminal: as many cells as fit.
    pub fn cells(&self) -> (u16, u16) {
        let (width, height) = self.cell();
        ((self.width - 2 * self.padding) / width, (self.height - 2 * self.padding) / height)
    }

    /// Of a cell, in pixels: DejaVu Sans Mono is 0.602 em wide and 1.164 em high.
    pub fn cell(&self) -> (u16, u16) {
        ((self.font_size * 602).div_ceil(1000), (self.font_size * 1164).div_ceil(1000))
    }

    /// The steps in which a key is pressed while the tape is shown.
    pub fn shown_keys(&self) -> impl Iterator<Item = usize> {
        let mut hidden = false;
        self.steps.iter().enumerate().filter_map(move |(at, step)| {
            match step.action {
                Action::Hide => hidden = true,
                Action::Show => hidden = false,
                Action::Type(_) | Action::Press(_) => return (!hidden).then_some(at),
                _ => {}
            }
            None
        })
    }

    /// The same tape with another action at one of its steps. From there on it waits no longer than this.
    pub fn with(&self, at: usize, action: Action, patience: Duration) -> Self {
        let mut tape = self.clone();
        tape.steps[at].action = action;
        tape.hasty = Some((tape.steps[at].line, patience));
        tape
    }

    /// How long the `Wait` of a line waits.
    pub fn patience(&self, line: usize) -> Duration {
        self.hasty.filter(|(from, _)| line >= *from).map_or(self.patience, |(_, patience)| patience)
    }

    /// `None` where a line is not understood.
    fn line(&mut self, line: usize, words: &[Word]) -> Option<()> {
        let mut rest = words;
        while let [Word::Plain(command), more @ ..] = rest {
            let (taken, action) = match command.as_str() {
                "Set" | "Env" | "Output" | "Require" => return self.setting(command, more),
                other => action(other, more)?,
            };
            self.steps.push(Step { line, action });
            rest = &more[taken..];
        }
        rest.is_empty().then_some(())
    }

    fn setting(&mut self, command: &str, words: &[Word]) -> Option<()> {
        let words: Vec<&str> = words.iter().map(Word::text).collect();
        match (command, words.as_slice()) {
            ("Output", [path]) => self.outputs.push(path.into()),
            ("Require", [program]) => self.requires.push((*program).to_owned()),
            ("Env", [name, value]) => self.environment.push(((*name).to_owned(), (*value).to_owned())),
            ("Set", ["FontSize", value]) => self.font_size = value.parse().ok()?,
            ("Set", ["Width", value]) => self.width = value.parse().ok()?,
            ("Set", ["Height", value]) => self.height = value.parse().ok()?,
            ("Set", ["Padding", value]) => self.padding = value.parse().ok()?,
            ("Set", ["TypingSpeed", value]) => self.typing = span(value)?,
            ("Set", ["WaitTimeout", value]) => self.patience = span(value)?,
            ("Set", ["Shell", "bash"] | ["FontFamily" | "Theme", _]) => {}
            _ => return None,
        }
        Some(())
    }
}

/// What a command does, and how many words behind it are its own.
fn action(command: &str, words: &[Word]) -> Option<(usize, Action)> {
    let first = words.first();
    Some(match (command, first) {
        ("Type", Some(Word::Quoted(text))) => (1, Action::Type(text.clone())),
        ("Sleep", Some(Word::Plain(time))) => (1, Action::Sleep(span(time)?)),
        ("Wait+Screen", Some(Word::Pattern(pattern))) => (1, Action::Wait(Regex::new(pattern).ok()?)),
        ("Screenshot", Some(Word::Plain(path))) => (1, Action::Screenshot(path.into())),
        ("Hide", _) => (0, Action::Hide),
        ("Show", _) => (0, Action::Show),
        (key, _) => {
            let times: Option<usize> = first.and_then(|word| word.text().parse().ok());
            let sent = sent(key)?.repeat(times.unwrap_or(1));
            (usize::from(times.is_some()), Action::Press(sent))
        }
    })
}

/// What xterm sends for a key.
fn sent(key: &str) -> Option<String> {
    if let Some(letter) = key.strip_prefix("Ctrl+") {
        let letter = letter.chars().next().filter(char::is_ascii_alphabetic)?;
        return Some(char::from(letter.to_ascii_uppercase() as u8 & 0x1f).to_string());
    }
    let sent = match key {
        "Enter" => "\r",
        "Tab" => "\t",
        "Escape" => "\x1b",
        "Space" => " ",
        "Up" => "\x1b[A",
        "Down" => "\x1b[B",
        "Right" => "\x1b[C",
        "Left" => "\x1b[D",
        "PageUp" => "\x1b[5~",
        "PageDown" => "\x1b[6~",
        _ => return None,
    };
    Some(sent.to_owned())
}

/// `500ms`, `2s`, or seconds.
fn span(text: &str) -> Option<Duration> {
    if let Some(number) = text.strip_suffix("ms") {
        return Some(Duration::from_millis(number.parse().ok()?));
    }
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[derive(Debug, PartialEq)]
enum Word {
    Plain(String),
    Quoted(String),
    Pattern(String),
}

impl Word {
    fn text(&self) -> &str {
        let (Self::Plain(text) | Self::Quoted(text) | Self::Pattern(text)) = self;
        text
    }
}

/// The words of a line; what is quoted, and a pattern between slashes, is one.
fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next().filter(|&first| first != '#') {
        let closed = |rest: &str| rest[1..].find(first).ok_or(format!("{first} is not closed"));
        let word;
        (word, rest) = match first {
            '"' | '\'' | '`' | '/' => {
                let end = closed(rest)? + 1;
                let text = rest[1..end].to_owned();
                (if first == '/' { Word::Pattern(text) } else { Word::Quoted(text) }, &rest[end + 1..])
            }
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (Word::Plain(rest[..end].to_owned()), &rest[end..])
            }
        };
        words.push(word);
        rest = rest.trim_start();
    }
    Ok(words)
}
